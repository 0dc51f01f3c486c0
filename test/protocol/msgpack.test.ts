import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { SockPythonError } from '../../src/protocol/errors.js';
import { FrameReader } from '../../src/protocol/frame.js';
import {
  decodeMessagePack,
  encodeIdPair,
  encodeMessagePack,
  encodeMessagePackFrame,
  spliceId,
} from '../../src/protocol/msgpack.js';
import { GOLDEN_MALFORMED, GOLDEN_VALUES } from './golden.js';

/** What a refusal says; fails if there is none. */
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

describe('golden bytes', () => {
  test.each(GOLDEN_VALUES)('$name is read', ({ bytes, value }) => {
    expect(decodeMessagePack(bytes)).toEqual(value);
  });

  test.each(GOLDEN_VALUES.filter(({ canonical }) => canonical))('$name is written', ({ bytes, value }) => {
    expect(encodeMessagePack(value).toString('hex')).toBe(bytes.toString('hex'));
  });

  test.each(GOLDEN_VALUES)('$name is read from the middle of a larger buffer', ({ bytes, value }) => {
    const larger = Buffer.concat([Buffer.from([0xc1]), bytes, Buffer.from([0xc1])]);
    expect(decodeMessagePack(larger.subarray(1, -1))).toEqual(value);
  });

  test.each(GOLDEN_VALUES)('$name, cut short anywhere, is refused', ({ bytes }) => {
    for (let end = 0; end < bytes.length; end++) refusal(() => decodeMessagePack(bytes.subarray(0, end)));
  });

  test.each(GOLDEN_MALFORMED)('$name is refused', ({ bytes, why }) => {
    expect(refusal(() => decodeMessagePack(bytes))).toContain(why);
  });
});

describe('sizes whose golden bytes would be long', () => {
  test.each([65_535, 65_536, 70_000])('text, bytes, list and map of %i', (count) => {
    const map = Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
    for (const value of ['x'.repeat(count), 'é'.repeat(count), Buffer.alloc(count, 7), Array(count).fill(1), map]) {
      expect(decodeMessagePack(encodeMessagePack(value))).toEqual(value);
    }
  });

  test('every length of text around every change of its head', () => {
    for (const unit of ['x', 'é', '中', '😀']) {
      for (let chars = 0; chars < 300; chars++) {
        const text = unit.repeat(chars);
        expect(decodeMessagePack(encodeMessagePack(text))).toBe(text);
      }
      const long = unit.repeat(65_600 / unit.length);
      for (let cut = 0; cut < 130; cut += unit.length) {
        expect(decodeMessagePack(encodeMessagePack(long.slice(cut)))).toBe(long.slice(cut));
      }
    }
  });
});

describe('the library with settings of its own', () => {
  const packr = new Packr({ useRecords: false, variableMapSize: true });
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true });
  const message = {
    op: 'run',
    id: 7,
    code: 'print("é中😀")\n'.repeat(50),
    arguments: { a: [1, -1, 300, 70_000, -70_000, 1.5, true, null], b: Buffer.from([0, 255]), '': {} },
  };

  test('reads what is written here', () => {
    expect(unpackr.unpack(encodeMessagePack(message))).toEqual(message);
  });

  test('writes what is read here', () => {
    expect(decodeMessagePack(packr.pack(message))).toEqual(message);
  });

  test('its private extensions are refused', () => {
    const open = new Packr({ structuredClone: true });
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    for (const value of [cyclic, /x/, new Error('e'), new Date(), new Set([1]), { a: 1 }]) {
      refusal(() => decodeMessagePack(open.pack(value)));
    }
  });
});

