/**
 * JSON as this protocol uses it: bytes travel as `{"$bytes": base64}`, non-finite floats as `{"$float": "nan"}`,
 * integers beyond ±2^53 as `{"$int": digits}`. An object that only looks like one of these is sent within
 * `{"$object": …}`, so that nothing a user made is mistaken.
 */
import { isUtf8 } from 'node:buffer';
import { SockPythonError } from './errors.js';
import { LIMITS } from './limits.js';

const TAGS: ReadonlySet<string> = new Set(['$bytes', '$float', '$int', '$object']);

/**
 * Encodes a value; members that are `undefined` are left out.
 * @throws bad_request for what the protocol does not carry.
 */
export function encodeJson(value: unknown): string {
  return JSON.stringify(tagged(value, 0));
}

/**
 * Decodes one JSON value. `__proto__` is a key like any other.
 * @throws bad_request for invalid UTF-8 or JSON, nesting over the limit, a tag with nonsense in it.
 */
export function decodeJson(source: Buffer | string): unknown {
  if (typeof source !== 'string' && !isUtf8(source)) throw malformed('invalid UTF-8');
  const text = typeof source === 'string' ? source : source.toString('utf8');
  checkDepth(text);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : 'no JSON', error);
  }
  // A tag's key begins with `$`, plainly or escaped; without one there is nothing to untag.
  return /"(?:\$|\\u0024)/i.test(text) ? untagged(value) : value;
}

/** The same value in JSON's own terms; parts that need no change are not copied. */
function tagged(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return value;
    case 'number':
      if (Number.isFinite(value) && !Object.is(value, -0)) return value;
      return { $float: Object.is(value, -0) ? '-0' : floatName(value) };
    case 'bigint':
      return taggedBigInt(value);
    case 'object':
      return value === null ? null : taggedObject(value, depth + 1);
    default:
      throw new SockPythonError('bad_request', `a message cannot carry ${typeof value}`);
  }
}

function floatName(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return value > 0 ? 'inf' : '-inf';
}

function taggedBigInt(value: bigint): unknown {
  if (!isInt64(value))
    throw new SockPythonError('bad_request', 'a message cannot carry an integer of more than 64 bits');
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : { $int: String(value) };
}

function taggedObject(value: object, depth: number): unknown {
  if (value instanceof Uint8Array) {
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64') };
  }
  if (depth > LIMITS.depthCount) {
    throw new SockPythonError(
      'bad_request',
      `a message cannot carry nesting deeper than ${LIMITS.depthCount}, or a cycle`,
    );
  }
  if (Array.isArray(value)) return value.map((item) => tagged(item, depth));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    const name = value.constructor?.name ?? 'unknown';
    throw new SockPythonError('bad_request', `a message cannot carry an object of class ${name}`);
  }
  const members = Object.entries(value).map(([key, member]) => [key, tagged(member, depth)] as const);
  const copy: unknown = Object.fromEntries(members);
  const [first] = members;
  return members.length === 1 && first !== undefined && TAGS.has(first[0]) ? { $object: copy } : copy;
}

/** Undoes `tagged`, in place: what JSON.parse made is nobody else's, and its `__proto__` keys are its own. */
function untagged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) value[index] = untagged(value[index]);
    return value;
  }
  const members = value as { [key: string]: unknown };
  const keys = Object.keys(members);
  const [first] = keys;
  if (keys.length === 1 && first !== undefined && TAGS.has(first)) return fromTag(first, members[first]);
  for (const key of keys) members[key] = untagged(members[key]);
  return members;
}

function fromTag(tag: string, content: unknown): unknown {
  if (tag === '$object') {
    if (typeof content !== 'object' || content === null || Array.isArray(content)) throw badTag(tag);
    const members = content as { [key: string]: unknown };
    for (const key of Object.keys(members)) members[key] = untagged(members[key]);
    return members;
  }
  if (typeof content !== 'string') throw badTag(tag);
  if (tag === '$bytes') return fromBase64(content);
  return tag === '$int' ? fromDigits(content) : fromFloatName(content);
}

function fromBase64(text: string): Buffer {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw badTag('$bytes');
  return Buffer.from(text, 'base64');
}

function fromDigits(text: string): number | bigint {
  if (!/^-?\d{1,20}$/.test(text)) throw badTag('$int');
  const value = BigInt(text);
  if (!isInt64(value)) throw badTag('$int');
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Signed or unsigned, as MessagePack has both. */
function isInt64(value: bigint): boolean {
  return value >= -(2n ** 63n) && value < 2n ** 64n;
}

function fromFloatName(text: string): number {
  switch (text) {
    case 'nan':
      return Number.NaN;
    case 'inf':
      return Number.POSITIVE_INFINITY;
    case '-inf':
      return Number.NEGATIVE_INFINITY;
    case '-0':
      return -0;
    default:
      throw badTag('$float');
  }
}

/** Bounds the nesting before the parser sees the text. */
function checkDepth(text: string): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22:
        at = endOfText(text, at);
        break;
      case 0x5b:
      case 0x7b:
        if (++depth > LIMITS.depthCount) throw malformed(`nesting deeper than ${LIMITS.depthCount}`);
        break;
      case 0x5d:
      case 0x7d:
        depth--;
        break;
      default:
    }
  }
}

/** Where the string that opens at `start` closes; the end of the text if it does not. */
function endOfText(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 0x5c) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}

function malformed(what: string, cause?: unknown): SockPythonError {
  return new SockPythonError('bad_request', `the message is not JSON of this protocol: ${what}`, { cause });
}

function badTag(tag: string): SockPythonError {
  return malformed(`${tag} with something else in it than it names`);
}
