/**
 * Collects a unit of bytes that arrives in pieces. It grows by a factor up to the unit's bound, so that time is
 * linear in the bytes received, however small the pieces are, and memory in use follows what arrived: a claimed length
 * alone costs nothing.
 */
export class Gather {
  #buffer: Buffer = EMPTY;
  #lengthBytes = 0;

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Copies a piece in. `boundBytes` is the most that the unit can come to. */
  add(piece: Buffer, boundBytes: number): void {
    const needBytes = this.#lengthBytes + piece.length;
    if (needBytes > this.#buffer.length) this.#grow(needBytes, boundBytes);
    piece.copy(this.#buffer, this.#lengthBytes);
    this.#lengthBytes = needBytes;
  }

  /** Hands the unit over and begins anew. */
  take(): Buffer {
    const unit = this.#buffer.subarray(0, this.#lengthBytes);
    this.#buffer = EMPTY;
    this.#lengthBytes = 0;
    return unit;
  }

  #grow(needBytes: number, boundBytes: number): void {
    const wanted = Math.max(SMALLEST_BYTES, this.#buffer.length * GROWTH, needBytes);
    const grown = Buffer.allocUnsafe(Math.max(needBytes, Math.min(wanted, boundBytes)));
    this.#buffer.copy(grown, 0, 0, this.#lengthBytes);
    this.#buffer = grown;
  }
}

const EMPTY = Buffer.alloc(0);
const SMALLEST_BYTES = 1024;
const GROWTH = 4;
