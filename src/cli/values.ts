/** Option values as numbers with a unit; what is wrong with one names the option and the value. */
import { UsageError } from './failure.js';

/** Node's timers cannot wait longer: 2^31 − 1 ms. */
const MAX_SPAN_MS = 2_147_483_647;
const SIZE_FACTOR: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1_048_576, G: 1_073_741_824 };

/** Seconds, with decimals if need be, as milliseconds. */
export function parseSeconds(flag: string, text: string): number {
  const ms = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Math.round(Number(text) * 1000) : Number.NaN;
  if (ms >= 1 && ms <= MAX_SPAN_MS) return ms;
  throw new UsageError(`${flag} takes a number of seconds above 0 (at most 24 days), not ${JSON.stringify(text)}`);
}

/** A whole number from `least` on. */
export function parseCount(flag: string, text: string, least: number = 0): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (count >= least && Number.isSafeInteger(count)) return count;
  throw new UsageError(`${flag} takes a whole number from ${least} on, not ${JSON.stringify(text)}`);
}

/** Bytes, or `512K`, `128M`, `1G` in steps of 1024. */
export function parseSize(flag: string, text: string, bounds: { leastBytes: number; mostBytes: number }): number {
  const [, digits = '', unit = ''] = /^(\d+)([KMG]?)(?:i?B)?$/i.exec(text) ?? [];
  const bytes = digits === '' ? Number.NaN : Number(digits) * (SIZE_FACTOR[unit.toUpperCase()] ?? Number.NaN);
  if (bytes >= bounds.leastBytes && bytes <= bounds.mostBytes) return bytes;
  throw new UsageError(
    `${flag} takes ${bounds.leastBytes} to ${bounds.mostBytes} bytes (128M is understood), not ${JSON.stringify(text)}`,
  );
}

/** One of a few words. */
export function parseChoice<Word extends string>(flag: string, text: string, words: readonly Word[]): Word {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new UsageError(`${flag} takes ${inWords(words)}, not ${JSON.stringify(text)}`);
}

function inWords(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} or ${last}`;
}
