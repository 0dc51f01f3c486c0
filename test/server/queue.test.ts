import { expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { run, startRun, startWaiting, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

test('a run that must wait is told its place at once, and runs keep the order of their coming', async () => {
  const server = await servers.start();
  const [one, two] = [await servers.client(server), await servers.client(server, 'lines')];
  const first = await startWaiting(one, 'order = []');
  for (let count = 0; count < 4; count++) {
    const client = count % 2 === 0 ? one : two;
    client.send({ op: 'run', id: `w${count}`, code: `order.append(${count})` });
    expect(await client.event('queued')).toMatchObject({ id: `w${count}`, position: count + 1, run: 2 + count });
  }
  const { reply } = await two.ask({ op: 'status', id: 's' });
  expect(reply).toMatchObject({ state: 'busy', queue: 4, run: { run: first.run } });
  expect((await two.ask({ op: 'runs', id: 'q', state: 'queued' })).reply).toHaveLength(4);
  await first.release();
  const done = await run(one, 'get(order)');
  expect(done.status).toBe('ok');
  expect(one.textOf(done.run as number, 'get')).toBe('[0, 1, 2, 3]');
  expect(two.received.filter(({ event, run: number }) => event === 'done' && number === 3)).toHaveLength(1);
});

test('one client holds at most half of the queue, and a full queue is an answer', async () => {
  const server = await servers.start({ queueCount: 4 });
  const [greedy, modest] = [await servers.client(server), await servers.client(server)];
  const first = await startWaiting(greedy, 'ran = []');
  const ask = (client: typeof greedy, id: string): Promise<unknown> => {
    client.send({ op: 'run', id, code: `ran.append('${id}')` });
    return client.next((message) => message.id === id);
  };
  expect(await ask(greedy, 'g1')).toMatchObject({ event: 'queued' });
  expect(await ask(greedy, 'g2')).toMatchObject({ event: 'queued' });
  expect(await ask(greedy, 'g3')).toMatchObject({ error: { code: 'overloaded' } });
  expect(await ask(modest, 'm1')).toMatchObject({ event: 'queued', position: 3 });
  expect(await ask(modest, 'm2')).toMatchObject({ event: 'queued', position: 4 });
  expect(await ask(await servers.client(server), 'o1')).toMatchObject({ error: { code: 'overloaded' } });
  const classic = await servers.client(server, 'lines');
  classic.send({ snippet: "ran.append('classic')" });
  const answer = await classic.next();
  expect(answer.captured).toBe('');
  expect(answer.exception).toMatch(/^Overloaded: /);
  await first.release();
  await modest.answer('m2');
  const done = await run(modest, 'get(ran)');
  expect(modest.textOf(done.run as number, 'get')).toBe("['g1', 'g2', 'm1', 'm2']");
});

test('a queued run can be cancelled, and never runs', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const first = await startWaiting(client, 'ran = []');
  client.send({ op: 'run', id: 'a', code: "ran.append('a')" });
  client.send({ op: 'run', id: 'b', code: "ran.append('b')" });
  const { run: number } = await client.next(({ id }) => id === 'a');
  expect((await client.ask({ op: 'cancel', id: 'c', run: number })).reply).toMatchObject({
    run: number,
    outcome: 'cancelled',
    kept: true,
  });
  expect(await client.answer('a')).toMatchObject({ event: 'done', status: 'cancelled', kept: true });
  await first.release();
  await client.answer('b');
  const done = await run(client, 'get(ran)');
  expect(client.textOf(done.run as number, 'get')).toBe("['b']");
  expect((await client.ask({ op: 'cancel', id: 'late', run: number })).reply).toMatchObject({ outcome: 'not_running' });
});

test('runs of a client that has gone are kept, or cancelled where that was asked for', async () => {
  const server = await servers.start();
  const [staying, leaving] = [await servers.client(server), await servers.client(server)];
  const first = await startWaiting(staying, 'ran = []');
  leaving.send({ op: 'run', id: 'k', code: "ran.append('kept')", onDisconnect: 'keep' });
  leaving.send({ op: 'run', id: 'c', code: "ran.append('cancelled')", onDisconnect: 'cancel' });
  const { run: cancelled } = await leaving.next(({ id }) => id === 'c');
  leaving.destroy();
  expect((await staying.ask({ op: 'attach', id: 'at', run: cancelled })).reply).toMatchObject({ status: 'cancelled' });
  await first.release();
  const done = await run(staying, 'get(ran)');
  expect(staying.textOf(done.run as number, 'get')).toBe("['kept']");
});

test('a running run whose client has gone is interrupted where that was asked for', async () => {
  const server = await servers.start();
  const [staying, leaving] = [await servers.client(server), await servers.client(server)];
  const { run: number } = await startRun(leaving, "kept = 1\nprint('ready')\nwhile True: pass", {
    onDisconnect: 'cancel',
  });
  leaving.destroy();
  expect((await staying.ask({ op: 'attach', id: 'at', run: number })).reply).toMatchObject({ status: 'interrupted' });
  expect((await run(staying, 'kept')).status).toBe('ok');
});
