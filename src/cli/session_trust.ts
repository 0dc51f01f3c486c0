/**
 * Whether a session file may be followed. Without these rules a cloned repository, or a folder that others can write
 * to, could aim a user's code (and what it prints) at a stranger's server.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { type Address, formatAddress, isLoopbackIp, isNumericHost } from '../protocol/address.js';
import { SockPythonError } from '../protocol/errors.js';

const MAX_FILE_BYTES = 65_536;
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * The text of a regular file of the caller's own that nobody else can write; undefined if there is no file.
 * @throws untrusted with the reason.
 */
export function readOwnFile(path: string, uid: number): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, OPEN_FLAGS);
  } catch (error) {
    return openFailure(path, error);
  }
  // What was opened is looked at, not what the name may mean by now.
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw untrusted(path, 'it is not a regular file');
    if (uid >= 0 && stat.uid !== uid) throw untrusted(path, `it belongs to user ${stat.uid}, not to you (${uid})`);
    if ((stat.mode & 0o022) !== 0) {
      throw untrusted(path, `others can write to it (mode ${modeText(stat.mode)}); chmod go-w it if it is yours`);
    }
    if (stat.size > MAX_FILE_BYTES) throw untrusted(path, `it has ${stat.size} bytes, which no session file has`);
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

export interface TrustedTarget {
  readonly file: string;
  readonly address: Address;
  readonly classic: boolean;
}

/**
 * Refuses a session file that leads to somebody else's socket or port. Where nothing is listening, dialling will tell.
 * @throws untrusted with the reason.
 */
export function checkTarget({ file, address, classic }: TrustedTarget, uid: number): void {
  if (address.kind === 'unix') return checkSocket(file, address.path, uid);
  const { host, port } = address;
  // An original server may have written the wildcard that it listens on; loopback is dialled then.
  const isWildcard = classic && (host === '0.0.0.0' || host === '::');
  if (!isWildcard && isNumericHost(host) && !isLoopbackIp(host)) {
    throw untrusted(file, `it names ${formatAddress(address)}, which is not a loopback address`);
  }
  if (!isNumericHost(host))
    throw untrusted(file, `it names the host ${host}; only numeric loopback addresses are followed`);
  const stranger = listenerUids(port).find((owner) => uid >= 0 && owner !== uid && owner !== 0);
  if (stranger !== undefined) {
    throw untrusted(file, `it names port ${port}, on which user ${stranger} listens, not you (${uid})`);
  }
}

function checkSocket(file: string, path: string, uid: number): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw untrusted(file, `it names ${path}, which is not a socket`);
  if (uid >= 0 && stat.uid !== uid && stat.uid !== 0) {
    throw untrusted(file, `it names ${path}, a socket of user ${stat.uid}, not yours (${uid})`);
  }
}

/** Who listens on a TCP port of this machine, as far as the system tells (on Linux it does). */
function listenerUids(port: number): readonly number[] {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) => {
    const rows = readTable(table).map((line) => line.trim().split(/\s+/));
    // Columns: number, local address, remote address, state (0A is LISTEN), queues, timer, retransmits, uid.
    return rows.filter((row) => row[3] === '0A' && row[1]?.endsWith(`:${wanted}`)).map((row) => Number(row[7]));
  });
}

function readTable(path: string): readonly string[] {
  try {
    return readFileSync(path, 'latin1').split('\n');
  } catch {
    return [];
  }
}

function openFailure(path: string, error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
  if (code === 'ELOOP' || code === 'EMLINK') throw untrusted(path, 'it is a symbolic link');
  if (code === 'ENXIO') throw untrusted(path, 'it is not a regular file');
  if (code === 'EACCES') throw untrusted(path, 'you may not read it');
  throw untrusted(path, error instanceof Error ? error.message : String(error));
}

function untrusted(file: string, reason: string): SockPythonError {
  return new SockPythonError('untrusted', `the session file ${file} is not followed: ${reason}`);
}

function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
