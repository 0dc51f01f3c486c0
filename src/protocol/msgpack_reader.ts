/**
 * Reads one MessagePack value, strictly and in one pass: what is not in the protocol's subset is refused where it
 * stands, before anything is allocated for it.
 */
import { isUtf8 } from 'node:buffer';
import { SockPythonError } from './errors.js';
import { LIMITS } from './limits.js';
import { WORD_BYTES, WordCache } from './word_cache.js';

const REPLACEMENT = '\ufffd';
const words = new WordCache();

/** Reads one value out of one payload; made anew for each. */
export class MessagePackReader {
  readonly #bytes: Buffer;
  #at = 0;
  #depth = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @throws bad_request for anything but exactly one well-formed value. */
  readAll(): unknown {
    const value = this.#read();
    const restBytes = this.#bytes.length - this.#at;
    if (restBytes > 0) throw malformed(`${restBytes} bytes after its end`);
    return value;
  }

  #read(): unknown {
    const head = this.#bytes[this.#at++];
    if (head === undefined) throw truncated();
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f);
    if (head < 0xa0) return this.#array(head & 0x0f);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    return this.#readLong(head);
  }

  #readLong(head: number): unknown {
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#bin(this.#uint(1));
      case 0xc5:
        return this.#bin(this.#uint(2));
      case 0xc6:
        return this.#bin(this.#uint(4));
      case 0xca:
        return this.#bytes.readFloatBE(this.#skip(4));
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#skip(8));
      case 0xcc:
        return this.#uint(1);
      case 0xcd:
        return this.#uint(2);
      case 0xce:
        return this.#uint(4);
      case 0xcf:
        return asNumber(this.#bytes.readBigUInt64BE(this.#skip(8)));
      case 0xd0:
        return this.#bytes.readInt8(this.#skip(1));
      case 0xd1:
        return this.#bytes.readInt16BE(this.#skip(2));
      case 0xd2:
        return this.#bytes.readInt32BE(this.#skip(4));
      case 0xd3:
        return asNumber(this.#bytes.readBigInt64BE(this.#skip(8)));
      case 0xd9:
        return this.#text(this.#uint(1));
      case 0xda:
        return this.#text(this.#uint(2));
      case 0xdb:
        return this.#text(this.#uint(4));
      case 0xdc:
        return this.#array(this.#uint(2));
      case 0xdd:
        return this.#array(this.#uint(4));
      case 0xde:
        return this.#map(this.#uint(2));
      case 0xdf:
        return this.#map(this.#uint(4));
      case 0xc1:
        throw malformed('byte 0xc1, which means nothing');
      default:
        throw malformed(`an extension (0x${head.toString(16)}), which this protocol does not use`);
    }
  }

  #map(count: number): object {
    this.#enter(count * 2);
    const map: { [key: string]: unknown } = {};
    for (let index = 0; index < count; index++) {
      const key = this.#key();
      if (key === '__proto__') {
        if (Object.hasOwn(map, key)) throw malformed(`the key ${JSON.stringify(key)} twice`);
        // A plain assignment would set the object's prototype.
        Object.defineProperty(map, key, { value: this.#read(), writable: true, enumerable: true, configurable: true });
        continue;
      }
      if (map[key] !== undefined && Object.hasOwn(map, key)) throw malformed(`the key ${JSON.stringify(key)} twice`);
      map[key] = this.#read();
    }
    this.#depth--;
    return map;
  }

  #key(): string {
    const head = this.#bytes[this.#at++];
    if (head === undefined) throw truncated();
    if (head >= 0xa0 && head < 0xc0) return this.#word(head & 0x1f);
    if (head === 0xd9) return this.#text(this.#uint(1));
    if (head === 0xda) return this.#text(this.#uint(2));
    if (head === 0xdb) return this.#text(this.#uint(4));
    throw malformed('a key that is not text');
  }

  /** A short key, remembered for the next message. */
  #word(lengthBytes: number): string {
    const start = this.#at;
    const text = this.#text(lengthBytes);
    if (lengthBytes > 0 && lengthBytes <= WORD_BYTES) words.keep(text, this.#bytes, start, lengthBytes);
    return text;
  }

  #array(count: number): unknown[] {
    this.#enter(count);
    const array: unknown[] = [];
    for (let index = 0; index < count; index++) array.push(this.#read());
    this.#depth--;
    return array;
  }

  /** Each item takes a byte at least, so a count over the bytes left is a lie, told before anything is made. */
  #enter(itemCount: number): void {
    if (itemCount > this.#bytes.length - this.#at) throw truncated();
    if (++this.#depth > LIMITS.depthCount) throw malformed(`nesting deeper than ${LIMITS.depthCount}`);
  }

  #bin(lengthBytes: number): Buffer {
    const start = this.#skip(lengthBytes);
    return this.#bytes.subarray(start, this.#at);
  }

  #text(lengthBytes: number): string {
    const bytes = this.#bytes;
    const start = this.#skip(lengthBytes);
    if (lengthBytes <= WORD_BYTES) {
      const word = lengthBytes === 0 ? '' : words.find(bytes, start, lengthBytes);
      if (word !== undefined) return word;
    }
    const text = bytes.toString('utf8', start, this.#at);
    // The decoder replaces what is invalid, so only a text with a replacement needs to be asked about.
    if (text.includes(REPLACEMENT) && !isUtf8(bytes.subarray(start, this.#at))) throw malformed('invalid UTF-8');
    return text;
  }

  #uint(widthBytes: 1 | 2 | 4): number {
    const at = this.#skip(widthBytes);
    if (widthBytes === 1) return this.#bytes[at] ?? 0;
    return widthBytes === 2 ? this.#bytes.readUInt16BE(at) : this.#bytes.readUInt32BE(at);
  }

  /** Steps over bytes that must be there; returns where they begin. */
  #skip(lengthBytes: number): number {
    const start = this.#at;
    this.#at += lengthBytes;
    if (this.#at > this.#bytes.length) throw truncated();
    return start;
  }
}

function asNumber(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function malformed(what: string): SockPythonError {
  return new SockPythonError('bad_request', `the MessagePack message holds ${what}`);
}

function truncated(): SockPythonError {
  return new SockPythonError('bad_request', 'the MessagePack message ends too early');
}
