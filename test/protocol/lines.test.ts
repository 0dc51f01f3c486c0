import { describe, expect, test } from 'vitest';
import { LineReader } from '../../src/protocol/lines.js';

function linesOf(stream: string, chunkBytes: number, maxLineBytes = 1000): string[] {
  const bytes = Buffer.from(stream);
  const lines: string[] = [];
  const reader = new LineReader(maxLineBytes, (line) => lines.push(line.toString()));
  for (let at = 0; at < bytes.length; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes));
  reader.end();
  return lines;
}

describe.each([1, 2, 3, 10_000])('lines, %i bytes at a time', (chunkBytes) => {
  test.each([
    ['one', '{"a":1}\n', ['{"a":1}']],
    ['two', '{"a":1}\n{"b":2}\n', ['{"a":1}', '{"b":2}']],
    ['with returns', '{"a":1}\r\n{"b":2}\r\n', ['{"a":1}', '{"b":2}']],
    ['with blank ones between', '\n\r\n{"a":1}\n \t\n\n{"b":2}\n\n', ['{"a":1}', '{"b":2}']],
    ['the last without an end', '{"a":1}\n{"b":2}', ['{"a":1}', '{"b":2}']],
    ['the last with a return only', '{"a":1}\r', ['{"a":1}']],
    ['beyond ASCII', '{"a":"é中😀"}\n', ['{"a":"é中😀"}']],
    ['a return within', '{"a":\r1}\n', ['{"a":\r1}']],
    ['nothing', '', []],
    ['blanks and no end', '   ', []],
  ])('%s', (_name, stream, lines) => {
    expect(linesOf(stream, chunkBytes)).toEqual(lines);
  });

  test('one of just the limit is taken, a longer one refused', () => {
    expect(linesOf(`${'x'.repeat(50)}\r\n`, chunkBytes, 50)).toEqual(['x'.repeat(50)]);
    expect(linesOf('x'.repeat(50), chunkBytes, 50)).toEqual(['x'.repeat(50)]);
    expect(() => linesOf(`${'x'.repeat(51)}\n`, chunkBytes, 50)).toThrow('50 bytes');
    expect(() => linesOf('x'.repeat(52), chunkBytes, 50)).toThrow('50 bytes');
  });
});

test('a line that never ends is refused when it is over the limit, not when memory is', () => {
  const reader = new LineReader(100_000, () => {});
  const chunk = Buffer.alloc(65_536, 'x');
  reader.push(chunk);
  expect(() => reader.push(chunk)).toThrow('100000 bytes');
  expect(() => reader.push(Buffer.from('\n'))).toThrow('100000 bytes');
});
