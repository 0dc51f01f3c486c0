import { expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { DIALECTS, type Message, type RawClient } from './kit/raw_client.js';
import { run, startRun, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

const SUICIDE = 'import os, signal\nos.kill(os.getpid(), signal.SIGKILL)';

function lostOf(client: RawClient): readonly Message[] {
  return client.received.filter(({ event }) => event === 'lost');
}

test('every client of the native protocol is told of a death once, in every dialect', async () => {
  const server = await servers.start();
  const clients = await Promise.all(DIALECTS.map((dialect) => servers.client(server, dialect)));
  for (const client of clients) await client.ask({ op: 'ping', id: 1 });
  const victim = await servers.client(server);
  const done = await run(victim, SUICIDE);
  expect(done).toMatchObject({ status: 'lost', kept: false });
  for (const client of [...clients, victim]) {
    const { message, names, ...rest } = await client.event('lost', 0);
    expect(rest).toEqual({ event: 'lost', run: 0, generation: 1 });
    expect(message).toBe(done.reason?.message);
    expect(names).toBeInstanceOf(Array);
  }
  await run(victim, SUICIDE);
  for (const client of [...clients, victim]) {
    expect(await client.event('lost', 0)).toMatchObject({ generation: 2 });
    await client.ask({ op: 'ping', id: 2 });
    expect(lostOf(client)).toHaveLength(2);
  }
});

test('it goes out ahead of the end of the run that was on', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  await run(client, SUICIDE);
  const order = client.received.map(({ event }) => event).filter((event) => event === 'lost' || event === 'done');
  expect(order).toEqual(['lost', 'done']);
});

test('a restart is told too, to who asked for it as to all others', async () => {
  const server = await servers.start();
  const [one, other] = [await servers.client(server), await servers.client(server, 'lines')];
  await other.ask({ op: 'status', id: 1 });
  await one.ask({ op: 'hello', id: 1, protocol: 1, client: { name: 'the editor', version: '2' } });
  expect((await one.ask({ op: 'restart', id: 2 })).reply).toMatchObject({ generation: 2 });
  for (const client of [one, other]) {
    const lost = await client.event('lost');
    expect(lost).toMatchObject({ generation: 1, run: 0 });
    expect(lost.message).toMatch(/^restarted by the editor 2/);
  }
});

test('who watches or attaches is told once, and nothing of it in the log of the run', async () => {
  const server = await servers.start();
  const [worker, watcher, reader] = await Promise.all([1, 2, 3].map(() => servers.client(server)));
  if (worker === undefined || watcher === undefined || reader === undefined) throw new Error('no clients');
  await watcher.ask({ op: 'watch', id: 'w' });
  const { run: number } = await startRun(worker, 'import time\ntime.sleep(1000)');
  const reading = reader.ask({ op: 'attach', id: 'a', run: 'current' });
  await reader.event('stdout', number);
  await worker.ask({ op: 'restart', id: 'r' });
  expect((await reading).reply).toMatchObject({ run: number, status: 'lost' });
  await watcher.ask({ op: 'ping', id: 'p' });
  for (const client of [worker, watcher, reader]) expect(lostOf(client)).toHaveLength(1);
  expect(reader.eventsOf(number).map(({ event }) => event)).not.toContain('lost');
});

test('a connection that has said nothing, or not its token, or speaks the classic dialect, is not told', async () => {
  const server = await servers.start({ requireToken: true });
  const [silent, unproven, known] = await Promise.all([1, 2, 3].map(() => servers.client(server)));
  if (silent === undefined || unproven === undefined || known === undefined) throw new Error('no clients');
  await unproven.ask({ op: 'hello', id: 1, protocol: 1, nonce: 'n'.repeat(16) });
  await known.ask({ op: 'hello', id: 1, protocol: 1, token: server.token });
  await known.ask({ op: 'restart', id: 2 });
  await known.event('lost');
  expect((await unproven.ask({ op: 'hello', id: 2, protocol: 1, token: server.token })).reply).toBeDefined();
  expect((await silent.ask({ op: 'hello', id: 1, protocol: 1, token: server.token })).reply).toBeDefined();
  expect([...lostOf(unproven), ...lostOf(silent)]).toEqual([]);
  await known.ask({ op: 'restart', id: 3 });
  for (const client of [silent, unproven]) expect(await client.event('lost')).toMatchObject({ generation: 2 });
});

test('a classic client gets its one reply and nothing else', async () => {
  const server = await servers.start();
  const client = await servers.client(server, 'lines');
  client.send({ snippet: SUICIDE });
  await client.ended;
  expect(client.received).toHaveLength(1);
  expect(client.received[0]?.exception).toMatch(/^KernelLost: /);
});

test('a server that stops takes nobody by surprise with it', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  expect((await client.ask({ op: 'stop', id: 1 })).reply).toBeDefined();
  await client.ended;
  expect(lostOf(client)).toEqual([]);
});
