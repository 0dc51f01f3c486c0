/** The line dialect: one JSON object a line. Bytes in, lines out, no I/O. */
import { SockPythonError } from './errors.js';
import { Gather } from './gather.js';

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BLANK = 0x20;
const TAB = 0x09;

/** Cuts a stream of bytes into lines without their ends; `\r\n` is an end too, blank lines are nothing. */
export class LineReader {
  /** The limit; may be raised once a client has proved itself. */
  maxLineBytes: number;
  readonly #onLine: (line: Buffer) => void;
  readonly #partial = new Gather();
  #dead: SockPythonError | undefined;

  constructor(maxLineBytes: number, onLine: (line: Buffer) => void) {
    this.maxLineBytes = maxLineBytes;
    this.#onLine = onLine;
  }

  /**
   * Takes the next bytes. The chunk must not change afterwards: lines may be views of it.
   * @throws too_large as soon as a line is over the limit, then and ever after.
   */
  push(chunk: Buffer): void {
    if (this.#dead) throw this.#dead;
    let at = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, at)) {
      const piece = chunk.subarray(at, end);
      at = end + 1;
      this.#check(piece.length);
      if (this.#partial.lengthBytes === 0) {
        this.#emit(piece);
      } else {
        this.#partial.add(piece, this.maxLineBytes + 1);
        this.#emit(this.#partial.take());
      }
    }
    if (at === chunk.length) return;
    const rest = chunk.subarray(at);
    this.#check(rest.length);
    this.#partial.add(rest, this.maxLineBytes + 1);
  }

  /**
   * The stream has ended; a last line without an end counts.
   * @throws too_large if that is over the limit.
   */
  end(): void {
    if (!this.#dead && this.#partial.lengthBytes > 0) this.#emit(this.#partial.take());
  }

  #emit(line: Buffer): void {
    const end = line.length > 0 && line[line.length - 1] === RETURN ? line.length - 1 : line.length;
    if (end > this.maxLineBytes) this.#refuse();
    for (let at = 0; at < end; at++) {
      const byte = line[at];
      if (byte !== BLANK && byte !== TAB && byte !== RETURN) {
        this.#onLine(line.subarray(0, end));
        return;
      }
    }
  }

  /** One byte more than the limit may wait: it can be the return of `\r\n`. */
  #check(moreBytes: number): void {
    if (this.#partial.lengthBytes + moreBytes > this.maxLineBytes + 1) this.#refuse();
  }

  #refuse(): never {
    this.#dead = new SockPythonError('too_large', `a line is over the limit of ${this.maxLineBytes} bytes`);
    throw this.#dead;
  }
}
