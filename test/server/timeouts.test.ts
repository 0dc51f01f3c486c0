import { describe, expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { gone, run, startWaiting, useServers } from './kit/servers.js';
import { ENDLESS_C_CALL } from './kit/snippets.js';

usePlace();
const servers = useServers();

describe('a time limit', () => {
  test('interrupts, and the status says so', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    await run(client, 'kept = 1');
    const done = await run(client, "print('on')\nwhile True: pass", { timeoutMs: 100 });
    expect(done).toMatchObject({ status: 'timeout', kept: true, outputComplete: true });
    expect(done.reason?.message).toContain('100 ms');
    expect(done.ms).toBeGreaterThan(90);
    expect((await run(client, 'kept')).status).toBe('ok');
  });

  test('that cannot interrupt says so, and the run goes on', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    client.send({ op: 'run', id: 1, code: ENDLESS_C_CALL, timeoutMs: 50 });
    const told = await client.event('timeout');
    expect(told).toMatchObject({ id: 1, timeoutMs: 50, outcome: 'still_running' });
    expect((await client.ask({ op: 'status', id: 's' })).reply?.state).toBe('busy');
    await client.ask({ op: 'restart', id: 'r' });
    const done = await client.answer(1);
    expect(done).toMatchObject({ status: 'lost', kept: false });
    expect(done.reason?.message).toMatch(/^restarted by /);
  });

  test('that was asked to detach leaves the run alone', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    client.send({ op: 'run', id: 1, code: 'input()', stdin: 'ask', timeoutMs: 50, onTimeout: 'detach' });
    const question = await client.event('input');
    expect(await client.event('timeout')).toMatchObject({ id: 1, timeoutMs: 50, outcome: 'detached' });
    await client.ask({ op: 'input', id: 'in', run: question.run, text: '' });
    expect(await client.answer(1)).toMatchObject({ status: 'ok', kept: true });
  });

  test('that was asked to kill interrupts first, and kills what does not end', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    const soft = await run(client, 'while True: pass', { timeoutMs: 50, onTimeout: 'kill' });
    expect(soft).toMatchObject({ status: 'timeout', kept: true });
    const pid = server.kernelPid as number;
    const hard = await run(client, ENDLESS_C_CALL, { timeoutMs: 50, onTimeout: 'kill' });
    expect(hard).toMatchObject({ status: 'timeout', kept: false });
    expect(hard.reason?.message).toContain('50 ms');
    await gone([pid]);
    const after = await run(client, 'get(1)');
    expect(client.started(after.run as number)).toMatchObject({ generation: 2, lost: {} });
  });

  test('counts from the start of the run, not from the queue', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    const first = await startWaiting(client);
    client.send({ op: 'run', id: 'q', code: 'get(1)', timeoutMs: 1000 });
    await client.event('queued');
    const slow = await servers.client(server);
    slow.send({ op: 'run', id: 1, code: 'import time; time.sleep(0.2)' });
    expect((await first.release()).status).toBe('ok');
    expect(await client.answer('q')).toMatchObject({ status: 'ok' });
  });

  test('of the server holds for runs that name none, and gives way to one that is named', async () => {
    const server = await servers.start({ timeoutMs: 100 });
    const client = await servers.client(server);
    expect((await run(client, 'while True: pass')).status).toBe('timeout');
    const named = await run(client, 'import time; time.sleep(0.3)', { timeoutMs: 10_000 });
    expect(named.status).toBe('ok');
    expect((await client.ask({ op: 'status', id: 's' })).reply?.limits).toMatchObject({ timeoutMs: 100 });
  });

  test('does not make a death of another cause look like its own', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    client.send({ op: 'run', id: 1, code: ENDLESS_C_CALL, timeoutMs: 50 });
    await client.event('timeout');
    process.kill(server.kernelPid as number, 'SIGSEGV');
    const done = await client.answer(1);
    expect(done).toMatchObject({ status: 'lost', kept: false, reason: { signal: 'SIGSEGV' } });
  });

  test('does not touch a run that has ended, nor the next one', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    for (let count = 0; count < 20; count++) {
      const short = await run(client, 'import time; time.sleep(0.009)', { timeoutMs: 10 });
      expect(['ok', 'timeout']).toContain(short.status);
      expect((await run(client, 'import time; time.sleep(0.02)')).status).toBe('ok');
    }
  });
});
