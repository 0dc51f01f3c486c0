import { expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { DIALECTS, type RawClient } from './kit/raw_client.js';
import { run, until, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

/** Steps of each monkey; `MONKEY_STEPS` sets another number, `MONKEY_SEED` another course. */
const STEP_COUNT = Number(process.env.MONKEY_STEPS ?? 150);
const SEED = Number(process.env.MONKEY_SEED ?? 1);

function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const SNIPPETS = [
  'x = 1',
  'get(1)',
  '1/0',
  'while True: pass',
  'import time; time.sleep(1000)',
  "for i in range(2000): print('x' * 100)",
  "import os; os.write(1, b'raw' * 3000)",
  'import os; os._exit(3)',
  'import ctypes; ctypes.string_at(0)',
  'import sys; sys.exit(2)',
  'raise KeyboardInterrupt',
  'input()',
  "while True: print('y' * 1000)",
  'while True:\n  try:\n    while True: pass\n  except BaseException: pass',
];

/** What a monkey may ask for; runs are looked after by others, or by their time limit. */
function someRequest(random: (below: number) => number): Readonly<Record<string, unknown>> {
  const number = 1 + random(60);
  switch (random(12)) {
    case 0:
      return { op: 'interrupt', graceMs: random(300), kill: random(2) === 0 };
    case 1:
      return { op: 'cancel', run: number, graceMs: random(100) };
    case 2:
      return { op: 'restart', graceMs: random(200) };
    case 3:
      return { op: 'attach', run: number, since: random(5) };
    case 4:
      return { op: 'status' };
    case 5:
      return { op: 'runs', code: true };
    case 6:
      return { op: 'stack' };
    case 7:
      return { op: 'input', run: number, text: 'x' };
    default:
      return {
        op: 'run',
        code: SNIPPETS[random(SNIPPETS.length)],
        timeoutMs: 50 + random(200),
        onTimeout: 'kill',
        stdin: random(2) === 0 ? 'ask' : 'none',
        onDisconnect: random(2) === 0 ? 'cancel' : 'keep',
      };
  }
}

/** Asks for anything at any time, and now and then leaves; each request must get exactly one answer. */
async function monkey(connect: () => Promise<RawClient>, random: (below: number) => number): Promise<void> {
  let client = await connect();
  let open: Promise<unknown>[] = [];
  for (let id = 0; id < STEP_COUNT; id++) {
    client.send({ ...someRequest(random), id });
    open.push(client.answer(id));
    if (random(3) === 0) await open.at(-1);
    if (random(30) !== 0) continue;
    for (const answer of open.splice(0)) answer.catch(() => {});
    client.destroy();
    client = await connect();
  }
  await Promise.all(open);
  open = [];
  const ends = client.received.filter(
    ({ event, reply, error }) => event === 'done' || reply !== undefined || error !== undefined,
  );
  const ids = ends.map(({ id }) => id).filter((id) => id !== undefined);
  expect(new Set(ids).size).toBe(ids.length);
}

test('whatever is asked in whatever order, every request has one answer and the session lives', {
  timeout: 300_000,
}, async () => {
  const server = await servers.start({ queueCount: 1000 });
  const monkeys = [0, 1, 2, 3].map((number) =>
    monkey(() => servers.client(server, DIALECTS[number % 3]), randomFrom(SEED * 100 + number)),
  );
  await Promise.all(monkeys);
  const client = await servers.client(server);
  await client.ask({ op: 'restart', id: 'last' });
  await until('nothing runs any more', () => server.status().run === null && server.status().queue === 0, 20_000);
  const done = await run(client, 'get(6 * 7)');
  expect(client.textOf(done.run as number, 'get')).toBe('42');
  const { reply } = await client.ask({ op: 'runs', id: 'all', limit: 10_000 });
  const runs = reply as unknown as readonly { state: string; status: string | null }[];
  expect(runs.filter(({ state, status }) => state !== 'done' || status === null)).toEqual([]);
});
