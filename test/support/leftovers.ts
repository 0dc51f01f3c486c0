/**
 * What a test leaves behind. `usePlace()` gives each test folders of its own (also as TMPDIR, XDG_RUNTIME_DIR,
 * XDG_STATE_HOME and HOME) and fails the test when a process, a socket, a FIFO or a temporary file outlives it.
 */
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** The folders of the running test; only valid inside one (or its hooks). */
export interface Place {
  /** Where the test may keep files; they are removed with it, but a socket or FIFO in there is a leftover. */
  readonly work: string;
  readonly tmp: string;
  readonly runtime: string;
  readonly state: string;
  readonly home: string;
  /** A path in `work`. */
  path(name: string): string;
  /** An environment for child processes, with the test's folders. */
  env(extra?: NodeJS.ProcessEnv): NodeJS.ProcessEnv;
}

const FOLDERS = ['work', 'tmp', 'runtime', 'state', 'home'] as const;
type Folder = (typeof FOLDERS)[number];
const VARIABLES = { TMPDIR: 'tmp', XDG_RUNTIME_DIR: 'runtime', XDG_STATE_HOME: 'state', HOME: 'home' } as const;
/** Folders that must be empty after a test. */
const TRANSIENT: ReadonlySet<string> = new Set(['tmp', 'runtime', 'state']);
/** How long a process that was told to go may take to be gone. */
const GRACE_MS = 5000;

/** Call once at the top of a test file, or in a `describe`. */
export function usePlace(): Place {
  let root = '';
  const saved = new Map<string, string | undefined>();

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'sp-'));
    for (const folder of FOLDERS) mkdirSync(join(root, folder), { mode: 0o700 });
    for (const [variable, folder] of Object.entries(VARIABLES)) {
      saved.set(variable, process.env[variable]);
      process.env[variable] = join(root, folder);
    }
  });

  afterEach(async () => {
    for (const [variable, value] of saved) restoreVariable(variable, value);
    saved.clear();
    const left = await leftovers(root);
    rmSync(root, { recursive: true, force: true });
    if (left.length > 0) throw new Error(`left behind by this test:\n  ${left.join('\n  ')}`);
  });

  const folder = (name: Folder): string => {
    if (root === '') throw new Error('usePlace() gives folders to a running test only');
    return join(root, name);
  };
  return {
    get work() {
      return folder('work');
    },
    get tmp() {
      return folder('tmp');
    },
    get runtime() {
      return folder('runtime');
    },
    get state() {
      return folder('state');
    },
    get home() {
      return folder('home');
    },
    path: (name) => join(folder('work'), name),
    env: (extra = {}) => ({ ...process.env, ...extra }),
  };
}

/** Lets other users into a test's work folder (for tests that switch to one). */
export function openToOthers(place: Place): void {
  chmodSync(join(place.work, '..'), 0o755);
  chmodSync(place.work, 0o755);
}

/**
 * What is left of a test whose folders lie under `root`, one line each. Processes get time to go; those that stay are
 * ended, so that one failing test does not fail the next.
 */
export async function leftovers(root: string, graceMs: number = GRACE_MS): Promise<string[]> {
  return [...(await leftProcesses(root, graceMs)), ...leftFiles(root)];
}

function restoreVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** Processes that name the test's folders in environment, arguments or working directory. */
async function leftProcesses(root: string, graceMs: number): Promise<string[]> {
  const deadline = performance.now() + graceMs;
  let left = processesNaming(root);
  while (left.length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    left = processesNaming(root);
  }
  for (const { pid } of left) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It went by itself between the look and the signal.
    }
  }
  return left.map(({ pid, text }) => `process ${pid}: ${text}`);
}

interface FoundProcess {
  readonly pid: number;
  readonly text: string;
}

function processesNaming(root: string): FoundProcess[] {
  const found: FoundProcess[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || pid === process.ppid) continue;
    const about = ['environ', 'cmdline'].map((file) => readQuietly(`/proc/${pid}/${file}`));
    about.push(linkQuietly(`/proc/${pid}/cwd`));
    if (about.some((text) => text.includes(root)) && !isZombie(pid)) {
      found.push({ pid, text: (about[1] ?? '').replaceAll('\0', ' ').slice(0, 200) });
    }
  }
  return found;
}

function isZombie(pid: number): boolean {
  const stat = readQuietly(`/proc/${pid}/stat`);
  return stat === '' || stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function linkQuietly(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Anything in the transient folders, and sockets and FIFOs anywhere. Empty `sock-python` folders may stay. */
function leftFiles(root: string): string[] {
  const left: string[] = [];
  for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    const stat = lstatSync(join(root, entry), { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (stat.isSocket() || stat.isFIFO()) left.push(`${stat.isSocket() ? 'socket' : 'FIFO'} ${entry}`);
    else if (isTransient(entry, stat.isDirectory())) left.push(`${stat.isDirectory() ? 'folder' : 'file'} ${entry}`);
  }
  return left;
}

function isTransient(entry: string, isDirectory: boolean): boolean {
  const [folder, ...rest] = entry.split('/');
  if (!TRANSIENT.has(folder ?? '') || rest.length === 0) return false;
  return !(isDirectory && folder !== 'tmp' && rest.length === 1 && rest[0] === 'sock-python');
}
