import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { gone, isAlive, run, startRun, until, useServers } from './kit/servers.js';

const place = usePlace();
const servers = useServers();

describe('a UNIX socket', () => {
  test('is 0600 from birth, in a private directory of its own where none is named', async () => {
    const server = await servers.start();
    const path = server.address.kind === 'unix' ? server.address.path : '';
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(statSync(path).isSocket()).toBe(true);
    const folder = path.slice(0, path.lastIndexOf('/'));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    const named = await servers.start({ address: place.path('named.sock') });
    expect(named.address).toEqual({ kind: 'unix', path: place.path('named.sock') });
    expect(statSync(place.path('named.sock')).mode & 0o777).toBe(0o600);
  });

  test('of a live server is never taken over', async () => {
    const address = place.path('s.sock');
    const server = await servers.start({ address });
    await expect(servers.start({ address })).rejects.toMatchObject({ code: 'address_in_use' });
    const client = await servers.client(server);
    expect((await run(client, 'get(1)')).status).toBe('ok');
  });

  test('of a dead server is taken over', async () => {
    const address = place.path('s.sock');
    // A listener whose file is moved away before it closes leaves a socket that nobody answers.
    const dead = createServer().listen(place.path('d.sock'));
    await new Promise((resolve) => dead.once('listening', resolve));
    const { renameSync } = await import('node:fs');
    renameSync(place.path('d.sock'), address);
    await new Promise((resolve) => dead.close(resolve));
    expect(existsSync(address)).toBe(true);
    const server = await servers.start({ address });
    const client = await servers.client(server);
    expect((await run(client, 'get(1)')).status).toBe('ok');
  });

  test('does not replace a file that is none', async () => {
    writeFileSync(place.path('file'), 'precious');
    await expect(servers.start({ address: place.path('file') })).rejects.toMatchObject({ code: 'bad_address' });
    expect(statSync(place.path('file')).isFile()).toBe(true);
    mkdirSync(place.path('folder'));
    await expect(servers.start({ address: place.path('folder') })).rejects.toMatchObject({ code: 'bad_address' });
    await expect(servers.start({ address: place.path('nowhere/s.sock') })).rejects.toMatchObject({
      code: 'bad_address',
    });
    await expect(servers.start({ address: place.path('x'.repeat(120)) })).rejects.toMatchObject({
      code: 'bad_address',
    });
  });

  test('of a newer server survives the end of an older one', async () => {
    const address = place.path('s.sock');
    const older = await servers.start({ address });
    const { unlinkSync } = await import('node:fs');
    unlinkSync(address);
    const newer = await servers.start({ address });
    await older.close();
    expect(existsSync(address)).toBe(true);
    const client = await servers.client(newer);
    expect((await run(client, 'get(1)')).status).toBe('ok');
  });
});

