import { expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { heldBytes } from './kit/memory.js';
import { run, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

const LINE_COUNT = 20_000;
/** About 20 MB, in lines of a kilobyte that can be told apart. */
const FLOOD = `for i in range(${LINE_COUNT}): print(f'{i:05}' + 'x' * 1018)`;
const MEGABYTE = 1_048_576;

function expected(): string {
  return Array.from({ length: LINE_COUNT }, (_, line) => `${String(line).padStart(5, '0')}${'x'.repeat(1018)}\n`).join(
    '',
  );
}

test.each(['msgpack-frames', 'lines'] as const)(
  'a reader that sleeps through 20 MB in %s holds nobody up, costs no memory, and loses nothing',
  async (dialect) => {
    const server = await servers.start();
    const [sleeper, awake] = [await servers.client(server, dialect), await servers.client(server)];
    sleeper.send({ op: 'run', id: 1, code: 'x = 0' });
    await sleeper.answer(1);
    sleeper.socket.pause();
    const before = await heldBytes();
    sleeper.send({ op: 'run', id: 2, code: FLOOD });
    // It is first in the queue by then: the next run comes after it.
    await awake.ask({ op: 'attach', id: 'at', run: 1 });
    const done = await run(awake, 'get(1)');
    expect(done.status).toBe('ok');
    expect((await heldBytes()) - before).toBeLessThan(8 * MEGABYTE);
    expect((await awake.ask({ op: 'status', id: 's' })).reply).toMatchObject({ state: 'idle' });
    sleeper.socket.resume();
    const end = await sleeper.answer(2);
    expect(end).toMatchObject({ status: 'ok', outputComplete: true });
    expect(sleeper.textOf(end.run as number) === expected()).toBe(true);
    expect(sleeper.received.filter(({ event }) => event === 'gap')).toEqual([]);
  },
);

test('a reader that never wakes up ends with its connection, and its log is still there', async () => {
  const server = await servers.start();
  const [sleeper, other] = [await servers.client(server), await servers.client(server)];
  sleeper.socket.pause();
  sleeper.send({ op: 'run', id: 1, code: FLOOD });
  await other.ask({ op: 'ping', id: 'p' });
  await run(other, '1');
  sleeper.destroy();
  const { reply } = await other.ask({ op: 'attach', id: 'a', run: 1 });
  expect(reply).toMatchObject({ status: 'ok' });
  expect(other.textOf(1) === expected()).toBe(true);
});

test('past the cap of its log, a slow reader is told exactly what is missing', async () => {
  const server = await servers.start({ runSpillBytes: 4 * MEGABYTE });
  const [sleeper, other] = [await servers.client(server), await servers.client(server)];
  sleeper.send({ op: 'run', id: 1, code: 'x = 0' });
  await sleeper.answer(1);
  sleeper.socket.pause();
  sleeper.send({ op: 'run', id: 2, code: FLOOD });
  await other.ask({ op: 'ping', id: 'p' });
  await run(other, '1');
  const { reply: summary } = await other.ask({ op: 'attach', id: 'a', run: 2 });
  sleeper.socket.resume();
  await sleeper.answer(2);
  for (const reader of [sleeper, other]) {
    const events = reader.eventsOf(2);
    const gaps = events.filter(({ event }) => event === 'gap');
    const missing = gaps.reduce((sum, gap) => sum + (gap.events as number), 0);
    expect(missing).toBeGreaterThan(0);
    expect(events.length - gaps.length + missing).toBe(summary?.events as number);
    expect(reader.textOf(2).startsWith('00000x')).toBe(true);
    expect(reader.textOf(2).endsWith(`${LINE_COUNT - 1}${'x'.repeat(1018)}\n`)).toBe(true);
    expect(events.at(-1)).toMatchObject({ event: 'done', status: 'ok' });
    // The bytes told are those of the events, of which each carries one whole line.
    const bytes = gaps.reduce((sum, gap) => sum + (gap.bytes as number), 0);
    expect(bytes / missing).toBeGreaterThan(1024);
    expect(bytes / missing).toBeLessThan(1024 + 64);
  }
});

test('a client that asks and asks and never reads does not grow the server', async () => {
  const server = await servers.start();
  const [rude, polite] = [await servers.client(server), await servers.client(server)];
  rude.socket.pause();
  const before = await heldBytes();
  // Each answer is far larger than its question: 20 000 of them are some 40 MB.
  for (let id = 1; id <= 20_000; id++) rude.send({ op: 'status', id });
  for (let count = 0; count < 200; count++) await polite.ask({ op: 'ping', id: count });
  // What the rude one cannot get rid of waits on its own side.
  expect(rude.socket.writableLength).toBeGreaterThan(0);
  expect((await heldBytes()) - before).toBeLessThan(20 * MEGABYTE);
  rude.socket.resume();
  expect((await rude.answer(20_000)).reply).toBeDefined();
});

test('a client that sends interrupts while it reads slowly is heard', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  client.send({ op: 'run', id: 1, code: "while True: print('x' * 10_000)" });
  await client.event('stdout');
  client.socket.pause();
  client.send({ op: 'interrupt', id: 2 });
  const other = await servers.client(server);
  expect((await other.ask({ op: 'attach', id: 3, run: 1 })).reply).toMatchObject({ status: 'interrupted' });
  client.socket.resume();
  expect((await client.answer(2)).reply).toMatchObject({ outcome: 'interrupted' });
});
