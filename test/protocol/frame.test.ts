import { describe, expect, test } from 'vitest';
import { SockPythonError } from '../../src/protocol/errors.js';
import { encodeFrame, FrameReader } from '../../src/protocol/frame.js';
import { GOLDEN_FRAMES } from './golden.js';

const MIB = 1024 * 1024;

/** The payloads in a stream that arrives in chunks of a size. */
function payloadsOf(stream: Buffer, chunkBytes: number, maxFrameBytes: number = 64 * MIB): Buffer[] {
  const payloads: Buffer[] = [];
  const reader = new FrameReader(maxFrameBytes, (payload) => payloads.push(payload));
  for (let at = 0; at < stream.length; at += chunkBytes) reader.push(stream.subarray(at, at + chunkBytes));
  reader.end();
  return payloads;
}

function failure(act: () => unknown): SockPythonError {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(SockPythonError);
    return error as SockPythonError;
  }
  throw new Error('nothing was refused');
}

describe('golden frames', () => {
  test.each(GOLDEN_FRAMES)('$name, written', ({ bytes, payload }) => {
    expect(encodeFrame(payload)).toEqual(bytes);
  });

  test.each(GOLDEN_FRAMES)('$name, read whole and byte by byte', ({ bytes, payload }) => {
    expect(payloadsOf(bytes, bytes.length)).toEqual([payload]);
    expect(payloadsOf(bytes, 1)).toEqual([payload]);
  });

  const stream = Buffer.concat(GOLDEN_FRAMES.map(({ bytes }) => bytes));
  test.each([1, 2, 3, 4, 5, 7, 64, 1000, stream.length])('all of them in one stream, %i bytes at a time', (chunk) => {
    expect(payloadsOf(stream, chunk)).toEqual(GOLDEN_FRAMES.map(({ payload }) => payload));
  });
});

describe('cost', () => {
  test('a frame that lies in one chunk is a view of it', () => {
    const chunk = Buffer.concat([encodeFrame(Buffer.from('one')), encodeFrame(Buffer.from('two'))]);
    const payloads = payloadsOf(chunk, chunk.length);
    expect(payloads.map(({ buffer }) => buffer)).toEqual([chunk.buffer, chunk.buffer]);
  });

  test('64 MiB in chunks of 64 KiB take time in proportion to their bytes', () => {
    const timed = (payloadBytes: number): number => {
      const frame = encodeFrame(Buffer.alloc(payloadBytes, 1));
      const startMs = performance.now();
      expect(payloadsOf(frame, 65_536).map(({ length }) => length)).toEqual([payloadBytes]);
      return performance.now() - startMs;
    };
    timed(4 * MIB);
    // A copy per chunk would take 256 times as long, not 16 times.
    expect(timed(64 * MIB)).toBeLessThan(Math.max(timed(4 * MIB), 2) * 100);
  });

  test('a length that is only claimed takes no memory', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 50 }, () => new FrameReader(256 * MIB, () => {}));
    for (const reader of readers) reader.push(Buffer.from([0x10, 0, 0, 0, 1, 2, 3]));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB);
  });
});

describe('limits', () => {
  test('a frame of just the limit is taken, one byte more is refused on its header', () => {
    expect(payloadsOf(encodeFrame(Buffer.alloc(100)), 9, 100)).toHaveLength(1);
    for (const chunkBytes of [1, 4, 200]) {
      const error = failure(() => payloadsOf(encodeFrame(Buffer.alloc(101)), chunkBytes, 100));
      expect(error.code).toBe('too_large');
      expect(error.message).toContain('101');
    }
    const reader = new FrameReader(100, () => {});
    expect(failure(() => reader.push(Buffer.from([0, 0, 0, 101]))).code).toBe('too_large');
  });

  test('after a frame over the limit nothing is read any more', () => {
    const payloads: Buffer[] = [];
    const reader = new FrameReader(10, (payload) => payloads.push(payload));
    const good = encodeFrame(Buffer.from('good'));
    failure(() => reader.push(Buffer.concat([good, Buffer.from([255, 255, 255, 255])])));
    expect(failure(() => reader.push(good)).code).toBe('too_large');
    reader.end();
    expect(payloads).toEqual([Buffer.from('good')]);
  });
});

describe('the end of the stream', () => {
  test.each([1, 3, 4, 5, 9])('after %i bytes of a frame of ten is told', (bytes) => {
    const reader = new FrameReader(100, () => {});
    reader.push(encodeFrame(Buffer.from('abcdef')).subarray(0, bytes));
    const error = failure(() => reader.end());
    expect(error.code).toBe('bad_request');
    expect(error.message).toMatch(bytes < 4 ? `after ${bytes} of 4` : `after ${bytes - 4} of 6`);
  });

  test('between frames is fine', () => {
    const reader = new FrameReader(100, () => {});
    reader.end();
    reader.push(encodeFrame(Buffer.alloc(3)));
    reader.end();
  });
});

test('what the taker throws reaches the pusher, and the next frame is read', () => {
  const seen: number[] = [];
  const reader = new FrameReader(100, ({ length }) => {
    seen.push(length);
    if (length === 1) throw new Error('mine');
  });
  expect(() => reader.push(encodeFrame(Buffer.alloc(1)))).toThrow('mine');
  reader.push(encodeFrame(Buffer.alloc(2)));
  expect(seen).toEqual([1, 2]);
});
