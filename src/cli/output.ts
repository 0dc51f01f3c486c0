/** Writing to stdout and stderr: waits for slow readers, and notices when nobody reads any more. */
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { EXIT } from './exit_codes.js';
import type { Io } from './io.js';
import type { Piece } from './render.js';

/**
 * Whatever a command writes: that nobody reads it ends the command quietly with 141; that it cannot be kept, on a full
 * disk say, is told.
 */
export function watchStreams(io: Io): void {
  let isTold = false;
  io.stdout.on('error', (error) => {
    io.setExitCode(exitCodeOfWriting(error));
    if (isTold || isPipeError(error)) return;
    isTold = true;
    io.stderr.write(`sock-python: cannot write to standard output: ${error.message}\n`);
  });
  // Whoever does not read our complaints goes without them.
  io.stderr.on('error', () => {});
}

function exitCodeOfWriting(error: Error): number {
  return isPipeError(error) ? EXIT.brokenPipe : EXIT.failure;
}

function isPipeError(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE';
}

export class Output {
  /** Resolves to the exit code when nothing more can be written to stdout; never rejects. */
  readonly broken: Promise<number>;
  readonly isTerminal: boolean;
  readonly #io: Io;
  #isBroken = false;

  constructor(io: Io) {
    this.#io = io;
    this.isTerminal = io.stdout.isTTY === true;
    this.broken = new Promise((resolve) => {
      io.stdout.once('error', (error) => {
        this.#isBroken = true;
        resolve(exitCodeOfWriting(error));
      });
    });
  }

  /** Resolves when there is room for more. */
  async write(pieces: readonly Piece[]): Promise<void> {
    for (const { stream, text } of pieces) {
      if (stream === 'stdout' && this.#isBroken) continue;
      const target = this.#io[stream];
      if (!target.write(text)) await this.#room(target);
    }
  }

  /** Nothing more can be written to stdout. */
  get isBroken(): boolean {
    return this.#isBroken;
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
