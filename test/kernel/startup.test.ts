import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { SockPythonError } from '../../src/protocol/errors.js';
import { isAlive, until, useServers } from '../server/kit/servers.js';
import { anyInterpreter } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { oddInterpreter } from './kit.js';

const place = usePlace();
const servers = useServers();

/** Starts a server with this for an interpreter; resolves to the error. */
async function failure(code: string, helloMs = 10_000): Promise<SockPythonError> {
  const python = oddInterpreter(place, 'odd', code);
  return servers.start({ python, helloMs }).then(
    () => {
      throw new Error('it started');
    },
    (error: SockPythonError) => error,
  );
}

/** Waits for ever, and has left its pid where the test finds it. */
const STAY = "open(os.environ['TMPDIR'] + '/../work/pid', 'w').write(str(os.getpid())); signal.pause()";

describe('an interpreter that', () => {
  test.each([
    ['exits at once', 'os._exit(7)', 'it ended with exit code 7'],
    ['prints and exits', "print('out'); print('No module named x', file=sys.stderr); sys.exit(2)", 'No module named x'],
    ['is killed', 'os.kill(os.getpid(), 9)', 'SIGKILL'],
    ['ends in the middle of the hand-shake', 'Channel().connect(); os._exit(0)', 'exit code 0'],
    ['does not know the secret', "Channel().connect().hello(secret='0' * 48); os._exit(0)", 'exit code 0'],
    ['says another thing first', 'Channel().connect().send(3, 1, b"x"); os._exit(0)', 'exit code 0'],
    ['has no pid', "Channel().connect().hello(pid='none'); os._exit(0)", 'exit code 0'],
    ['makes no FIFOs', 'c = Channel(); c.socket.connect(c.start["socket"]); c.hello(); os._exit(0)', 'exit code 0'],
  ])('%s is told with its own words', async (_name, code, words) => {
    const error = await failure(code);
    expect(error).toMatchObject({ name: 'SockPythonError', code: 'kernel_failed_to_start' });
    expect(error.message).toContain(words);
  });

  test.each([
    ['says nothing', STAY],
    ['connects and says nothing', `c = Channel().connect(); ${STAY}`],
    ['says garbage', `Channel().connect().socket.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n'); ${STAY}`],
    ['says half a hello', `Channel().connect().socket.sendall(b'\\0\\0\\0\\x40\\0'); ${STAY}`],
    ['announces four gigabytes', `Channel().connect().socket.sendall(b'\\xff\\xff\\xff\\xff\\0\\0\\0\\0\\0'); ${STAY}`],
    ['floods the hand-shake', "c = Channel().connect().socket\nwhile True: c.sendall(b'\\0\\0\\1\\0\\0' + b'x' * 251)"],
    ['does not read what it is started with', STAY],
    ['ignores every polite signal', `[signal.signal(s, signal.SIG_IGN) for s in (1, 2, 15)]; ${STAY}`],
  ])('%s is ended after the time allowed', async (name, code) => {
    const error = await failure(code, 300);
    expect(error.code).toBe('kernel_failed_to_start');
    expect(error.message).toMatch(name === 'floods the hand-shake' ? /hello|ended/ : /no hello within 300 ms/);
    // What it left of itself is looked for when the test ends.
  });

  test.each([
    ['is not there', '/nowhere/python3', 'ENOENT'],
    ['is not executable', 'plain', 'EACCES'],
    ['is no program', 'text', 'exit code'],
    ['is a directory', '.', 'EACCES'],
  ])('%s is told', async (name, file, words) => {
    writeFileSync(place.path('plain'), 'x', { mode: 0o644 });
    writeFileSync(place.path('text'), 'no program', { mode: 0o755 });
    const python = file.startsWith('/') ? file : place.path(file);
    const error = await servers.start({ python }).catch((reason: unknown) => reason as SockPythonError);
    expect(error, name).toMatchObject({ code: 'kernel_failed_to_start' });
    expect((error as SockPythonError).message).toContain(words);
  });

  test('prints megabytes before it fails is not swallowed whole', async () => {
    const error = await failure("sys.stderr.write('x' * 5_000_000 + '\\nlast words\\n'); sys.exit(1)");
    expect((error.details as { output: string }).output.length).toBeLessThan(200_000);
    expect(error.message.length).toBeLessThan(200_000);
  });
});

