/** Writing to stdout and stderr: waits for slow readers, and notices when nobody reads any more. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { Io } from './io.js';
import type { Piece } from './render.js';

export class Output {
  /** Resolves when nobody reads stdout any more; never rejects. */
  readonly broken: Promise<void>;
  readonly isTerminal: boolean;
  readonly #io: Io;
  #isBroken = false;

  constructor(io: Io) {
    this.#io = io;
    this.isTerminal = io.stdout.isTTY === true;
    let tell: () => void = () => {};
    this.broken = new Promise((resolve) => {
      tell = resolve;
    });
    io.stdout.on('error', () => {
      this.#isBroken = true;
      tell();
    });
    // Whoever does not read our complaints goes without them.
    io.stderr.on('error', () => {});
  }

  /** Resolves when there is room for more. */
  async write(pieces: readonly Piece[]): Promise<void> {
    for (const { stream, text } of pieces) {
      if (stream === 'stdout' && this.#isBroken) continue;
      const target = this.#io[stream];
      if (!target.write(text)) await this.#room(target);
    }
  }

  /** A line to the user about the run, not of it. */
  notice(text: string): void {
    this.#io.stderr.write(`sock-python: ${text}\n`);
  }

  async #room(target: Writable): Promise<void> {
    const left = new AbortController();
    const { signal } = left;
    try {
      await Promise.race([once(target, 'drain', { signal }), once(target, 'close', { signal }), this.broken]);
    } catch {
      // An error of the stream is handled where it is listened to.
    } finally {
      left.abort();
    }
  }
}
