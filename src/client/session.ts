/**
 * A kept connection to a session.
 *
 *     session.run(code) ──▶ Run ── request ──▶ NativeConnection ──▶ server
 *     for await (event) ◀── EventBuffer ◀── events by request id ◀──┘
 *
 * All runs and requests share one connection; `attach` and `watch` open one each, so that their events never mix
 * with a run's own, and a slow reader of theirs holds nobody else.
 */
import { type Address, parseAddress } from '../protocol/address.js';
import { asSockPythonError, SockPythonError } from '../protocol/errors.js';
import type {
  HelloReply,
  InterruptReply,
  LostEvent,
  PingReply,
  RestartReply,
  RunState,
  RunSummary,
  StatusReply,
  WaitReply,
} from '../protocol/messages.js';
import { NativeConnection, type RequestBody } from '../transport/native_connection.js';
import { EventBuffer } from './event_buffer.js';
import { OpenCount } from './open_count.js';
import { type InterruptRunOptions, Run, type RunHandleOptions } from './run.js';
import { type RunOptions, toRunMessage } from './run_options.js';
import { Watch, type WatchStart } from './watch.js';

export interface ConnectOptions {
  /** From the session file. Over TCP it is not sent before the server has proved that it knows it. */
  readonly token?: string;
  /** For connecting alone; see `RunOptions.signal` for a run. */
  readonly signal?: AbortSignal;
  /** Time for connection and greeting. */
  readonly timeoutMs?: number;
  /** Told to the server, for its logs. */
  readonly client?: { readonly name: string; readonly version: string };
  /**
   * Called whenever the namespace is lost, by a death of the kernel or a restart, once each: what happened and which
   * names are gone. It must not throw.
   */
  readonly onLost?: (event: LostEvent) => void;
}

export interface EndSessionOptions {
  /** Let the running snippet and the queue finish first. */
  readonly drain?: boolean;
  /** How long the running snippet may take to break. */
  readonly graceMs?: number;
}

export interface AttachOptions extends RunHandleOptions {
  /** Events already known (see `Run.known`): the first that comes is the one after them. `result` then lacks them. */
  readonly since?: number;
}

export interface RunsOptions {
  readonly limit?: number;
  readonly state?: RunState;
  /** Give each run's code, too. */
  readonly code?: boolean;
  /** Give runs marked quiet, too. */
  readonly quiet?: boolean;
}

export interface WaitOptions {
  /** Ask for no more than where the run stands after so long; without it, the answer comes at the run's end. */
  readonly waitMs?: number;
}

/** A run that has ended, with its code. */
export interface HistoryEntry extends RunSummary {
  readonly code: string;
}

/** More than any server remembers. */
const ALL_RUNS_COUNT = 0xffff_ffff;

/**
 * Connects to a session. Whoever calls it closes the session, or says `await using`.
 * @throws no_server, unauthorized, not_loopback, bad_address, unsupported_version; the signal's reason when aborted.
 */
export async function connect(address: string | Address, options: ConnectOptions = {}): Promise<Session> {
  const target = typeof address === 'string' ? parseAddress(address) : address;
  // A loss is told on each connection; those opened later are for events of runs alone.
  const { signal, onLost, ...kept } = options;
  const connection = await NativeConnection.open(target, options);
  return new Session(target, kept, connection);
}

/** One client's place at a session; made by `connect`. */
export class Session {
  readonly address: Address;
  /** What the server said of itself. */
  readonly hello: HelloReply;
  /** Settles when the connection has ended: with the error, if that was not asked for. */
  readonly closed: Promise<SockPythonError | undefined>;
  readonly #connection: NativeConnection;
  readonly #options: Omit<ConnectOptions, 'signal' | 'onLost'>;
  readonly #open = new OpenCount();
  readonly #watches = new Set<Watch>();
  readonly #others = new Set<NativeConnection>();
  #closing: Promise<void> | undefined;

  constructor(address: Address, options: Omit<ConnectOptions, 'signal' | 'onLost'>, connection: NativeConnection) {
    this.address = address;
    this.hello = connection.hello;
    this.closed = connection.closed;
    this.#options = options;
    this.#connection = connection;
  }

