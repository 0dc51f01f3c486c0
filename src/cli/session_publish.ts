/**
 * Putting a session file in place, so that the file of a live server is never replaced and of two servers that start
 * at once only one wins.
 *
 * Whoever publishes first makes `FILE.taking` as a hard link to its own finished text (which fails if there is one),
 * then looks whether FILE is still as it was judged (absent, or stale), then renames `FILE.taking` to FILE. A second
 * rename would need a second `FILE.taking`, whose maker looks at FILE after the first rename and sees the change. So
 * this holds even where the `FILE.taking` of a dead process is removed by several at once: whose text it was that
 * ended up as FILE is seen by its inode.
 */
import { randomBytes } from 'node:crypto';
import { type BigIntStats, linkSync, lstatSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { formatAddress } from '../protocol/address.js';
import { SockPythonError } from '../protocol/errors.js';
import type { Io } from './io.js';
import { isAlive, isProcessAlive } from './liveness.js';
import { parseSession, type SessionRecord } from './session_file.js';

const ATTEMPT_COUNT = 5;

type User = Pick<Io, 'uid' | 'cwd'>;
/** What stood at the path when it was judged free: nothing, or the file of a dead server. */
type Free = BigIntStats | undefined;

/** A session file that is ours until `remove`. */
export interface PublishedSession {
  readonly path: string;
  /** Writes it anew, if it is still ours. */
  update(record: SessionRecord): void;
  /** Takes it away, if it is still ours. Idempotent. */
  remove(): void;
}

/**
 * Whether a server may publish its session at a path.
 * @throws address_in_use when a live server has its file there; untrusted when the file is not ours to replace.
 */
export async function assertFree(path: string, user: User): Promise<void> {
  await judge(path, user);
}

/**
 * Publishes a session, mode 0600.
 * @throws as `assertFree` does, also when another server was faster.
 */
export async function publishSession(path: string, record: SessionRecord, user: User): Promise<PublishedSession> {
  const own = writeOwn(path, record);
  try {
    for (let attempt = 0; attempt < ATTEMPT_COUNT; attempt += 1) {
      if (takePlace(path, own, await judge(path, user, record.address))) return published(path, own.inode);
    }
  } finally {
    unlinkQuietly(own.path);
  }
  throw taken(path, 'other servers are being started with it');
}

interface OwnText {
  readonly path: string;
  readonly inode: bigint;
}

function writeOwn(path: string, record: SessionRecord): OwnText {
  const own = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    writeFileSync(own, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new SockPythonError('untrusted', `cannot write the session file ${path}: ${text(error)}`, { cause: error });
  }
  return { path: own, inode: lstatSync(own, { bigint: true }).ino };
}

/** `ownAddress` is where the publisher itself listens: whoever is told to be there is gone. */
async function judge(path: string, user: User, ownAddress?: string): Promise<Free> {
  const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const isOwn = user.uid < 0 || stat.uid === BigInt(user.uid);
  if (!stat.isFile() || !isOwn) {
    const what = stat.isFile() ? `a file of user ${stat.uid}` : 'not a regular file';
    throw new SockPythonError('untrusted', `${path} is ${what}, so it is not replaced: name another with -f`);
  }
  const info = parseSession(path, readQuietly(path), user.cwd);
  if (info === undefined) {
    throw new SockPythonError(
      'untrusted',
      `${path} is not a session file, so it is not replaced: name another with -f`,
    );
  }
  if (formatAddress(info.address) !== ownAddress && (await isAlive(info))) {
    const who = info.pid === undefined ? 'a live server' : `a live server (pid ${info.pid})`;
    throw taken(path, `${who} is told of in it`);
  }
  return stat;
}

/** True if our text is the session file now; false if what was judged has changed meanwhile. */
function takePlace(path: string, own: OwnText, judged: Free): boolean {
  const marker = `${path}.taking`;
  if (!makeMarker(path, marker, own)) return false;
  const now = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (!isSame(judged, now)) {
    if (inodeOf(marker) === own.inode) unlinkQuietly(marker);
    return false;
  }
  try {
    renameSync(marker, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return inodeOf(path) === own.inode;
}

function makeMarker(path: string, marker: string, own: OwnText): boolean {
  try {
    linkSync(own.path, marker);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const pid = parseSession(marker, readQuietly(marker), '/')?.pid;
  if (pid !== undefined && isProcessAlive(pid))
    throw taken(path, `another server (pid ${pid}) is being started with it`);
  unlinkQuietly(marker);
  return false;
}

function published(path: string, firstInode: bigint): PublishedSession {
  let inode = firstInode;
  return {
    path,
    update: (record) => {
      if (inodeOf(path) !== inode) return;
      const own = writeOwn(path, record);
      renameSync(own.path, path);
      inode = own.inode;
    },
    remove: () => {
      if (inodeOf(path) === inode) unlinkQuietly(path);
    },
  };
}

function isSame(before: Free, now: Free): boolean {
  if (before === undefined || now === undefined) return before === now;
  return before.dev === now.dev && before.ino === now.ino && before.mtimeNs === now.mtimeNs;
}

function inodeOf(path: string): bigint | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}

function readQuietly(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It is gone, which is what was wanted.
  }
}

function taken(path: string, why: string): SockPythonError {
  return new SockPythonError('address_in_use', `${path} is in use: ${why}; name another session file with -f`);
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
