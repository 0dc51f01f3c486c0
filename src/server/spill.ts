/**
 * Where a run's log goes when it outgrows memory: segment files, 0600, in the user's own state directory.
 *
 *   head segments (kept) … gap (dropped, counted) … tail segments (the newest)
 *
 * Segments are written once, in order, and dropped whole; a block is what is read at once.
 */
import { closeSync, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** A place in a log: the number of an event, and the bytes of all events before it. */
export interface LogPlace {
  readonly event: number;
  readonly byte: number;
}

/** A stretch of whole events in one segment. */
interface Block {
  readonly firstEvent: number;
  readonly eventCount: number;
  readonly offset: number;
  readonly bytes: number;
}

interface Segment {
  readonly path: string;
  readonly fd: number;
  readonly blocks: Block[];
  readonly firstEvent: number;
  /** Bytes of all events of the log before this segment. */
  readonly firstByte: number;
  eventCount: number;
  bytes: number;
}

/** What lies between the head and the tail and was dropped. */
export interface Gap {
  readonly events: number;
  readonly bytes: number;
}

const SEGMENTS_PER_CAP = 16;
const LENGTH_BYTES = 4;

export class Spill {
  readonly #directory: string;
  readonly #name: string;
  readonly #capBytes: number;
  readonly #segments: Segment[] = [];
  #headCount = 0;
  #made = 0;
  #gapEvents = 0;
  #gapBytes = 0;

  constructor(directory: string, name: string, capBytes: number) {
    this.#directory = directory;
    this.#name = name;
    this.#capBytes = capBytes;
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  get gap(): Gap {
    return { events: this.#gapEvents, bytes: this.#gapBytes };
  }

  /** Where the head ends. */
  get headEnd(): LogPlace {
    const last = this.#segments[this.#headCount - 1];
    if (last === undefined) return { event: 0, byte: 0 };
    const event = last.firstEvent + last.eventCount;
    return { event, byte: last.firstByte + last.bytes - last.eventCount * LENGTH_BYTES };
  }

  /** Writes events behind the last ones. @throws the file system's error; nothing of them is kept then. */
  write(first: LogPlace, payloads: readonly Buffer[]): void {
    const bytes = layOut(payloads);
    const segment = this.#segmentFor(first);
    for (let at = 0; at < bytes.length; ) at += writeSync(segment.fd, bytes, at, bytes.length - at, segment.bytes + at);
    const block = { firstEvent: first.event, eventCount: payloads.length };
    segment.blocks.push({ ...block, offset: segment.bytes, bytes: bytes.length });
    segment.bytes += bytes.length;
    segment.eventCount += payloads.length;
    this.#shed();
  }

  /** The events from number `from` to the end of its block; null when it is not here (dropped or never written). */
  read(from: number): Buffer[] | null {
    const segment = this.#segments.findLast((candidate) => candidate.firstEvent <= from);
    const block = segment?.blocks.findLast((candidate) => candidate.firstEvent <= from);
    if (segment === undefined || block === undefined || from >= block.firstEvent + block.eventCount) return null;
    const bytes = Buffer.allocUnsafe(block.bytes);
    readSync(segment.fd, bytes, 0, block.bytes, block.offset);
    const payloads: Buffer[] = [];
    for (let at = 0; at < bytes.length; ) {
      const end = at + LENGTH_BYTES + bytes.readUInt32BE(at);
      payloads.push(bytes.subarray(at + LENGTH_BYTES, end));
      at = end;
    }
    return payloads.slice(from - block.firstEvent);
  }

  /** Where reading goes on when `from` was dropped; null if nothing that is here comes after it. */
  skip(from: number): LogPlace | null {
    const tail = this.#segments[this.#headCount];
    return tail !== undefined && tail.firstEvent > from ? { event: tail.firstEvent, byte: tail.firstByte } : null;
  }

  /** Removes every file. */
  remove(): void {
    for (const segment of this.#segments.splice(0)) discard(segment);
  }

  #segmentFor(first: LogPlace): Segment {
    const last = this.#segments.at(-1);
    const full = this.#capBytes / SEGMENTS_PER_CAP;
    if (last !== undefined && last.bytes < full && last.firstEvent + last.eventCount === first.event) return last;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, `${this.#name}.${this.#made}`);
    const segment = {
      path,
      fd: openSync(path, 'wx+', 0o600),
      blocks: [],
      firstEvent: first.event,
      firstByte: first.byte,
      eventCount: 0,
      bytes: 0,
    };
    this.#made += 1;
    // The head is what was written first, up to half of the cap; single events can be large beside that.
    if (this.#gapEvents === 0 && this.bytes <= this.#capBytes / 2) this.#headCount = this.#segments.length;
    this.#segments.push(segment);
    return segment;
  }

  /** Over the cap, the oldest segment of the tail goes. */
  #shed(): void {
    while (this.bytes > this.#capBytes && this.#segments.length > this.#headCount + 1) {
      const [dropped] = this.#segments.splice(this.#headCount, 1);
      if (dropped === undefined) return;
      this.#gapEvents += dropped.eventCount;
      this.#gapBytes += dropped.bytes - dropped.eventCount * LENGTH_BYTES;
      discard(dropped);
    }
  }
}

function discard(segment: Segment): void {
  closeSync(segment.fd);
  rmSync(segment.path, { force: true });
}

/** The events one behind the other, each after its length. */
function layOut(payloads: readonly Buffer[]): Buffer {
  const bytes = Buffer.allocUnsafe(payloads.reduce((sum, payload) => sum + LENGTH_BYTES + payload.length, 0));
  let at = 0;
  for (const payload of payloads) {
    at = bytes.writeUInt32BE(payload.length, at);
    bytes.set(payload, at);
    at += payload.length;
  }
  return bytes;
}
