import { describe, expect, test } from 'vitest';
import {
  type Dialect,
  decodeMessage,
  detectDialect,
  dialectOfPayload,
  encodeMessage,
  REFUSAL,
} from '../../src/protocol/dialect.js';
import { FrameReader } from '../../src/protocol/frame.js';
import { LineReader } from '../../src/protocol/lines.js';

const DIALECTS: readonly Dialect[] = ['msgpack-frames', 'json-frames', 'lines'];

const MESSAGES: readonly object[] = [
  { op: 'ping', id: 1 },
  { event: 'stdout', run: 1, id: 'mine', text: 'é中😀\r\n"' },
  { event: 'stdout', run: 1, text: Buffer.from([0xff, 0x0a, 0x00]), raw: true },
  { id: 3, reply: { data: [Number.NaN, 2n ** 60n, -0, { $bytes: 'x' }], nothing: null } },
  { id: null, error: { code: 'bad_request', message: 'x'.repeat(70_000) } },
];

/** Messages out of a stream, as a server or client would take them. */
function decoded(dialect: Dialect, stream: Buffer, chunkBytes: number): unknown[] {
  const messages: unknown[] = [];
  const take = (payload: Buffer): void => void messages.push(decodeMessage(dialect, payload));
  const reader = dialect === 'lines' ? new LineReader(1 << 20, take) : new FrameReader(1 << 20, take);
  for (let at = 0; at < stream.length; at += chunkBytes) reader.push(stream.subarray(at, at + chunkBytes));
  reader.end();
  return messages;
}

describe.each(DIALECTS)('%s', (dialect) => {
  test.each([1, 5, 1 << 20])('carries every message, %i bytes at a time', (chunkBytes) => {
    const stream = Buffer.concat(MESSAGES.map((message) => encodeMessage(dialect, message)));
    expect(decoded(dialect, stream, chunkBytes)).toEqual(MESSAGES);
  });

  test('is known by its first byte', () => {
    const [first] = encodeMessage(dialect, { op: 'ping', id: 1 });
    expect(detectDialect(first ?? -1)).toBe(dialect === 'lines' ? 'lines' : 'frames');
  });
});

test('the first payload tells the encoding', () => {
  expect(dialectOfPayload(encodeMessage('json-frames', {}).subarray(4))).toBe('json-frames');
  expect(dialectOfPayload(encodeMessage('msgpack-frames', {}).subarray(4))).toBe('msgpack-frames');
  expect(dialectOfPayload(Buffer.alloc(0))).toBe('msgpack-frames');
});

test('a change of encoding on the way is refused', () => {
  const json = encodeMessage('json-frames', { op: 'ping', id: 1 }).subarray(4);
  const msgpack = encodeMessage('msgpack-frames', { op: 'ping', id: 1 }).subarray(4);
  expect(() => decodeMessage('msgpack-frames', json)).toThrow('began with MessagePack');
  expect(() => decodeMessage('json-frames', msgpack)).toThrow('JSON');
});

test.each([
  ['GET / HTTP/1.1', 'G'],
  ['POST', 'P'],
  ['OPTIONS', 'O'],
  ['TLS', '\x16'],
  ['ssh', 'S'],
  ['a JSON list', '['],
  ['a blank', ' '],
  ['a newline', '\n\n'],
  ['0x10', '\x10'],
  ['0xff', '\xff'],
])('%s is no dialect', (_name, text) => {
  const first = Buffer.from(text, 'latin1')[0] ?? 0;
  expect(detectDialect(first)).toBe(text === '\n\n' ? 'frames' : null);
});

test('a frame of the largest size that can be asked for still begins as one, and the refusal is one line', () => {
  expect(detectDialect(0x0f)).toBe('frames');
  expect(REFUSAL).toMatch(/^[ -~]+\n$/);
});
