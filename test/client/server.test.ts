/** The TypeScript client and a real server, end to end. */
import { describe, expect, test } from 'vitest';
import {
  Action,
  connect,
  control,
  controlClassic,
  type RunEvent,
  type RunSnippetOptions,
  runClassic,
  runSnippet,
} from '../../src/index.js';
import { usePlace } from '../support/leftovers.js';
import { realServer } from '../support/real_server.js';

const place = usePlace();

describe('runSnippet', () => {
  test('shares its state with every other snippet', async () => {
    await using server = await realServer(place);
    const { address } = server;
    expect(await runSnippet(address, 'get(15); get(13); a = 8')).toMatchObject({
      output: '1513',
      outputs: ['15', '13'],
      exception: '',
      status: 'ok',
      kept: true,
      outputComplete: true,
      gaps: [],
    });
    expect((await runSnippet(address, 'get(a)')).output).toBe('8');
  });

  test('gives what was printed on every way, the value and the exception', async () => {
    await using server = await realServer(place);
    const code = 'import os, sys\nprint("é")\nos.write(1, b"raw\\n")\nsys.stderr.write("err")\n[1]';
    expect(await runSnippet(server.address, code, { value: 'repr' })).toMatchObject({
      stdout: 'é\nraw\n',
      stderr: 'err',
      value: { type: 'list', repr: '[1]' },
    });
    const raised = await runSnippet(server.address, 'get("before")\n1/0', { name: 'file.py', line: 10 });
    expect(raised).toMatchObject({ status: 'error', output: 'before', error: { type: 'ZeroDivisionError', line: 11 } });
    expect(raised.exception).toMatch(/^Traceback.*File "file\.py", line 11.*ZeroDivisionError: division by zero/s);
    expect(await runSnippet(server.address, 'raise SystemExit(3)')).toMatchObject({ status: 'exit', code: 3 });
  });

  test('carries arguments, argv and standard input', async () => {
    await using server = await realServer(place);
    const options: RunSnippetOptions = {
      arguments: { list: [1, null, 'ü'], big: 2n ** 60n, bytes: new Uint8Array([0, 255]) },
      argv: ['prog', '-x'],
      stdin: { text: 'line\n' },
    };
    const code = 'import sys\nget([arguments["list"], arguments["big"], arguments["bytes"], sys.argv, input()])';
    expect((await runSnippet(server.address, code, options)).output).toBe(
      "[[1, None, 'ü'], 1152921504606846976, b'\\x00\\xff', ['prog', '-x'], 'line']",
    );
  });

  test('works over TCP with the token, and not without', async () => {
    await using server = await realServer(place, { address: '127.0.0.1:0' });
    const token = server.token ?? '';
    expect((await runSnippet(server.address, 'get(1)', { token })).output).toBe('1');
    await expect(runSnippet(server.address, 'get(1)')).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(runSnippet(server.address, 'get(1)', { token: 'wrong' })).rejects.toMatchObject({
      code: 'unauthorized',
    });
  });

  test('is interrupted by its signal and keeps the namespace', async () => {
    await using server = await realServer(place);
    const controller = new AbortController();
    const onEvent = ({ event }: RunEvent): void => {
      if (event === 'get') controller.abort();
    };
    const code = 'kept = 1\nget("on")\nwhile True: pass';
    const result = await runSnippet(server.address, code, { signal: controller.signal, onEvent });
    expect(result).toMatchObject({ status: 'interrupted', output: 'on', kept: true });
    expect((await runSnippet(server.address, 'get(kept)')).output).toBe('1');
  });

  test('tells a death of the kernel, and the next run what was lost', async () => {
    await using server = await realServer(place);
    const died = await runSnippet(server.address, 'x = 1\nimport os\nos.kill(os.getpid(), 9)');
    expect(died).toMatchObject({ status: 'lost', kept: false, reason: { signal: 'SIGKILL' } });
    expect(died.exception).toMatch(/^KernelLost: signal SIGKILL/);
    const next = await runSnippet(server.address, 'get("x" in globals())');
    expect(next).toMatchObject({ output: 'False', lost: { message: expect.any(String) } });
  });
});

