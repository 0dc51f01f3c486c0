/** Which session a command means: by operand, `-a`, or session file; and what it says when nobody is there. */
import { statSync } from 'node:fs';
import { type Address, checkAddress, formatAddress, parseAddress } from '../protocol/address.js';
import { asSockPythonError, SockPythonError } from '../protocol/errors.js';
import { EXIT } from './exit_codes.js';
import { CommandFailure, UsageError } from './failure.js';
import type { Io } from './io.js';
import { addressOperand } from './operands.js';
import { readSession, type SessionInfo, sessionPath } from './session_file.js';

export interface TargetFlags {
  readonly address?: string;
  readonly session?: string;
  readonly classic?: boolean;
}

/** Where to send, and with what. */
export interface Target {
  readonly address: Address;
  readonly token?: string;
  /** Only the dialect of the original sock_python is spoken. */
  readonly classic: boolean;
  /** The session file that named the address. */
  readonly file?: string;
}

/**
 * The address that a command line gives, by operands or `-a`; undefined if by neither.
 * @throws UsageError, bad_address, not_loopback.
 */
export function givenAddress(
  operands: readonly string[],
  flags: TargetFlags,
  isBare: boolean = false,
): Address | undefined {
  const operand = addressOperand(operands, isBare ? { isSocket } : {});
  if (operand !== undefined && flags.address !== undefined) {
    throw new UsageError(`two addresses: ${operand} and -a ${flags.address}`);
  }
  const text = operand ?? (flags.address === undefined ? undefined : addressOperand([flags.address]));
  if (text === undefined) return undefined;
  const address = parseAddress(text);
  // An original server's wildcard address is understood where its dialect is spoken.
  if (flags.classic !== true) checkAddress(address);
  return address;
}

/**
 * The session meant. The session file also gives the token, where an address is given. What dead servers left, be it
 * this very file, is taken away afterwards: that it was stale is worth telling once.
 * @throws CommandFailure (1) when nothing names a session; untrusted.
 */
export function findTarget(given: Address | undefined, flags: TargetFlags, io: Io): Target {
  try {
    return find(given, flags, io);
  } finally {
    sweepMeanwhile(io);
  }
}

/** While the server is waited for: nobody's answer shall come later for it. */
function sweepMeanwhile(io: Io): void {
  void import('./sweep.js').then(({ sweepDeadServers }) => sweepDeadServers(io));
}

function find(given: Address | undefined, flags: TargetFlags, io: Io): Target {
  const { path, isNamed } = sessionPath(flags.session, io);
  if (given !== undefined) return withAddress(given, path === null ? undefined : tokenFile(path, flags, io), flags);
  if (path === null) throw new CommandFailure(EXIT.failure, 'there is no session file (-f -), so an ADDRESS is needed');
  const info = readSession(path, io);
  if (info === undefined) {
    const what = isNamed ? `there is no session file ${path}` : `there is no ${path}, and no ADDRESS is given`;
    throw new CommandFailure(EXIT.failure, `${what}; start a session with: sock-python start`);
  }
  const { address, token, file } = info;
  const classic = flags.classic === true || info.classic;
  return { address, file, classic, ...(token === undefined || classic ? {} : { token }) };
}

/** An error of connecting, said in the words of whoever gave the address. */
export function explainConnect(error: unknown, target: Target): SockPythonError {
  const known = asSockPythonError(error);
  const { file } = target;
  if (known.code === 'no_server' && file !== undefined) {
    return new SockPythonError(
      'no_server',
      `the session file ${file} is stale: ${known.message}; start a new session with: sock-python start`,
      { cause: known },
    );
  }
  if (known.code === 'unauthorized') {
    const hint =
      target.token === undefined
        ? 'name its session file with -f, which holds the token'
        : 'is the token from another session? -f names the session file, -f - none';
    return new SockPythonError('unauthorized', `${formatAddress(target.address)}: ${known.message} (${hint})`, {
      cause: known,
    });
  }
  return known;
}

/** The session file for its token alone: a default one that cannot be trusted is not needed, so it is left aside. */
function tokenFile(path: string, flags: TargetFlags, io: Io): SessionInfo | undefined {
  const isAsked = flags.session !== undefined;
  try {
    const info = readSession(path, io);
    if (info !== undefined || !isAsked) return info;
  } catch (error) {
    if (isAsked) throw error;
    return undefined;
  }
  throw new CommandFailure(EXIT.failure, `there is no session file ${path}`);
}

function withAddress(address: Address, info: SessionInfo | undefined, flags: TargetFlags): Target {
  const classic = flags.classic === true || info?.classic === true;
  const token = classic || isStrangersSocket(address) ? undefined : info?.token;
  return { address, classic, ...(token === undefined ? {} : { token }) };
}

/** A token is not shown to a socket of somebody else. (On TCP the server proves itself first.) */
function isStrangersSocket(address: Address): boolean {
  if (address.kind === 'tcp') return false;
  const stat = statSync(address.path, { throwIfNoEntry: false });
  const uid = process.geteuid?.();
  return stat !== undefined && uid !== undefined && stat.uid !== uid && stat.uid !== 0;
}

function isSocket(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
}
