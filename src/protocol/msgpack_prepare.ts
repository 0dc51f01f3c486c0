/**
 * What a message must be before msgpackr writes it, which writes whatever it is given: functions as nil, dates as
 * private extensions, wide integers as floats. One walk refuses what the protocol does not carry and puts the rest
 * into a form that is written as it is meant; only what has to change is copied.
 */
/// <reference lib="es2024.string" />
import { SockPythonError } from './errors.js';
import { LIMITS } from './limits.js';

const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

/** What one walk finds out. */
export interface Preparation {
  /** Stands for −0, once there is one: bytes that, with their head, take the room of a float64. */
  minusZero: Uint8Array | null;
}

/** Any plain object, seen by its keys. */
interface Members {
  [key: string]: unknown;
}

/**
 * The value as msgpackr is to get it.
 * @throws bad_request for what cannot be carried.
 */
export function prepareMessagePack(value: unknown, found: Preparation, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed() ? value : value.toWellFormed();
    case 'number':
      return (value | 0) === value && value !== 0 ? value : prepareNumber(value, found);
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : prepareObject(value, found, depth + 1);
    case 'bigint':
      if (value < INT64_MIN || value > UINT64_MAX) throw cannotCarry('an integer of more than 64 bits');
      return value;
    default:
      throw cannotCarry(typeof value);
  }
}

function prepareNumber(value: number, found: Preparation): unknown {
  if (Object.is(value, -0)) {
    found.minusZero ??= new Uint8Array(7);
    return found.minusZero;
  }
  // Beyond 32 bits a number is written as a float, but for bigints.
  const isWide = value > 0xffff_ffff || value < -0x8000_0000;
  return isWide && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function prepareObject(value: object, found: Preparation, depth: number): unknown {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isMap = prototype === Object.prototype || prototype === null;
  if (!isMap && value instanceof Uint8Array) return value;
  if (depth > LIMITS.depthCount) throw cannotCarry(`nesting deeper than ${LIMITS.depthCount}, or a cycle`);
  if (isMap) return prepareMap(value as Members, found, depth);
  if (Array.isArray(value)) return prepareArray(value, found, depth);
  throw cannotCarry(`an object of class ${value.constructor?.name ?? 'unknown'}`);
}

/** An item that is undefined becomes null, as in JSON. */
function prepareArray(items: readonly unknown[], found: Preparation, depth: number): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let index = 0; index < items.length; index++) {
    const item = items[index];
    const prepared = item === undefined ? null : prepareMessagePack(item, found, depth);
    if (prepared === item) continue;
    copy ??= items.slice();
    copy[index] = prepared;
  }
  return copy ?? items;
}

function prepareMap(members: Members, found: Preparation, depth: number): Members {
  let copy: Members | undefined;
  for (const key of Object.keys(members)) {
    const member = members[key];
    if (member === undefined || !key.isWellFormed()) return prepareMap(withoutOddMembers(members), found, depth);
    const prepared = prepareMessagePack(member, found, depth);
    if (prepared === member) continue;
    copy ??= { ...members };
    copy[key] = prepared;
  }
  return copy ?? members;
}

/** Without what is undefined, and with keys that can be written. */
function withoutOddMembers(members: Members): Members {
  const kept = Object.entries(members).filter(([, member]) => member !== undefined);
  // Not by assignment, which would take `__proto__` for more than a key.
  const copy: Members = Object.fromEntries(kept.map(([key, member]) => [key.toWellFormed(), member]));
  if (Object.keys(copy).length < kept.length) throw cannotCarry('two keys that differ in lone surrogates alone');
  return copy;
}

function cannotCarry(what: string): SockPythonError {
  return new SockPythonError('bad_request', `a message cannot carry ${what}`);
}
