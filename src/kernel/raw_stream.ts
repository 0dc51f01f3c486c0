/**
 * What the kernel, its C code and its children write to file descriptor 1 or 2.
 *
 *   FIFO ──▶ read all ──▶ cut the fence's marker ──▶ whole UTF-8 characters ──▶ onBytes
 *
 * A fence proves that everything a run wrote has been read: the kernel writes a marker behind it, and the run's
 * `done` is held back until the marker was seen.
 */
import { closeSync, constants, openSync, readSync, unlinkSync } from 'node:fs';
import { openFifo, type Socket } from '../transport/socket.js';
import { incompleteTail } from './raw_event.js';

/** What stands before every marker; the marker itself is of hex digits. */
const MARK = Buffer.from('\0F', 'latin1');
const MARKER_BYTES = 12;
/** How long bytes that look like a marker wait for the `done` that would name it. */
const CANDIDATE_MS = 50;
/** More than this is not held back for it. */
const CANDIDATE_BYTES = 1_048_576;
const DRAIN_BYTES = 65_536;
const EMPTY: Buffer = Buffer.alloc(0);

export class RawStream {
  readonly #onBytes: (bytes: Buffer) => void;
  readonly #fd: number;
  readonly #socket: Socket;
  #held: Buffer = EMPTY;
  #tail: Buffer = EMPTY;
  #marker: Buffer | null = null;
  #onMarker: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;

  /** Opens the reading end of the FIFO at `path` and removes the name. */
  constructor(path: string, onBytes: (bytes: Buffer) => void) {
    this.#onBytes = onBytes;
    this.#fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    unlinkSync(path);
    try {
      this.#socket = openFifo(this.#fd);
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
    this.#socket.on('data', (bytes) => this.#take(bytes));
  }

  /** Calls back once, when the marker has been read (perhaps it was already). */
  awaitMarker(marker: Buffer, onMarker: () => void): void {
    this.#marker = Buffer.concat([MARK, marker]);
    this.#onMarker = onMarker;
    this.#take(this.#release());
  }

  /** Everything the run wrote is here: hands out what was held back. */
  settle(): void {
    this.#marker = null;
    this.#onMarker = null;
    this.#emit(this.#release());
    const tail = this.#tail;
    this.#tail = EMPTY;
    if (tail.length > 0) this.#onBytes(tail);
  }

  /** Reads what is still in the pipe of a dead kernel, hands it out, and closes. */
  drainAndClose(): void {
    const chunk = Buffer.allocUnsafe(DRAIN_BYTES);
    try {
      for (let count = readSync(this.#fd, chunk); count > 0; count = readSync(this.#fd, chunk)) {
        this.#take(Buffer.from(chunk.subarray(0, count)));
      }
    } catch {
      // EAGAIN: somebody who left the group still holds the other end; what was written so far has been read.
    }
    this.settle();
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    const held = this.#held;
    const all = held.length > 0 ? Buffer.concat([held, bytes]) : bytes;
    this.#held = EMPTY;
    if (this.#marker === null) this.#takeUnfenced(all, held.length > 0);
    else this.#takeFenced(all, this.#marker);
  }

  #takeFenced(all: Buffer, marker: Buffer): void {
    const at = all.indexOf(marker);
    if (at < 0) {
      const keep = Math.min(all.length, marker.length - 1);
      this.#emit(all.subarray(0, all.length - keep));
      this.#held = all.subarray(all.length - keep);
      return;
    }
    this.#emit(all.subarray(0, at));
    const done = this.#onMarker;
    this.#marker = null;
    this.#onMarker = null;
    this.#held = all.subarray(at + marker.length);
    done?.();
  }

  #takeUnfenced(all: Buffer, waits: boolean): void {
    const at = all.length > CANDIDATE_BYTES ? -1 : candidate(all);
    this.#emit(at < 0 ? all : all.subarray(0, at));
    // Each candidate has its own time, however soon it follows another.
    if (at !== 0 || !waits) this.#stopTimer();
    if (at < 0) return;
    this.#held = all.subarray(at);
    this.#timer ??= setTimeout(() => this.#onCandidateTime(), CANDIDATE_MS).unref();
  }

  /** Nobody has named these bytes, unless the `done` lies unread in the channel of a busy loop: that is read first. */
  #onCandidateTime(): void {
    const timer = this.#timer;
    setImmediate(() => {
      if (this.#timer === timer && this.#marker === null) this.settle();
    });
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** What was held back, which whoever calls looks at now. */
  #release(): Buffer {
    this.#stopTimer();
    const held = this.#held;
    this.#held = EMPTY;
    return held;
  }

  #emit(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const all = this.#tail.length > 0 ? Buffer.concat([this.#tail, bytes]) : bytes;
    const cut = all.length - incompleteTail(all);
    this.#tail = all.subarray(cut);
    if (cut > 0) this.#onBytes(all.subarray(0, cut));
  }
}

/** Where a marker begins that nobody has named yet, whole or cut short at the end; −1 if there is none. */
function candidate(bytes: Buffer): number {
  for (let at = bytes.indexOf(MARK); at >= 0; at = bytes.indexOf(MARK, at + 1)) {
    const rest = bytes.subarray(at + MARK.length, at + MARK.length + MARKER_BYTES);
    if (/^[0-9a-f]*$/.test(rest.toString('latin1'))) return at;
  }
  return bytes[bytes.length - 1] === MARK[0] ? bytes.length - 1 : -1;
}
