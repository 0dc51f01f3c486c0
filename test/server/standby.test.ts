import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { gone, isAlive, run, until, useServers } from './kit/servers.js';

const place = usePlace();
const servers = useServers();

/** Kernels that carry this test's folders in their environment, but for the one that serves. */
function standbys(kernelPid: number | null): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const isKernel = readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('session_kernel');
        return (
          isKernel &&
          pid !== kernelPid &&
          isAlive(pid) &&
          readFileSync(`/proc/${pid}/environ`, 'latin1').includes(place.tmp)
        );
      } catch {
        return false;
      }
    });
}

async function withStandby(): Promise<{
  readonly server: Awaited<ReturnType<typeof servers.start>>;
  readonly client: Awaited<ReturnType<typeof servers.client>>;
  readonly ready: () => Promise<number>;
}> {
  const server = await servers.start({ standby: true });
  const client = await servers.client(server);
  const ready = async (): Promise<number> => {
    await until('one stands by', () => standbys(server.kernelPid).length === 1);
    return standbys(server.kernelPid)[0] as number;
  };
  return { server, client, ready };
}

describe('a kernel that stands by', () => {
  test('takes over at a restart and after a death, fresh each time', async () => {
    const { server, client, ready } = await withStandby();
    for (let generation = 2; generation <= 5; generation++) {
      await run(client, 'old = 1');
      const next = await ready();
      if (generation % 2 === 0) await client.ask({ op: 'restart', id: 'r' });
      else await run(client, 'import os; os._exit(1)');
      const done = await run(client, "import os\nget('old' in globals(), os.getpid())");
      expect(client.textOf(done.run as number, 'get')).toMatch(/^False/);
      expect(client.started(done.run as number)).toMatchObject({ generation, lost: {} });
      expect(server.kernelPid).toBe(next);
    }
  });

  test('that dies while it stands by is no loss', async () => {
    const { server, client, ready } = await withStandby();
    const pid = await ready();
    process.kill(pid, 'SIGKILL');
    await gone([pid]);
    await run(client, 'kept = 1');
    expect((await run(client, 'kept')).status).toBe('ok');
    expect(server.status().counts.deaths).toBe(0);
    expect((await client.ask({ op: 'restart', id: 'r' })).reply?.generation).toBe(2);
    expect((await run(client, 'get(1)')).status).toBe('ok');
  });

  test('goes with its server', async () => {
    const { server, client, ready } = await withStandby();
    const pids = [await ready(), server.kernelPid as number];
    await client.ask({ op: 'stop', id: 's' });
    client.end();
    await server.closed;
    await gone(pids);
  });

  test('goes with a server that ends while it is on its way', async () => {
    for (let count = 0; count < 5; count++) {
      const { server, client } = await withStandby();
      await until('one comes', () => standbys(server.kernelPid).length > 0);
      await server.destroy();
      client.destroy();
      expect(standbys(null)).toEqual([]);
    }
  });
});
