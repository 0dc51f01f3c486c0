import { describe, expect, test } from 'vitest';
import { anyInterpreter, interpreters } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import type { Message } from './kit/raw_client.js';
import { run, startRun, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();
type ClassicDialect = 'json-frames' | 'lines';

async function exchange(
  server: Awaited<ReturnType<typeof servers.start>>,
  message: object,
  dialect: ClassicDialect = 'json-frames',
): Promise<Message> {
  const client = await servers.client(server, dialect);
  client.send(message);
  const answer = await client.next();
  await client.ended;
  client.end();
  await client.closed;
  return answer;
}

test('the bytes of an answer are JSON in a frame for who sends frames, and a line for who sends lines', async () => {
  const server = await servers.start();
  const framed = await servers.client(server, 'json-frames');
  framed.send({ snippet: 'get(1)' });
  await framed.ended;
  const bytes = framed.bytes();
  expect(bytes.readUInt32BE(0)).toBe(bytes.length - 4);
  expect(bytes.subarray(4).toString()).toBe('{"captured":"1","exception":""}');
  const lines = await servers.client(server, 'lines');
  lines.send({ snippet: 'get(1)' });
  await lines.ended;
  expect(lines.bytes().toString()).toBe('{"captured":"1","exception":""}\n');
});

test('printed text goes to the session, not to the classic client', async () => {
  const server = await servers.start();
  const watcher = await servers.client(server);
  await watcher.ask({ op: 'watch', id: 'w' });
  expect(await exchange(server, { snippet: "print('printed')\nget('got')" })).toEqual({
    captured: 'got',
    exception: '',
  });
  await watcher.event('done');
  expect(watcher.textOf(1)).toBe('printed\n');
});

test('a get of megabytes comes whole', async () => {
  const server = await servers.start();
  const answer = await exchange(server, { snippet: "for i in range(50): get('é' * 100_000)" });
  expect(answer.captured === 'é'.repeat(5_000_000)).toBe(true);
});

describe('ends that the original does not know', () => {
  test.each([
    ['raise SystemExit(3)', 'SystemExit: 3'],
    ['raise SystemExit', 'SystemExit: '],
    ["raise SystemExit('bye')", 'SystemExit: bye'],
  ])('%s', async (snippet, exception) => {
    const server = await servers.start();
    expect(await exchange(server, { snippet })).toEqual({ captured: '', exception });
  });

  test('an interrupt', async () => {
    const server = await servers.start();
    const [classic, other] = [await servers.client(server, 'lines'), await servers.client(server)];
    await other.ask({ op: 'watch', id: 'w' });
    classic.send({ snippet: "get(1)\nprint('on')\nwhile True: pass" });
    await other.event('stdout');
    await other.ask({ op: 'interrupt', id: 'i' });
    expect(await classic.next()).toEqual({ captured: '1', exception: 'KeyboardInterrupt: ' });
  });

  test('a death', async () => {
    const server = await servers.start();
    const answer = await exchange(server, { snippet: 'get(1)\nimport os; os.kill(os.getpid(), 11)' });
    expect(answer.captured).toBe('1');
    expect(answer.exception).toMatch(/^KernelLost: signal SIGSEGV/);
    expect(await exchange(server, { snippet: 'get(2)' })).toEqual({ captured: '2', exception: '' });
  });

  test('a time limit', async () => {
    const server = await servers.start({ timeoutMs: 100 });
    const answer = await exchange(server, { snippet: 'while True: pass' });
    expect(answer.exception).toMatch(/^Timeout: .*100 ms/);
  });

  test('a restart while it waits or runs', async () => {
    const server = await servers.start();
    const native = await servers.client(server);
    const running = await startRun(native, 'while True: pass');
    const classic = await servers.client(server, 'lines');
    classic.send({ snippet: 'get(1)' });
    await native.ask({ op: 'ping', id: 'p' });
    expect(await exchange(server, { control: 'restart' })).toEqual({ ack: 'restart', response: '' });
    expect((await classic.next()).exception).toMatch(/^Cancelled: /);
    expect(await running.done).toMatchObject({ status: 'lost' });
  });
});

test('tracebacks of a function of an earlier snippet show that snippet', async () => {
  const server = await servers.start();
  await exchange(server, { snippet: 'def f(x):\n    return 1 / x\n' });
  await exchange(server, { snippet: 'other = 1' });
  const { exception } = await exchange(server, { snippet: 'a = 1\nf(0)' });
  expect(exception).toMatch(/^Snippet, line 2, in <module>:\n {4}f\(0\)\nSnippet, line 2, in f:\n {8}return 1 \/ x\n/);
  expect(exception).toMatch(/ZeroDivisionError: division by zero$/);
});

test('a snippet that assigns get has ours back in the next', async () => {
  const server = await servers.start();
  await exchange(server, { snippet: 'get = 5' });
  expect(await exchange(server, { snippet: 'get(7)' })).toEqual({ captured: '7', exception: '' });
});

describe.each(interpreters().filter(({ minor }) => minor <= 10))('under CPython $version', ({ path }) => {
  test('tracebacks have no carets', async () => {
    const server = await servers.start({ python: path });
    const { exception } = await exchange(server, { snippet: 'll = [1]\nget(ll.index(0))\n' });
    expect(exception).toBe('Snippet, line 2, in <module>:\n    get(ll.index(0))\nValueError: 0 is not in list');
  });
});

describe('a classic message that makes no sense', () => {
  test.each([
    { snippet: 5 },
    { snippet: null },
    { control: 'explode' },
    { control: 5 },
    { snippet: 'x', control: 'status' },
  ])('%j is closed without a reply', async (message) => {
    const server = await servers.start();
    for (const dialect of ['json-frames', 'lines'] as const) {
      const client = await servers.client(server, dialect);
      client.send(message);
      await client.ended;
      expect(client.receivedBytes).toBe(0);
    }
    expect(await exchange(server, { snippet: 'get(1)' })).toMatchObject({ captured: '1' });
  });
});

test('one message, one reply: what follows on the same connection is not run', async () => {
  const server = await servers.start();
  const client = await servers.client(server, 'lines');
  client.sendBytes(
    '{"snippet": "import time; time.sleep(0.05); get(1)"}\n{"snippet": "second = 2"}\n{"control": "stop"}\n',
  );
  await client.ended;
  expect(client.received).toEqual([{ captured: '1', exception: '' }]);
  expect(await exchange(server, { snippet: "get('second' in globals())" })).toMatchObject({ captured: 'False' });
});

test('status, restart and stop work while a snippet runs', async () => {
  const server = await servers.start();
  const native = await servers.client(server);
  const running = await startRun(native, 'while True: pass');
  const status = await exchange(server, { control: 'status' }, 'lines');
  expect(status.ack).toBe('status');
  expect(JSON.parse(status.response as string)).toMatchObject({ pid: server.kernelPid, state: 'busy' });
  const before = server.kernelPid;
  expect(await exchange(server, { control: 'restart' }, 'lines')).toEqual({ ack: 'restart', response: '' });
  expect((await running.done).reason?.message).toMatch(/^restarted by /);
  expect(server.kernelPid).not.toBe(before);
  await startRun(native, 'while True: pass');
  expect(await exchange(server, { control: 'stop' })).toEqual({ ack: 'stop', response: '' });
  native.destroy();
  await server.closed;
});

test('a native run beside classic ones shares the namespace', async () => {
  const server = await servers.start({ python: anyInterpreter().path });
  await exchange(server, { snippet: 'shared = 41' });
  const client = await servers.client(server);
  const done = await run(client, 'get(shared + 1)');
  expect(client.textOf(done.run as number, 'get')).toBe('42');
});
