/** One run as its client sees it: events while it goes, a result at the end, and what can be said to it meanwhile. */
import { SockPythonError } from '../protocol/errors.js';
import type {
  AttachRequest,
  DoneEvent,
  InterruptReply,
  RequestId,
  RunEvent,
  RunRequest,
} from '../protocol/messages.js';
import type { NativeConnection } from '../transport/native_connection.js';
import { EventBuffer, type Flow } from './event_buffer.js';
import type { RunOptions } from './run_options.js';
import { type RunResult, toRunResult } from './run_result.js';

export interface InterruptRunOptions {
  /** How long to wait for the run to end before the answer is `still_running`. */
  readonly graceMs?: number;
  /** End the kernel if the run has not ended by then. */
  readonly kill?: boolean;
}

export type RunHandleOptions = Pick<RunOptions, 'signal' | 'onEvent' | 'collect'>;

/** What a handle needs of a connection. */
export type Requester = Pick<NativeConnection, 'request'>;

/** Where a run's handle gets its events from and sends what it says. Not for callers: `Session` makes it. */
export interface RunLink {
  /** The connection that carries the events. */
  readonly stream: Requester;
  /** The connection for interrupt and input. */
  readonly control: Requester;
  readonly message: Omit<RunRequest, 'id'> | Omit<AttachRequest, 'id'>;
  readonly flow?: Flow;
  /** Called once, when no more comes. */
  readonly onSettled: () => void;
}

/**
 * A run in flight, or one attached to. Iterating gives its events from the first one that came (`queued`, `started`,
 * output, at last `done`); leaving the iteration early does nothing to the run. `result` never goes unhandled: whoever
 * looks at neither `result` nor the events is told nothing, and nothing breaks.
 */
export class Run implements AsyncIterable<RunEvent> {
  /** The request's id on its connection. */
  readonly id: RequestId;
  /**
   * How the run ended; a Python exception is a result.
   * @throws SockPythonError connection_lost, or what the server refused the run with (overloaded, bad_request, …).
   */
  readonly result: Promise<RunResult>;
  readonly #control: Requester;
  readonly #options: RunHandleOptions;
  readonly #buffer: EventBuffer;
  readonly #onSettled: () => void;
  /** Without `collect`, the few events that a result needs beside `done`. */
  readonly #notable: RunEvent[] = [];
  readonly #onAbort: (() => void) | undefined;
  #number: number | null = null;
  #onNumbered: readonly (() => void)[] | undefined;
  #known = 0;
  #done: DoneEvent | undefined;
  #observerFailure: { readonly error: unknown } | undefined;

  constructor(link: RunLink, options: RunHandleOptions) {
    this.#control = link.control;
    this.#options = options;
    this.#onSettled = link.onSettled;
    const keep = options.collect !== false;
    this.#buffer = new EventBuffer(link.flow === undefined ? { keep } : { keep, flow: link.flow });
    if (link.message.op === 'attach') {
      this.#known = link.message.since ?? 0;
      if (typeof link.message.run === 'number') this.#number = link.message.run;
    }
    const pending = link.stream.request(link.message, (event) => this.#take(event));
    this.id = pending.id;
    this.result = pending.done.then(
      (answer) => this.#finish(answer),
      (error: unknown) => this.#fail(error),
    );
    this.result.catch(() => {});
    this.#onAbort = this.#followSignal(options.signal);
  }

  /** The run's number in its session; null until the server has told it (see `whenNumbered`). */
  get number(): number | null {
    return this.#number;
  }

  /** How many of the run's events are known: what to give `attach` as `since` to go on from here. */
  get known(): number {
    return this.#known;
  }

  /**
   * The run's number, as soon as the server has told it.
   * @throws what `result` rejects with, if that comes first.
   */
  async whenNumbered(): Promise<number> {
    if (this.#number === null) {
      const numbered = new Promise<void>((resolve) => {
        this.#onNumbered = [...(this.#onNumbered ?? []), resolve];
      });
      await Promise.race([numbered, this.result]);
    }
    if (this.#number === null) throw new SockPythonError('internal', 'the run ended without a number');
    return this.#number;
  }

  /** Breaks the run, or withdraws it from the queue; the answer says what came of it. */
  async interrupt(options: InterruptRunOptions = {}): Promise<InterruptReply> {
    const run = await this.whenNumbered();
    return (await this.#control.request({ ...options, op: 'interrupt', run }).done) as InterruptReply;
  }

  /** Answers an `input` event: one line for whoever reads standard input. A newline is not added. */
  async input(text: string): Promise<void> {
    const run = await this.whenNumbered();
    await this.#control.request({ op: 'input', run, text }).done;
  }

  /** Answers an `input` event with the end of the file. */
  async endInput(): Promise<void> {
    const run = await this.whenNumbered();
    await this.#control.request({ op: 'input', run, eof: true }).done;
  }

  /**
   * A reader of the events. With `collect: false` there can be one, and none beside `onEvent`.
   * @throws TypeError for a second one then. Its `next()` rejects as `result` does.
   */
  [Symbol.asyncIterator](): AsyncIterator<RunEvent, undefined> {
    if (this.#options.collect === false && this.#options.onEvent !== undefined) {
      throw new TypeError('with collect: false, events go to onEvent or to an iterator, not to both');
    }
    return this.#buffer[Symbol.asyncIterator]();
  }

  #take(event: RunEvent): void {
    if (this.#done !== undefined) return;
    const { onEvent, collect } = this.#options;
    if (this.#number === null) this.#setNumber(event.run);
    // A gap stands for the events that it tells of, and is none itself.
    this.#known += event.event === 'gap' ? event.events : 1;
    if (event.event === 'done') this.#done = event;
    if (collect === false && (event.event === 'started' || event.event === 'gap')) this.#notable.push(event);
    if (collect !== false || onEvent === undefined) this.#buffer.push(event);
    if (onEvent !== undefined && this.#observerFailure === undefined) this.#tell(onEvent, event);
  }

  #setNumber(run: number): void {
    this.#number = run;
    for (const resolve of this.#onNumbered ?? []) resolve();
    this.#onNumbered = undefined;
  }

  #tell(onEvent: (event: RunEvent) => void, event: RunEvent): void {
    try {
      onEvent(event);
    } catch (error) {
      this.#observerFailure = { error };
    }
  }

  #finish(answer: unknown): RunResult {
    if (this.#done === undefined && isDone(answer)) this.#take(answer);
    const done = this.#done;
    if (done === undefined) return this.#fail(new SockPythonError('internal', 'the run was answered without a done'));
    if (this.#observerFailure !== undefined) return this.#fail(this.#observerFailure.error);
    this.#settle();
    return toRunResult(this.#options.collect === false ? this.#notable : this.#buffer.events, done);
  }

  #fail(error: unknown): never {
    this.#settle({ error });
    throw error;
  }

  #settle(failure?: { readonly error: unknown }): void {
    this.#buffer.end(failure);
    if (this.#onAbort !== undefined) this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#onSettled();
  }

  #followSignal(signal: AbortSignal | undefined): (() => void) | undefined {
    if (signal === undefined) return undefined;
    // Should the interrupt fail, then because the connection did; `result` tells that.
    const onAbort = (): void => void this.interrupt().catch(() => {});
    signal.addEventListener('abort', onAbort, { once: true });
    return onAbort;
  }
}

function isDone(answer: unknown): answer is DoneEvent {
  return typeof answer === 'object' && answer !== null && (answer as { event?: unknown }).event === 'done';
}
