/** All events of a session, from the moment of joining, over a connection of their own. */
import type { RunEvent } from '../protocol/messages.js';
import type { EventBuffer } from './event_buffer.js';

/** Where a watcher joined. */
export interface WatchStart {
  /** The run that was on, if any. */
  readonly run: number | null;
  /** How many of its events had been before: `attach(run, {since: 0})` gives them. */
  readonly at: number;
}

/** What a watcher is made of. Not for callers: `Session` makes it. */
export interface WatchLink {
  readonly buffer: EventBuffer;
  readonly start: WatchStart;
  readonly leave: () => void;
}

/**
 * Iterating gives every event of every run (`started` with its code) and of the session itself (run 0), until the
 * server ends or the iteration is left; there can be one iteration. A reader that lags holds only this connection; the
 * server then keeps the events, and tells of a `gap` should it have to drop some.
 */
export class Watch implements AsyncIterable<RunEvent> {
  readonly start: WatchStart;
  readonly #buffer: EventBuffer;
  readonly #leave: () => void;

  constructor({ buffer, start, leave }: WatchLink) {
    this.start = start;
    this.#buffer = buffer;
    this.#leave = leave;
  }

  /** @throws TypeError when there is an iteration already. Its `next()` rejects with connection_lost. */
  [Symbol.asyncIterator](): AsyncIterator<RunEvent, undefined> {
    const inner = this.#buffer[Symbol.asyncIterator]();
    return {
      next: () => inner.next(),
      return: () => {
        this.close();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  /** Stops watching; an iteration ends with what has come. Idempotent. */
  close(): void {
    this.#buffer.end();
    this.#leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
