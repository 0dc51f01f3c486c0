import { once } from 'node:events';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { encodeMessage } from '../../src/protocol/dialect.js';
import { SockPythonError } from '../../src/protocol/errors.js';
import { dial } from '../../src/transport/dial.js';
import { listen } from '../../src/transport/listen.js';
import { MessageStream, type MessageStreamOptions } from '../../src/transport/message_stream.js';
import { usePlace } from '../support/leftovers.js';

const place = usePlace();

interface Later<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

function later<T>(): Later<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

/** A stream on one end of a real connection, the bare socket on the other. */
async function connected(options: Partial<MessageStreamOptions> = {}): Promise<{
  stream: MessageStream;
  far: Socket;
  messages: unknown[];
  closed: Promise<SockPythonError | undefined>;
}> {
  const address = { kind: 'unix', path: place.path('a.sock') } as const;
  const accepted = later<Socket>();
  const listener = await listen(address, accepted.resolve);
  const near = await dial(address);
  const far = await accepted.promise;
  await listener.close();
  const messages: unknown[] = [];
  const closed = later<SockPythonError | undefined>();
  const stream = new MessageStream(near, {
    onMessage: (message) => messages.push(message),
    onClose: closed.resolve,
    ...options,
  });
  return { stream, far, messages, closed: closed.promise };
}

const MESSAGES = [{ op: 'ping', id: 1 }, { text: 'é中😀'.repeat(100) }, { bytes: Buffer.from([0, 255]) }, {}];

describe.each(['msgpack', 'json'] as const)('messages in %s', (encoding) => {
  const dialect = `${encoding}-frames` as const;

  test('arrive as they were sent, whole and byte by byte', async () => {
    const { far, messages, closed } = await connected({ encoding });
    const bytes = Buffer.concat(MESSAGES.map((message) => encodeMessage(dialect, message)));
    far.write(bytes);
    for (const byte of bytes) far.write(Buffer.of(byte));
    far.resume().end();
    expect(await closed).toBeUndefined();
    expect(messages).toEqual([...MESSAGES, ...MESSAGES]);
  });

  test('go out as frames', async () => {
    const { stream, far, closed } = await connected({ encoding });
    for (const message of MESSAGES) expect(stream.send(message)).toBe(true);
    stream.close();
    expect(stream.send({})).toBe(false);
    expect(Buffer.concat(await far.toArray())).toEqual(
      Buffer.concat(MESSAGES.map((message) => encodeMessage(dialect, message))),
    );
    far.end();
    expect(await closed).toBeUndefined();
  });
});

test('each message is one write', async () => {
  const socket = new PassThrough();
  const writes: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => writes.push(chunk));
  const stream = new MessageStream(socket, { onMessage: () => {} });
  stream.send({ op: 'run', code: 'x'.repeat(100_000), id: 1 });
  await new Promise(setImmediate);
  expect(writes).toHaveLength(1);
  stream.destroy();
});

test('what arrives after our side is closed is still taken', async () => {
  const { stream, far, messages, closed } = await connected();
  stream.close();
  far.resume();
  await once(far, 'end');
  far.end(encodeMessage('msgpack-frames', { late: true }));
  expect(await closed).toBeUndefined();
  expect(messages).toEqual([{ late: true }]);
});

describe('a stream that goes wrong is closed with the reason', () => {
  test.each<readonly [string, Buffer, string]>([
    ['oversized', Buffer.from([0x0f, 0xff, 0xff, 0xff]), 'too_large'],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), 'too_large'],
    ['malformed', Buffer.from([0, 0, 0, 1, 0xc1]), 'bad_request'],
    ['an extension', Buffer.from([0, 0, 0, 3, 0xd4, 0, 1]), 'bad_request'],
    ['empty', Buffer.from([0, 0, 0, 0]), 'bad_request'],
    ['JSON on a MessagePack stream', encodeMessage('json-frames', {}), 'bad_request'],
  ])('%s', async (_name, bytes, code) => {
    const { far, messages, closed } = await connected({ maxFrameBytes: 1000 });
    far.resume().write(Buffer.concat([encodeMessage('msgpack-frames', { good: 1 }), bytes, Buffer.alloc(100)]));
    expect((await closed)?.code).toBe(code);
    expect(messages).toEqual([{ good: 1 }]);
    far.destroy();
  });

  test('truncated', async () => {
    const { far, closed } = await connected();
    far.resume().end(Buffer.from([0, 0, 0, 9, 0x80]));
    expect((await closed)?.message).toContain('after 1 of 9 bytes');
  });
});

test('destroy is at once, tells its reason once, and nothing more arrives', async () => {
  let closes = 0;
  const { promise, resolve } = later<SockPythonError | undefined>();
  const { stream, far, messages } = await connected({
    onClose: (error) => {
      closes++;
      resolve(error);
    },
  });
  const reason = new SockPythonError('shutting_down', 'enough');
  far.write(encodeMessage('msgpack-frames', {}));
  stream.destroy(reason);
  stream.destroy();
  stream.close();
  expect(stream.isOpen).toBe(false);
  expect(await promise).toBe(reason);
  expect(stream.send({})).toBe(false);
  far.destroy();
  await once(far, 'close');
  expect(closes).toBe(1);
  expect(messages).toEqual([]);
});

test('held back, what is sent waits; resumed, it arrives', async () => {
  const arrived = later<unknown>();
  const { stream, far } = await connected({ onMessage: arrived.resolve });
  stream.pause();
  far.write(encodeMessage('msgpack-frames', { n: 1 }));
  stream.resume();
  expect(await arrived.promise).toEqual({ n: 1 });
  stream.destroy();
  far.destroy();
});

test('what cannot be carried is refused, and the stream goes on', async () => {
  const { stream, far } = await connected();
  expect(() => stream.send({ at: new Date() })).toThrow('Date');
  stream.send({ ok: true });
  expect((await once(far, 'data'))[0]).toEqual(encodeMessage('msgpack-frames', { ok: true }));
  stream.destroy();
  far.destroy();
});