describe('the end of a server', () => {
  test('leaves no process, socket or directory, also with clients and work about', async () => {
    const server = await servers.start({ address: place.path('s.sock'), stateDir: place.state });
    const clients = await Promise.all([1, 2, 3].map(() => servers.client(server)));
    const [worker, watcher, idle] = clients as [(typeof clients)[0], (typeof clients)[0], (typeof clients)[0]];
    await watcher.ask({ op: 'watch', id: 1 });
    await run(worker, "for i in range(5000): print('x' * 1000)");
    const code =
      "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])\nget(child.pid)\nprint('ready')\nwhile True: pass";
    const { done, run: number } = await startRun(worker, code);
    const pids = [server.kernelPid as number, Number(worker.textOf(number, 'get'))];
    await server.close('the test is over');
    expect(await done).toMatchObject({ status: 'lost' });
    expect((await done).reason?.message).toContain('the test is over');
    expect(await server.closed).toMatchObject({ reason: 'the test is over', failed: false });
    await Promise.all([worker.ended, watcher.ended, idle.ended]);
    expect(existsSync(place.path('s.sock'))).toBe(false);
    expect(readdirSync(place.tmp)).toEqual([]);
    await gone(pids);
  });

  test('does not wait for clients that keep their side open', async () => {
    const server = await servers.start();
    const stubborn = await servers.client(server);
    await stubborn.ask({ op: 'ping', id: 1 });
    const begun = performance.now();
    await server.close();
    expect(performance.now() - begun).toBeLessThan(3000);
    await stubborn.ended;
    // Cut off, not only half-closed: what is written now finds nobody.
    stubborn.send({ op: 'ping', id: 2 });
    await stubborn.closed;
  });

  test('is the same however often it is asked for, in whatever way', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    await startRun(client, 'while True: pass');
    await Promise.all([server.close(), server.close(), server.destroy(), server.destroy(), server.closed]);
    await server.close();
    expect(isAlive(server.kernelPid ?? 0)).toBe(false);
  });

  test('at once takes no grace from exit handlers', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    await run(client, 'import atexit, time; atexit.register(time.sleep, 1000)');
    const begun = performance.now();
    await server.destroy();
    expect(performance.now() - begun).toBeLessThan(1000);
  });

  test('gives a slow reader its answers first', async () => {
    const server = await servers.start();
    const [slow, other] = [await servers.client(server), await servers.client(server)];
    slow.socket.pause();
    slow.send({ op: 'run', id: 1, code: "for i in range(8000): print('x' * 999)" });
    await other.ask({ op: 'ping', id: 1 });
    await run(other, '1');
    const closing = server.close();
    slow.socket.resume();
    expect(await slow.answer(1)).toMatchObject({ status: 'ok' });
    expect(slow.textOf(1).length).toBe(8_000_000);
    slow.end();
    await closing;
  });

  test('through STOP refuses what comes after it', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    client.send({ op: 'stop', id: 1 });
    client.send({ op: 'run', id: 2, code: 'get(1)' });
    expect((await client.answer(2)).error?.code).toBe('shutting_down');
    expect((await client.answer(1)).reply).toBeDefined();
    client.end();
    await server.closed;
  });
});

describe('idle exit', () => {
  test('ends a server that nobody uses', async () => {
    const server = await servers.start({ idleExitMs: 100 });
    expect((await server.closed).reason).toContain('nothing was asked');
  });

  test('waits for a client, and for a run without one', async () => {
    const server = await servers.start({ idleExitMs: 100 });
    const client = await servers.client(server);
    client.send({ op: 'run', id: 1, code: 'import time; time.sleep(0.5); open("done", "w").close()' });
    await client.event('started');
    client.destroy();
    const begun = performance.now();
    await server.closed;
    expect(performance.now() - begun).toBeGreaterThan(400);
    expect(existsSync('done')).toBe(true);
    (await import('node:fs')).rmSync('done');
  });

  test('counts from the last activity', async () => {
    const server = await servers.start({ idleExitMs: 300 });
    const ends: string[] = [];
    void server.closed.then(({ reason }) => ends.push(reason));
    for (let count = 0; count < 5; count++) {
      const client = await servers.client(server);
      await run(client, 'import time; time.sleep(0.1)');
      client.destroy();
      await client.closed;
    }
    expect(ends).toEqual([]);
    await server.closed;
  });
});

