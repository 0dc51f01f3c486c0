/** The session file: where a session listens and the token to get in, for clients of the same user. */
import { isAbsolute, resolve } from 'node:path';
import { type Address, parseAddress } from '../protocol/address.js';
import { asSockPythonError, SockPythonError } from '../protocol/errors.js';
import type { Io } from './io.js';
import { checkTarget, readOwnFile } from './session_trust.js';

export const DEFAULT_SESSION_FILE = '.sock_python.json';

/** What a server writes. Times are in milliseconds since 1970. */
export interface SessionRecord {
  /** Absolute path of a socket, or numeric `host:port`. */
  readonly address: string;
  readonly pid: number;
  /** Of the present kernel; null while there is none. */
  readonly kernelPid: number | null;
  /** Null where the server asks for none. */
  readonly token: string | null;
  readonly protocol: number;
  readonly server: { readonly name: string; readonly version: string };
  readonly python: { readonly version: string; readonly path: string };
  readonly started: number;
}

/** What a client takes from a session file. */
export interface SessionInfo {
  readonly file: string;
  readonly address: Address;
  readonly token?: string;
  readonly pid?: number;
  /** Written by an original sock_python, or marked as one: only its dialect is spoken. */
  readonly classic: boolean;
}

export interface SessionPath {
  /** Absolute; null for `-f -`. */
  readonly path: string | null;
  /** Named by the user, by option or environment. */
  readonly isNamed: boolean;
}

/** Which session file is meant: the option, else `$SOCK_PYTHON_SESSION`, else the default in the working directory. */
export function sessionPath(option: string | undefined, io: Pick<Io, 'env' | 'cwd'>): SessionPath {
  const named = option ?? (io.env.SOCK_PYTHON_SESSION || undefined);
  if (named === '-') return { path: null, isNamed: true };
  if (named === '') throw new SockPythonError('bad_address', 'the session file has an empty name');
  return { path: resolve(io.cwd, named ?? DEFAULT_SESSION_FILE), isNamed: named !== undefined };
}

/**
 * Reads a session file that may be followed; undefined if there is none.
 * @throws untrusted with the reason, when it is not safe to follow.
 */
export function readSession(path: string, io: Pick<Io, 'uid' | 'cwd'>): SessionInfo | undefined {
  const text = readOwnFile(path, io.uid);
  if (text === undefined) return undefined;
  const info = parseSession(path, text, io.cwd);
  if (info === undefined) throw new SockPythonError('untrusted', `${path} is not a session file`);
  checkTarget(info, io.uid);
  return info;
}

/** What a session file's text says; undefined when it is none. Nothing is trusted yet. */
export function parseSession(file: string, text: string, cwd: string): SessionInfo | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof data !== 'object' || data === null || !('address' in data) || typeof data.address !== 'string') {
    return undefined;
  }
  const fields: { address: string; token?: unknown; pid?: unknown; protocol?: unknown } = {
    ...data,
    address: data.address,
  };
  return {
    file,
    address: readAddress(file, fields.address, cwd),
    ...(typeof fields.token === 'string' ? { token: fields.token } : {}),
    ...(isPid(fields.pid) ? { pid: fields.pid } : {}),
    classic: fields.protocol === undefined || fields.protocol === 'classic',
  };
}

function readAddress(file: string, text: string, cwd: string): Address {
  try {
    const address = parseAddress(text);
    // Only original servers write relative paths; they mean the folder that both work in.
    return address.kind === 'unix' && !isAbsolute(address.path)
      ? { kind: 'unix', path: resolve(cwd, address.path) }
      : address;
  } catch (error) {
    throw new SockPythonError('untrusted', `${file}: ${asSockPythonError(error).message}`, { cause: error });
  }
}

function isPid(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}
