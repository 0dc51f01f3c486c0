import { describe, expect, test } from 'vitest';
import { interpreters } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { gone, run, startRun, useServers } from './kit/servers.js';
import { ENDLESS_C_CALL } from './kit/snippets.js';

usePlace();
const servers = useServers();

interface Case {
  readonly name: string;
  readonly code: string;
  readonly outcome: 'interrupted' | 'forced';
  /** CPythons on which nothing but a kill helps. */
  readonly hopeless?: (minor: number) => boolean;
}

const SWALLOW = 'while True:\n  try:\n    while True: pass\n  except BaseException: pass';
const NESTED = `def inner():\n  while True:\n    try:\n      while True: pass\n    except BaseException: continue\nwhile True:\n  try: inner()\n  except BaseException: pass`;

const CASES: readonly Case[] = [
  { name: 'a busy loop', code: 'while True: pass', outcome: 'interrupted' },
  { name: 'a sleep', code: 'import time; time.sleep(1000)', outcome: 'interrupted' },
  { name: 'an await', code: "import asyncio\nprint('ready')\nawait asyncio.sleep(1000)", outcome: 'interrupted' },
  {
    name: 'asyncio.run',
    code: "import asyncio\nprint('ready')\nasyncio.run(asyncio.sleep(1000))",
    outcome: 'interrupted',
  },
  { name: 'a child process', code: "import subprocess\nsubprocess.run(['sleep', '1000'])", outcome: 'interrupted' },
  {
    name: 'a lock',
    code: "import threading\nl = threading.Lock(); l.acquire()\nprint('ready')\nl.acquire()",
    outcome: 'interrupted',
  },
  { name: 'a queue', code: "import queue\nq = queue.Queue()\nprint('ready')\nq.get()", outcome: 'interrupted' },
  { name: 'a select', code: "import select\nprint('ready')\nselect.select([], [], [])", outcome: 'interrupted' },
  { name: 'a flood of output', code: "while True: print('x' * 100)", outcome: 'interrupted' },
  {
    name: 'a slow repr',
    code: "class R:\n  def __repr__(self):\n    print('ready')\n    while True: pass\nR()",
    outcome: 'interrupted',
  },
  { name: 'a swallowing loop', code: SWALLOW, outcome: 'forced' },
  { name: 'nested swallowing loops', code: NESTED, outcome: 'forced' },
  {
    name: 'a replaced handler',
    code: 'import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass',
    outcome: 'forced',
  },
  {
    name: 'all signals blocked',
    code: "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\nprint('ready')\nwhile True: pass",
    outcome: 'interrupted',
  },
];

describe.each(interpreters())('under CPython $version', ({ path, minor }) => {
  test.each(CASES.filter(({ hopeless }) => hopeless?.(minor) !== true))(
    '$name ends, and the namespace is kept',
    async ({ code, outcome }) => {
      const server = await servers.start({ python: path });
      const client = await servers.client(server);
      await run(client, "kept = 'safe'");
      const { run: number, done } = await startRun(client, code, { value: 'repr' });
      const { reply } = await client.ask({ op: 'interrupt', id: 'i' });
      expect(reply).toMatchObject({ run: number, kept: true });
      const expected = outcome === 'forced' ? ['forced', 'interrupted'] : [outcome];
      expect(expected).toContain(reply?.outcome);
      expect(await done).toMatchObject({ status: 'interrupted', kept: true });
      const after = await run(client, 'get(kept)');
      expect(client.textOf(after.run as number, 'get')).toBe('safe');
      expect(server.status().generation).toBe(1);
    },
  );
});

