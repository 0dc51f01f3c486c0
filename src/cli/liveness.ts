/** Whether the server that a session file names is still there. In doubt it is. */
import { statSync } from 'node:fs';
import { asSockPythonError } from '../protocol/errors.js';
import { dial } from '../transport/dial.js';
import { NativeConnection } from '../transport/native_connection.js';
import { CLIENT } from './identity.js';
import type { SessionInfo } from './session_file.js';

const PROBE_MS = 2000;
const NOBODY_THERE: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ENOENT', 'ENOTDIR']);

/** Asks the address; an original server is only looked at, for a probe may kill it. */
export async function isAlive(info: SessionInfo): Promise<boolean> {
  const { address, pid, token, classic } = info;
  if (classic) return isClassicAlive(info);
  try {
    (await dial(address, { timeoutMs: PROBE_MS })).destroy();
  } catch (error) {
    return !isNobodyThere(error);
  }
  const isThere = pid === undefined || isProcessAlive(pid);
  // Without a token, a socket counts as its maker's (who may live where other pids count), a port as the process's.
  if (token === undefined) return address.kind === 'unix' || isThere;
  return await knowsToken(info, token, isThere);
}

/** Whether a process is there, be it somebody else's. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Whether an error of dialling says for certain that no server is there. */
export function isNobodyThere(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return NOBODY_THERE.has((cause as NodeJS.ErrnoException | undefined)?.code);
}

function isClassicAlive({ address }: SessionInfo): boolean {
  if (address.kind === 'tcp') return true;
  return statSync(address.path, { throwIfNoEntry: false })?.isSocket() ?? false;
}

/** Only the server that knows the token is the one that is meant; one that says nothing may be hung. */
async function knowsToken({ address }: SessionInfo, token: string, isThere: boolean): Promise<boolean> {
  try {
    (await NativeConnection.open(address, { timeoutMs: PROBE_MS, token, client: CLIENT })).destroy();
    return true;
  } catch (error) {
    return isThere && asSockPythonError(error).code !== 'unauthorized';
  }
}
