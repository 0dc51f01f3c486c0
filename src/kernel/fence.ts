/** Both raw streams of a kernel, and the proof that a run's output is complete. */
import { rawEvent } from './raw_event.js';
import { RawStream } from './raw_stream.js';

export class Fence {
  /** Takes the events of raw output; to be set by the owner. */
  onBytes: (payload: Buffer) => void = () => {};
  /** The run that raw output belongs to; 0 when none is on. */
  run = 0;
  readonly #streams: readonly RawStream[];
  readonly #timeoutMs: number;
  #waiting: ((seen: boolean) => void) | null = null;

  /** Opens the reading ends of both FIFOs. */
  constructor(outPath: string, errPath: string, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#streams = [
      new RawStream(outPath, (bytes) => this.onBytes(rawEvent('stdout', this.run, bytes))),
      new RawStream(errPath, (bytes) => this.onBytes(rawEvent('stderr', this.run, bytes))),
    ];
  }

  /** Hands out what was held back: nothing more belongs to this run. */
  settle(): void {
    for (const stream of this.#streams) stream.settle();
  }

  /** Calls `release` when both streams have shown the marker (true), or after the time allowed (false). */
  hold(marker: Buffer, release: (seen: boolean) => void): void {
    let missing = this.#streams.length;
    const timer = setTimeout(() => finish(false), this.#timeoutMs);
    const finish = (seen: boolean): void => {
      if (this.#waiting !== finish) return;
      this.#waiting = null;
      clearTimeout(timer);
      this.settle();
      release(seen);
    };
    this.#waiting = finish;
    for (const stream of this.#streams) {
      stream.awaitMarker(marker, () => {
        missing -= 1;
        if (missing === 0) finish(true);
      });
    }
  }

  /** The kernel is dead: what it wrote is read to the end, and a held `done` goes out. */
  drainAndClose(): void {
    for (const stream of this.#streams) stream.drainAndClose();
    this.#waiting?.(false);
  }
}
