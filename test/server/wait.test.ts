import { describe, expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { run, startRun, startWaiting, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

describe('wait', () => {
  test('is answered at the end of the run, with its done', async () => {
    const server = await servers.start();
    const [worker, other] = [await servers.client(server), await servers.client(server, 'lines')];
    const { run: number, release } = await startWaiting(worker);
    const waiting = [
      other.ask({ op: 'wait', id: 'n', run: number }),
      other.ask({ op: 'wait', id: 'c', run: 'current' }),
    ];
    // Both are on: answers come in their own time.
    await other.ask({ op: 'ping', id: 'p' });
    expect(other.received).toHaveLength(1);
    const { id: _id, ...done } = await release();
    for (const { reply } of await Promise.all(waiting)) {
      expect(reply).toMatchObject({ run: number, state: 'done', status: 'ok', done });
    }
    expect((await other.ask({ op: 'wait', id: 'l', run: 'last' })).reply).toMatchObject({ run: number, done });
  });

  test('is answered after waitMs with where the run stands', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    const { run: number, release } = await startWaiting(client);
    for (const waitMs of [0, 20]) {
      const { reply } = await client.ask({ op: 'wait', id: waitMs, run: number, waitMs });
      expect(reply).toMatchObject({ run: number, state: 'running', status: null });
      expect(reply).not.toHaveProperty('done');
    }
    client.send({ op: 'run', id: 'q', code: '1' });
    await client.event('queued');
    const { reply } = await client.ask({ op: 'wait', id: 'w', run: number + 1, waitMs: 0 });
    expect(reply).toMatchObject({ state: 'queued', started: null });
    const later = client.ask({ op: 'wait', id: 'x', run: number + 1, waitMs: 60_000 });
    await release();
    expect((await later).reply).toMatchObject({ state: 'done', status: 'ok' });
  });

  test('tells every way in which a run ends', async () => {
    const server = await servers.start();
    const [worker, other] = [await servers.client(server), await servers.client(server)];
    const first = await startRun(worker, 'while True: pass');
    worker.send({ op: 'run', id: 'q', code: '1' });
    const { run: queued } = await worker.event('queued');
    const [lost, cancelled] = [first.run, queued].map((of) => other.ask({ op: 'wait', id: of as number, run: of }));
    await other.ask({ op: 'restart', id: 'r' });
    expect((await lost)?.reply).toMatchObject({ status: 'lost', done: { status: 'lost', kept: false } });
    expect((await cancelled)?.reply).toMatchObject({ status: 'cancelled', done: { status: 'cancelled' } });
  });

  test('of no run is an error', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    for (const [id, wanted] of [7, 'current', 'last'].entries()) {
      expect((await client.ask({ op: 'wait', id, run: wanted })).error?.code).toBe('not_found');
    }
  });

  test('is forgotten with its connection, and answered to one that only stopped asking', async () => {
    const server = await servers.start();
    const [worker, gone, half] = await Promise.all([1, 2, 3].map(() => servers.client(server)));
    if (worker === undefined || gone === undefined || half === undefined) throw new Error('no clients');
    const { run: number, release } = await startWaiting(worker);
    gone.send({ op: 'wait', id: 1, run: number });
    await gone.ask({ op: 'ping', id: 2 });
    gone.destroy();
    const waiting = half.ask({ op: 'wait', id: 1, run: number });
    half.end();
    await release();
    expect((await waiting).reply).toMatchObject({ status: 'ok' });
    await half.ended;
    expect((await run(worker, 'get(1)')).status).toBe('ok');
  });
});

describe('runs', () => {
  test('marked quiet are left out unless asked for, and say that they are', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    await run(client, '1');
    await run(client, '2', { quiet: true });
    await run(client, '3', { quiet: false });
    const list = async (options: object): Promise<readonly (readonly unknown[])[]> => {
      const { reply } = await client.ask({ op: 'runs', id: 'l', ...options });
      return (reply as unknown as Record<string, unknown>[]).map(({ run: number, quiet }) => [number, quiet]);
    };
    expect(await list({})).toEqual([
      [3, undefined],
      [1, undefined],
    ]);
    expect(await list({ quiet: true })).toEqual([
      [3, undefined],
      [2, true],
      [1, undefined],
    ]);
    expect(await list({ quiet: true, limit: 2 })).toHaveLength(2);
    expect(await list({ limit: 2 })).toEqual([
      [3, undefined],
      [1, undefined],
    ]);
    expect((await client.ask({ op: 'wait', id: 'w', run: 2 })).reply).toMatchObject({ quiet: true, status: 'ok' });
  });
});