  /**
   * Runs a snippet. Many may be in flight; the server runs them one after the other.
   * @throws the signal's reason if that is aborted already, bad_request for arguments that the protocol cannot carry,
   * connection_lost after `close`; nothing is sent then. All else comes through the handle's `result`.
   */
  run(code: string, options: RunOptions = {}): Run {
    options.signal?.throwIfAborted();
    this.#checkOpen();
    const message = toRunMessage(code, options);
    const connection = this.#connection;
    const run = new Run({ stream: connection, control: connection, message, onSettled: this.#open.remove }, options);
    this.#open.add();
    return run;
  }

  /**
   * Follows a run from its first event, or from `since` on, to its end; `current` is the running one, `last` the
   * newest. The handle's `result` rejects with not_found if there is no such run.
   */
  async attach(run: number | 'current' | 'last', options: AttachOptions = {}): Promise<Run> {
    options.signal?.throwIfAborted();
    const stream = await this.#openAnother();
    this.#open.add();
    const onSettled = (): void => {
      this.#leave(stream);
      this.#open.remove();
    };
    const { since } = options;
    const message = since === undefined ? ({ op: 'attach', run } as const) : ({ op: 'attach', run, since } as const);
    return new Run({ stream, control: this.#connection, message, flow: stream, onSettled }, options);
  }

  /** Joins the session's whole stream of events; resolves when joined. `close` ends it, too. */
  async watch(): Promise<Watch> {
    const stream = await this.#openAnother();
    const buffer = new EventBuffer({ keep: false, flow: stream });
    void stream.closed.then((error) => buffer.end(error === undefined ? undefined : { error }));
    try {
      const answer = await stream.request({ op: 'watch' }, (event) => buffer.push(event)).done;
      const leave = (): void => {
        this.#watches.delete(watch);
        this.#leave(stream);
      };
      const watch = new Watch({ buffer, start: answer as WatchStart, leave });
      this.#watches.add(watch);
      return watch;
    } catch (error) {
      this.#leave(stream);
      throw error;
    }
  }

  /** The newest runs that the server remembers. */
  async runs(options: RunsOptions = {}): Promise<readonly RunSummary[]> {
    return (await this.#request({ ...options, op: 'runs' })) as readonly RunSummary[];
  }

  /** The runs that have ended and are remembered, oldest first (with `limit`: the newest of them). */
  async history(options: { readonly limit?: number } = {}): Promise<readonly HistoryEntry[]> {
    const runs = await this.runs({ limit: ALL_RUNS_COUNT, ...options, state: 'done', code: true });
    // The server gives the code, since it is asked for.
    return [...runs].reverse() as readonly HistoryEntry[];
  }

  /**
   * How a run ended, with its `done`, as soon as it has; `current` is the running one, `last` the newest. Without
   * `done` it has not ended within `waitMs`. @throws not_found
   */
  async wait(run: number | 'current' | 'last', options: WaitOptions = {}): Promise<WaitReply> {
    return (await this.#request({ ...options, op: 'wait', run })) as WaitReply;
  }

  /** Answers an `input` event of any run. */
  async input(run: number, answer: { readonly text: string } | { readonly eof: true }): Promise<void> {
    await this.#request({ ...answer, op: 'input', run });
  }

  /** Withdraws a queued run or interrupts a running one; the answer says which. @throws not_found */
  async cancel(run: number, options: { readonly graceMs?: number } = {}): Promise<InterruptReply> {
    return (await this.#request({ ...options, op: 'cancel', run })) as InterruptReply;
  }

  /** Breaks what runs now, or the run named. */
  async interrupt(options: InterruptRunOptions & { readonly run?: number } = {}): Promise<InterruptReply> {
    return (await this.#request({ ...options, op: 'interrupt' })) as InterruptReply;
  }

  async status(): Promise<StatusReply> {
    return (await this.#request({ op: 'status' })) as StatusReply;
  }

  /** A fresh kernel at the same address; resolves when it is ready. */
  async restart(options: EndSessionOptions = {}): Promise<RestartReply> {
    return (await this.#request({ ...options, op: 'restart' })) as RestartReply;
  }

  /** Ends the server. Its connections end with it, this one too. */
  async stop(options: EndSessionOptions = {}): Promise<void> {
    await this.#request({ ...options, op: 'stop' });
  }

  async ping(): Promise<PingReply> {
    return (await this.#request({ op: 'ping' })) as PingReply;
  }

  /** Where Python stands now, as text. @throws kernel_lost */
  async stack(): Promise<string> {
    return ((await this.#request({ op: 'stack' })) as { readonly stack: string }).stack;
  }

  /**
   * Takes nothing new, ends the watches, waits for all open requests and runs to be answered, and closes the
   * connection. Idempotent; never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  /**
   * Drops the connection now: every waiter rejects with one connection_lost, which names `reason`. The runs go on,
   * but for those asked not to (`onDisconnect`).
   */
  destroy(reason?: unknown): void {
    this.#closing ??= Promise.resolve();
    const error = reason === undefined ? undefined : asSockPythonError(reason);
    for (const connection of [this.#connection, ...this.#others]) connection.destroy(error);
    this.#others.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #drain(): Promise<void> {
    for (const watch of [...this.#watches]) watch.close();
    await Promise.race([this.#open.whenNone(), this.closed]);
    await this.#connection.close();
    for (const other of this.#others) other.destroy();
  }

  async #request(message: RequestBody): Promise<unknown> {
    this.#checkOpen();
    this.#open.add();
    try {
      return await this.#connection.request(message).done;
    } finally {
      this.#open.remove();
    }
  }

  async #openAnother(): Promise<NativeConnection> {
    this.#checkOpen();
    const connection = await NativeConnection.open(this.address, this.#options);
    if (this.#closing !== undefined) {
      connection.destroy();
      this.#checkOpen();
    }
    this.#others.add(connection);
    return connection;
  }

  #leave(connection: NativeConnection): void {
    this.#others.delete(connection);
    connection.destroy();
  }

  #checkOpen(): void {
    if (this.#closing === undefined) return;
    throw new SockPythonError('connection_lost', 'this session was closed by its own program; nothing was sent');
  }
}
