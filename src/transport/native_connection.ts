/**
 * A client's connection in the native protocol: many requests in flight, each with one answer.
 *
 *   request ── id ──▶ MessageStream ──▶ server
 *   waiter  ◀─ by id ─ reply, error, `done` ◀── MessageStream ◀── server
 */
import type { Address } from '../protocol/address.js';
import { errorFromBody } from '../protocol/error_body.js';
import { SockPythonError } from '../protocol/errors.js';
import { isMap } from '../protocol/fields.js';
import { LIMITS } from '../protocol/limits.js';
import type { HelloReply, LostEvent, Request, RunEvent } from '../protocol/messages.js';
import { type DialOptions, dial } from './dial.js';
import { introduce } from './introduce.js';
import { MessageStream } from './message_stream.js';
import type { Socket } from './socket.js';

/** A request as callers write it; the connection gives it its id. */
export type RequestBody = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

export interface NativeConnectionOptions extends DialOptions {
  /** The session's token. On TCP the server must prove that it knows it before it is sent. */
  readonly token?: string;
  readonly client?: { readonly name: string; readonly version: string };
  /** Told whenever the session's namespace is lost, by a death of its kernel or a restart. */
  readonly onLost?: ((event: LostEvent) => void) | undefined;
}

export interface PendingRequest {
  readonly id: number;
  /**
   * The reply; for `run`, its `done` event. Rejects with the server's error, or with connection_lost: one and the same
   * for all that wait. Whoever asks must handle it.
   */
  readonly done: Promise<unknown>;
}

/** Who waits for an answer, or observes events. */
interface Waiter {
  readonly request: RequestBody;
  readonly onEvent: ((event: RunEvent) => void) | undefined;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: SockPythonError) => void;
}

/** Owns its socket. `close()` lets everything asked be answered first, `destroy(reason)` drops it now. */
export class NativeConnection {
  /** When and why the connection ended; without an error it was closed in good order. Never rejects. */
  readonly closed: Promise<SockPythonError | undefined>;
  readonly #stream: MessageStream;
  readonly #waiters: Map<number, Waiter> = new Map();
  /** `attach` until its reply, `watch` for good: whose events may come without an id. */
  readonly #observers: Map<number, Waiter> = new Map();
  readonly #onLost: ((event: LostEvent) => void) | undefined;
  #hello: HelloReply | undefined;
  #nextId = 1;
  #lost: SockPythonError | undefined;

