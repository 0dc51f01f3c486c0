/**
 * MessagePack as this protocol uses it: nil, bool, integers, floats, str, bin, array, and maps with text keys;
 * nothing private, nothing that another language's library would not read. msgpackr writes it; its reader takes more
 * than that (records, extensions, a key twice), so reading is done here.
 */
import { Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from 'msgpackr/pack';
import { SockPythonError } from './errors.js';
import { FRAME_HEADER_BYTES } from './frame.js';
import type { RequestId } from './messages.js';
import { type Preparation, prepareMessagePack } from './msgpack_prepare.js';
import { MessagePackReader } from './msgpack_reader.js';

const packr = new Packr({ useRecords: false, variableMapSize: true, useToJSON: false });
/** A larger buffer, once grown for a large message, is not kept for the small ones. */
const KEPT_BUFFER_BYTES = 1_048_576;
const BUFFER_BYTES = 8192;
const MINUS_ZERO = Buffer.from('cb8000000000000000', 'hex');
/** Of bytes as short as those that stand for −0. */
const BIN_HEAD_BYTES = 2;

/**
 * Encodes a value; members that are `undefined` are left out, lone surrogates become U+FFFD, integers keep all
 * their digits.
 * @throws bad_request for what the protocol does not carry (functions, dates, cycles, integers over 64 bits).
 */
export function encodeMessagePack(value: unknown): Buffer {
  return encodeAfter(0, value);
}

/** The same as a whole frame, made in one piece. */
export function encodeMessagePackFrame(value: unknown): Buffer {
  const frame = encodeAfter(FRAME_HEADER_BYTES, value);
  frame.writeUInt32BE(frame.length - FRAME_HEADER_BYTES, 0);
  return frame;
}

/** What msgpackr returns when it is to use its buffer again: the buffer, and where the message stands in it. */
type Packed = Buffer & { readonly start: number; readonly end: number };

/**
 * Copied out at once: the buffer that msgpackr writes into is shared by all that use it in this process, and who of
 * them overwrites it when is not known here.
 */
function encodeAfter(headerBytes: number, value: unknown): Buffer {
  const found: Preparation = { minusZero: null };
  const prepared = prepareMessagePack(value, found);
  const packed = pack(prepared);
  const bytes = Buffer.allocUnsafe(headerBytes + packed.end - packed.start);
  packed.copy(bytes, headerBytes, packed.start, packed.end);
  if (found.minusZero !== null) writeMinusZeros(bytes.subarray(headerBytes), prepared, found.minusZero);
  if (packed.length > KEPT_BUFFER_BYTES) packr.useBuffer(Buffer.allocUnsafeSlow(BUFFER_BYTES));
  return bytes;
}

function pack(prepared: unknown): Packed {
  return packr.pack(prepared, REUSE_BUFFER_MODE | RESET_BUFFER_MODE) as Packed;
}

/** Where the bytes change with what stands for −0, there it stands. */
function writeMinusZeros(bytes: Buffer, prepared: unknown, minusZero: Uint8Array): void {
  minusZero.fill(0xff);
  const other = pack(prepared);
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === other[other.start + at]) continue;
    bytes.set(MINUS_ZERO, at - BIN_HEAD_BYTES);
    at += minusZero.length - 1;
  }
}

/**
 * Decodes exactly one value. Byte strings are views of `bytes`; integers beyond ±2^53 are bigints.
 * @throws bad_request for anything but the subset above, well formed: extensions, other keys than text, a key
 * twice, invalid UTF-8, trailing or missing bytes, nesting over the limit.
 */
export function decodeMessagePack(bytes: Buffer): unknown {
  return new MessagePackReader(bytes).readAll();
}

/** The bytes of the member `id`, to be spliced into events. */
export function encodeIdPair(id: RequestId): Buffer {
  if (typeof id !== 'number') return Buffer.concat([ID_KEY, encodeMessagePack(id)]);
  const pair = Buffer.allocUnsafe(8);
  pair.set(ID_KEY);
  pair[3] = 0xce;
  pair.writeUInt32BE(id, 4);
  return pair;
}

/** Is one member more told by the first byte alone? So it is for maps of fewer than 15. */
export function canSpliceHead(payload: Buffer): boolean {
  const head = payload[0] ?? 0;
  return head >= 0x80 && head < 0x8f;
}

/**
 * A kernel's event as a whole frame with one member more, undecoded otherwise: the map's count goes up by one, then
 * comes the pair, then the rest as it was.
 * @throws bad_request if the payload is no map of fewer than 65535 members.
 */
export function spliceId(payload: Buffer, idPair: Buffer): Buffer {
  const head = payload[0] ?? 0;
  if (head >= 0x80 && head < 0x8f) {
    const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length + idPair.length);
    frame.writeUInt32BE(frame.length - FRAME_HEADER_BYTES, 0);
    frame[4] = head + 1;
    frame.set(idPair, 5);
    payload.copy(frame, 5 + idPair.length, 1);
    return frame;
  }
  return spliceIntoMap16(payload, idPair);
}

function spliceIntoMap16(payload: Buffer, idPair: Buffer): Buffer {
  const isFull = payload[0] === 0x8f;
  if (!isFull && (payload[0] !== 0xde || payload.length < 3)) {
    throw new SockPythonError('bad_request', 'an event is not a map, or has too many members');
  }
  const count = isFull ? 15 : payload.readUInt16BE(1);
  if (count === 0xffff) throw new SockPythonError('bad_request', 'an event has too many members');
  const rest = payload.subarray(isFull ? 1 : 3);
  const head = Buffer.allocUnsafe(FRAME_HEADER_BYTES + 3);
  head.writeUInt32BE(3 + idPair.length + rest.length, 0);
  head[4] = 0xde;
  head.writeUInt16BE(count + 1, 5);
  return Buffer.concat([head, idPair, rest]);
}

const ID_KEY = Buffer.from([0xa2, 0x69, 0x64]);
