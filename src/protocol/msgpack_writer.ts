/**
 * Writes MessagePack in two walks: the first measures (an upper bound) and refuses what cannot be carried, the
 * second writes into one buffer of that size, so that a message costs one allocation and goes out in one write.
 */
import { SockPythonError } from './errors.js';
import { LIMITS } from './limits.js';

/** Largest text whose bytes are written here rather than by a call into the runtime. */
const SHORT_TEXT_CHARS = 24;
/** Up to here a text is measured by its worst case, beyond by asking the runtime. */
const GUESSED_TEXT_CHARS = 256;
const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

/**
 * The most bytes that a value can take.
 * @throws bad_request for what cannot be carried.
 */
export function measureMessagePack(value: unknown, depth = 0): number {
  switch (typeof value) {
    case 'string':
      return 5 + (value.length <= GUESSED_TEXT_CHARS ? value.length * 3 : Buffer.byteLength(value));
    case 'number':
      return 9;
    case 'bigint':
      if (value < INT64_MIN || value > UINT64_MAX) throw cannotCarry('an integer of more than 64 bits');
      return 9;
    case 'boolean':
      return 1;
    case 'object':
      return value === null ? 1 : measureObject(value, depth + 1);
    default:
      throw cannotCarry(typeof value);
  }
}

function measureObject(value: object, depth: number): number {
  if (value instanceof Uint8Array) return 5 + value.length;
  if (depth > LIMITS.depthCount) throw cannotCarry(`nesting deeper than ${LIMITS.depthCount}, or a cycle`);
  let sizeBytes = 5;
  if (Array.isArray(value)) {
    for (const item of value) sizeBytes += item === undefined ? 1 : measureMessagePack(item, depth);
    return sizeBytes;
  }
  if (!isPlain(value)) throw cannotCarry(`an object of class ${value.constructor?.name ?? 'unknown'}`);
  for (const key of Object.keys(value)) {
    const member: unknown = (value as Members)[key];
    if (member !== undefined) sizeBytes += 5 + key.length * 3 + measureMessagePack(member, depth);
  }
  return sizeBytes;
}

/** Any plain object, seen by its keys. */
interface Members {
  readonly [key: string]: unknown;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function cannotCarry(what: string): SockPythonError {
  return new SockPythonError('bad_request', `a message cannot carry ${what}`);
}

/** Writes a measured value at `at`; returns where it ends. An `undefined` in an array becomes nil, as in JSON. */
export function writeMessagePack(value: unknown, to: Buffer, at: number): number {
  switch (typeof value) {
    case 'string':
      return writeText(value, to, at);
    case 'number':
      return writeNumber(value, to, at);
    case 'bigint':
      return writeBigInt(value, to, at);
    case 'boolean':
      to[at] = value ? 0xc3 : 0xc2;
      return at + 1;
    case 'object':
      if (value !== null) return writeObject(value, to, at);
      break;
    default:
  }
  to[at] = 0xc0;
  return at + 1;
}

function writeObject(value: object, to: Buffer, at: number): number {
  if (value instanceof Uint8Array) {
    const start = writeCount(BIN, value.length, to, at);
    to.set(value, start);
    return start + value.length;
  }
  if (Array.isArray(value)) {
    let end = writeCount(ARRAY, value.length, to, at);
    for (const item of value) end = writeMessagePack(item, to, end);
    return end;
  }
  const members = value as Members;
  const keys = Object.keys(members);
  let count = 0;
  for (const key of keys) if (members[key] !== undefined) count++;
  let end = writeCount(MAP, count, to, at);
  for (const key of keys) {
    const member = members[key];
    if (member !== undefined) end = writeMessagePack(member, to, writeText(key, to, end));
  }
  return end;
}

/** The heads of one type: `fix` covers counts below `fixCount`; 0 stands for "there is none". */
interface Heads {
  readonly fix: number;
  readonly fixCount: number;
  readonly with8: number;
  readonly with16: number;
  readonly with32: number;
}
const TEXT: Heads = { fix: 0xa0, fixCount: 32, with8: 0xd9, with16: 0xda, with32: 0xdb };
const BIN: Heads = { fix: 0, fixCount: 0, with8: 0xc4, with16: 0xc5, with32: 0xc6 };
const ARRAY: Heads = { fix: 0x90, fixCount: 16, with8: 0, with16: 0xdc, with32: 0xdd };
const MAP: Heads = { fix: 0x80, fixCount: 16, with8: 0, with16: 0xde, with32: 0xdf };

function writeCount(heads: Heads, count: number, to: Buffer, at: number): number {
  if (count < heads.fixCount) {
    to[at] = heads.fix | count;
    return at + 1;
  }
  if (count < 0x100 && heads.with8 !== 0) {
    to[at] = heads.with8;
    to[at + 1] = count;
    return at + 2;
  }
  if (count < 0x10000) {
    to[at] = heads.with16;
    return to.writeUInt16BE(count, at + 1);
  }
  to[at] = heads.with32;
  return to.writeUInt32BE(count, at + 1);
}

function writeText(text: string, to: Buffer, at: number): number {
  if (text.length <= SHORT_TEXT_CHARS) {
    let end = at + 1;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) return writeLongText(text, to, at);
      to[end++] = code;
    }
    to[at] = 0xa0 | text.length;
    return end;
  }
  return writeLongText(text, to, at);
}

