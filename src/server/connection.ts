/**
 * One client's connection: bytes in, requests out; replies and events in, bytes out.
 *
 *   first byte ─▶ frames or lines ─▶ decode ─▶ native request or classic message ─▶ the host
 *   events and replies ─▶ encoded in the client's own dialect ─▶ one write a tick
 *
 * Nothing that a client sends may end the server or another client's connection.
 */

import {
  type Dialect,
  decodeMessage,
  detectDialect,
  dialectOfPayload,
  encodeMessage,
  REFUSAL,
} from '../protocol/dialect.js';
import { asSockPythonError, SockPythonError } from '../protocol/errors.js';
import { FrameReader } from '../protocol/frame.js';
import { LIMITS } from '../protocol/limits.js';
import { LineReader } from '../protocol/lines.js';
import type { RequestId } from '../protocol/messages.js';
import { decodeMessagePack, encodeIdPair } from '../protocol/msgpack.js';
import type { Socket } from '../transport/socket.js';
import type { EventSink, EventTag } from './observer.js';
import { Outbox } from './outbox.js';
import { SmallSet } from './small_set.js';

/** What may wait to be read by a client that goes on asking: much more than is ever read ahead from a log. */
const UNREAD_BYTES = 8 * LIMITS.congestedBytes;
/** How long a client may keep its side open after ours was closed. */
const LINGER_MS = 5000;

/** What ends with its connection. */
export interface Held {
  close(): void;
}

/** What a connection belongs to. */
export interface ConnectionHost {
  readonly maxFrameBytes: number;
  /** Must a client prove that it knows the token before anything else? */
  readonly tokenRequired: boolean;
  /** A decoded message; what it throws is answered as an error. */
  onMessage(connection: Connection, message: unknown): void;
  onClose(connection: Connection): void;
}

