import { describe, expect, test } from 'vitest';
import type { Dialect } from '../../src/protocol/dialect.js';
import { REFUSAL } from '../../src/protocol/dialect.js';
import { LIMITS } from '../../src/protocol/limits.js';
import type { RunningServer } from '../../src/server/server_options.js';
import { usePlace } from '../support/leftovers.js';
import { frameOf, packFrame, RawClient } from './kit/raw_client.js';
import { run, until, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

/** Sends bytes as a client's first; resolves to all that the server says until it closes. */
async function provoke(server: RunningServer, bytes: Buffer | string, dialect: Dialect = 'lines'): Promise<RawClient> {
  const client = await servers.client(server, dialect);
  client.sendBytes(bytes);
  await client.ended;
  return client;
}

describe('what speaks another protocol', () => {
  test.each([
    ['HTTP', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['a posted form', 'POST / HTTP/1.1\r\nContent-Length: 30\r\n\r\n{"op": "run", "code": "x", "id": 1}'],
    ['TLS', Buffer.from('\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 'latin1')],
    ['ssh', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a JSON list', '[1, 2, 3]\n'],
    ['an array in MessagePack', Buffer.from([0x93, 1, 2, 3])],
    ['garbage', Buffer.from([0x10])],
  ])('is closed at its first byte: %s', async (_name, bytes) => {
    const server = await servers.start();
    const client = await RawClient.open(server.address, 'msgpack-frames');
    const chunks: Buffer[] = [];
    client.socket.removeAllListeners('data').on('data', (chunk: Buffer) => chunks.push(chunk));
    client.sendBytes(bytes);
    await client.ended;
    expect(Buffer.concat(chunks).toString()).toBe(REFUSAL);
    client.destroy();
    await client.closed;
    expect(server.status().counts.runs).toBe(0);
  });
});

describe('a frame or line over the limit', () => {
  test.each([
    ['frames', Buffer.from([0x04, 0, 0, 1])],
    [
      'frames that began well',
      Buffer.concat([packFrame({ op: 'ping', id: 1 }), Buffer.from([0xff, 0xff, 0xff, 0xff])]),
    ],
    ['JSON frames', Buffer.concat([frameOf('{"op":"ping","id":1}'), Buffer.from([0x7f, 0, 0, 0])])],
  ])('is refused on its header, in %s', async (name, bytes) => {
    const server = await servers.start();
    const dialect = name === 'frames that began well' ? 'msgpack-frames' : 'json-frames';
    const client = await provoke(server, bytes, dialect);
    expect(client.received.at(-1)).toMatchObject({ id: null, error: { code: 'too_large' } });
  });

  test('is refused as soon as it is over, in lines', async () => {
    const server = await servers.start({ maxFrameBytes: 1000 });
    const client = await provoke(
      server,
      `{"op": "ping", "id": 1}\n{"op": "run", "id": 2, "code": "${'x'.repeat(2000)}`,
    );
    expect(client.received).toMatchObject([
      { id: 1, reply: {} },
      { id: null, error: { code: 'too_large' } },
    ]);
  });

  test('just fits when it is as long as the limit', async () => {
    const server = await servers.start({ maxFrameBytes: 1000 });
    const client = await servers.client(server, 'json-frames');
    const frame = (bytes: number): Buffer => {
      const empty = JSON.stringify({ op: 'run', id: bytes, code: '' });
      return frameOf(empty.replace('""', JSON.stringify('#'.repeat(bytes - empty.length))));
    };
    client.sendBytes(frame(1000));
    expect((await client.answer(1000)).status).toBe('ok');
    client.sendBytes(frame(1001));
    await client.ended;
    expect(client.received.at(-1)).toMatchObject({ error: { code: 'too_large' } });
  });

  test('costs no memory before it has come: four hundred headers of 60 MB', async () => {
    const server = await servers.start();
    const before = process.memoryUsage().rss;
    const header = Buffer.alloc(4);
    header.writeUInt32BE(60_000_000);
    const clients = await Promise.all(Array.from({ length: 400 }, () => servers.client(server)));
    for (const client of clients) client.sendBytes(Buffer.concat([header, Buffer.from([0x81])]));
    const polite = await servers.client(server);
    await polite.ask({ op: 'ping', id: 1 });
    expect(process.memoryUsage().rss - before).toBeLessThan(200_000_000);
  });
});

const PING = { op: 'ping', id: 1 };

/** Whole frames that hold no request. */
const MALFORMED: readonly (readonly [string, Dialect, Buffer])[] = [
  ['an empty frame', 'msgpack-frames', frameOf('')],
  ['a frame of nothing but nil', 'msgpack-frames', frameOf(Buffer.from([0xc0]))],
  ['a map cut short', 'msgpack-frames', frameOf(Buffer.from([0x82, 0xa2, 0x6f]))],
  ['trailing bytes', 'msgpack-frames', frameOf(Buffer.concat([packFrame(PING).subarray(4), Buffer.from([0])]))],
  ['an extension type', 'msgpack-frames', frameOf(Buffer.from([0x81, 0xa2, 0x6f, 0x70, 0xd4, 0x72, 0x40]))],
  ['a count of four billion', 'msgpack-frames', frameOf(Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1, 0x61]))],
  [
    'an array of four billion',
    'msgpack-frames',
    frameOf(Buffer.from([0x81, 0xa1, 0x61, 0xdd, 0xff, 0xff, 0xff, 0xff])),
  ],
  [
    'nesting without end',
    'msgpack-frames',
    frameOf(Buffer.concat([Buffer.from([0x81, 0xa1, 0x61]), Buffer.alloc(500_000, 0x91)])),
  ],
  ['a key twice', 'msgpack-frames', frameOf(Buffer.from('\x82\xa2id\x01\xa2id\x02', 'latin1'))],
  ['a key that is no text', 'msgpack-frames', frameOf(Buffer.from([0x81, 0x01, 0x02]))],
  ['text that is not UTF-8', 'msgpack-frames', frameOf(Buffer.from('\x82\xa2op\xa4p\xffng\xa2id\x01', 'latin1'))],
  [
    'JSON after MessagePack',
    'msgpack-frames',
    Buffer.concat([packFrame({ op: 'ping', id: 2 }), frameOf(JSON.stringify(PING))]),
  ],
  ['a frame of half an object', 'json-frames', frameOf('{"op": ')],
  ['two objects in a frame', 'json-frames', frameOf('{"op":"ping","id":1}{"op":"ping","id":2}')],
  ['nested objects in JSON', 'json-frames', frameOf('{"a":'.repeat(100_000))],
  [
    'closed nested lists in JSON',
    'lines',
    Buffer.from(`{"op":"run","id":1,"code":${'['.repeat(100_000)}${']'.repeat(100_000)}}\n`),
  ],
  ['JSON that is not UTF-8', 'lines', Buffer.from('{"op": "p\xffng", "id": 1}\n', 'latin1')],
  ['a line of garbage', 'lines', Buffer.from('{garbage\n')],
  ['NaN in JSON', 'lines', Buffer.from('{"op": "ping", "id": NaN}\n')],
  ['false bytes', 'lines', Buffer.from('{"op":"run","id":1,"code":"","arguments":{"$bytes":"***"}}\n')],
  ['two tags in one', 'lines', Buffer.from('{"op":"run","id":1,"code":"","arguments":{"$int":"x"}}\n')],
];

describe('a malformed message', () => {
  test.each(MALFORMED)('is one error and nothing more: %s', async (_name, dialect, bytes) => {
    const server = await servers.start();
    const client = await servers.client(server, dialect);
    client.sendBytes(bytes);
    const { error } = await client.next((message) => message.error !== undefined);
    expect(error?.code).toBe('bad_request');
    expect(error?.message.length).toBeLessThan(500);
    client.send({ op: 'ping', id: 'after' });
    expect((await client.answer('after')).reply).toBeDefined();
  });

  test.each([
    ['a frame', 'json-frames', Buffer.from([0, 0, 0, 9, 0x7b]), 'bad_request'],
    ['a header', 'json-frames', Buffer.from([0, 0]), 'bad_request'],
    ['a line', 'lines', Buffer.from('{"op": "ping",'), 'bad_request'],
  ] as const)('that ends within %s is told', async (_name, dialect, bytes, code) => {
    const server = await servers.start();
    const client = await servers.client(server, dialect);
    client.sendBytes(bytes);
    client.end();
    await client.closed;
    expect(client.received).toMatchObject([{ id: null, error: { code } }]);
  });

  test('with strange names does no harm', async () => {
    const server = await servers.start();
    const client = await servers.client(server, 'lines');
    const strange = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];
    for (const name of strange) {
      client.sendBytes(`{"op":"${name}","id":1}\n{"op":"ping","id":2,"${name}":{"polluted":true}}\n`);
      expect((await client.answer(1)).error?.code).toBe('unknown_op');
      expect((await client.answer(2)).error?.code).toBe('bad_request');
    }
    expect(({} as { polluted?: boolean }).polluted).toBe(undefined);
    client.sendBytes(
      '{"op":"run","id":3,"code":"get(sorted(arguments))","arguments":{"__proto__":{"polluted":true},"a":1}}\n',
    );
    const done = await client.next(({ id }) => id === 3);
    expect(({} as { polluted?: boolean }).polluted).toBe(undefined);
    expect(done).toBeDefined();
  });

  test('of every kind leaves other clients alone', async () => {
    const server = await servers.start();
    const polite = await servers.client(server);
    const working = run(polite, 'import time\nfor i in range(20): time.sleep(0.01); print(i)');
    for (const [, dialect, bytes] of MALFORMED) (await servers.client(server, dialect)).sendBytes(bytes);
    const random = (length: number): Buffer =>
      Buffer.from(Array.from({ length }, (_, at) => (at * 7919 + length) % 256));
    for (let length = 1; length < 300; length++) {
      (await servers.client(server, 'lines')).socket.removeAllListeners('data').write(frameOf(random(length)));
    }
    expect((await working).status).toBe('ok');
    expect((await run(polite, 'get(1)')).status).toBe('ok');
  });
});

test('what is sent a byte at a time is understood all the same', async () => {
  const server = await servers.start();
  for (const dialect of ['msgpack-frames', 'lines'] as const) {
    const client = await servers.client(server, dialect);
    client.socket.setNoDelay(true);
    const message = { op: 'run', id: 1, code: "get('é😀')" };
    const bytes = dialect === 'lines' ? Buffer.from(`${JSON.stringify(message)}\n`) : packFrame(message);
    for (const byte of bytes) {
      await new Promise<void>((resolve) => client.socket.write(Buffer.from([byte]), () => resolve()));
    }
    const done = await client.answer(1);
    expect(client.textOf(done.run as number, 'get')).toBe('é😀');
  }
});

test('a connection too many is turned away, and makes room when others go', async () => {
  const server = await servers.start();
  const clients: RawClient[] = [];
  for (let count = 0; count < LIMITS.connectionCount; count++) clients.push(await servers.client(server));
  const tooMany = await servers.client(server);
  await tooMany.ended;
  tooMany.destroy();
  const [first] = clients;
  expect((await first?.ask({ op: 'ping', id: 1 }))?.reply).toBeDefined();
  for (const client of clients.slice(1)) client.destroy();
  await until('they are gone', () => server.status().counts.connections === 1);
  expect((await run(await servers.client(server), 'get(1)')).status).toBe('ok');
});

test('more requests than may be open are refused one by one', async () => {
  const server = await servers.start({ queueCount: 100_000 });
  const client = await servers.client(server);
  client.send({ op: 'run', id: 'first', code: 'input()', stdin: 'ask' });
  const question = await client.event('input');
  for (let id = 0; id < 5000; id++) client.send({ op: 'attach', id, run: question.run });
  const refused = await client.next(({ error }) => error !== undefined);
  expect(refused.error?.code).toBe('overloaded');
  const other = await servers.client(server);
  await other.ask({ op: 'input', id: 'in', run: question.run, text: '' });
  expect((await client.answer('first')).status).toBe('ok');
});