describe('a session', () => {
  test('has many runs in flight on one connection, each with its own answer', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    const results = await Promise.all(Array.from({ length: 40 }, (_, n) => session.run(`get(${n})`).result));
    expect(results.map(({ output }) => output)).toEqual(results.map((_, n) => String(n)));
    expect(server.status().counts.connections).toBe(1);
  });

  test('gives the events of a run in their order', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    const run = session.run('get(1)\nprint(2)\nget(3)');
    const seen: string[] = [];
    for await (const event of run) seen.push('text' in event ? String(event.text) : event.event);
    expect(seen.filter((name) => name !== 'queued').join('|')).toMatch(/^started\|1\|2\|?\n\|3\|done$/);
    expect(run.number).toBe(1);
  });

  test('answers a snippet that asks for input', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    const run = session.run('get(input("name? "))', { stdin: 'ask' });
    for await (const event of run) {
      if (event.event !== 'input') continue;
      expect(event.prompt).toBe('name? ');
      await run.input('Ada');
    }
    expect((await run.result).output).toBe('Ada');
  });

  test('interrupts, cancels, asks and restarts while a run is on', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    const endless = session.run('print("on")\nwhile True: pass');
    for await (const event of endless) if (event.event === 'stdout') break;
    const queued = session.run('get(1)');
    expect(await session.status()).toMatchObject({ state: 'busy', queue: 1, run: { run: 1 } });
    expect(await session.stack()).toContain('while True: pass');
    expect((await session.ping()).state).toBe('busy');
    expect(await session.cancel(await queued.whenNumbered())).toMatchObject({ outcome: 'cancelled' });
    expect(await queued.result).toMatchObject({ status: 'cancelled' });
    expect(await endless.interrupt()).toMatchObject({ run: 1, outcome: 'interrupted', kept: true });
    expect(await endless.result).toMatchObject({ status: 'interrupted' });
    const before = await session.status();
    expect((await session.restart()).generation).toBe(before.generation + 1);
    expect(await session.interrupt()).toMatchObject({ outcome: 'not_running' });
  });

  test('attaches to a run, live and afterwards, from any event on', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    const run = session.run('print("a")\nx = input()\nprint("b", x)', { stdin: 'ask' });
    for await (const event of run) if (event.event === 'input') break;
    await using other = await connect(server.address);
    const attached = await other.attach('current');
    expect(await attached.whenNumbered()).toBe(1);
    await attached.input('!');
    expect((await attached.result).stdout).toBe('a\nb !\n');
    expect((await run.result).stdout).toBe('a\nb !\n');
    const rest = await other.attach(1, { since: attached.known - 1 });
    expect(await rest.result).toMatchObject({ stdout: '', status: 'ok' });
    expect(rest.known).toBe(attached.known);
    await expect((await other.attach(99)).result).rejects.toMatchObject({ code: 'not_found' });
  });

  test('watches what others do', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    const watch = await session.watch();
    await runSnippet(server.address, 'get("seen")');
    const seen: string[] = [];
    for await (const event of watch) {
      if (event.event === 'started') seen.push(event.code ?? '');
      if (event.event === 'get') seen.push(event.text);
      if (event.event === 'done') break;
    }
    expect(seen).toEqual(['get("seen")', 'seen']);
  });

  test('lists its runs', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    await session.run('a = 1').result;
    await session.run('1/0', { name: 'x.py' }).result;
    const runs = await session.runs({ code: true });
    expect(runs.map(({ run, status }) => [run, status]).sort()).toEqual([
      [1, 'ok'],
      [2, 'error'],
    ]);
    expect(runs.find(({ run }) => run === 2)).toMatchObject({ name: 'x.py', code: '1/0' });
    expect(await session.runs({ limit: 1 })).toHaveLength(1);
  });

  test('leaves its runs behind when it is destroyed, unless told otherwise', async () => {
    await using server = await realServer(place);
    const first = await connect(server.address);
    const kept = first.run('print("on")\nx = 1\nwhile x: pass');
    for await (const event of kept) if (event.event === 'stdout') break;
    first.destroy();
    await expect(kept.result).rejects.toMatchObject({ code: 'connection_lost' });
    await using second = await connect(server.address);
    const attached = await second.attach('current');
    await attached.interrupt();
    expect((await attached.result).status).toBe('interrupted');
    const third = await connect(server.address);
    const dropped = third.run('print("on")\nwhile True: pass', { onDisconnect: 'cancel' });
    for await (const event of dropped) if (event.event === 'stdout') break;
    const followed = await second.attach('current');
    third.destroy();
    expect((await followed.result).status).toBe('interrupted');
  });

  test('loses every waiter with one error when the server is stopped', async () => {
    await using server = await realServer(place);
    const session = await connect(server.address);
    const watch = await session.watch();
    await session.stop();
    expect((await server.closed).failed).toBe(false);
    await session.closed;
    await expect(session.status()).rejects.toMatchObject({ code: 'connection_lost' });
    for await (const _event of watch);
    await session.close();
  });
});

