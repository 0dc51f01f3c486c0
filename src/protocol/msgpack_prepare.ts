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

/** Any plain object, seen by its keys. */
interface Members {
  readonly [key: string]: unknown;
}

/** Prepares one message; made anew for each. */
export class Preparation {
  /** Stands for −0, which msgpackr writes as 0: with their head, these bytes take the room of a float64. */
  readonly minusZero: Uint8Array = new Uint8Array(7);
  /** Was there a −0? */
  hasMinusZero = false;

  /**
   * The value as msgpackr is to get it.
   * @throws bad_request for what cannot be carried.
   */
  prepare(value: unknown, depth = 0): unknown {
    switch (typeof value) {
      case 'string':
        return value.isWellFormed() ? value : value.toWellFormed();
      case 'number':
        return this.#number(value);
      case 'boolean':
        return value;
      case 'object':
        return value === null ? null : this.#object(value, depth + 1);
      case 'bigint':
        if (value < INT64_MIN || value > UINT64_MAX) throw cannotCarry('an integer of more than 64 bits');
        return value;
      default:
        throw cannotCarry(typeof value);
    }
  }

  #number(value: number): unknown {
    if (value === 0 && Object.is(value, -0)) {
      this.hasMinusZero = true;
      return this.minusZero;
    }
    // Beyond 32 bits a number is written as a float, but for bigints.
    const isWide = value > 0xffff_ffff || value < -0x8000_0000;
    return isWide && Number.isSafeInteger(value) ? BigInt(value) : value;
  }

  #object(value: object, depth: number): unknown {
    if (value instanceof Uint8Array) return value;
    if (depth > LIMITS.depthCount) throw cannotCarry(`nesting deeper than ${LIMITS.depthCount}, or a cycle`);
    if (Array.isArray(value)) return this.#array(value, depth);
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      throw cannotCarry(`an object of class ${value.constructor?.name ?? 'unknown'}`);
    }
    return this.#map(value as Members, depth);
  }

  /** An item that is undefined becomes null, as in JSON. */
  #array(items: readonly unknown[], depth: number): readonly unknown[] {
    let copy: unknown[] | undefined;
    for (let index = 0; index < items.length; index++) {
      const item = items[index];
      const prepared = item === undefined ? null : this.prepare(item, depth);
      if (prepared !== item) (copy ??= items.slice())[index] = prepared;
    }
    return copy ?? items;
  }

  #map(members: Members, depth: number): Members {
    let copy: [string, unknown][] | undefined;
    const keys = Object.keys(members);
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string;
      const member = members[key];
      const prepared = member === undefined ? undefined : this.prepare(member, depth);
      const isKept = member !== undefined && prepared === member && key.isWellFormed();
      if (copy === undefined && isKept) continue;
      copy ??= keys.slice(0, index).map((before) => [before, members[before]]);
      if (member !== undefined) copy.push([key.toWellFormed(), prepared]);
    }
    // Not by assignment, which would take `__proto__` for more than a key.
    return copy === undefined ? members : Object.fromEntries(copy);
  }
}

function cannotCarry(what: string): SockPythonError {
  return new SockPythonError('bad_request', `a message cannot carry ${what}`);
}
