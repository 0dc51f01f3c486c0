import { describe, expect, test } from 'vitest';
import { connect as connectClient } from '../../src/client/session.js';
import { usePlace } from '../support/leftovers.js';
import { DIALECTS, type RawClient } from './kit/raw_client.js';
import { run, startRun, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

test('fifty clients at once, in every dialect, each get their own answers', async () => {
  const server = await servers.start({ queueCount: 1000 });
  await run(await servers.client(server), 'seen = []');
  const work = async (number: number): Promise<void> => {
    const dialect = DIALECTS[number % 3] as (typeof DIALECTS)[number];
    const client = await servers.client(server, dialect);
    const asked = Array.from({ length: 10 }, (_, count) =>
      client.ask({ op: 'run', id: count, code: `seen.append((${number}, ${count})); get('${number}/${count}')` }),
    );
    const answers = await Promise.all(asked);
    for (const [count, { status, run: of }] of answers.entries()) {
      expect(status).toBe('ok');
      expect(client.textOf(of as number, 'get')).toBe(`${number}/${count}`);
    }
    const foreign = client.received.filter(({ event, id }) => event !== undefined && typeof id !== 'number');
    expect(foreign).toEqual([]);
    expect(client.received.filter(({ event }) => event === 'get')).toHaveLength(10);
  };
  await Promise.all(Array.from({ length: 50 }, (_, number) => work(number)));
  const client = await servers.client(server);
  const done = await run(client, 'get(len(seen), len(set(seen)))');
  expect(client.textOf(done.run as number, 'get')).toBe('500500');
  expect(server.status().counts.runs).toBe(502);
});

test('fifty classic clients at once, one connection a snippet, each get their own answers', async () => {
  const server = await servers.start({ queueCount: 1000 });
  const ask = async (number: number): Promise<void> => {
    const client = await servers.client(server, number % 2 === 0 ? 'json-frames' : 'lines');
    client.send({ snippet: `get(${number})` });
    expect(await client.next()).toEqual({ captured: String(number), exception: '' });
    await client.ended;
    client.end();
    await client.closed;
  };
  await Promise.all(Array.from({ length: 50 }, (_, number) => ask(number)));
});

const LOOP = [
  'import sys, time',
  'for i in range(200):',
  "  print('line', i, 'é' * 20)",
  '  get(i) if i % 50 == 0 else None',
  'input()',
  'for i in range(100_000):',
  "  print('more', i)",
].join('\n');

test('a client killed in the middle of a run costs nothing: another attaches and gets the same bytes', async () => {
  const server = await servers.start();
  const witness = await servers.client(server);
  await witness.ask({ op: 'watch', id: 'w' });
  const victim = await servers.client(server);
  victim.send({ op: 'run', id: 1, code: LOOP, stdin: 'ask' });
  const { run: number } = await victim.event('input');
  const before = victim.eventsOf(number as number);
  victim.destroy();
  const [heir, follower] = [await servers.client(server), await servers.client(server)];
  const following = follower.ask({ op: 'attach', id: 'f', run: number, since: before.length });
  await heir.ask({ op: 'input', id: 'in', run: number, text: '' });
  const { reply } = await heir.ask({ op: 'attach', id: 'a', run: 'last' });
  await following;
  expect(reply).toMatchObject({ status: 'ok' });
  const whole = heir.eventsOf(number as number);
  expect([...before, ...follower.eventsOf(number as number)]).toEqual(whole);
  expect(whole).toHaveLength(reply?.events as number);
  expect(heir.textOf(number as number)).toContain('more 99999\n');
  await witness.event('done', number as number);
  const { code: _code, ...started } = witness.eventsOf(number as number)[0] ?? {};
  expect([started, ...witness.eventsOf(number as number).slice(1)]).toEqual(whole);
});

test('a connection cut at every place of a conversation leaves the server whole', async () => {
  const server = await servers.start();
  const frame = Buffer.from('{"op":"run","id":1,"code":"x = 1"}\n');
  for (let length = 0; length <= frame.length; length++) {
    const client = await servers.client(server, 'lines');
    client.sendBytes(frame.subarray(0, length));
    client.destroy();
  }
  const client = await servers.client(server);
  expect((await run(client, 'get(1)')).status).toBe('ok');
});

describe('watch', () => {
  test('shows all runs of the session, with their code, from where it joins', async () => {
    const server = await servers.start();
    const [worker, watcher] = [await servers.client(server), await servers.client(server, 'lines')];
    await run(worker, "print('before')");
    const on = await startRun(worker, "input()\nprint('after')", { stdin: 'ask', name: 'on.py' });
    await worker.event('input');
    worker.send({ op: 'run', id: 'q', code: 'get(1)' });
    await worker.next(({ id }) => id === 'q');
    const { reply } = await watcher.ask({ op: 'watch', id: 'w' });
    const known = worker.eventsOf(on.run).length;
    expect(reply).toMatchObject({ run: on.run, at: known });
    await worker.ask({ op: 'input', id: 'in', run: on.run, text: '' });
    await worker.answer('q');
    await run(worker, 'get(2)', { name: 'two.py' });
    const last = await watcher.event('done', 4);
    expect(last.status).toBe('ok');
    expect(watcher.eventsOf(on.run)).toEqual(worker.eventsOf(on.run).slice(known));
    expect(watcher.eventsOf(1)).toEqual([]);
    const started = watcher.received.filter(({ event }) => event === 'started');
    expect(started).toMatchObject([
      { run: 3, code: 'get(1)' },
      { run: 4, code: 'get(2)', name: 'two.py' },
    ]);
    expect(watcher.received.filter(({ event }) => event !== undefined).every(({ id }) => id === undefined)).toBe(true);
  });

  test('shows what belongs to no run: late threads', async () => {
    const server = await servers.start();
    const [worker, watcher] = [await servers.client(server), await servers.client(server)];
    await watcher.ask({ op: 'watch', id: 'w' });
    const code = [
      'import threading',
      'gate = threading.Event()',
      "late = threading.Thread(target=lambda: (gate.wait(), print('late')))",
      'late.start()',
    ].join('\n');
    await run(worker, code);
    const { run: number } = await run(worker, 'gate.set()\nlate.join()');
    await watcher.event('done', number as number);
    const late = watcher.received.filter(({ event, text }) => event === 'stdout' && text === 'late\n');
    expect(late).toMatchObject([{ run: 0 }]);
    expect(worker.received.filter(({ event }) => event === 'stdout')).toEqual([]);
  });
});

test('a connection watches once: a second watch is refused, and nothing comes twice', async () => {
  const server = await servers.start();
  const [worker, watcher] = [await servers.client(server), await servers.client(server)];
  await watcher.ask({ op: 'watch', id: 1 });
  expect((await watcher.ask({ op: 'watch', id: 2 })).error?.code).toBe('bad_request');
  await run(worker, 'get(1)');
  await watcher.event('done');
  expect(watcher.received.filter(({ event }) => event === 'get')).toHaveLength(1);
});

test('our own client and raw ones share a session', async () => {
  const server = await servers.start();
  const raw = await servers.client(server, 'lines');
  await using session = await connectClient(server.address);
  await session.run('x = 6').result;
  raw.send({ op: 'run', id: 1, code: 'get(x * 7)' });
  await raw.answer(1);
  expect(raw.textOf(2, 'get')).toBe('42');
  const attached = await session.attach(2);
  expect((await attached.result).output).toBe('42');
});

describe('a client that closes its sending side', () => {
  async function halfClosed(
    dialect: (typeof DIALECTS)[number],
    messages: readonly object[],
  ): Promise<{ client: RawClient }> {
    const server = await servers.start();
    const client = await servers.client(server, dialect);
    for (const message of messages) client.send(message);
    client.end();
    await client.ended;
    await client.closed;
    return { client };
  }

  test.each(DIALECTS)('gets all its answers in %s, and is closed then', async (dialect) => {
    const slow = "import subprocess; subprocess.run(['sleep', '0.2'])\nget(1)";
    const { client } = await halfClosed(dialect, [
      { op: 'run', id: 1, code: slow },
      { op: 'run', id: 2, code: 'get(2)' },
      { op: 'status', id: 3 },
    ]);
    const ends = client.received.filter(({ event, reply }) => event === 'done' || reply !== undefined);
    expect(ends.map(({ id }) => id)).toEqual([3, 1, 2]);
  });

  test.each(['json-frames', 'lines'] as const)('gets its classic answer in %s', async (dialect) => {
    const { client } = await halfClosed(dialect, [{ snippet: "import time; time.sleep(0.1)\nget('ho')" }]);
    expect(client.received).toEqual([{ captured: 'ho', exception: '' }]);
  });

  test.each(['json-frames', 'lines'] as const)('gets its classic status and restart in %s', async (dialect) => {
    const { client } = await halfClosed(dialect, [{ control: 'status' }]);
    expect(client.received).toMatchObject([{ ack: 'status' }]);
    const restarted = await halfClosed(dialect, [{ control: 'restart' }]);
    expect(restarted.client.received).toEqual([{ ack: 'restart', response: '' }]);
  });

  test('needs no newline behind its last line', async () => {
    const server = await servers.start();
    const client = await servers.client(server, 'lines');
    client.sendBytes('{"op": "ping", "id": 1}\r\n\n  \n\t\r\n{"snippet": "get(6*7)"}');
    client.end();
    await client.closed;
    expect(client.received).toMatchObject([{ id: 1 }, { captured: '42', exception: '' }]);
  });
});
