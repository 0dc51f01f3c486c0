/** Frames: a uint32 (big-endian) with the payload's length, then the payload. Bytes in, payloads out, no I/O. */
import { SockPythonError } from './errors.js';
import { Gather } from './gather.js';

/** Bytes of a frame's header. */
export const FRAME_HEADER_BYTES = 4;

/** A payload as a whole frame. */
export function encodeFrame(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/**
 * Cuts a stream of bytes into payloads. A frame that lies in one chunk is handed over as a view of it, without a
 * copy; one in many chunks is copied once or twice, never quadratically.
 */
export class FrameReader {
  /** The limit; may be raised once a client has proved itself. */
  maxFrameBytes: number;
  readonly #onFrame: (payload: Buffer) => void;
  readonly #partial = new Gather();
  #payloadBytes: number | undefined;
  #dead: SockPythonError | undefined;

  constructor(maxFrameBytes: number, onFrame: (payload: Buffer) => void) {
    this.maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }

  /**
   * Takes the next bytes. The chunk must not change afterwards: payloads may be views of it.
   * @throws too_large on the header of a frame over the limit, then and ever after. What `onFrame` throws comes
   * out here too, and the rest of the chunk is gone.
   */
  push(chunk: Buffer): void {
    if (this.#dead) throw this.#dead;
    let at = this.#payloadBytes === undefined && this.#partial.lengthBytes === 0 ? 0 : this.#finishPartial(chunk);
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const payloadBytes = this.#checked(chunk.readUInt32BE(at));
      const start = at + FRAME_HEADER_BYTES;
      if (chunk.length - start < payloadBytes) {
        this.#payloadBytes = payloadBytes;
        at = start;
        break;
      }
      at = start + payloadBytes;
      this.#onFrame(chunk.subarray(start, at));
    }
    if (at < chunk.length) {
      this.#partial.add(chunk.subarray(at), this.#payloadBytes ?? FRAME_HEADER_BYTES);
    }
  }

  /**
   * The stream has ended.
   * @throws bad_request if that was within a frame.
   */
  end(): void {
    if (this.#dead || (this.#payloadBytes === undefined && this.#partial.lengthBytes === 0)) return;
    const have = this.#partial.lengthBytes;
    throw new SockPythonError(
      'bad_request',
      this.#payloadBytes === undefined
        ? `the stream ended within a frame's header, after ${have} of ${FRAME_HEADER_BYTES} bytes`
        : `the stream ended within a frame, after ${have} of ${this.#payloadBytes} bytes`,
    );
  }

  /** Completes header and payload that began in an earlier chunk; returns how much of this one that took. */
  #finishPartial(chunk: Buffer): number {
    let at = 0;
    if (this.#payloadBytes === undefined) {
      at = Math.min(FRAME_HEADER_BYTES - this.#partial.lengthBytes, chunk.length);
      this.#partial.add(chunk.subarray(0, at), FRAME_HEADER_BYTES);
      if (this.#partial.lengthBytes < FRAME_HEADER_BYTES) return at;
      this.#payloadBytes = this.#checked(this.#partial.take().readUInt32BE(0));
    }
    const payloadBytes = this.#payloadBytes;
    const missingBytes = payloadBytes - this.#partial.lengthBytes;
    if (chunk.length - at < missingBytes) {
      this.#partial.add(chunk.subarray(at), payloadBytes);
      return chunk.length;
    }
    const end = at + missingBytes;
    // Nothing gathered yet: the payload lies in this chunk as a whole.
    const whole = missingBytes === payloadBytes;
    if (!whole) this.#partial.add(chunk.subarray(at, end), payloadBytes);
    this.#payloadBytes = undefined;
    this.#onFrame(whole ? chunk.subarray(at, end) : this.#partial.take());
    return end;
  }

  #checked(payloadBytes: number): number {
    if (payloadBytes <= this.maxFrameBytes) return payloadBytes;
    this.#dead = new SockPythonError(
      'too_large',
      `a frame of ${payloadBytes} bytes is over the limit of ${this.maxFrameBytes}`,
    );
    throw this.#dead;
  }
}
