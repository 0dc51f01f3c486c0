import { describe, expect, test } from 'vitest';
import { control } from '../../src/control/control.js';
import { usePlace } from '../support/leftovers.js';
import { gone, run, startRun, useServers } from './kit/servers.js';
import { ENDLESS_C_CALL } from './kit/snippets.js';

usePlace();
const servers = useServers();

/** What a snippet can be busy with while control is asked for. */
const BUSY: readonly (readonly [string, string])[] = [
  ['an endless loop', 'while True: pass'],
  ['a long C call', ENDLESS_C_CALL],
  ['a sleep', 'import time; time.sleep(1000)'],
  ['a flood of output', "while True: print('x' * 1000)"],
  ['a flood past Python', "import os\nwhile True: os.write(1, b'y' * 1000)"],
  ['every signal blocked', 'import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass'],
];

describe.each(BUSY)('while the kernel is in %s', (_name, code) => {
  test('status is told at once, many times over', async () => {
    const server = await servers.start();
    const [worker, asker] = [await servers.client(server), await servers.client(server)];
    const { run: number } = await startRun(worker, code);
    worker.destroy();
    const times: number[] = [];
    for (let id = 0; id < 200; id++) {
      const begun = performance.now();
      const { reply } = await asker.ask({ op: 'status', id });
      times.push(performance.now() - begun);
      expect(reply).toMatchObject({ state: 'busy', run: { run: number } });
    }
    times.sort((a, b) => a - b);
    // A guard against waiting for the kernel; the bench measures what it is in truth.
    expect(times[100]).toBeLessThan(50);
    expect((await asker.ask({ op: 'ping', id: 'p' })).reply?.state).toBe('busy');
  });

  test('restart ends the run as lost, the queued ones as cancelled, and the session goes on', async () => {
    const server = await servers.start();
    const [worker, other] = [await servers.client(server), await servers.client(server)];
    const running = await startRun(worker, code);
    other.send({ op: 'run', id: 'q', code: 'get(1)' });
    await other.event('queued');
    const pid = server.kernelPid as number;
    const hello = { name: 'the editor', version: '2' };
    await other.ask({ op: 'hello', id: 'h', protocol: 1, client: hello });
    const { reply } = await other.ask({ op: 'restart', id: 'r' });
    expect(reply).toMatchObject({ generation: 2 });
    expect(reply?.pid).not.toBe(pid);
    expect(await running.done).toMatchObject({ status: 'lost', kept: false });
    expect((await running.done).reason?.message).toMatch(/^restarted by the editor 2/);
    expect(await other.answer('q')).toMatchObject({ status: 'cancelled', kept: false });
    await gone([pid]);
    expect(await run(other, '6 * 7', { value: 'repr' })).toMatchObject({ status: 'ok', value: { repr: '42' } });
  });

  test('stop ends everything', async () => {
    const server = await servers.start();
    const [worker, other] = [await servers.client(server), await servers.client(server)];
    const running = await startRun(worker, code);
    other.send({ op: 'run', id: 'q', code: 'get(1)' });
    await other.event('queued');
    const pid = server.kernelPid as number;
    expect((await other.ask({ op: 'stop', id: 's' })).reply).toBeDefined();
    expect(await running.done).toMatchObject({ status: 'lost', kept: false });
    expect((await running.done).reason?.message).toMatch(/stopped by /);
    expect(await other.answer('q')).toMatchObject({ status: 'cancelled', kept: false });
    worker.end();
    other.end();
    await server.closed;
    await gone([pid]);
  });
});

test('the connections stay open through a restart, and the next run is told what was lost', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  await run(client, 'kept = 1');
  await client.ask({ op: 'restart', id: 'r' });
  const { run: number } = await run(client, "get('kept' in globals())");
  expect(client.textOf(number as number, 'get')).toBe('False');
  const started = client.started(number as number);
  expect(started).toMatchObject({ event: 'started', generation: 2 });
  expect(started?.lost?.message).toMatch(/^restarted by /);
  expect(client.started((await run(client, '1')).run as number)?.lost).toBe(undefined);
});

test('many restarts at once each get an answer, and the last kernel works', async () => {
  const server = await servers.start();
  const clients = await Promise.all([1, 2, 3, 4, 5].map(() => servers.client(server)));
  const replies = await Promise.all(clients.map((client) => client.ask({ op: 'restart', id: 1 })));
  const generations = replies.map(({ reply }) => reply?.generation as number).sort((a, b) => a - b);
  expect(generations.at(-1)).toBe(server.status().generation);
  const [client] = clients;
  if (client !== undefined) expect((await run(client, 'get(1)')).status).toBe('ok');
});

