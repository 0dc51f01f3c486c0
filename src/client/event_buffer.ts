/**
 * Events between the connection and whoever iterates over them. Pushing never waits: one connection carries many
 * runs, and a lagging reader of one must not stall the others. The buffer therefore grows with the lag; who wants to
 * lag behind without bound uses a connection of its own, whose `flow` is then held while the reader is behind.
 */
import type { RunEvent } from '../protocol/messages.js';

/** Stops and starts what fills the buffer. */
export interface Flow {
  pause(): void;
  resume(): void;
}

export interface EventBufferOptions {
  /** True: every event stays and each iterator starts from the first. False: one iterator, which consumes. */
  readonly keep: boolean;
  /** Held while more than `highWaterCount` events wait; only without `keep`. */
  readonly flow?: Flow;
  readonly highWaterCount?: number;
}

const HIGH_WATER_COUNT = 1024;
/** A consumed stretch shorter than this is not worth moving the rest for. */
const COMPACT_COUNT = 1024;

/** A growing list of events with any number of async readers (one, if they consume). */
export class EventBuffer implements AsyncIterable<RunEvent> {
  readonly #keep: boolean;
  readonly #flow: Flow | undefined;
  readonly #highWaterCount: number;
  #events: RunEvent[] = [];
  #head = 0;
  #isPaused = false;
  #isTaken = false;
  #isAbandoned = false;
  #isEnded = false;
  #failure: { readonly error: unknown } | undefined;
  #waiters: (() => void)[] | undefined;

  constructor(options: EventBufferOptions) {
    this.#keep = options.keep;
    this.#flow = options.keep ? undefined : options.flow;
    this.#highWaterCount = options.highWaterCount ?? HIGH_WATER_COUNT;
  }

  /** All events so far, if they are kept; else those not yet consumed. */
  get events(): readonly RunEvent[] {
    return this.#head === 0 ? this.#events : this.#events.slice(this.#head);
  }

  get isTaken(): boolean {
    return this.#isTaken;
  }

  push(event: RunEvent): void {
    if (this.#isEnded || this.#isAbandoned) return;
    this.#events.push(event);
    if (this.#flow !== undefined && !this.#isPaused && this.#events.length - this.#head > this.#highWaterCount) {
      this.#isPaused = true;
      this.#flow.pause();
    }
    if (this.#waiters !== undefined) this.#wake();
  }

  /** No more events come. With an error, readers get what is there and then the error. */
  end(failure?: { readonly error: unknown }): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failure = failure;
    this.#wake();
  }

  /**
   * A reader from the first event on.
   * @throws TypeError when the events are consumed and another reader has them.
   */
  [Symbol.asyncIterator](): AsyncIterator<RunEvent, undefined> {
    if (!this.#keep && this.#isTaken) throw new TypeError('these events are not kept, and another reader has them');
    this.#isTaken = true;
    let cursor = 0;
    let isDone = false;
    const take = (): RunEvent | undefined => (this.#keep ? this.#events[cursor++] : this.#consume());
    const isEmpty = (): boolean => (this.#keep ? cursor : this.#head) >= this.#events.length;
    return {
      next: async () => {
        while (!isDone) {
          if (!isEmpty()) return { done: false, value: take() as RunEvent };
          if (this.#isEnded) {
            isDone = true;
            if (this.#failure !== undefined) throw this.#failure.error;
            break;
          }
          await this.#more();
        }
        return { done: true, value: undefined };
      },
      return: async () => {
        isDone = true;
        if (!this.#keep) this.#abandon();
        this.#wake();
        return { done: true, value: undefined };
      },
    };
  }

  /** The only reader left: nothing is worth keeping, nor worth holding the connection for. */
  #abandon(): void {
    this.#isAbandoned = true;
    this.#events = [];
    this.#head = 0;
    if (this.#isPaused) this.#flow?.resume();
    this.#isPaused = false;
  }

  #consume(): RunEvent | undefined {
    const event = this.#events[this.#head++];
    if (this.#head === this.#events.length) {
      this.#events = [];
      this.#head = 0;
    } else if (this.#head >= COMPACT_COUNT && this.#head * 2 >= this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    if (this.#isPaused && this.#events.length - this.#head <= this.#highWaterCount / 2) {
      this.#isPaused = false;
      this.#flow?.resume();
    }
    return event;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters ??= [];
      this.#waiters.push(resolve);
    });
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = undefined;
    if (waiters !== undefined) for (const wake of waiters) wake();
  }
}
