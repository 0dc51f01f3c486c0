/** Connects to a session's address; nothing is sent. */
import { connect } from 'node:net';
import { type Address, checkAddress, formatAddress } from '../protocol/address.js';
import { type ErrorCode, SockPythonError } from '../protocol/errors.js';
import { toLoopback } from './loopback.js';
import { ignoreError, type Socket } from './socket.js';

export interface DialOptions {
  /** How long connecting may take; without it, as long as the system tries. */
  readonly timeoutMs?: number;
  /** Aborting gives up and rejects with the signal's reason. After the connection is made it does nothing. */
  readonly signal?: AbortSignal;
}

/**
 * A connected socket, which the caller owns and destroys. The other side's end of input is reported and leaves ours
 * open; an `error` listener is on it already.
 * @throws no_server when nothing answers there, unauthorized when the socket may not be opened, overloaded when its
 * queue is full, bad_address, not_loopback.
 */
export async function dial(address: Address, options: DialOptions = {}): Promise<Socket> {
  checkAddress(address);
  const target = address.kind === 'tcp' ? await toLoopback(address) : address;
  options.signal?.throwIfAborted();
  const socket =
    target.kind === 'tcp'
      ? connect({ host: target.host, port: target.port, noDelay: true, allowHalfOpen: true })
      : connect({ path: target.path, allowHalfOpen: true });
  socket.on('error', ignoreError);
  try {
    await connected(socket, target, options);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

function connected(socket: Socket, address: Address, options: DialOptions): Promise<void> {
  const { timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    const settle = (end: () => void) => (): void => {
      clearTimeout(timer);
      socket.off('connect', onConnect).off('error', onError);
      signal?.removeEventListener('abort', onAbort);
      end();
    };
    const onConnect = settle(resolve);
    const onError = (error: NodeJS.ErrnoException): void => settle(() => reject(dialError(error, address)))();
    const onAbort = settle(() => reject(signal?.reason));
    const onTimeout = settle(() => {
      const text = `${formatAddress(address)} did not answer within ${timeoutMs} ms`;
      reject(new SockPythonError('no_server', text));
    });
    const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs);
    socket.on('connect', onConnect).on('error', onError);
    signal?.addEventListener('abort', onAbort);
  });
}

const DIAL_ERRORS: { readonly [errno: string]: readonly [ErrorCode, string] } = {
  ENOENT: ['no_server', 'there is no socket'],
  ENOTDIR: ['no_server', 'there is no socket'],
  ECONNREFUSED: ['no_server', 'nobody listens'],
  EACCES: ['unauthorized', 'this user may not open it'],
  EPERM: ['unauthorized', 'this user may not open it'],
  EAGAIN: ['overloaded', 'its server takes no more connections at the moment'],
};

function dialError(cause: NodeJS.ErrnoException, address: Address): SockPythonError {
  const [code, why] = DIAL_ERRORS[cause.code ?? ''] ?? ['no_server', cause.message];
  return new SockPythonError(code, `no connection to ${formatAddress(address)}: ${why}`, { cause });
}
