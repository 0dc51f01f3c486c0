/** Makes the events of what came past Python, through file descriptors 1 and 2. */
import { isUtf8 } from 'node:buffer';

export type StreamName = 'stdout' | 'stderr';

const EVENT_KEY = Buffer.from('\x84\xa5event\xa6', 'latin1');
const RUN_KEY = Buffer.from('\xa3run\xce', 'latin1');
const TEXT_KEY = Buffer.from('\xa4text', 'latin1');
const RAW_TRUE = Buffer.from('\xa3raw\xc3', 'latin1');
const STR32 = 0xdb;
const BIN32 = 0xc6;

/** `{event, run, text, raw: true}` in MessagePack; bytes that are not UTF-8 travel as bytes. */
export function rawEvent(stream: StreamName, run: number, bytes: Buffer): Buffer {
  const number = Buffer.allocUnsafe(4);
  number.writeUInt32BE(run);
  const text = Buffer.allocUnsafe(5);
  text[0] = isUtf8(bytes) ? STR32 : BIN32;
  text.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([EVENT_KEY, Buffer.from(stream, 'latin1'), RUN_KEY, number, TEXT_KEY, text, bytes, RAW_TRUE]);
}

/** How many bytes at the end are the beginning of a UTF-8 character whose rest may still come (0 … 3). */
export function incompleteTail(bytes: Buffer): number {
  const last = bytes.length - 1;
  for (let back = 0; back < 3 && last - back >= 0; back++) {
    const byte = bytes[last - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const wanted = byte >= 0xf0 && byte < 0xf8 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc2 ? 2 : 1;
    return byte < 0xf8 && wanted > back + 1 ? back + 1 : 0;
  }
  return 0;
}
