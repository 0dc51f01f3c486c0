/**
 * The private directory in which a server and its kernels meet. It names its owner, so that what a dead server
 * left behind can be told from what a living one needs.
 */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SockPythonError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import { isOwnerAlive, type Owner, ownerOf } from './owner.js';

/** Room that the longest name in a home needs behind its directory. */
const NAME_BYTES = 48;
const OWNER_FILE = 'owner.json';
const PREFIX = 's-';

/** Something elsewhere that goes with a server: its socket, the directory of its logs. */
export interface Leftover {
  readonly path: string;
  /** The inode, where it exists already: what stands there later may be somebody else's. */
  readonly inode: number | null;
}

/** What a home says of its owner: its process, and what else is to be removed when that is gone. */
interface OwnerRecord extends Owner {
  readonly leftovers: readonly Leftover[];
}

export class Home {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
    this.claim([]);
  }

  /**
   * A fresh 0700 directory under `base` (made 0700 if it does not exist), or under the system's temporary one.
   * @throws untrusted if `base` belongs to somebody else or others can write there.
   */
  static create(base?: string): Home {
    if (base !== undefined) {
      mkdirSync(base, { recursive: true, mode: 0o700 });
      checkPrivate(base);
      return new Home(mkdtempSync(join(base, PREFIX)));
    }
    const fits = Buffer.byteLength(tmpdir()) + NAME_BYTES <= LIMITS.socketPathBytes;
    return new Home(mkdtempSync(join(fits ? tmpdir() : '/tmp', 'sock-python-')));
  }

  /** Writes down what else must go when this process is gone: sockets and files elsewhere. */
  claim(paths: readonly string[]): void {
    const leftovers = paths.map(
      (path): Leftover => ({ path, inode: lstatSync(path, { throwIfNoEntry: false })?.ino ?? null }),
    );
    const record: OwnerRecord = { ...ownerOf(), leftovers };
    writeFileSync(this.file(OWNER_FILE), JSON.stringify(record), { mode: 0o600 });
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Removes the directory and all that is in it; idempotent. */
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * Removes what dead servers left under `base`, and the sockets and directories elsewhere that their homes name.
 * @returns the directories removed.
 */
export function sweepHomes(base: string): string[] {
  const removed: string[] = [];
  for (const name of namesIn(base)) {
    const path = join(base, name);
    const record = name.startsWith(PREFIX) ? readOwner(path) : null;
    if (record === null || isOwnerAlive(record)) continue;
    for (const leftover of record.leftovers) removeLeftover(leftover);
    rmSync(path, { recursive: true, force: true });
    removed.push(path);
  }
  return removed;
}

function namesIn(directory: string): string[] {
  try {
    checkPrivate(directory);
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readOwner(home: string): OwnerRecord | null {
  try {
    const record = JSON.parse(readFileSync(join(home, OWNER_FILE), 'utf8')) as Partial<OwnerRecord>;
    const { pid, startTicks = null, boot = null, leftovers = [] } = record;
    return typeof pid === 'number' ? { pid, startTicks, boot, leftovers } : null;
  } catch {
    // A server that is about to begin has not written it yet.
    return null;
  }
}

/** Only what is still the same, and ours. */
function removeLeftover({ path, inode }: Leftover): void {
  try {
    const stat = lstatSync(path);
    if (stat.uid !== process.getuid?.() || (inode !== null && stat.ino !== inode)) return;
    if (stat.isSocket() || stat.isDirectory()) rmSync(path, { recursive: true, force: true });
  } catch {
    // Gone already.
  }
}

function checkPrivate(path: string): void {
  const stat = lstatSync(path);
  const uid = process.getuid?.();
  if (!stat.isDirectory()) throw new SockPythonError('untrusted', `${path} is not a directory`);
  if (uid !== undefined && stat.uid !== uid) {
    throw new SockPythonError('untrusted', `${path} belongs to uid ${stat.uid}; a private directory must be your own`);
  }
  if ((stat.mode & 0o022) !== 0) {
    throw new SockPythonError('untrusted', `others can write to ${path}; run: chmod 700 ${path}`);
  }
}