describe('a long call of C code', () => {
  test('still runs after an ordinary interrupt, and the answer says where', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    const { run: number, done } = await startRun(client, ENDLESS_C_CALL);
    const { reply } = await client.ask({ op: 'interrupt', id: 'i', graceMs: 100 });
    expect(reply).toMatchObject({ run: number, outcome: 'still_running', kept: true });
    expect(reply?.stack).toMatch(/C code|sum/);
    expect((await client.ask({ op: 'status', id: 's' })).reply?.state).toBe('busy');
    await client.ask({ op: 'restart', id: 'r' });
    expect(await done).toMatchObject({ status: 'lost' });
  });

  test('is killed when that was asked for, and the session goes on', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    const { run: number, done } = await startRun(client, ENDLESS_C_CALL);
    const pid = server.kernelPid as number;
    const { reply } = await client.ask({ op: 'interrupt', id: 'i', graceMs: 100, kill: true });
    expect(reply).toMatchObject({ run: number, outcome: 'killed', kept: false });
    const end = await done;
    expect(end).toMatchObject({ status: 'lost', kept: false });
    expect(end.reason?.message).toMatch(/(interrupted|killed) by /);
    await gone([pid]);
    const after = await run(client, 'get(1)');
    expect(after.status).toBe('ok');
    expect(client.started(after.run as number)).toMatchObject({ generation: 2, lost: {} });
  });
});

describe('an interrupt', () => {
  test('of an idle session hits nothing, also not the next run', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    for (let count = 0; count < 20; count++) {
      expect((await client.ask({ op: 'interrupt', id: 'i' })).reply).toMatchObject({
        run: null,
        outcome: 'not_running',
      });
      expect((await run(client, 'sum(range(1000))')).status).toBe('ok');
    }
  });

  test('never hits another run than its own, however short they are', async () => {
    const server = await servers.start();
    const [worker, other] = [await servers.client(server), await servers.client(server)];
    for (let count = 0; count < 200; count++) {
      worker.send({ op: 'run', id: count, code: 'x = 1' });
      const { run: number } = await worker.next(({ id }) => id === count);
      other.send({ op: 'interrupt', id: count, run: number });
      const after = await run(worker, `get(${count})`);
      expect(after.status).toBe('ok');
      const { reply } = await other.answer(count);
      // On a machine that is slow to let the kernel run, the second rung may be climbed: that is `forced`.
      const statuses = { interrupted: 'interrupted', forced: 'interrupted', not_running: 'ok', cancelled: 'cancelled' };
      const done = worker.received.find(({ event, run: of }) => event === 'done' && of === number);
      expect(done?.status).toBe(statuses[reply?.outcome as keyof typeof statuses]);
    }
    expect(server.status()).toMatchObject({ generation: 1, counts: { deaths: 0 } });
  });

  test('that comes before the snippet has begun ends it all the same', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    for (let count = 0; count < 30; count++) {
      client.send({ op: 'run', id: count, code: 'while True: pass' });
      client.send({ op: 'interrupt', id: `i${count}` });
      expect((await client.answer(`i${count}`)).reply).toMatchObject({ outcome: 'interrupted' });
      expect(await client.answer(count)).toMatchObject({ status: 'interrupted', kept: true });
    }
  });

  test('asked for twice at once gets two answers', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    const { done } = await startRun(client, 'import time; time.sleep(1000)');
    const answers = await Promise.all([1, 2].map((id) => client.ask({ op: 'interrupt', id })));
    for (const { reply } of answers) expect(['interrupted', 'forced']).toContain(reply?.outcome);
    expect(await done).toMatchObject({ status: 'interrupted' });
    expect((await run(client, 'get(1)')).status).toBe('ok');
  });

  test('that the snippet handles itself is no interrupted run', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    const { done } = await startRun(
      client,
      "try:\n  print('ready')\n  while True: pass\nexcept KeyboardInterrupt:\n  get('handled')",
    );
    const { reply } = await client.ask({ op: 'interrupt', id: 'i' });
    expect((await done).status).toBe('ok');
    expect(reply?.kept).toBe(true);
  });

  test('of a run that is unknown is an error', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    expect((await client.ask({ op: 'interrupt', id: 'i', run: 5 })).error?.code).toBe('not_found');
  });

  test('of a kernel whose signal was put out of action comes from outside', async () => {
    const server = await servers.start();
    const client = await servers.client(server);
    const code =
      "import _signal\nfor s in (_signal.SIGURG, _signal.SIGIO): _signal.signal(s, _signal.SIG_IGN)\nprint('ready')\nwhile True: pass";
    const { done } = await startRun(client, code);
    const { reply } = await client.ask({ op: 'interrupt', id: 'i' });
    expect(['interrupted', 'forced']).toContain(reply?.outcome);
    expect(await done).toMatchObject({ status: 'interrupted', kept: true });
  });
});
