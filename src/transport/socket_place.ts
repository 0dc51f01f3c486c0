/** The place of a UNIX socket in the file system: claimed atomically, taken over only from the dead. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  linkSync,
  lstatSync,
  openSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { SockPythonError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import { dial } from './dial.js';
import { draftPrefix } from './socket_draft.js';
import { withTakeoverLock } from './takeover_lock.js';

/** A socket that stands in its place. */
export interface Claim {
  /** Removes it if it is still the one that was put there. Idempotent. */
  release(): void;
}

/** How often somebody else may get in between before we give up. */
const ATTEMPT_COUNT = 10;
/** Connecting to a UNIX socket is at once unless something is very wrong, and then it is not dead. */
const PROBE_MS = 2000;

/**
 * Puts a listening socket at `path`, an absolute one. `bind` makes it listen at the path that it is given;
 * `beforePlacing` is told the socket's inode before anybody can find it at `path`.
 * @throws address_in_use, bad_address, untrusted; see `listen`.
 */
export async function claimPlace(
  path: string,
  bind: (path: string) => Promise<void>,
  beforePlacing?: (inode: number) => void,
): Promise<Claim> {
  checkFolder(path);
  const draft = join(dirname(path), `${draftPrefix(process.pid)}${randomBytes(4).toString('hex')}`);
  try {
    await bindDraft(draft, bind);
    chmodSync(draft, 0o600);
    // Our own open listener keeps this inode from being used again, so its number is proof for as long as we live.
    const own = lstatSync(draft);
    beforePlacing?.(own.ino);
    if (link(draft, path) !== 'linked') await withTakeoverLock(path, () => takeOver(draft, path));
    return { release: () => removeIf(path, own) };
  } finally {
    remove(draft);
  }
}

function checkFolder(path: string): void {
  const folder = statSync(dirname(path), { throwIfNoEntry: false });
  if (folder?.isDirectory()) return;
  const why = folder ? 'is not a folder' : 'does not exist';
  throw new SockPythonError('bad_address', `cannot listen at ${path}: ${dirname(path)} ${why}`);
}

/** The draft's name may be longer than the place's; Linux offers a short way into the same folder. */
async function bindDraft(draft: string, bind: (path: string) => Promise<void>): Promise<void> {
  if (Buffer.byteLength(draft) <= LIMITS.socketPathBytes) {
    await bind(draft);
    return;
  }
  const folder = openSync(dirname(draft), 'r');
  try {
    await bind(draft.replace(dirname(draft), `/proc/self/fd/${folder}`));
  } finally {
    closeSync(folder);
  }
}

/** With the lock held: whatever stands at `path` is judged, and only what is dead and ours makes way. */
async function takeOver(draft: string, path: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPT_COUNT; attempt++) {
    const linked = link(draft, path);
    if (linked === 'linked') return;
    const found = lookAt(path);
    if (!found) {
      if (linked === 'exists') continue;
      // A file system without hard links; the lock keeps our like away, and nothing is there.
      renameSync(draft, path);
      return;
    }
    await requireDead(path, found);
    removeIf(path, found);
  }
  throw new SockPythonError('address_in_use', `${path} keeps changing hands`);
}

async function requireDead(path: string, found: Stats): Promise<void> {
  if (!found.isSocket()) {
    throw new SockPythonError('bad_address', `${path} exists and is not a socket; it is left alone`);
  }
  if (await isAlive(path)) throw new SockPythonError('address_in_use', `a server lives at ${path}`);
  if (found.uid !== process.getuid?.()) {
    throw new SockPythonError('untrusted', `the dead socket at ${path} belongs to another user; it is left alone`);
  }
}

/** Only a refused connection means dead. */
async function isAlive(path: string): Promise<boolean> {
  try {
    const socket = await dial({ kind: 'unix', path }, { timeoutMs: PROBE_MS });
    socket.destroy();
    return true;
  } catch (error) {
    const { cause } = error as { readonly cause?: { readonly code?: string } };
    return cause?.code !== 'ECONNREFUSED' && cause?.code !== 'ENOENT';
  }
}

function link(draft: string, path: string): 'linked' | 'exists' | 'unsupported' {
  try {
    linkSync(draft, path);
    return 'linked';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EEXIST' ? 'exists' : 'unsupported';
  }
}

function lookAt(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}

function removeIf(path: string, expected: Stats): void {
  const found = lookAt(path);
  if (found && found.ino === expected.ino && found.dev === expected.dev) remove(path);
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
