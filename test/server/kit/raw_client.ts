/** A client that knows no manners: raw bytes on a real socket, in any dialect, with everything that came kept. */
import { connect, type Socket } from 'node:net';
import type { Address } from '../../../src/protocol/address.js';
import { type Dialect, decodeMessage, encodeMessage } from '../../../src/protocol/dialect.js';
import { FrameReader } from '../../../src/protocol/frame.js';
import { LineReader } from '../../../src/protocol/lines.js';
import { encodeMessagePack } from '../../../src/protocol/msgpack.js';

// Whatever a server may send: a test looks at the fields that it expects.
export interface Message {
  readonly event?: string;
  readonly id?: number | string | null;
  readonly run?: number;
  readonly reply?: Record<string, unknown>;
  readonly error?: { readonly code: string; readonly message: string; readonly details?: unknown };
  readonly status?: string;
  readonly text?: string | Uint8Array;
  readonly kept?: boolean;
  readonly outputComplete?: boolean;
  readonly reason?: { readonly message: string; readonly signal?: string; readonly code?: number };
  readonly lost?: { readonly message: string; readonly names: readonly string[] };
  readonly generation?: number;
  readonly position?: number;
  readonly [field: string]: unknown;
}

interface Expectation {
  readonly fits: (message: Message) => boolean;
  readonly resolve: (message: Message) => void;
  readonly reject: (error: Error) => void;
}

export const DIALECTS: readonly Dialect[] = ['msgpack-frames', 'json-frames', 'lines'];

export class RawClient {
  readonly socket: Socket;
  readonly dialect: Dialect;
  /** Every message, in the order in which it came. */
  readonly received: Message[] = [];
  /** Settles when the server has closed its side. */
  readonly ended: Promise<void>;
  /** Settles when the socket is gone. */
  readonly closed: Promise<void>;
  readonly #unseen: Message[] = [];
  readonly #waiting: Expectation[] = [];
  readonly #chunks: Buffer[] = [];
  readonly #reader: FrameReader | LineReader;
  readonly #keepBytes: boolean;
  #over = false;
  receivedBytes = 0;

  private constructor(socket: Socket, dialect: Dialect, keepBytes: boolean) {
    this.socket = socket;
    this.dialect = dialect;
    this.#keepBytes = keepBytes;
    const take = (payload: Buffer): void => this.#take(decodeMessage(dialect, Buffer.from(payload)) as Message);
    this.#reader = dialect === 'lines' ? new LineReader(2 ** 28, take) : new FrameReader(2 ** 28, take);
    this.ended = new Promise((resolve) => {
      socket.once('end', resolve);
      socket.once('close', () => resolve());
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve());
    });
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    void this.ended.then(() => this.#giveUp());
  }

  /** Connects, and says nothing. The other side's end leaves ours open. */
  static async open(
    address: Address,
    dialect: Dialect = 'msgpack-frames',
    { keepBytes = true }: { readonly keepBytes?: boolean } = {},
  ): Promise<RawClient> {
    const options = address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
    const socket = connect({ ...options, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket, dialect, keepBytes);
  }

  send(message: object): void {
    this.socket.write(encodeMessage(this.dialect, message));
  }

  sendBytes(bytes: Buffer | string): void {
    this.socket.write(bytes);
  }

  /** Everything that came, as it came. */
  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  /** The next message that fits; earlier ones count, each once. Rejects if the server ends first. */
  next(fits: (message: Message) => boolean = () => true): Promise<Message> {
    const at = this.#unseen.findIndex(fits);
    if (at >= 0) return Promise.resolve(this.#unseen.splice(at, 1)[0] as Message);
    if (this.#over) return Promise.reject(this.#lost());
    return new Promise((resolve, reject) => this.#waiting.push({ fits, resolve, reject }));
  }

  event(name: string, run?: number): Promise<Message> {
    return this.next((message) => message.event === name && (run === undefined || message.run === run));
  }

  /** Sends a request and resolves to its reply, error or `done`. */
  async ask(message: { readonly id: number | string; readonly [field: string]: unknown }): Promise<Message> {
    this.send(message);
    return this.answer(message.id);
  }

  answer(id: number | string): Promise<Message> {
    return this.next((message) => message.id === id && (message.event === undefined || message.event === 'done'));
  }

  /** All events of a run that came so far, `id` taken off. */
  eventsOf(run: number): Message[] {
    return this.received
      .filter((message) => message.event !== undefined && message.run === run)
      .map(({ id: _id, ...event }) => event);
  }

  /** The run's `started`, if it came. */
  started(run: number): Message | undefined {
    return this.eventsOf(run).find(({ event }) => event === 'started');
  }

  /** The run's text on one stream, put together. */
  textOf(run: number, stream = 'stdout'): string {
    const parts = this.received.filter((message) => message.event === stream && message.run === run);
    return Buffer.concat(parts.map(({ text }) => Buffer.from(text as string))).toString('utf8');
  }

  /** Ends our side, as `nc -N` does. */
  end(): void {
    this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #onData(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    if (this.#keepBytes) this.#chunks.push(chunk);
    this.#reader.push(chunk);
  }

  #take(message: Message): void {
    this.received.push(message);
    const at = this.#waiting.findIndex(({ fits }) => fits(message));
    if (at < 0) this.#unseen.push(message);
    else this.#waiting.splice(at, 1)[0]?.resolve(message);
  }

  #giveUp(): void {
    this.#over = true;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#lost());
  }

  #lost(): Error {
    const last = JSON.stringify(this.received.at(-1))?.slice(0, 300);
    return new Error(`the server ended the connection; its last message was ${last}`);
  }
}

/** A frame of any bytes, well formed or not. */
export function frameOf(payload: Uint8Array | string): Buffer {
  const bytes = Buffer.from(payload as Uint8Array);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(bytes.length);
  return Buffer.concat([header, bytes]);
}

export function packFrame(message: object): Buffer {
  return frameOf(encodeMessagePack(message));
}
