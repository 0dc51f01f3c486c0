/**
 * The private directory in which a server and its kernels meet. It names its owner, so that what a dead server
 * left behind can be told from what a living one needs.
 */
import { lstatSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SockPythonError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import { type Owner, ownerOf } from './owner.js';

/** Room that the longest name in a home needs behind the temporary directory. */
const NAME_BYTES = 48;
/** In every home: who made it, and what else goes with it. */
export const OWNER_FILE = 'owner.json';
export const HOME_PREFIX = 's-';
/** How often the directory may be taken away, by somebody who leaves it empty, while we make ours in it. */
const ATTEMPT_COUNT = 10;

/** Something elsewhere that goes with a server: its socket, the directory of its logs. */
export interface Leftover {
  readonly path: string;
  /** The inode, where it exists already: what stands there later may be somebody else's. */
  readonly inode: number | null;
}

/** What a home says of its owner: its process, and what else is to be removed when that is gone. */
export interface OwnerRecord extends Owner {
  readonly leftovers: readonly Leftover[];
  /** Where the server's socket is made, under a name of its process's, before it gets its place. */
  readonly socketFolder: string | null;
  /** The file that tells where the server is; `started` is its mark, beside the pid. */
  readonly sessionFile: { readonly path: string; readonly started: number } | null;
}

export class Home {
  readonly path: string;
  /** A directory that goes with the last home in it. */
  readonly #base: string | null;

  private constructor(path: string, base: string | null) {
    this.path = path;
    this.#base = base;
    this.claim({});
  }

  /**
   * A fresh 0700 directory under `base` (made 0700 if it does not exist), or under the user's temporary one.
   * @throws untrusted if `base` belongs to somebody else or others can write there.
   */
  static create(base?: string): Home {
    if (base !== undefined) return new Home(makeIn(base), null);
    const shared = temporaryBase();
    try {
      return new Home(makeIn(shared), shared);
    } catch {
      // Somebody else was there first: one of our own, which nobody can guess, but nobody will sweep either.
      return new Home(mkdtempSync(`${join(temporaryDirectory(), 'sock-python-')}`), null);
    }
  }

  /** Writes down what else must go when this process is gone, in place of what was written before. */
  claim({ leftovers = [], socketFolder = null, sessionFile = null }: Claims): void {
    const record: OwnerRecord = { ...ownerOf(), leftovers, socketFolder, sessionFile };
    // Whole at any moment: this process may be killed in the next.
    const draft = this.file(`${OWNER_FILE}.new`);
    writeFileSync(draft, JSON.stringify(record), { mode: 0o600 });
    renameSync(draft, this.file(OWNER_FILE));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Removes the directory and all that is in it; idempotent. */
  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    if (this.#base !== null) removeIfEmpty(this.#base);
  }
}

/** What goes with a home. */
export interface Claims {
  readonly leftovers?: readonly Leftover[];
  readonly socketFolder?: OwnerRecord['socketFolder'];
  readonly sessionFile?: OwnerRecord['sessionFile'];
}

/** Where homes are made that were given no other place: one directory for each user, so that they can be found. */
export function temporaryBase(): string {
  return join(temporaryDirectory(), `sock-python-${process.getuid?.() ?? 'user'}`);
}

/** Takes a directory away in which nothing is left. */
export function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Another server lives there, or it is gone already.
  }
}

/** @throws untrusted if it is not a directory of our own, or others can write there. */
export function checkPrivate(path: string): void {
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

/** The system's, unless its name is too long for a socket in there. */
function temporaryDirectory(): string {
  return Buffer.byteLength(tmpdir()) + NAME_BYTES <= LIMITS.socketPathBytes ? tmpdir() : '/tmp';
}

function makeIn(base: string): string {
  for (let attempt = 1; ; attempt++) {
    try {
      mkdirSync(base, { recursive: true, mode: 0o700 });
      checkPrivate(base);
      return mkdtempSync(join(base, HOME_PREFIX));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || attempt === ATTEMPT_COUNT) throw error;
    }
  }
}
