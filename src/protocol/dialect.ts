/** The dialects of one address: which one a client speaks, and a message in each. */
import { SockPythonError } from './errors.js';
import { decodeJson, encodeJson } from './json.js';
import { decodeMessagePack, encodeMessagePackFrame } from './msgpack.js';

export type Dialect = 'msgpack-frames' | 'json-frames' | 'lines';

/** What a connection that speaks something else is told before it is closed. */
export const REFUSAL = 'sock-python: this is not a message of its protocol, and no web server; closing.\n';

const BRACE = 0x7b;

/** Which family of dialects the first byte of a connection belongs to; null for HTTP, TLS and garbage. */
export function detectDialect(firstByte: number): 'frames' | 'lines' | null {
  if (firstByte <= 0x0f) return 'frames';
  return firstByte === BRACE ? 'lines' : null;
}

/** The encoding of a frame's payload; the first frame's holds for the connection. */
export function dialectOfPayload(payload: Buffer): 'msgpack-frames' | 'json-frames' {
  return payload[0] === BRACE ? 'json-frames' : 'msgpack-frames';
}

/**
 * A message as the bytes that go out, in one piece.
 * @throws bad_request for what the protocol does not carry.
 */
export function encodeMessage(dialect: Dialect, message: object): Buffer {
  if (dialect === 'msgpack-frames') return encodeMessagePackFrame(message);
  const json = encodeJson(message);
  if (dialect === 'lines') return Buffer.from(`${json}\n`);
  // Four characters' room for the header, so that the text is encoded into its frame at once.
  const frame = Buffer.from(`\0\0\0\0${json}`);
  frame.writeUInt32BE(frame.length - 4, 0);
  return frame;
}

/**
 * A frame's payload or a line as the message it holds.
 * @throws bad_request if it is not well formed, or in another encoding than the connection's.
 */
export function decodeMessage(dialect: Dialect, payload: Buffer): unknown {
  if (dialect !== 'msgpack-frames') return decodeJson(payload);
  if (payload[0] === BRACE) {
    throw new SockPythonError('bad_request', 'a JSON message on a connection that began with MessagePack');
  }
  return decodeMessagePack(payload);
}