describe('what is written', () => {
  test('a member that is undefined is left out, an item that is becomes nil', () => {
    expect(decodeMessagePack(encodeMessagePack({ a: undefined, b: [undefined, 1] }))).toEqual({ b: [null, 1] });
  });

  test('milliseconds since 1970 go out as an integer', () => {
    expect(encodeMessagePack({ time: 1_700_000_000_000 }).toString('hex')).toContain('d30000018bcfe56800');
  });

  test('lone surrogates become the replacement character', () => {
    const text = decodeMessagePack(encodeMessagePack({ '\ud800': '\udc00'.repeat(100) }));
    expect(text).toEqual({ '\ufffd': '\ufffd'.repeat(100) });
  });

  test('two keys that become the same so are refused', () => {
    expect(refusal(() => encodeMessagePack({ '\ud800': 1, '\ud801': 2 }))).toContain('surrogates');
  });

  test('every −0 stays one, whatever stands beside it', () => {
    const bytes = [Buffer.alloc(7), Buffer.alloc(7, 0xff), Buffer.from([0xc4, 7])];
    const value = { a: -0, b: [0, -0, -0, ...bytes, -0], c: { d: [-0.5, -0] }, e: 'x'.repeat(300), f: -0 };
    expect(decodeMessagePack(encodeMessagePack(value))).toEqual(value);
    expect(decodeMessagePack(encodeMessagePackFrame(value).subarray(4))).toEqual(value);
  });

  test('nesting of 64 is written, one more is not', () => {
    const nested = (count: number): unknown => (count === 0 ? Buffer.from('x') : [nested(count - 1)]);
    expect(decodeMessagePack(encodeMessagePack(nested(64)))).toEqual(nested(64));
    expect(refusal(() => encodeMessagePack(nested(65)))).toContain('deeper');
  });

  test('keys that mean something to JavaScript mean nothing here', () => {
    const odd = { toJSON: 1, constructor: 'x', hasOwnProperty: null, valueOf: [], length: 3 };
    expect(decodeMessagePack(encodeMessagePack({ odd }))).toEqual({ odd });
    expect(decodeMessagePack(encodeMessagePack(Object.assign(Object.create(null), odd)))).toEqual(odd);
  });

  test('what is given is not changed', () => {
    const freeze = (value: object): object => {
      for (const part of Object.values(value)) if (typeof part === 'object' && part !== null) freeze(part);
      return Object.freeze(value);
    };
    const value = { a: [undefined, -0, 2 ** 40], b: { c: undefined, '\ud800': '\ud800' }, d: 2 ** 33 };
    freeze(value);
    expect(decodeMessagePack(encodeMessagePack(value))).toEqual({
      a: [null, -0, 2 ** 40],
      b: { '\ufffd': '\ufffd' },
      d: 2 ** 33,
    });
  });

  test('what was written stays as it is, whoever writes next', () => {
    const arena = Buffer.alloc(8192);
    const other = new Packr();
    other.useBuffer(arena);
    const first = encodeMessagePack('first');
    const frame = encodeMessagePackFrame({ a: 'x'.repeat(3_000_000) });
    other.useBuffer(arena);
    other.pack('overwritten');
    for (let count = 0; count < 100; count++) encodeMessagePack('overwritten');
    expect(decodeMessagePack(first)).toBe('first');
    expect(decodeMessagePack(frame.subarray(4))).toEqual({ a: 'x'.repeat(3_000_000) });
  });

  test('a large message leaves no large buffer behind', () => {
    encodeMessagePack('x'.repeat(3_000_000));
    expect(encodeMessagePack('small').buffer.byteLength).toBeLessThan(100_000);
    expect(new Packr().pack('small').buffer.byteLength).toBeLessThan(100_000);
  });

  test('a subarray and a plain Uint8Array go out as bytes', () => {
    const bytes = Uint8Array.of(9, 1, 2, 9).subarray(1, 3);
    expect(encodeMessagePack(bytes).toString('hex')).toBe('c4020102');
  });

  test('what cannot be carried is refused by name', () => {
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    expect(refusal(() => encodeMessagePack(cyclic))).toContain('cycle');
    expect(refusal(() => encodeMessagePack({ at: new Date() }))).toContain('Date');
    expect(refusal(() => encodeMessagePack({ at: new Map() }))).toContain('Map');
    expect(refusal(() => encodeMessagePack({ f: () => 1 }))).toContain('function');
    expect(refusal(() => encodeMessagePack({ s: Symbol('s') }))).toContain('symbol');
    expect(refusal(() => encodeMessagePack(undefined))).toContain('undefined');
    expect(refusal(() => encodeMessagePack(2n ** 64n))).toContain('64 bits');
    expect(refusal(() => encodeMessagePack(-(2n ** 63n) - 1n))).toContain('64 bits');
  });
});

