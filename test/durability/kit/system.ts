/** What only root can ask of the system: small file systems, and groups with little memory. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether file systems may be mounted here; root in a container often may not. */
export function canMount(): boolean {
  if (process.getuid?.() !== 0) return false;
  const folder = mkdtempSync(join(tmpdir(), 'sp-mount-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]).status === 0;
  if (isMounted) execFileSync('umount', [folder]);
  rmdirSync(folder);
  return isMounted;
}

/** A file system in memory, of so many bytes; whoever mounts it disposes of it. */
export function mountSmall(folder: string, bytes: number): Disposable {
  mkdirSync(folder, { mode: 0o700 });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'tmpfs', folder]);
  return { [Symbol.dispose]: () => void execFileSync('umount', [folder]) };
}

/** Where memory groups are made, in the one or the other version of control groups. */
const PLACES = [
  { folder: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes', swap: 'memory.memsw.limit_in_bytes' },
  { folder: '/sys/fs/cgroup', limit: 'memory.max', swap: 'memory.swap.max' },
] as const;

/** A group of processes that together may take so much memory. */
export interface MemoryGroup extends Disposable {
  add(pid: number): void;
  /** How often the system has killed one of its processes for want of memory. */
  readonly killCount: number;
}

/** Makes one; whoever makes it disposes of it, when its processes are gone. @throws where none can be made. */
export function makeMemoryGroup(bytes: number): MemoryGroup {
  const place = PLACES.find(({ folder, limit }) => isMemoryPlace(folder, limit));
  if (place === undefined) throw new Error('this machine has no memory groups that could be written');
  const folder = mkdtempSync(join(place.folder, 'sock-python-test-'));
  try {
    writeFileSync(join(folder, place.limit), String(bytes));
    const swap = join(folder, place.swap);
    if (existsSync(swap)) writeFileSync(swap, place.swap === 'memory.swap.max' ? '0' : String(bytes));
  } catch (error) {
    rmdirSync(folder);
    throw error;
  }
  const countFile = join(folder, place.limit === 'memory.max' ? 'memory.events' : 'memory.oom_control');
  return {
    add: (pid) => writeFileSync(join(folder, 'cgroup.procs'), String(pid)),
    get killCount() {
      return Number(/^oom_kill (\d+)$/m.exec(readFileSync(countFile, 'latin1'))?.[1] ?? 0);
    },
    [Symbol.dispose]: () => rmdirSync(folder),
  };
}

export function canLimitMemory(): boolean {
  try {
    makeMemoryGroup(64 * 1_048_576)[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
}

function isMemoryPlace(folder: string, limit: string): boolean {
  if (limit !== 'memory.max') return existsSync(join(folder, limit));
  const file = join(folder, 'cgroup.subtree_control');
  return existsSync(file) && readFileSync(file, 'latin1').split(/\s+/).includes('memory');
}