describe('the start-up file', () => {
  const init = (code: string): { init: { name: string; code: string } } => ({ init: { name: 'init.py', code } });

  test('runs before anything else, and again after each restart and death', async () => {
    const server = await servers.start(init('import os\nready = os.getpid()'));
    const client = await servers.client(server);
    for (const change of ['none', 'restart', 'death']) {
      if (change === 'restart') {
        const { reply } = await client.ask({ op: 'restart', id: 'r' });
        expect(reply).toMatchObject({ init: { status: 'ok' } });
      }
      if (change === 'death') await run(client, 'os._exit(1)');
      const done = await run(client, 'get(ready == os.getpid())');
      expect(client.textOf(done.run as number, 'get'), change).toBe('True');
    }
  });

  test('that raises ends the start, with its traceback', async () => {
    const error = await servers.start(init("x = 1\nraise ValueError('not today')")).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'kernel_failed_to_start' });
    expect((error as Error).message).toContain('not today');
    expect((error as Error).message).toContain('init.py');
  });

  test('that raises after a restart is told, and the session goes on', async () => {
    const flag = place.path('flag');
    const server = await servers.start(
      init(`import os\nif os.path.exists(${JSON.stringify(flag)}): raise ValueError('now')`),
    );
    const client = await servers.client(server);
    writeFileSync(flag, '');
    const { reply } = await client.ask({ op: 'restart', id: 'r' });
    expect(reply).toMatchObject({
      generation: 2,
      init: { status: 'error', exception: expect.stringContaining('now') },
    });
    expect((await run(client, 'get(1)')).status).toBe('ok');
  });

  test('that kills its kernel does not make the server spin', async () => {
    const flag = place.path('flag');
    const server = await servers.start(init(`import os\nif os.path.exists(${JSON.stringify(flag)}): os._exit(8)`));
    const client = await servers.client(server);
    writeFileSync(flag, '');
    await run(client, 'os._exit(1)');
    await until('the budget is spent', () => server.status().state === 'dead', 20_000);
    expect(server.status().generation).toBeLessThan(10);
    expect((await client.ask({ op: 'run', id: 1, code: 'get(1)' })).error?.code).toBe('kernel_failed_to_start');
    (await import('node:fs')).rmSync(flag);
    expect((await client.ask({ op: 'restart', id: 2 })).reply).toBeDefined();
    expect((await run(client, 'get(1)')).status).toBe('ok');
  });

  test('holds runs back until it is through', async () => {
    const server = await servers.start(init('import time; time.sleep(0.1); through = True'));
    const client = await servers.client(server);
    client.send({ op: 'restart', id: 'r' });
    const done = await run(client, 'get(through)');
    expect(client.textOf(done.run as number, 'get')).toBe('True');
  });
});

test('two servers may keep their logs in one directory', async () => {
  const both = await Promise.all([1, 2].map(() => servers.start({ stateDir: place.state })));
  for (const server of both) {
    const client = await servers.client(server);
    const done = await run(client, "for i in range(5000): print('x' * 999)");
    expect(done.status).toBe('ok');
    const reader = await servers.client(server);
    await reader.ask({ op: 'attach', id: 1, run: done.run });
    expect(reader.received.filter(({ event }) => event === 'gap')).toEqual([]);
    expect(reader.textOf(done.run as number).length).toBe(5_000_000);
  }
});

test('a disk that cannot be written is told as a gap, and the run goes on', async () => {
  const told: string[] = [];
  const server = await servers.start({
    stateDir: place.path('no folder'),
    onLog: ({ level, message }) => void (level === 'error' && told.push(message)),
  });
  writeFileSync(place.path('no folder'), '');
  const [client, late] = [await servers.client(server), await servers.client(server)];
  const done = await run(client, "for i in range(5000): print('x' * 999)");
  expect(done.status).toBe('ok');
  await late.ask({ op: 'attach', id: 1, run: done.run });
  // Whoever lags behind memory, reading along or coming late, is told what is missing: all is received or told.
  const counts = [client, late].map((reader) => {
    const events = reader.eventsOf(done.run as number);
    const gaps = events.filter(({ event }) => event === 'gap');
    const missing = gaps.reduce((sum, gap) => sum + (gap.events as number), 0);
    return { gaps: gaps.length, all: events.length - gaps.length + missing };
  });
  expect(counts[1]?.gaps).toBe(1);
  expect(counts[0]?.all).toBe(counts[1]?.all);
  expect(counts[1]?.all).toBeGreaterThan(5000);
  expect(told.join()).toContain('cannot be kept on disk');
});

test('a hundred clients come and go, and nothing is kept of them', async () => {
  const server = await servers.start();
  for (let count = 0; count < 100; count++) {
    const client = await servers.client(server, 'lines');
    await run(client, 'x = 1', { onDisconnect: 'cancel' });
    client.destroy();
  }
  await until('the connections are gone', () => server.status().counts.connections === 0);
});