describe('what is read', () => {
  test('nesting of 100 000 is refused without harm', () => {
    for (const unit of [[0x91], [0x81, 0xa1, 0x61]]) {
      const bytes = Buffer.alloc(100_000 * unit.length, Buffer.from(unit));
      expect(refusal(() => decodeMessagePack(bytes))).toContain('deeper');
    }
  });

  test('__proto__ is a key like any other and poisons nothing', () => {
    const bytes = Buffer.concat([Buffer.from([0x81]), encodeMessagePack('__proto__'), encodeMessagePack({ bad: 1 })]);
    const read = decodeMessagePack(bytes) as Record<string, unknown>;
    expect(Object.keys(read)).toEqual(['__proto__']);
    expect(read.bad).toBeUndefined();
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(encodeMessagePack(read)).toEqual(bytes);
  });

  test('keys that objects have by nature can come once, not twice', () => {
    for (const key of ['constructor', 'toString', 'hasOwnProperty']) {
      const pair = Buffer.concat([encodeMessagePack(key), encodeMessagePack(null)]);
      expect(decodeMessagePack(Buffer.concat([Buffer.from([0x81]), pair]))).toEqual({ [key]: null });
      expect(refusal(() => decodeMessagePack(Buffer.concat([Buffer.from([0x82]), pair, pair])))).toContain('twice');
    }
  });

  test('random bytes are read or refused, nothing else', () => {
    let seed = 12_345;
    const next = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed >> 16;
    };
    for (let round = 0; round < 20_000; round++) {
      const bytes = Buffer.from(Array.from({ length: next() % 24 }, () => next() & 0xff));
      try {
        decodeMessagePack(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(SockPythonError);
      }
    }
  });
});

describe('splicing an id into an event', () => {
  const spliced = (event: object, id: number | string): unknown => {
    let payload: Buffer | undefined;
    const reader = new FrameReader(1 << 20, (whole) => {
      payload = whole;
    });
    reader.push(spliceId(encodeMessagePack(event), encodeIdPair(id)));
    reader.end();
    return decodeMessagePack(payload ?? Buffer.alloc(0));
  };
  const members = (count: number): Record<string, number> =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));

  test.each([0, 1, 7, 13, 14, 15, 16, 300])('into a map of %i', (count) => {
    for (const id of [0, 127, 128, 4_294_967_295, 'mine', 'x'.repeat(64)]) {
      expect(spliced(members(count), id)).toEqual({ id, ...members(count) });
    }
  });

  test('leaves the payload as it was', () => {
    const payload = encodeMessagePack({ event: 'get', run: 1, text: 'x' });
    const before = Buffer.from(payload);
    spliceId(payload, encodeIdPair(1));
    expect(payload).toEqual(before);
  });

  test('refuses what is no map, and a full one', () => {
    for (const bytes of [[], [0xc0], [0x91, 0x00], [0xde, 0x00], [0xdf, 0, 0, 0, 0], [0xde, 0xff, 0xff]]) {
      refusal(() => spliceId(Buffer.from(bytes), encodeIdPair(1)));
    }
  });
});

test('a whole frame is its length and the message', () => {
  const message = { op: 'ping', id: 1 };
  const frame = encodeMessagePackFrame(message);
  expect(frame.readUInt32BE(0)).toBe(frame.length - 4);
  expect(frame.subarray(4)).toEqual(encodeMessagePack(message));
});
