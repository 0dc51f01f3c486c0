import { expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { run, startWaiting, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

const COUNT = "runs = globals().get('runs', 0) + 1\nget(runs)\nprint('out')";

test('the same key never runs twice: a retry gets the events of the first run', async () => {
  const server = await servers.start();
  const [client, other] = [await servers.client(server), await servers.client(server, 'lines')];
  const first = await run(client, COUNT, { key: 'k' });
  const retried = await run(other, COUNT, { key: 'k' });
  expect(retried.run).toBe(first.run);
  expect(other.eventsOf(first.run as number)).toEqual(client.eventsOf(first.run as number));
  expect((await run(client, COUNT, { key: 'another' })).run).not.toBe(first.run);
  const total = await run(client, 'get(runs)');
  expect(client.textOf(total.run as number, 'get')).toBe('2');
});

test('many retries at once, while it waits and while it runs, all follow the one run', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const first = await startWaiting(client);
  const clients = await Promise.all(Array.from({ length: 10 }, () => servers.client(server)));
  const asked = clients.map((one, at) => one.ask({ op: 'run', id: at, code: COUNT, key: 'k' }));
  await Promise.all(clients.map((one) => one.event('queued')));
  expect(server.status().queue).toBe(1);
  await first.release();
  const runs = new Set((await Promise.all(asked)).map(({ run: number }) => number));
  expect(runs.size).toBe(1);
  const total = await run(client, 'get(runs)');
  expect(client.textOf(total.run as number, 'get')).toBe('1');
});

test('a client that lost its connection in the middle asks again, and has not run it twice', async () => {
  const server = await servers.start();
  const [victim, heir] = [await servers.client(server), await servers.client(server)];
  victim.send({ op: 'run', id: 1, code: `${COUNT}\ninput()\nget('end')`, stdin: 'ask', key: 'k' });
  const question = await victim.event('input');
  victim.destroy();
  const retried = heir.ask({ op: 'run', id: 1, code: `${COUNT}\ninput()\nget('end')`, stdin: 'ask', key: 'k' });
  await heir.event('input');
  await heir.ask({ op: 'input', id: 2, run: question.run, text: '' });
  expect(await retried).toMatchObject({ run: question.run, status: 'ok' });
  expect(heir.textOf(question.run as number, 'get')).toBe('1end');
});

test('a key that was used for other code is refused', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  await run(client, 'x = 1', { key: 'k' });
  const refused = await run(client, 'x = 2', { key: 'k' });
  expect(refused.error?.code).toBe('bad_request');
  const seen = await run(client, 'get(x)');
  expect(client.textOf(seen.run as number, 'get')).toBe('1');
});

test('a key outlives its run: a late retry learns how that ended', async () => {
  const server = await servers.start({ keptRunCount: 2 });
  const client = await servers.client(server);
  const first = await run(client, '1/0', { key: 'k' });
  for (let count = 0; count < 5; count++) await run(client, 'x = 1');
  const late = await run(client, '1/0', { key: 'k' });
  expect(late.error).toMatchObject({ code: 'not_found', details: { run: first.run, status: 'error' } });
});

test('a key holds across a restart and a death', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const first = await run(client, 'import os; os._exit(3)', { key: 'k' });
  expect(first.status).toBe('lost');
  await client.ask({ op: 'restart', id: 'r' });
  expect(await run(client, 'import os; os._exit(3)', { key: 'k' })).toMatchObject({ run: first.run, status: 'lost' });
  expect(server.status().counts.deaths).toBe(1);
});
