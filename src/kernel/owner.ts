/** Who owns a directory: a process, told apart from a later one with the same number. */
import { readFileSync, readlinkSync } from 'node:fs';

export interface Owner {
  readonly pid: number;
  /** When it started, in clock ticks since the boot; null where the system does not tell. */
  readonly startTicks: number | null;
  /** Which boot that was; null where the system does not tell. */
  readonly boot: string | null;
  /** Where its pid counts (containers have pids of their own); null where the system does not tell. */
  readonly pidSpace: string | null;
}

/** This process, or another one that lives now. */
export function ownerOf(pid: number = process.pid): Owner {
  return { pid, startTicks: startTicks(pid), boot: bootId(), pidSpace: pidSpace() };
}

/** Does this owner live still? A zombie does not, nor does a stranger with its number. In doubt it does. */
export function isOwnerAlive(owner: Owner): boolean {
  if (owner.boot !== null && owner.boot !== bootId()) return false;
  // A container shares this directory with us, and its pids mean nothing here.
  if (owner.pidSpace !== null && owner.pidSpace !== pidSpace()) return true;
  if (owner.startTicks !== null) return startTicks(owner.pid) === owner.startTicks;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function startTicks(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may hold anything: the fields are counted from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : Number(fields[19]);
  } catch {
    return null;
  }
}

function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return null;
  }
}

function pidSpace(): string | null {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return null;
  }
}