describe('a slow reader', () => {
  test('of an attached run holds the server, not its own memory, and loses nothing', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    const lines = 200_000;
    const run = session.run(`for i in range(${lines}): print(i)`, { collect: false });
    const attached = await session.attach(await run.whenNumbered(), { collect: false });
    const drained = (async () => {
      for await (const _event of run);
    })();
    let text = '';
    for await (const event of attached) {
      if (event.event === 'stdout') text += event.text;
      await new Promise((resolve) => setImmediate(resolve));
    }
    await drained;
    expect(text).toBe(Array.from({ length: lines }, (_, n) => `${n}\n`).join(''));
  });
});

describe('control', () => {
  test('asks for status, restarts, interrupts and stops', async () => {
    await using server = await realServer(place);
    const { address } = server;
    expect(await control(address, Action.STATUS)).toMatchObject({ state: 'idle', serverPid: process.pid });
    expect((await control(address, Action.RESTART)).generation).toBeGreaterThan(1);
    expect(await control(address, Action.INTERRUPT)).toMatchObject({ outcome: 'not_running' });
    expect(await control(address, Action.STOP)).toEqual({});
    await server.closed;
    await expect(control(address, Action.STATUS)).rejects.toMatchObject({ code: 'no_server' });
  });
});

describe('the classic dialect', () => {
  test('works against this server as against the original', async () => {
    await using server = await realServer(place);
    const { address } = server;
    expect(await runClassic(address, "get('hey')\nget('ho\\n')")).toEqual({ output: 'heyho\n', exception: '' });
    expect(await runClassic(address, '1/0')).toEqual({
      output: '',
      exception: 'Snippet, line 1, in <module>:\n    1/0\nZeroDivisionError: division by zero',
    });
    expect(await controlClassic(address, Action.STATUS)).toMatchObject({ pid: server.kernelPid });
    expect(await controlClassic(address, Action.RESTART)).toEqual({});
    expect(await controlClassic(address, Action.STOP)).toEqual({});
    await server.closed;
  });
});

test('waiting, history and losses', async () => {
  await using server = await realServer(place);
  const losses: string[] = [];
  await using session = await connect(server.address, { onLost: ({ message }) => void losses.push(message) });
  const run = session.run('line = input()', { stdin: 'ask', name: 'a.py' });
  for await (const event of run) {
    if (event.event !== 'input') continue;
    expect(await session.wait('current', { waitMs: 0 })).toMatchObject({ run: run.number, state: 'running' });
    const ended = session.wait(run.number ?? 0);
    await run.input('x');
    expect(await ended).toMatchObject({ status: 'ok', name: 'a.py', done: { event: 'done', run: run.number } });
  }
  await session.run('hidden = 1', { quiet: true }).result;
  await session.run('1/0').result;
  expect((await session.history()).map(({ code, status }) => [code, status])).toEqual([
    ['line = input()', 'ok'],
    ['1/0', 'error'],
  ]);
  expect(await session.runs({ quiet: true })).toHaveLength(3);
  await session.restart();
  expect(losses).toEqual([expect.stringContaining('restarted by ')]);
  expect((await session.run('1').result).lost?.message).toBe(losses[0]);
});