  private constructor(socket: Socket, { onLost }: NativeConnectionOptions) {
    this.#onLost = onLost;
    let onClosed: (error: SockPythonError | undefined) => void = () => {};
    this.closed = new Promise((resolve) => {
      onClosed = resolve;
    });
    this.#stream = new MessageStream(socket, {
      maxFrameBytes: LIMITS.maxFrameCeilingBytes,
      onMessage: (message) => this.#take(message),
      onClose: (error) => {
        this.#lose(error);
        onClosed(error);
      },
    });
  }

  /**
   * Connects and says hello; over TCP with a token, the server proves itself first.
   * @throws what `dial` throws; unauthorized, unsupported_version, shutting_down; no_server after `timeoutMs`.
   */
  static async open(address: Address, options: NativeConnectionOptions = {}): Promise<NativeConnection> {
    const { timeoutMs, signal } = options;
    const startedMs = performance.now();
    const connection = new NativeConnection(await dial(address, options), options);
    const giveUp = (): void => connection.destroy(new SockPythonError('no_server', `no hello within ${timeoutMs} ms`));
    const onAbort = (): void => connection.destroy();
    const leftMs = timeoutMs === undefined ? 0 : Math.max(1, timeoutMs - (performance.now() - startedMs));
    const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, leftMs);
    signal?.addEventListener('abort', onAbort);
    try {
      signal?.throwIfAborted();
      connection.#hello = await introduce(connection, address, options);
      return connection;
    } catch (error) {
      connection.destroy();
      signal?.throwIfAborted();
      throw error instanceof SockPythonError && error.cause instanceof SockPythonError ? error.cause : error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** What the server said of itself. */
  get hello(): HelloReply {
    if (!this.#hello) throw new TypeError('hello is known once open() has resolved');
    return this.#hello;
  }

  /**
   * Sends a request. `onEvent` is told the events of a `run` (its `done` included), `attach` or `watch` in their order.
   * @throws bad_request for what the protocol does not carry; nothing was sent then.
   */
  request(request: RequestBody, onEvent?: (event: RunEvent) => void): PendingRequest {
    const id = this.#takeId();
    const refusal = this.#stream.isOpen ? this.#lost : (this.#lost ?? closing());
    if (!refusal) this.#stream.send({ ...request, id });
    const done = new Promise<unknown>((resolve, reject) => {
      if (refusal) {
        reject(refusal);
        return;
      }
      const waiter: Waiter = { request, onEvent, resolve, reject };
      this.#waiters.set(id, waiter);
      if (request.op === 'attach' || request.op === 'watch') this.#observers.set(id, waiter);
    });
    return { id, done };
  }

  /** Holds what the server sends, in the system's buffers and then at the server, until `resume`. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Asks nothing more; resolves when everything asked is answered and the connection closed. Idempotent. */
  async close(): Promise<void> {
    this.#stream.close();
    await this.closed;
  }

  /** Drops the connection now and rejects all that wait. Idempotent. */
  destroy(reason?: SockPythonError): void {
    this.#stream.destroy(reason);
    this.#lose(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #takeId(): number {
    let id = this.#nextId;
    while (this.#waiters.has(id) || this.#observers.has(id)) id = id === MAX_ID ? 1 : id + 1;
    this.#nextId = id === MAX_ID ? 1 : id + 1;
    return id;
  }

  #take(message: unknown): void {
    if (!isMap(message)) throw new SockPythonError('bad_request', 'the server sent something that is no message');
    if (message.event !== undefined) {
      // The server is trusted as far as its messages' form goes; a newer one may say more than is known here.
      this.#takeEvent(message as unknown as RunEvent);
      return;
    }
    const { id } = message;
    if (id === null && message.error !== undefined) throw errorFromBody(message.error);
    const waiter = this.#settle(id);
    if (message.error === undefined) waiter?.resolve(message.reply);
    else waiter?.reject(errorFromBody(message.error));
  }

  #takeEvent(event: RunEvent): void {
    if (event.event === 'lost') this.#tellLost(event);
    if (event.id === undefined) {
      for (const observer of this.#observers.values()) if (observes(observer, event)) observer.onEvent?.(event);
      return;
    }
    const id = Number(event.id);
    const waiter = this.#waiters.get(id) ?? this.#observers.get(id);
    waiter?.onEvent?.(event);
    if (event.event === 'done' && waiter?.request.op === 'run') this.#settle(id)?.resolve(event);
  }

  #tellLost(event: LostEvent): void {
    try {
      this.#onLost?.(event);
    } catch (error) {
      // A defect of the caller's, to be seen as one; the connection has none.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  /** The waiter that gets its answer now, if there is one. */
  #settle(id: unknown): Waiter | undefined {
    if (typeof id !== 'number') return undefined;
    const waiter = this.#waiters.get(id);
    this.#waiters.delete(id);
    if (waiter?.request.op !== 'watch') this.#observers.delete(id);
    return waiter;
  }

  #lose(cause: SockPythonError | undefined): void {
    if (this.#lost) return;
    const why = cause ? `: ${cause.message}` : '';
    this.#lost = new SockPythonError('connection_lost', `the connection to the server ended${why}`, { cause });
    const waiters = [...this.#waiters.values()];
    this.#waiters.clear();
    this.#observers.clear();
    for (const waiter of waiters) waiter.reject(this.#lost);
  }
}

const MAX_ID = 0xffff_ffff;

function closing(): SockPythonError {
  return new SockPythonError('connection_lost', 'the connection is closing; nothing was sent');
}

/** Whether an event without an id is one that this request asked for: run 0 is the session, and no run. */
function observes({ request }: Waiter, event: RunEvent): boolean {
  if (request.op !== 'attach') return true;
  return typeof request.run === 'number' ? request.run === event.run : event.run !== 0;
}
