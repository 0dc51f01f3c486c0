import { describe, expect, test } from 'vitest';
import { KernelFrameReader, kernelFrame, kernelTextFrame } from '../../src/kernel/kernel_frame.js';
import { SockPythonError } from '../../src/protocol/errors.js';

type Seen = [kind: number, run: number, payload: string];

function reading(limit = 1000): { readonly reader: KernelFrameReader; readonly seen: Seen[] } {
  const seen: Seen[] = [];
  const reader = new KernelFrameReader(limit, (kind, run, payload) => seen.push([kind, run, payload.toString()]));
  return { reader, seen };
}

function codeOf(work: () => void): string {
  try {
    work();
  } catch (error) {
    return error instanceof SockPythonError ? error.code : String(error);
  }
  return 'none';
}

const FRAMES: readonly Seen[] = [
  [2, 1, 'first'],
  [3, 4_294_967_295, ''],
  [255, 0, 'é😀'],
  [7, 2, 'x'.repeat(900)],
];
const STREAM = Buffer.concat(FRAMES.map(([kind, run, text]) => kernelFrame(kind, run, Buffer.from(text))));

describe('frames of the kernel channel', () => {
  test('have a length of what follows, a kind and a run before the payload', () => {
    expect(kernelFrame(3, 258, Buffer.from('ab'))).toEqual(Buffer.from([0, 0, 0, 7, 3, 0, 0, 1, 2, 0x61, 0x62]));
    expect(kernelFrame(8, 1)).toEqual(Buffer.from([0, 0, 0, 5, 8, 0, 0, 0, 1]));
    expect(kernelTextFrame(1, 1, 'é')).toEqual(kernelFrame(1, 1, Buffer.from('é')));
  });

  test.each([1, 2, 3, 5, 8, 9, 10, 64, 10_000])('are read from chunks of %i bytes', (size) => {
    const { reader, seen } = reading();
    for (let at = 0; at < STREAM.length; at += size) reader.push(STREAM.subarray(at, at + size));
    expect(seen).toEqual(FRAMES);
  });

  test('that cannot be, or are too large, are refused on their header', () => {
    expect(codeOf(() => reading().reader.push(Buffer.from([0, 0, 0, 4, 1, 0, 0, 0, 0])))).toBe('bad_request');
    expect(codeOf(() => reading().reader.push(Buffer.from([0, 0, 3, 233, 1, 0, 0, 0, 0])))).toBe('too_large');
    expect(codeOf(() => reading().reader.push(Buffer.from([0, 0, 3, 232, 1, 0, 0, 0, 0])))).toBe('none');
  });
});
