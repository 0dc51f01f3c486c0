/**
 * Checks of single fields. A check answers undefined when the value is right, else what it should have been; nothing
 * here walks deeper than it was told to.
 */

export type Check = (value: unknown) => string | undefined;
/** The fields that a message may have. A name with `?` at the end may be missing. */
export interface Fields {
  readonly [field: string]: Check;
}

/** Largest delay that a timer takes. */
const MAX_MS = 2_147_483_647;
const MAX_UINT32 = 0xffff_ffff;

export const anything: Check = () => undefined;
export const boolean: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false');
export const text: Check = (value) => (typeof value === 'string' ? undefined : 'a text');
export const number: Check = (value) => (typeof value === 'number' ? undefined : 'a number');
export const bytes: Check = (value) => (value instanceof Uint8Array ? undefined : 'bytes');
export const duration: Check = inRange(0, MAX_MS, 'a whole number of milliseconds');
export const count: Check = inRange(0, Number.MAX_SAFE_INTEGER, 'a whole number from 0');
export const uint32: Check = inRange(0, MAX_UINT32, 'a whole number from 0 to 4294967295');
export const runNumber: Check = inRange(1, MAX_UINT32, 'a run number');
export const lineNumber: Check = inRange(1, 2_147_483_647, 'a line number from 1');
export const map: Check = (value) => (isMap(value) ? undefined : 'a map');

/** A map as a decoder makes it: an object that is neither array nor bytes. */
export function isMap(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export function inRange(least: number, most: number, expected: string): Check {
  return (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? undefined : expected;
}

export function textOf(leastChars: number, mostChars: number): Check {
  const expected = `a text of ${leastChars} to ${mostChars} characters`;
  return (value) =>
    typeof value === 'string' && value.length >= leastChars && value.length <= mostChars ? undefined : expected;
}

export function oneOf(...words: readonly string[]): Check {
  const expected = words.map((word) => JSON.stringify(word)).join(' or ');
  return (value) => (typeof value === 'string' && words.includes(value) ? undefined : expected);
}

export function either(...checks: readonly Check[]): Check {
  return (value) => {
    const expected: string[] = [];
    for (const check of checks) {
      const wanted = check(value);
      if (wanted === undefined) return undefined;
      expected.push(wanted);
    }
    return expected.join(' or ');
  };
}

export function listOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return 'a list';
    for (const item of value) {
      const wanted = check(item);
      if (wanted !== undefined) return `a list with ${wanted} in each place`;
    }
    return undefined;
  };
}

export function mapOf(check: Check): Check {
  return (value) => {
    if (!isMap(value)) return 'a map';
    for (const key of Object.keys(value)) {
      const wanted = check(value[key]);
      if (wanted !== undefined)
        return `a map with ${wanted} under each key (${JSON.stringify(key.slice(0, 40))} has not)`;
    }
    return undefined;
  };
}

/** A map with exactly these fields, those of `optional` only if they are there. */
export function shape(required: Fields, optional: Fields = {}): Check {
  return (value) => {
    if (!isMap(value)) return 'a map';
    const problem = checkFields(value, required, optional);
    return problem && `a map whose field ${problem}`;
  };
}

/** What is wrong with a map's fields, as the rest of a sentence that begins with "field". */
export function checkFields(
  value: { readonly [key: string]: unknown },
  required: Fields,
  optional: Fields,
): string | undefined {
  let missingCount = Object.keys(required).length;
  for (const key of Object.keys(value)) {
    const needed = Object.hasOwn(required, key) ? required[key] : undefined;
    if (needed) missingCount--;
    const check = needed ?? (Object.hasOwn(optional, key) ? optional[key] : undefined);
    if (!check) return `${quote(key)} is not known`;
    const wanted = check(value[key]);
    if (wanted !== undefined) return `${quote(key)} must be ${wanted}, not ${describe(value[key])}`;
  }
  if (missingCount === 0) return undefined;
  const missing = Object.keys(required).find((key) => !Object.hasOwn(value, key));
  return `${quote(missing ?? '')} is missing`;
}

/** A value in a few words, safe to print and bounded. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return value.length > 40 ? `a text of ${value.length} characters` : quote(value);
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Uint8Array) return 'bytes';
  return isMap(value) ? 'a map' : typeof value;
}

function quote(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}…` : word);
}