/** Leaves room for the head that a text of ASCII needs, and makes more if it was another. */
function writeLongText(text: string, to: Buffer, at: number): number {
  const guessBytes = textHeadBytes(text.length);
  const lengthBytes = to.write(text, at + guessBytes);
  const headBytes = textHeadBytes(lengthBytes);
  if (headBytes !== guessBytes) to.copyWithin(at + headBytes, at + guessBytes, at + guessBytes + lengthBytes);
  writeCount(TEXT, lengthBytes, to, at);
  return at + headBytes + lengthBytes;
}

function textHeadBytes(lengthBytes: number): number {
  if (lengthBytes < 0x20) return 1;
  if (lengthBytes < 0x100) return 2;
  return lengthBytes < 0x10000 ? 3 : 5;
}

function writeNumber(value: number, to: Buffer, at: number): number {
  if (value >= 0 && value < 0x80 && Number.isInteger(value) && !Object.is(value, -0)) {
    to[at] = value;
    return at + 1;
  }
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
    to[at] = 0xcb;
    return to.writeDoubleBE(value, at + 1);
  }
  if (value > 0xffff_ffff || value < -0x8000_0000) return writeBigInt(BigInt(value), to, at);
  return value > 0 ? writeUint(value, to, at) : writeNegative(value, to, at);
}

function writeUint(value: number, to: Buffer, at: number): number {
  if (value < 0x100) {
    to[at] = 0xcc;
    to[at + 1] = value;
    return at + 2;
  }
  if (value < 0x10000) {
    to[at] = 0xcd;
    return to.writeUInt16BE(value, at + 1);
  }
  to[at] = 0xce;
  return to.writeUInt32BE(value, at + 1);
}

function writeNegative(value: number, to: Buffer, at: number): number {
  if (value >= -0x20) {
    to[at] = value & 0xff;
    return at + 1;
  }
  if (value >= -0x80) {
    to[at] = 0xd0;
    return to.writeInt8(value, at + 1);
  }
  if (value >= -0x8000) {
    to[at] = 0xd1;
    return to.writeInt16BE(value, at + 1);
  }
  to[at] = 0xd2;
  return to.writeInt32BE(value, at + 1);
}

function writeBigInt(value: bigint, to: Buffer, at: number): number {
  if (value >= 0n) {
    to[at] = 0xcf;
    return to.writeBigUInt64BE(value, at + 1);
  }
  to[at] = 0xd3;
  return to.writeBigInt64BE(value, at + 1);
}
