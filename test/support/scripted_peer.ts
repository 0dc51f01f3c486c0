/** A server that says what a test scripts, byte-true on a real socket: for what no well-behaved server would do. */
import { createServer, type Server, type Socket } from 'node:net';
import { type Dialect, decodeMessage, dialectOfPayload, encodeMessage } from '../../src/protocol/dialect.js';
import { FrameReader } from '../../src/protocol/frame.js';

export type Message = Readonly<Record<string, unknown>>;

export interface PeerConnection {
  readonly socket: Socket;
  /** All messages that came, in order. */
  readonly received: readonly Message[];
  /** Bytes as they came. */
  readonly bytes: () => Buffer;
  /** Sends in the client's encoding. */
  send(message: object): void;
  destroy(): void;
}

export interface ScriptedPeer {
  readonly address: string;
  readonly connections: readonly PeerConnection[];
  /** The port, on TCP. */
  readonly port: number;
  /** The next message that comes on any connection and fits. Earlier ones count, each once. */
  next(fits?: (message: Message) => boolean): Promise<Message>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type Script = (message: Message, connection: PeerConnection) => void;

/** Listens at a path, or on a free loopback port (`0`). */
export async function scriptedPeer(where: string | 0, script: Script = () => {}): Promise<ScriptedPeer> {
  const connections: PeerConnection[] = [];
  const unseen: Message[] = [];
  const waiting: { fits: (message: Message) => boolean; resolve: (message: Message) => void }[] = [];
  const announce = (message: Message): void => {
    const at = waiting.findIndex(({ fits }) => fits(message));
    if (at < 0) unseen.push(message);
    else waiting.splice(at, 1)[0]?.resolve(message);
  };
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.push(
      serve(socket, (message, connection) => {
        script(message, connection);
        announce(message);
      }),
    );
  });
  await listening(server, where);
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      for (const { socket } of connections) socket.destroy();
      server.close(() => resolve());
    });
  return {
    address: where === 0 ? `127.0.0.1:${port}` : where,
    connections,
    port,
    next: (fits = () => true) => {
      const at = unseen.findIndex(fits);
      const [seen] = at < 0 ? [] : unseen.splice(at, 1);
      return seen === undefined ? new Promise((resolve) => waiting.push({ fits, resolve })) : Promise.resolve(seen);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function listening(server: Server, where: string | 0): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    if (where === 0) server.listen(0, '127.0.0.1', resolve);
    else server.listen(where, resolve);
  });
}

function serve(socket: Socket, onMessage: Script): PeerConnection {
  const received: Message[] = [];
  const chunks: Buffer[] = [];
  let dialect: Dialect | undefined;
  const connection: PeerConnection = {
    socket,
    received,
    bytes: () => Buffer.concat(chunks),
    send: (message) => void socket.write(encodeMessage(dialect ?? 'msgpack-frames', message)),
    destroy: () => void socket.destroy(),
  };
  const reader = new FrameReader(2 ** 28, (payload) => {
    dialect ??= dialectOfPayload(payload);
    const message = decodeMessage(dialect, payload) as Message;
    received.push(message);
    onMessage(message, connection);
  });
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    reader.push(chunk);
  });
  socket.on('end', () => socket.end());
  return connection;
}

/** A script that answers runs by their code, and says yes to a greeting. */
export function answering(answers: Readonly<Record<string, readonly object[]>>): Script {
  let run = 0;
  return (message, connection) => {
    const { op, id } = message;
    if (op === 'hello') connection.send({ id, reply: { protocol: 1, server: { name: 'scripted', version: '0' } } });
    if (op !== 'run') return;
    run++;
    for (const event of answers[String(message.code)] ?? [done()]) connection.send({ id, run, ...event });
  };
}

/** A `done` without `run` and `id`. */
export function done(fields: object = {}): object {
  return { event: 'done', status: 'ok', ms: 1, kept: true, outputComplete: true, ...fields };
}