test('a run submitted during a restart runs in the new kernel', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  await run(client, 'old = 1');
  client.send({ op: 'restart', id: 'r' });
  client.send({ op: 'run', id: 1, code: "get('old' in globals())" });
  const done = await client.answer(1);
  expect(done.status).toBe('ok');
  expect(client.textOf(done.run as number, 'get')).toBe('False');
  expect((await client.answer('r')).reply).toMatchObject({ generation: 2 });
});

test('a drained restart lets the running snippet and the queue finish', async () => {
  const server = await servers.start();
  const [worker, other] = [await servers.client(server), await servers.client(server)];
  worker.send({ op: 'run', id: 1, code: "line = input()\nget('first')", stdin: 'ask' });
  const question = await worker.event('input');
  worker.send({ op: 'run', id: 2, code: "get('second')" });
  await worker.event('queued');
  const restarting = other.ask({ op: 'restart', id: 'r', drain: true });
  await worker.ask({ op: 'input', id: 'in', run: question.run, text: 'x' });
  expect(await worker.answer(1)).toMatchObject({ status: 'ok' });
  expect(await worker.answer(2)).toMatchObject({ status: 'ok' });
  expect((await restarting).reply).toMatchObject({ generation: 2 });
});

test('a drained stop takes nothing new and lets the rest finish', async () => {
  const server = await servers.start();
  const [worker, other] = [await servers.client(server), await servers.client(server)];
  worker.send({ op: 'run', id: 1, code: "line = input()\nget('first')", stdin: 'ask' });
  const question = await worker.event('input');
  const stopping = other.ask({ op: 'stop', id: 's', drain: true });
  expect((await worker.ask({ op: 'run', id: 2, code: '1' })).error?.code).toBe('shutting_down');
  expect((await worker.ask({ op: 'status', id: 3 })).reply?.state).toBe('stopping');
  await worker.ask({ op: 'input', id: 'in', run: question.run, text: 'x' });
  expect(await worker.answer(1)).toMatchObject({ status: 'ok' });
  expect((await stopping).reply).toBeDefined();
  worker.end();
  other.end();
  await server.closed;
});

test('control() reaches a busy session as a program would', async () => {
  const server = await servers.start();
  const worker = await servers.client(server);
  await startRun(worker, 'while True: pass');
  expect((await control(server.address, 'status')).state).toBe('busy');
  expect(await control(server.address, 'interrupt')).toMatchObject({ outcome: 'interrupted', kept: true });
  expect((await control(server.address, 'restart')).generation).toBe(2);
  worker.destroy();
  expect(await control(server.address, 'stop')).toEqual({});
  await server.closed;
});

test('a kernel that was stopped like a job does not stop its session', async () => {
  const server = await servers.start();
  const [worker, other] = [await servers.client(server), await servers.client(server)];
  const { done } = await startRun(worker, 'while True: pass');
  process.kill(server.kernelPid as number, 'SIGSTOP');
  expect((await other.ask({ op: 'status', id: 1 })).reply?.state).toBe('busy');
  expect((await other.ask({ op: 'interrupt', id: 2, graceMs: 100 })).reply?.outcome).toBe('still_running');
  expect((await other.ask({ op: 'restart', id: 3 })).reply?.generation).toBe(2);
  expect((await done).status).toBe('lost');
  process.kill(server.kernelPid as number, 'SIGSTOP');
  expect((await other.ask({ op: 'restart', id: 4, graceMs: 50 })).reply?.generation).toBe(3);
  process.kill(server.kernelPid as number, 'SIGSTOP');
  expect((await other.ask({ op: 'stop', id: 5, graceMs: 50 })).reply).toBeDefined();
  worker.end();
  other.end();
  await server.closed;
});

test('exit handlers run at a restart and at a stop, and threads may finish', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  await client.ask({ op: 'watch', id: 'w' });
  await run(client, "import atexit\natexit.register(print, 'handler ran')");
  await client.ask({ op: 'restart', id: 'r' });
  expect(client.received.filter(({ text }) => text === 'handler ran\n')).toHaveLength(1);
});

test('a kernel that does not want to leave is killed, and children in its group with it', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const code =
    "import atexit, time, subprocess\natexit.register(time.sleep, 1000)\nchild = subprocess.Popen(['sleep', '1000'])\nget(child.pid)";
  const done = await run(client, code);
  const child = Number(client.textOf(done.run as number, 'get'));
  const pid = server.kernelPid as number;
  expect((await client.ask({ op: 'restart', id: 'r', graceMs: 100 })).reply).toMatchObject({ generation: 2 });
  await gone([pid, child]);
});