describe('a kernel that says hello and then', () => {
  /** A server with a kernel that behaves at first; `flag` lets the next ones be real. */
  async function withOdd(code: string): Promise<{
    readonly server: Awaited<ReturnType<typeof servers.start>>;
    readonly client: Awaited<ReturnType<typeof servers.client>>;
  }> {
    const real = anyInterpreter().path;
    const flag = place.path('flag');
    writeFileSync(flag, '');
    const once = `if not os.path.exists(${JSON.stringify(flag)}): os.execv(${JSON.stringify(real)}, [${JSON.stringify(real)}] + sys.argv[1:])\nos.remove(${JSON.stringify(flag)})`;
    const server = await servers.start({ python: oddInterpreter(place, 'odd', `${once}\n${code}`) });
    return { server, client: await servers.client(server) };
  }

  test.each([
    ['a frame of an unknown kind', "c.send(77, 0, b'')"],
    ['a frame that is too short', "c.socket.sendall(b'\\0\\0\\0\\1\\2' + bytes(8))"],
    ['a frame of four gigabytes', "c.socket.sendall(b'\\xff\\xff\\xff\\xff\\2\\0\\0\\0\\1')"],
    ['a reply that is no message', "c.send(4, 0, b'\\xc1\\xff')"],
    ['text', "c.socket.sendall(b'Traceback (most recent call last):\\n' * 10)"],
  ])('answers a run with %s is killed, and replaced', async (_name, sin) => {
    const { client } = await withOdd(`c = Channel().connect().hello(); c.receive(); ${sin}; signal.pause()`);
    const done = await client.ask({ op: 'run', id: 1, code: 'get(1)' });
    expect(done).toMatchObject({ status: 'lost', kept: false });
    expect(done.reason?.message).toContain('channel');
    const next = await client.ask({ op: 'run', id: 2, code: 'get(2)' });
    expect(next).toMatchObject({ status: 'ok' });
    expect(client.started(next.run as number)).toMatchObject({ generation: 2, lost: {} });
  });

  test('speaks of runs that are not on does not confuse those that are', async () => {
    const sin = [
      'c = Channel().connect().hello()',
      'kind, run, code = c.receive()',
      "c.send(3, 99, {'event': 'done', 'run': 99, 'status': 'ok', 'ms': 0.0, 'kept': True, 'outputComplete': True})",
      "c.send(2, 98, {'event': 'get', 'run': 98, 'text': 'astray'})",
      "c.send(3, run, {'event': 'done', 'run': run, 'status': 'ok', 'ms': 0.0, 'kept': True, 'outputComplete': True})",
      "c.send(3, run, {'event': 'done', 'run': run, 'status': 'ok', 'ms': 0.0, 'kept': True, 'outputComplete': True})",
      'c.receive()',
    ];
    const { client } = await withOdd(sin.join('\n'));
    expect(await client.ask({ op: 'run', id: 1, code: 'x' })).toMatchObject({ event: 'done', run: 1, status: 'ok' });
    expect(client.received.filter(({ text }) => text === 'astray')).toEqual([]);
    expect(client.received.filter(({ event }) => event === 'done')).toHaveLength(1);
  });

  test('fences a done whose marker never comes: it is let go in time, and says so', async () => {
    const sin = [
      'c = Channel().connect().hello()',
      'kind, run, code = c.receive()',
      'from channel import pack',
      "done = {'event': 'done', 'run': run, 'status': 'ok', 'ms': 0.0, 'kept': True, 'outputComplete': True}",
      "os.write(1, b'out')",
      "c.send(7, run, bytes([12]) + b'0123456789ab' + pack(done))",
      'c.receive()',
    ];
    const { client } = await withOdd(sin.join('\n'));
    const done = await client.ask({ op: 'run', id: 1, code: 'x' });
    expect(done).toMatchObject({ status: 'ok', outputComplete: false });
    expect(client.textOf(1)).toBe('out');
  });

  test('ends at once, again and again, spends the budget; restart revives', async () => {
    const flag = place.path('broken');
    writeFileSync(flag, '');
    const real = anyInterpreter().path;
    const code = [
      `if not os.path.exists(${JSON.stringify(flag)}): os.execv(${JSON.stringify(real)}, [${JSON.stringify(real)}] + sys.argv[1:])`,
      'c = Channel().connect().hello()',
      // The server has taken the hello when it has closed the door behind it.
      "while os.path.exists(c.start['socket']): pass",
      'os._exit(9)',
    ];
    const server = await servers.start({ python: oddInterpreter(place, 'odd', code.join('\n')) });
    await until('the session is dead', () => server.status().state === 'dead');
    const client = await servers.client(server);
    const refused = await client.ask({ op: 'run', id: 1, code: 'get(1)' });
    expect(refused.error).toMatchObject({ code: 'kernel_failed_to_start', message: expect.stringContaining('code 9') });
    expect((await client.ask({ op: 'status', id: 2 })).reply).toMatchObject({ state: 'dead', kernelPid: null });
    expect((await client.ask({ op: 'interrupt', id: 3 })).reply).toMatchObject({ outcome: 'not_running' });
    expect((await client.ask({ op: 'stack', id: 4 })).error?.code).toBe('kernel_lost');
    const classic = await servers.client(server, 'lines');
    classic.send({ snippet: 'get(1)' });
    expect((await classic.next()).exception).toMatch(/^KernelFailedToStart: /);
    // A restart of what is still broken says so; once it is mended the session lives.
    expect((await client.ask({ op: 'status', id: 'x' })).reply?.counts).toMatchObject({ deaths: 5 });
    await (await import('node:fs/promises')).rm(flag);
    expect((await client.ask({ op: 'restart', id: 5 })).reply?.generation).toBeGreaterThan(1);
    expect(await client.ask({ op: 'run', id: 6, code: 'get(6)' })).toMatchObject({ status: 'ok' });
  });

  test('can be neither replaced nor restarted: restart is told why, and stop works', async () => {
    const flag = place.path('gone');
    const real = anyInterpreter().path;
    const code = `if os.path.exists(${JSON.stringify(flag)}): sys.exit('the disk is on fire')\nos.execv(${JSON.stringify(real)}, [${JSON.stringify(real)}] + sys.argv[1:])`;
    // Kernels after the first are started by the interpreter's true name: only a link can be taken away from them.
    const server = await servers.start({
      python: oddInterpreter(place, 'odd', code),
      budget: { deathCount: 1, windowMs: 1000 },
    });
    const client = await servers.client(server);
    writeFileSync(flag, '');
    expect(existsSync(flag)).toBe(true);
    const { reply, error } = await client.ask({ op: 'restart', id: 1 });
    expect(reply ?? error).toBeDefined();
    const pid = server.kernelPid;
    expect((await client.ask({ op: 'stop', id: 2 })).reply).toBeDefined();
    client.end();
    await server.closed;
    if (pid !== null) expect(isAlive(pid)).toBe(false);
  });
});

test('destroying a server whose kernel never says hello takes no patience', async () => {
  const flag = place.path('slow');
  const real = anyInterpreter().path;
  const path = place.path('odd');
  const code = `if os.path.exists(${JSON.stringify(flag)}): signal.pause()\nos.environ['ODD'] = '1'\nos.execv(${JSON.stringify(real)}, [${JSON.stringify(path)}] + sys.argv[1:])`;
  const server = await servers.start({ python: oddInterpreter(place, 'odd', code) });
  const client = await servers.client(server);
  writeFileSync(flag, '');
  client.send({ op: 'run', id: 1, code: 'import os; os._exit(1)' });
  await client.answer(1);
  const begun = performance.now();
  await server.destroy();
  expect(performance.now() - begun).toBeLessThan(3000);
});
