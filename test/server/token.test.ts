import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/client/session.js';
import { LIMITS } from '../../src/protocol/limits.js';
import type { RunningServer, ServerOptions } from '../../src/server/server_options.js';
import { usePlace } from '../support/leftovers.js';
import { frameOf, type RawClient } from './kit/raw_client.js';
import { run, useServers } from './kit/servers.js';

const place = usePlace();
const servers = useServers();

/** The two places where a token is asked for. */
const GUARDED: readonly (readonly [string, () => ServerOptions])[] = [
  ['on TCP', () => ({ address: '127.0.0.1:0' })],
  ['on a UNIX socket that requires it', () => ({ address: place.path('s.sock'), requireToken: true })],
];

async function guarded(options: ServerOptions): Promise<{ server: RunningServer; client: RawClient }> {
  const server = await servers.start(options);
  return { server, client: await servers.client(server, 'json-frames') };
}

describe.each(GUARDED)('%s', (_name, options) => {
  test('the token opens the session', async () => {
    const { server, client } = await guarded(options());
    const hello = await client.ask({ op: 'hello', id: 1, protocol: 1, token: server.token });
    expect(hello.reply).toMatchObject({ session: server.session, kernel: { state: 'idle' } });
    expect((await run(client, 'get(1)')).status).toBe('ok');
  });

  test('a server proves that it knows the token before it is told, and says nothing else', async () => {
    const { server, client } = await guarded(options());
    const nonce = '0123456789abcdef';
    const { reply } = await client.ask({ op: 'hello', id: 1, protocol: 1, nonce });
    const proof = createHmac('sha256', server.token as string)
      .update(nonce)
      .digest('hex');
    expect(reply).toEqual({ protocol: 1, server: { name: 'sock-python', version: expect.any(String) }, proof });
    await client.ask({ op: 'hello', id: 2, protocol: 1, token: server.token });
    expect((await run(client, 'get(1)')).status).toBe('ok');
  });

  test('a nonce alone opens nothing', async () => {
    const { server, client } = await guarded(options());
    await client.ask({ op: 'hello', id: 1, protocol: 1, nonce: '0123456789abcdef' });
    expect((await client.ask({ op: 'run', id: 2, code: 'get(1)' })).error?.code).toBe('unauthorized');
    await client.ended;
    expect(server.status().counts.runs).toBe(0);
  });

  test.each([
    ['a wrong token', { op: 'hello', id: 1, protocol: 1, token: 'wrong' }],
    ['a token with more behind it', { op: 'hello', id: 1, protocol: 1, token: `${'0'.repeat(64)}1` }],
    ['no token', { op: 'hello', id: 1, protocol: 1 }],
    ['a run', { op: 'run', id: 1, code: "open('written', 'w')" }],
    ['a status', { op: 'status', id: 1 }],
    ['a stop', { op: 'stop', id: 1 }],
    ['a watch', { op: 'watch', id: 1 }],
  ])('%s is refused, and the connection closed', async (_what, message) => {
    const { server, client } = await guarded(options());
    const { error } = await client.ask(message);
    expect(error?.code).toBe('unauthorized');
    expect(error?.message).not.toContain(server.token);
    await client.ended;
    client.destroy();
    expect(server.status()).toMatchObject({ state: 'idle', counts: { runs: 0 } });
  });

  test.each([{ snippet: 'get(1)' }, { control: 'status' }, { control: 'stop' }])(
    'a classic message %j is closed without a word',
    async (message) => {
      const { server, client } = await guarded(options());
      client.send(message);
      await client.ended;
      expect(client.receivedBytes).toBe(0);
      expect(server.status()).toMatchObject({ state: 'idle', counts: { runs: 0 } });
    },
  );

  test('no more than 4 KiB are taken before the token', async () => {
    const { server, client } = await guarded(options());
    client.sendBytes(Buffer.from([0, 0, 0x10, 1]));
    await client.ended;
    expect(client.received).toMatchObject([{ id: null, error: { code: 'too_large' } }]);
    const lines = await servers.client(server, 'lines');
    lines.sendBytes(`{"op": "hello", "token": "${'x'.repeat(LIMITS.unprovenFrameBytes)}`);
    await lines.ended;
    expect(lines.received).toMatchObject([{ id: null, error: { code: 'too_large' } }]);
    const proved = await servers.client(server, 'json-frames');
    await proved.ask({ op: 'hello', id: 1, protocol: 1, token: server.token });
    expect((await run(proved, `x = '${'y'.repeat(100_000)}'`)).status).toBe('ok');
  });

  test('a frame that comes with the hello is taken at its full size', async () => {
    const { server, client } = await guarded(options());
    const hello = frameOf(JSON.stringify({ op: 'hello', id: 1, protocol: 1, token: server.token }));
    const large = frameOf(JSON.stringify({ op: 'run', id: 2, code: `x = '${'y'.repeat(10_000)}'` }));
    client.sendBytes(Buffer.concat([hello, large]));
    expect((await client.answer(2)).status).toBe('ok');
  });

  test('our client brings it along', async () => {
    const { server } = await guarded(options());
    await using session = await connect(server.address, { token: server.token as string });
    expect((await session.run('get(1)').result).output).toBe('1');
    await expect(connect(server.address, { token: 'wrong' })).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(connect(server.address)).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('only so many may stand at the door', async () => {
    const { server } = await guarded(options());
    const waiting = await Promise.all(
      Array.from({ length: LIMITS.unprovenConnectionCount + 10 }, () => servers.client(server)),
    );
    const turnedAway = waiting.slice(LIMITS.unprovenConnectionCount - 1);
    await Promise.all(turnedAway.map(({ ended }) => ended));
    expect(server.status().counts.connections).toBe(LIMITS.unprovenConnectionCount);
    // Those who were let in are still heard.
    const hello = await (waiting[0] as RawClient).ask({ op: 'hello', id: 1, protocol: 1, token: server.token });
    expect(hello.reply).toBeDefined();
    const next = await servers.client(server);
    expect((await next.ask({ op: 'hello', id: 1, protocol: 1, token: server.token })).reply).toBeDefined();
  });
});

test('a client on TCP that says nothing is cut off in time', async () => {
  const server = await servers.start({ address: '127.0.0.1:0' });
  const [silent, slow, proved] = await Promise.all([1, 2, 3].map(() => servers.client(server, 'lines')));
  const begun = performance.now();
  slow?.sendBytes('{"op": "he');
  await proved?.ask({ op: 'hello', id: 1, protocol: 1, token: server.token });
  await Promise.all([silent?.ended, slow?.ended]);
  expect(performance.now() - begun).toBeGreaterThan(LIMITS.unprovenMs - 200);
  expect(performance.now() - begun).toBeLessThan(LIMITS.unprovenMs + 3000);
  expect((await proved?.ask({ op: 'ping', id: 2 }))?.reply).toBeDefined();
});

test('a UNIX socket asks for none, but a wrong one is an error all the same', async () => {
  const { server, client } = await guarded({ address: place.path('s.sock') });
  expect(server.token).toMatch(/^\S{32,}$/);
  expect((await client.ask({ op: 'hello', id: 1, protocol: 1, token: 'wrong' })).error?.code).toBe('unauthorized');
  expect((await client.ask({ op: 'hello', id: 2, protocol: 1, token: server.token })).reply).toBeDefined();
  expect((await run(client, 'get(1)')).status).toBe('ok');
});

test('without any token, TCP is open to original clients', async () => {
  const server = await servers.start({ address: ':0', token: false });
  expect(server.address).toMatchObject({ kind: 'tcp', host: '127.0.0.1' });
  expect(server.token).toBe(null);
  const client = await servers.client(server, 'json-frames');
  client.send({ snippet: 'get(6 * 7)' });
  expect(await client.next()).toEqual({ captured: '42', exception: '' });
  await using session = await connect(server.address);
  expect((await session.run('get(1)').result).output).toBe('1');
});

test('the token is neither in the environment nor in the arguments of the kernel', async () => {
  const { server, client } = await guarded({ address: place.path('s.sock') });
  const code =
    "import os, sys\nget(open('/proc/self/environ').read() + open('/proc/self/cmdline').read() + repr(os.environ))";
  const done = await run(client, code);
  const text = client.textOf(done.run as number, 'get');
  expect(text).not.toContain(server.token);
  expect(text).not.toMatch(/[0-9a-f]{48}/);
});

test.each(['0.0.0.0:0', '192.0.2.1:0', '[::]:0'])('a server does not listen at %s', async (address) => {
  await expect(servers.start({ address })).rejects.toMatchObject({ code: 'not_loopback' });
});

test('a server listens at [::1] where there is one, and at localhost', async () => {
  const server = await servers.start({ address: 'localhost:0' });
  expect(server.address).toMatchObject({ host: '127.0.0.1' });
});
