import { describe, expect, test } from 'vitest';
import { SockPythonError } from '../../src/protocol/errors.js';
import { decodeJson, encodeJson } from '../../src/protocol/json.js';
import { decodeMessagePack } from '../../src/protocol/msgpack.js';
import { GOLDEN_VALUES } from './golden.js';

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(SockPythonError);
    expect((error as SockPythonError).code).toBe('bad_request');
    return (error as SockPythonError).message;
  }
  throw new Error('it was taken');
}

test.each(GOLDEN_VALUES)('$name goes through JSON unchanged', ({ bytes }) => {
  const value = decodeMessagePack(bytes);
  expect(decodeJson(encodeJson(value))).toEqual(value);
  expect(decodeJson(Buffer.from(encodeJson(value)))).toEqual(value);
});

describe('tagged forms', () => {
  test.each([
    [Buffer.from([0, 255]), '{"$bytes":"AP8="}'],
    [Uint8Array.of(9, 0, 255, 9).subarray(1, 3), '{"$bytes":"AP8="}'],
    [Number.NaN, '{"$float":"nan"}'],
    [Number.POSITIVE_INFINITY, '{"$float":"inf"}'],
    [Number.NEGATIVE_INFINITY, '{"$float":"-inf"}'],
    [-0, '{"$float":"-0"}'],
    [2n ** 53n, '{"$int":"9007199254740992"}'],
    [-(2n ** 63n), '{"$int":"-9223372036854775808"}'],
    [5n, '5'],
    [{ $int: '5' }, '{"$object":{"$int":"5"}}'],
    [{ $object: {} }, '{"$object":{"$object":{}}}'],
    [{ $int: '5', more: 1 }, '{"$int":"5","more":1}'],
    [{ $other: 1 }, '{"$other":1}'],
    [{ a: undefined, b: [undefined] }, '{"b":[null]}'],
  ])('value %# is written %s', (value, json) => {
    expect(encodeJson(value)).toBe(json);
  });

  test.each([
    ['{"$bytes":"AP8="}', Buffer.from([0, 255])],
    ['{"\\u0024bytes":"AP8="}', Buffer.from([0, 255])],
    ['{"$int":"9007199254740993"}', 9007199254740993n],
    ['{"$int":"7"}', 7],
    ['[{"$float":"-0"}]', [-0]],
    ['{"$object":{"$bytes":"AP8="}}', { $bytes: 'AP8=' }],
    ['{"$object":{"a":{"$int":"7"}}}', { a: 7 }],
    ['{"$bytes":"AP8=","x":1}', { $bytes: 'AP8=', x: 1 }],
  ])('%s is read', (json, value) => {
    expect(decodeJson(json)).toEqual(value);
  });

  test.each([
    '{"$bytes":5}',
    '{"$bytes":"A"}',
    '{"$bytes":"AP8"}',
    '{"$bytes":"A!8="}',
    '{"$int":5}',
    '{"$int":"5.5"}',
    '{"$int":"0x10"}',
    '{"$int":""}',
    '{"$int":"18446744073709551616"}',
    '{"$int":"-9223372036854775809"}',
    `{"$int":"${'9'.repeat(1000)}"}`,
    '{"$float":"NaN"}',
    '{"$float":null}',
    '{"$object":[]}',
    '{"a":[{"$object":1}]}',
  ])('%s is refused', (json) => {
    expect(refusal(() => decodeJson(json))).toMatch(/\$(bytes|int|float|object)/);
  });
});

describe('hostile texts', () => {
  test.each([
    ['nothing', ''],
    ['half an object', '{"a":'],
    ['two values', '{} {}'],
    ['a comment', '{} // no'],
    ['NaN', '{"a":NaN}'],
    ['single quotes', "{'a':1}"],
    ['a byte order mark', '\ufeff{}'],
    ['a text that never ends', '{"a":"'],
    ['a text that ends in a backslash', '{"a":"\\"'],
  ])('%s is refused', (_name, json) => {
    refusal(() => decodeJson(json));
    refusal(() => decodeJson(Buffer.from(json)));
  });

  test('invalid UTF-8 is refused, also within a text', () => {
    for (const bytes of [[0xff], [0x22, 0xc3, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]]) {
      expect(refusal(() => decodeJson(Buffer.from(bytes)))).toContain('UTF-8');
    }
  });

  test('nesting is bounded before the text is parsed', () => {
    expect(decodeJson(`${'['.repeat(64)}${']'.repeat(64)}`)).toBeDefined();
    expect(refusal(() => decodeJson(`${'['.repeat(65)}${']'.repeat(65)}`))).toContain('deeper');
    expect(refusal(() => decodeJson('['.repeat(100_000)))).toContain('deeper');
    expect(refusal(() => decodeJson('{"a":'.repeat(100_000)))).toContain('deeper');
  });

  test('brackets within texts are no nesting', () => {
    for (const text of ['['.repeat(1000), `\\"${'{'.repeat(1000)}`, `${'\\\\'.repeat(50)}`]) {
      expect(decodeJson(`["${text}",[]]`)).toEqual([JSON.parse(`"${text}"`), []]);
    }
  });

  test('a text of quotes and backslashes takes time in proportion to its length', () => {
    const text = JSON.stringify('\\"'.repeat(500_000));
    expect(decodeJson(text)).toHaveLength(1_000_000);
  });

  test('__proto__ is a key like any other and poisons nothing', () => {
    const value = decodeJson('{"__proto__":{"bad":{"$int":"1"}},"constructor":1}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(value.bad).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Reflect.get({}, 'bad')).toBeUndefined();
    expect(encodeJson(value)).toBe('{"__proto__":{"bad":1},"constructor":1}');
  });

  test('of a key that comes twice, the last counts, as in every JSON library', () => {
    expect(decodeJson('{"a":1,"a":2}')).toEqual({ a: 2 });
  });
});

test('what cannot be carried is refused by name', () => {
  const cyclic: { self?: unknown } = {};
  cyclic.self = cyclic;
  expect(refusal(() => encodeJson(cyclic))).toContain('cycle');
  expect(refusal(() => encodeJson({ at: new Date() }))).toContain('Date');
  expect(refusal(() => encodeJson({ f: () => 1 }))).toContain('function');
  expect(refusal(() => encodeJson(2n ** 64n))).toContain('64 bits');
});
