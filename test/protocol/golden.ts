/** The golden bytes, read once; see `about` in the file itself. */
import { readFileSync } from 'node:fs';
import { decodeJson } from '../../src/protocol/json.js';

export interface GoldenValue {
  readonly name: string;
  readonly bytes: Buffer;
  readonly value: unknown;
  readonly canonical: boolean;
}
export interface GoldenFrame {
  readonly name: string;
  readonly bytes: Buffer;
  readonly payload: Buffer;
}
export interface GoldenMalformed {
  readonly name: string;
  readonly bytes: Buffer;
  readonly why: string;
}

interface Entry {
  readonly name: string;
  readonly hex: string;
  readonly value?: unknown;
  readonly payload?: string;
  readonly canonical?: boolean;
  readonly why?: string;
}

const file = JSON.parse(readFileSync(new URL('../golden/frames.json', import.meta.url), 'utf8')) as {
  readonly [section: string]: readonly Entry[];
};

export const GOLDEN_VALUES: readonly GoldenValue[] = section('messagepack').map((entry) => ({
  name: entry.name,
  bytes: Buffer.from(entry.hex, 'hex'),
  value: wrapped(entry.value),
  canonical: entry.canonical ?? true,
}));

export const GOLDEN_MALFORMED: readonly GoldenMalformed[] = section('malformed').map((entry) => ({
  name: entry.name,
  bytes: Buffer.from(entry.hex, 'hex'),
  why: entry.why ?? '',
}));

export const GOLDEN_FRAMES: readonly GoldenFrame[] = ['frames', 'kernelFrames'].flatMap(section).map((entry) => ({
  name: entry.name,
  bytes: Buffer.from(entry.hex, 'hex'),
  payload:
    entry.value === undefined ? Buffer.from(entry.payload ?? '', 'hex') : Buffer.from(entry.hex, 'hex').subarray(4),
}));

function section(name: string): readonly Entry[] {
  return file[name] ?? [];
}

/** Out of the tagged form; the deepest value just fits the decoder's bound. */
function wrapped(value: unknown): unknown {
  return decodeJson(JSON.stringify(value));
}
