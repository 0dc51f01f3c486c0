/**
 * Messages over any duplex stream of bytes, in frames:
 *
 *   socket ── chunks ──▶ FrameReader ── payload ──▶ decode ──▶ onMessage
 *   socket ◀── one write ── whole frame ◀── encode ◀── send
 */
import type { Duplex } from 'node:stream';
import { decodeMessage, encodeMessage } from '../protocol/dialect.js';
import { asSockPythonError, type SockPythonError } from '../protocol/errors.js';
import { FrameReader } from '../protocol/frame.js';
import { LIMITS } from '../protocol/limits.js';

export interface MessageStreamOptions {
  /** What both sides speak; `msgpack` unless told otherwise. */
  readonly encoding?: 'msgpack' | 'json';
  readonly maxFrameBytes?: number;
  readonly onMessage: (message: unknown) => void;
  /** Called once, when the stream is closed: with what went wrong, or nothing if it simply ended. */
  readonly onClose?: (error?: SockPythonError) => void;
}

/** Owns its socket: `close` ends it after what was sent, `destroy` at once. */
export class MessageStream {
  readonly #socket: Duplex;
  readonly #dialect: 'msgpack-frames' | 'json-frames';
  readonly #onMessage: (message: unknown) => void;
  readonly #onClose: ((error?: SockPythonError) => void) | undefined;
  readonly #reader: FrameReader;
  #isOpen = true;
  #isEnding = false;
  #isClosed = false;
  #error: SockPythonError | undefined;

  constructor(socket: Duplex, options: MessageStreamOptions) {
    this.#socket = socket;
    this.#dialect = options.encoding === 'json' ? 'json-frames' : 'msgpack-frames';
    this.#onMessage = options.onMessage;
    this.#onClose = options.onClose;
    this.#reader = new FrameReader(options.maxFrameBytes ?? LIMITS.maxFrameBytes, (payload) => this.#take(payload));
    socket.on('error', (error: Error) => this.#fail(error));
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    socket.on('close', () => this.#closed());
    if (socket.destroyed) queueMicrotask(() => this.#closed());
  }

  /** False once closing has begun, from either side. */
  get isOpen(): boolean {
    return this.#isOpen && !this.#isEnding;
  }

  /**
   * Sends a message in one write; false asks to wait for `drain`, and is also the answer when the stream is closed.
   * @throws bad_request for what the protocol does not carry; nothing was sent then.
   */
  send(message: object): boolean {
    const bytes = encodeMessage(this.#dialect, message);
    return this.isOpen && this.#socket.writable && this.#socket.write(bytes);
  }

  /** Holds what arrives, in the system's buffers and the sender's, until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends our side once everything is sent; what the other side still sends arrives. Idempotent. */
  close(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#socket.end();
  }

  /** Drops the connection now; `reason` goes to `onClose`. Idempotent. */
  destroy(reason?: SockPythonError): void {
    if (!this.#isOpen) return;
    this.#error ??= reason;
    this.#isOpen = false;
    this.#socket.destroy();
  }

  #take(payload: Buffer): void {
    if (this.#isOpen) this.#onMessage(decodeMessage(this.#dialect, payload));
  }

  #onData(chunk: Buffer): void {
    if (!this.#isOpen) return;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.destroy(asSockPythonError(error));
    }
  }

  #onEnd(): void {
    if (!this.#isOpen) return;
    try {
      this.#reader.end();
      this.close();
    } catch (error) {
      this.destroy(asSockPythonError(error));
    }
  }

  #fail(error: Error): void {
    this.#error ??= asSockPythonError(error);
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isOpen = false;
    this.#onClose?.(this.#error);
  }
}
