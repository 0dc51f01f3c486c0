/**
 * Frames of the kernel channel: uint32 length of the rest, uint8 kind, uint32 run, payload.
 * `docs/protocol.md`, "The kernel channel", says what each kind carries.
 */
import { SockPythonError } from '../protocol/errors.js';

/** What a kernel sends. */
export const FROM_KERNEL = {
  hello: 0,
  event: 2,
  done: 3,
  reply: 4,
  doneFenced: 7,
  again: 8,
  taken: 9,
  names: 10,
} as const;
/** What a kernel is sent. */
export const TO_KERNEL = { bootstrap: 0, run: 1, interrupt: 3, request: 4, input: 5, runWith: 6, nudge: 8 } as const;

const HEADER_BYTES = 9;
const EMPTY = Buffer.alloc(0);

/** One frame for the kernel, ready to be written. */
export function kernelFrame(kind: number, run: number, payload: Uint8Array = EMPTY): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  writeHeader(frame, kind, run);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

/** The same for a payload that is text, encoded straight into its place. */
export function kernelTextFrame(kind: number, run: number, text: string): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + Buffer.byteLength(text));
  writeHeader(frame, kind, run);
  frame.write(text, HEADER_BYTES, 'utf8');
  return frame;
}

function writeHeader(frame: Buffer, kind: number, run: number): void {
  frame.writeUInt32BE(frame.length - 4, 0);
  frame[4] = kind;
  frame.writeUInt32BE(run, 5);
}

export type KernelFrameHandler = (kind: number, run: number, payload: Buffer) => void;

/** Bytes in, frames out. Payloads that lie whole in a chunk are views of it, not copies. */
export class KernelFrameReader {
  readonly #onFrame: KernelFrameHandler;
  /** Raised once the hello was accepted. */
  maxFrameBytes: number;
  #parts: Buffer[] = [];
  #have = 0;
  #need = HEADER_BYTES;

  constructor(maxFrameBytes: number, onFrame: KernelFrameHandler) {
    this.maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }

  /** @throws too_large or bad_request when the stream is not one of frames. */
  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#have > 0) {
      this.#parts.push(chunk);
      this.#have += chunk.length;
      if (this.#have < this.#need) return;
      bytes = Buffer.concat(this.#parts, this.#have);
      this.#parts = [];
      this.#have = 0;
    }
    const rest = this.#take(bytes);
    if (rest === bytes.length) return;
    this.#parts.push(rest === 0 ? bytes : bytes.subarray(rest));
    this.#have = bytes.length - rest;
  }

  /** Hands out every whole frame; returns where the first incomplete one begins. */
  #take(bytes: Buffer): number {
    let at = 0;
    while (bytes.length - at >= HEADER_BYTES) {
      const length = bytes.readUInt32BE(at);
      if (length < 5) throw new SockPythonError('bad_request', `a kernel frame of ${length} bytes cannot be`);
      if (length > this.maxFrameBytes) {
        throw new SockPythonError('too_large', `a kernel frame of ${length} bytes is over ${this.maxFrameBytes}`);
      }
      const end = at + 4 + length;
      if (end > bytes.length) {
        this.#need = end - at;
        return at;
      }
      this.#onFrame(bytes[at + 4] as number, bytes.readUInt32BE(at + 5), bytes.subarray(at + HEADER_BYTES, end));
      at = end;
    }
    this.#need = HEADER_BYTES;
    return at;
  }
}
