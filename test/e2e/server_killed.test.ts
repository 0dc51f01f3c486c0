import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { ServerOptions } from '../../src/server/server_options.js';
import { RawClient } from '../server/kit/raw_client.js';
import { gone, startRun, until } from '../server/kit/servers.js';
import { ENDLESS_C_CALL } from '../server/kit/snippets.js';
import { interpreters } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { useChildServers } from './kit/child_server.js';

const place = usePlace();
const servers = useChildServers();

/** How many random moments; `KILL_RUNS` sets another number. */
const RANDOM_COUNT = Number(process.env.KILL_RUNS ?? 20);

const FORKS = "import os\nif os.fork() == 0:\n  while True: pass\nprint('ready')\nwhile True: pass";
const CHILD = "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])\nprint('ready')\nwhile True: pass";

const BUSY: readonly (readonly [string, string])[] = [
  ['a loop', 'while True: pass'],
  ['a long C call', ENDLESS_C_CALL],
  ['a sleep', 'import time; time.sleep(1000)'],
  ['a flood of output', "while True: print('x' * 1000)"],
  ['a flood past Python', "import os\nwhile True: os.write(1, b'y' * 1000)"],
  ['a forked child in a loop', FORKS],
  ['a child process', CHILD],
  ['every signal blocked', 'import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nwhile True: pass'],
  ['nothing at all', "print('ready')"],
];

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
      } catch {
        return false;
      }
    });
}

/** Processes of the kernel's group, zombies left out. */
function groupOf(leader: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        return Number(group) === leader && state !== 'Z' && state !== 'X';
      } catch {
        return false;
      }
    });
}

/** The private folder of a killed server is left to the next command; here it is taken away by hand. */
function sweep(): void {
  for (const name of readdirSync(place.tmp)) rmSync(`${place.tmp}/${name}`, { recursive: true });
}

async function killDuring(code: string, options: ServerOptions = {}): Promise<void> {
  const server = await servers.start(options);
  const client = await RawClient.open(server.address);
  try {
    await startRun(client, code);
    const group = groupOf(server.kernelPid);
    expect(group).toContain(server.kernelPid);
    await server.kill('SIGKILL');
    await gone(group, 1000);
    expect(groupOf(server.kernelPid)).toEqual([]);
  } finally {
    client.destroy();
    sweep();
  }
}

describe('a server killed by force takes its kernel along, whatever that does:', () => {
  test.each(BUSY)('%s', async (_name, code) => {
    await killDuring(code);
  });

  test.each(interpreters())('a long C call under CPython $version', async ({ path }) => {
    await killDuring(ENDLESS_C_CALL, { python: path });
  });

  test(`${RANDOM_COUNT} times at a random moment`, { timeout: 300_000 }, async () => {
    for (let count = 0; count < RANDOM_COUNT; count++) {
      const server = await servers.start();
      const client = await RawClient.open(server.address);
      const [, code] = BUSY[count % BUSY.length] as (typeof BUSY)[number];
      client.send({ op: 'run', id: 1, code });
      const moment = Math.random() * 30;
      await new Promise((resolve) => setTimeout(resolve, moment));
      await server.kill('SIGKILL');
      client.destroy();
      const group = groupOf(server.kernelPid);
      await gone(group, 1000);
    }
    sweep();
  });
});

test('a server killed by force takes a kernel that stands by along', async () => {
  const server = await servers.start({ standby: true });
  await until('one stands by', () => childrenOf(server.pid).length === 2);
  const kernels = childrenOf(server.pid);
  await server.kill('SIGKILL');
  await gone(kernels, 1000);
  sweep();
});

test('a killed server while a restart is under way leaves no kernel', async () => {
  for (let count = 0; count < 10; count++) {
    const server = await servers.start();
    const client = await RawClient.open(server.address);
    for (let id = 0; id < 5; id++) client.send({ op: 'restart', id });
    if (count % 2 === 0) await client.answer(0);
    await server.kill('SIGKILL');
    client.destroy();
  }
  sweep();
  // Kernels on their way carry the test's folders in their environment: the place finds any that stay.
});

test('a server killed in its start leaves no kernel', async () => {
  const script = fileURLToPath(new URL('kit/child_server.mjs', import.meta.url));
  for (let count = 0; count < 15; count++) {
    const child = spawn(process.execPath, [script, '{}'], { stdio: 'ignore' });
    const exit = once(child, 'exit');
    await new Promise((resolve) => setTimeout(resolve, 60 + count * 10));
    child.kill('SIGKILL');
    await exit;
  }
  sweep();
});
