/**
 * One exchange in the dialect of the original sock_python: connect, one frame of JSON there, one back, close. An
 * original server dies of any message that it does not know, so nothing else is ever sent: no hello, no probe.
 */
import { type Address, formatAddress } from '../protocol/address.js';
import { asSockPythonError, SockPythonError } from '../protocol/errors.js';
import { encodeFrame, FrameReader } from '../protocol/frame.js';
import { decodeJson, encodeJson } from '../protocol/json.js';
import { LIMITS } from '../protocol/limits.js';
import { dial } from './dial.js';
import type { Socket } from './socket.js';

export interface ClassicExchangeOptions {
  /** For the connection; the answer may take as long as the snippet does. */
  readonly connectTimeoutMs?: number;
  /** Aborting drops the connection and rejects with the signal's reason; what was sent may be done all the same. */
  readonly signal?: AbortSignal;
  /** Told when an address is used otherwise than as written. */
  readonly onWarning?: (text: string) => void;
}

/**
 * Sends one classic message and resolves to the reply as decoded.
 * @throws no_server, connection_lost (also where the server wants a token, which this dialect has no place for),
 * bad_request when the reply is not one JSON object.
 */
export async function classicExchange(
  address: Address,
  message: { readonly snippet: string } | { readonly control: string },
  options: ClassicExchangeOptions = {},
): Promise<{ readonly [field: string]: unknown }> {
  const { connectTimeoutMs, signal, onWarning } = options;
  const socket = await dial(dialable(address, onWarning), {
    ...(connectTimeoutMs === undefined ? {} : { timeoutMs: connectTimeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  });
  const onAbort = (): void => void socket.destroy(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted) throw signal.reason;
    const payload = await replyTo(socket, encodeFrame(Buffer.from(encodeJson(message))));
    const reply = decodeJson(payload);
    if (typeof reply !== 'object' || reply === null || Array.isArray(reply)) {
      throw new SockPythonError('bad_request', 'the server answered with something other than a JSON object');
    }
    return reply as { readonly [field: string]: unknown };
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

/** An original server told to listen everywhere writes that as its address; nobody can dial it as such. */
const LOOPBACK_FOR: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

function dialable(address: Address, onWarning: ((text: string) => void) | undefined): Address {
  const host = address.kind === 'tcp' ? LOOPBACK_FOR.get(address.host) : undefined;
  if (address.kind !== 'tcp' || host === undefined) return address;
  const written = formatAddress(address);
  onWarning?.(`${written} is every interface of this machine, open to the network; ${host} is dialled`);
  return { ...address, host };
}

function replyTo(socket: Socket, frame: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const reader = new FrameReader(LIMITS.maxFrameCeilingBytes, resolve);
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        reject(asSockPythonError(error));
      }
    });
    const onLost = (cause?: Error): void =>
      reject(new SockPythonError('connection_lost', 'the server closed the connection without an answer', { cause }));
    socket.once('end', () => onLost());
    socket.once('error', onLost);
    socket.once('close', () => onLost());
    socket.write(frame);
  });
}