export class Connection implements EventSink {
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #open = new SmallSet<RequestId>();
  /** What is closed with it: observers, waiters. */
  readonly held: SmallSet<Held> = new SmallSet();
  readonly #whenDrained: (() => void)[] = [];
  readonly #whenClosed: (() => void)[] = [];
  readonly #whenLeft = new Set<() => void>();
  #dialect: Dialect | null = null;
  #reader: FrameReader | LineReader | null = null;
  readonly #outbox: Outbox = new Outbox();
  #scheduled = false;
  readonly #flushLater = (): void => this.#flush();
  #inputEnded = false;
  #single = false;
  #ending = false;
  #proofTimer: NodeJS.Timeout | null = null;
  #lingerTimer: NodeJS.Timeout | null = null;
  authorized: boolean;
  /** Who it says it is. */
  client = 'a client';
  /** Has it been taken for a client of the native protocol? */
  isNative = false;
  /** Does it follow the whole session already? */
  isWatching = false;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.authorized = !host.tokenRequired;
    if (!this.authorized) this.#proofTimer = setTimeout(() => this.destroy(), LIMITS.unprovenMs);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onInputEnd());
    socket.on('drain', () => this.#onDrain());
    socket.on('close', () => this.#onClose());
  }

  /** Takes the client's word as proved: from now on it may send what the server allows. */
  authorize(): void {
    this.authorized = true;
    if (this.#proofTimer !== null) clearTimeout(this.#proofTimer);
    if (this.#reader instanceof FrameReader) this.#reader.maxFrameBytes = this.#host.maxFrameBytes;
    if (this.#reader instanceof LineReader) this.#reader.maxLineBytes = this.#host.maxFrameBytes;
  }

  get congested(): boolean {
    return this.#outbox.bytes + this.#socket.writableLength > LIMITS.congestedBytes;
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  onceDrained(resume: () => void): void {
    this.#whenDrained.push(resume);
  }

  onceClosed(callback: () => void): void {
    this.#whenClosed.push(callback);
  }

  /**
   * Calls back when the client will ask nothing more: it has closed its sending side, which cannot be told from its
   * end as long as nothing is sent to it. What this returns takes the wish back.
   */
  onceLeft(callback: () => void): () => void {
    this.#whenLeft.add(callback);
    return () => this.#whenLeft.delete(callback);
  }

  /** The message that came is the only one: no more are taken, and whoever answers it ends the connection. */
  takeNoMore(): void {
    this.#single = true;
  }

  /** Marks a request as open. @throws bad_request if its id is in use, overloaded if there are too many. */
  begin(id: RequestId): void {
    if (this.#open.has(id)) throw new SockPythonError('bad_request', `request id ${JSON.stringify(id)} is in use`);
    if (this.#open.size >= LIMITS.openRequestCount) {
      throw new SockPythonError('overloaded', `${LIMITS.openRequestCount} requests are open on this connection`);
    }
    this.#open.add(id);
  }

  /** The request has its terminal answer. */
  finish(id: RequestId): void {
    this.#open.delete(id);
    this.#closeIfAnswered();
  }

  reply(id: RequestId, reply: unknown): void {
    this.send({ id, reply });
    this.finish(id);
  }

  fail(id: RequestId | null, error: unknown): void {
    this.send({ id, error: asSockPythonError(error).toBody() });
    if (id !== null) this.finish(id);
  }

  send(message: object): void {
    // In frames of which none was understood yet, JSON says by itself what it is.
    const unknown = this.#reader instanceof FrameReader ? 'json-frames' : 'lines';
    this.#push(encodeMessage(this.#dialect ?? unknown, message));
  }

  sendEvent(payload: Buffer, tag: EventTag | null, quiet: boolean): void {
    if (this.#dialect === 'msgpack-frames') {
      if (this.#socket.destroyed) return;
      this.#outbox.addEvent(payload, tag === null ? null : tag.pair);
      this.#flushSoon(quiet);
      return;
    }
    try {
      const event = decodeMessagePack(payload) as object;
      this.#push(encodeMessage(this.#dialect ?? 'lines', tag === null ? event : { id: tag.id, ...event }), quiet);
    } catch (error) {
      // What has no form in this client's dialect is this client's trouble, not that of the others who read along.
      this.fail(null, error);
      this.end();
    }
  }

  announce(): void {
    this.#flush();
  }

  /** Sends what is to be sent, then closes; who does not close its own side in time is cut off. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#flush();
    this.#socket.end(() => {
      this.#lingerTimer = setTimeout(() => this.destroy(), LINGER_MS).unref();
    });
  }

  /** Takes nothing more, and ends once everything that was asked is answered. */
  endWhenAnswered(): void {
    this.#inputEnded = true;
    this.#closeIfAnswered();
  }

  /** Closes now. */
  destroy(): void {
    this.#socket.destroy();
  }

  #onData(chunk: Buffer): void {
    if (this.#ending || chunk.length === 0) return;
    try {
      this.#reader ??= this.#chooseReader(chunk[0] as number);
      this.#reader?.push(chunk);
    } catch (error) {
      // The stream itself is broken: nothing that follows could be understood.
      this.fail(null, error);
      this.end();
    }
  }

  #chooseReader(first: number): FrameReader | LineReader | null {
    const limit = this.authorized ? this.#host.maxFrameBytes : LIMITS.unprovenFrameBytes;
    switch (detectDialect(first)) {
      case 'frames':
        return new FrameReader(limit, (payload) => this.#onPayload(payload));
      case 'lines':
        this.#dialect = 'lines';
        return new LineReader(limit, (line) => this.#onPayload(line));
      default:
        this.#push(Buffer.from(REFUSAL));
        this.end();
        return null;
    }
  }

  #onPayload(payload: Buffer): void {
    if (this.#ending || this.#single || this.#inputEnded) return;
    this.#dialect ??= dialectOfPayload(payload);
    try {
      this.#host.onMessage(this, decodeMessage(this.#dialect, payload));
    } catch (error) {
      this.fail(null, error);
    }
  }

  #onInputEnd(): void {
    try {
      // A last line without its end counts.
      this.#reader?.end();
    } catch (error) {
      this.fail(null, error);
    }
    this.#leave();
    this.endWhenAnswered();
  }

  #leave(): void {
    for (const callback of this.#whenLeft) callback();
    this.#whenLeft.clear();
  }

  /** After a half-close everything that was asked is answered, then we close too. */
  #closeIfAnswered(): void {
    if (this.#inputEnded && this.#open.size === 0 && !this.#single) this.end();
  }

  #onDrain(): void {
    this.#socket.resume();
    for (const resume of this.#whenDrained.splice(0)) resume();
  }

  #onClose(): void {
    if (this.#proofTimer !== null) clearTimeout(this.#proofTimer);
    if (this.#lingerTimer !== null) clearTimeout(this.#lingerTimer);
    this.#outbox.clear();
    this.#whenDrained.length = 0;
    this.#leave();
    for (const callback of this.#whenClosed.splice(0)) callback();
    this.#host.onClose(this);
  }

  #push(bytes: Buffer, quiet = false): void {
    if (this.#socket.destroyed) return;
    this.#outbox.addBytes(bytes);
    this.#flushSoon(quiet);
  }

  #flushSoon(quiet: boolean): void {
    if (this.#scheduled || quiet) return;
    this.#scheduled = true;
    process.nextTick(this.#flushLater);
  }

  /** One write for all that one turn of the loop has made. */
  #flush(): void {
    this.#scheduled = false;
    const bytes = this.#outbox.take();
    if (bytes === null) return;
    if (this.#socket.destroyed || !this.#socket.writable) return;
    this.#socket.write(bytes);
    // Events wait in the log for a slow reader; its answers cannot: it is not heard again before it has read them.
    if (this.#socket.writableLength > UNREAD_BYTES) this.#socket.pause();
  }
}

/** The tag by which the submitter's events are marked as the answer to its request. */
export function eventTag(id: RequestId): EventTag {
  return { id, pair: encodeIdPair(id) };
}
