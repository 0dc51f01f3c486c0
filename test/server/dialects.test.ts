import { describe, expect, test } from 'vitest';
import type { RunningServer } from '../../src/server/server_options.js';
import { usePlace } from '../support/leftovers.js';
import { DIALECTS, type Message, type RawClient } from './kit/raw_client.js';
import { run, startRun, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

async function pair(dialect: (typeof DIALECTS)[number]): Promise<{ server: RunningServer; client: RawClient }> {
  const server = await servers.start();
  return { server, client: await servers.client(server, dialect) };
}

describe.each(DIALECTS)('in %s', (dialect) => {
  test('hello, ping, status and runs are answered', async () => {
    const { server, client } = await pair(dialect);
    const hello = await client.ask({ op: 'hello', id: 'h', protocol: 1, client: { name: 'raw', version: '1' } });
    expect(hello.reply).toMatchObject({
      protocol: 1,
      server: { name: 'sock-python' },
      session: server.session,
      kernel: { state: 'idle', pid: server.kernelPid, generation: 1 },
    });
    expect(hello.reply?.ops).toContain('run');
    expect(hello.reply?.limits).toMatchObject({ maxFrameBytes: 67_108_864 });
    const ping = await client.ask({ op: 'ping', id: 2 ** 32 - 1 });
    expect(Math.abs(Date.now() - (ping.reply?.time as number))).toBeLessThan(60_000);
    expect(ping.reply?.state).toBe('idle');
    const { reply: status } = await client.ask({ op: 'status', id: 0 });
    expect(status).toMatchObject({
      state: 'idle',
      kernelPid: server.kernelPid,
      serverPid: process.pid,
      generation: 1,
      python: server.python.version,
      run: null,
      queue: 0,
      counts: { runs: 0, connections: 1, deaths: 0 },
      lastDeath: null,
      launcher: 'local',
      protocol: 1,
    });
    await run(client, 'x = 1');
    const runs = await client.ask({ op: 'runs', id: 'ü'.repeat(32), code: true });
    expect(runs.reply).toMatchObject([
      { run: 1, state: 'done', status: 'ok', name: null, generation: 1, code: 'x = 1' },
    ]);
  });

  test('a run gives its events in order, each with the id of its submitter', async () => {
    const { client } = await pair(dialect);
    const code = [
      'import sys',
      'get(15)',
      "print('out')",
      "print('err', file=sys.stderr)",
      "get('é\\U0001f600')",
      "display({'a': 1})",
      '[1, 2]',
    ].join('\n');
    const done = await client.ask({ op: 'run', id: 'my id', code, value: 'repr', name: 'some file.py', line: 7 });
    expect(done).toMatchObject({ event: 'done', run: 1, status: 'ok', kept: true, outputComplete: true });
    expect(done.value).toMatchObject({ type: 'list', repr: '[1, 2]' });
    const events = client.received.filter((message) => message.event !== undefined);
    expect(new Set(events.map(({ id }) => id))).toEqual(new Set(['my id']));
    const told = events.map(({ event, text }) => (text === undefined ? event : `${event} ${text}`));
    expect(told).toEqual(['started', 'get 15', 'stdout out\n', 'stderr err\n', 'get é😀', 'display', 'done']);
    expect(events[0]).toMatchObject({ event: 'started', run: 1, generation: 1 });
  });

  test('bytes, large and non-finite numbers come through as data', async () => {
    const { client } = await pair(dialect);
    const data = { whole: 2 ** 40, bytes: Buffer.from([0, 255]), none: null, list: [true, 'é'], half: 0.5 };
    const code = "arguments['more'] = [float('inf'), 2**63 - 1, -1]\narguments";
    const done = await run(client, code, { arguments: data, value: 'data' });
    expect(done.status).toBe('ok');
    const { bytes, more, ...rest } = (done.value as { data: Record<string, unknown> }).data;
    expect(Buffer.from(bytes as Uint8Array)).toEqual(data.bytes);
    expect(rest).toEqual({ whole: 2 ** 40, none: null, list: [true, 'é'], half: 0.5 });
    expect(more).toEqual([Number.POSITIVE_INFINITY, 2n ** 63n - 1n, -1]);
  });

  test('output that is not UTF-8 travels as bytes', async () => {
    const { client } = await pair(dialect);
    await run(client, "import os; os.write(1, b'caf\\xe9\\xff')");
    const output = client.received.find(({ event }) => event === 'stdout') as Message;
    expect(output).toMatchObject({ raw: true });
    expect(Buffer.from(output.text as Uint8Array)).toEqual(Buffer.from('caf\xe9\xff', 'latin1'));
  });

  test('an exception, an exit and a syntax error are ends like others', async () => {
    const { client } = await pair(dialect);
    const raised = await run(client, "def f():\n  raise KeyError('k')\nf()");
    expect(raised).toMatchObject({ status: 'error', kept: true, exception: { type: 'KeyError', line: 2 } });
    expect((raised.exception as { frames: unknown[] }).frames).toHaveLength(2);
    expect(await run(client, 'import sys; sys.exit(7)')).toMatchObject({ status: 'exit', code: 7, kept: true });
    expect(await run(client, "raise SystemExit('bye')")).toMatchObject({ status: 'exit', code: 'bye' });
    expect(await run(client, 'raise SystemExit')).toMatchObject({ status: 'exit', code: null });
    const broken = await run(client, 'x = (');
    expect(broken).toMatchObject({ status: 'error', exception: { type: 'SyntaxError', frames: [] } });
  });

  test('attach replays a finished run, from where it is asked to', async () => {
    const { server, client } = await pair(dialect);
    await run(client, "get(1)\nprint('two')\nget(3)");
    const other = await servers.client(server, dialect);
    const answer = await other.ask({ op: 'attach', id: 9, run: 1 });
    expect(answer.reply).toMatchObject({ run: 1, state: 'done', status: 'ok' });
    expect(other.eventsOf(1)).toEqual(client.eventsOf(1));
    expect(other.received.filter(({ event }) => event !== undefined).every(({ id }) => id === undefined)).toBe(true);
    const last = await servers.client(server, dialect);
    await last.ask({ op: 'attach', id: 10, run: 'last', since: 2 });
    expect(last.eventsOf(1)).toEqual(client.eventsOf(1).slice(2));
    await last.ask({ op: 'attach', id: 11, run: 1, since: 1000 });
    expect(last.eventsOf(1)).toHaveLength(client.eventsOf(1).length - 2);
  });

  test('interrupt, cancel, stack and input reach the running snippet', async () => {
    const { client } = await pair(dialect);
    const looping = await startRun(client, "def looping():\n  print('ready')\n  while True: pass\nlooping()");
    const { reply: stack } = await client.ask({ op: 'stack', id: 's' });
    expect(stack?.stack).toContain('looping');
    const interrupted = await client.ask({ op: 'interrupt', id: 'i' });
    expect(interrupted.reply).toMatchObject({ run: looping.run, outcome: 'interrupted', kept: true });
    expect(await looping.done).toMatchObject({ status: 'interrupted', kept: true });
    const next = await startRun(client, 'import time; time.sleep(1000)');
    expect((await client.ask({ op: 'cancel', id: 'c', run: next.run })).reply).toMatchObject({
      outcome: 'interrupted',
    });
    client.send({ op: 'run', id: 'q', code: "name = input('who? ')\nget(name)", stdin: 'ask' });
    const question = await client.event('input');
    expect(question).toMatchObject({ id: 'q', prompt: 'who? ', password: false });
    const accepted = await client.ask({ op: 'input', id: 'a', run: question.run, text: 'me' });
    expect(accepted.error).toBe(undefined);
    await client.answer('q');
    expect(client.textOf(question.run as number, 'get')).toBe('me');
  });

  test('restart and stop are answered', async () => {
    const { server, client } = await pair(dialect);
    await run(client, 'x = 1');
    const { reply } = await client.ask({ op: 'restart', id: 'r' });
    expect(reply).toMatchObject({ generation: 2, pid: server.kernelPid });
    const done = await run(client, 'x');
    expect(done).toMatchObject({ status: 'error', exception: { type: 'NameError' } });
    expect((await client.ask({ op: 'stop', id: 'z' })).reply).toBeDefined();
    await client.ended;
    client.end();
    await server.closed;
  });

  test('what is wrong is told, and only that request fails', async () => {
    const { client } = await pair(dialect);
    const wrong: [object, string, string][] = [
      [{ op: 'nonsense', id: 1 }, 'unknown_op', 'nonsense'],
      [{ op: 'run', id: 2 }, 'bad_request', 'code'],
      [{ op: 'run', id: 3, code: 5 }, 'bad_request', 'code'],
      [{ op: 'run', id: 4, code: '', timeoutMs: -1 }, 'bad_request', 'timeoutMs'],
      [{ op: 'run', id: 5, code: '', surprise: true }, 'bad_request', 'surprise'],
      [{ op: 'attach', id: 6, run: 77 }, 'not_found', '77'],
      [{ op: 'attach', id: 7, run: 'current' }, 'not_found', 'run'],
      [{ op: 'input', id: 8, run: 1, text: 'x' }, 'not_found', '1'],
      [{ op: 'cancel', id: 9, run: 12 }, 'not_found', '12'],
      [{ op: 'hello', id: 10, protocol: 99 }, 'unsupported_version', '99'],
    ];
    for (const [message, code, word] of wrong) {
      const { id } = message as { id: number };
      const { error } = await client.ask({ ...message, id });
      expect(error?.code).toBe(code);
      expect(error?.message).toContain(word);
    }
    client.send({ op: 'ping' });
    expect(await client.next(({ error }) => error !== undefined)).toMatchObject({
      id: null,
      error: { code: 'bad_request' },
    });
    expect((await client.ask({ op: 'ping', id: 'still' })).reply).toBeDefined();
  });
});

test('hello tells the limits that are in force', async () => {
  const server = await servers.start({ maxFrameBytes: 1_000_000, queueCount: 7, idleExitMs: 60_000 });
  const client = await servers.client(server);
  const { reply } = await client.ask({ op: 'hello', id: 1, protocol: 1 });
  expect(reply?.limits).toMatchObject({ maxFrameBytes: 1_000_000, queueCount: 7, idleExitMs: 60_000 });
  expect(reply?.limits).not.toHaveProperty('timeoutMs');
});

test('an id is in use until its answer: a second request under it fails, the first goes on', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  client.send({ op: 'run', id: 1, code: 'input()', stdin: 'ask' });
  const question = await client.event('input');
  client.send({ op: 'ping', id: 1 });
  const refused = await client.next((message) => message.error !== undefined);
  expect(refused).toMatchObject({ id: 1, error: { code: 'bad_request' } });
  await client.ask({ op: 'input', id: 'in', run: question.run, eof: true });
  expect(await client.answer(1)).toMatchObject({ event: 'done', exception: { type: 'EOFError' } });
  expect((await client.ask({ op: 'ping', id: 1 })).reply).toBeDefined();
});
