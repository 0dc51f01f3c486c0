import { expect, test } from 'vitest';
import type { RunningServer } from '../../src/server/server_options.js';
import { usePlace } from '../support/leftovers.js';
import { DIALECTS, type Message, type RawClient } from './kit/raw_client.js';
import { type Servers, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

/** The same numbers each time. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const EVENT_COUNT = 30_000;
const CODE = [
  'import sys, os',
  `for i in range(${EVENT_COUNT}):`,
  "  if i % 3 == 0: print(i, 'x' * (i % 700))",
  '  elif i % 3 == 1: get(i)',
  "  else: print('e', i, file=sys.stderr)",
  "  if i % 1000 == 0: os.write(1, b'raw' * 5000)",
].join('\n');

/** Reads a run in pieces: attaches, reads for a while, naps, lets go in the middle, and attaches again where it was. */
async function readInPieces(
  { client: connect }: Servers,
  server: RunningServer,
  run: number,
  seed: number,
): Promise<readonly Message[]> {
  const random = randomFrom(seed);
  const known: Message[] = [];
  for (;;) {
    const client: RawClient = await connect(server, DIALECTS[random(3)]);
    const patience = random(2) === 0 ? Number.POSITIVE_INFINITY : known.length + random(EVENT_COUNT);
    client.send({ op: 'attach', id: 1, run, since: known.length });
    const isOver = await new Promise<boolean>((resolve) => {
      client.socket.on('data', () => {
        if (client.received.length + known.length >= patience) resolve(false);
        else if (random(50) === 0) nap(client);
      });
      client.answer(1).then(
        () => resolve(true),
        () => resolve(false),
      );
    });
    client.destroy();
    known.push(...client.eventsOf(run));
    if (isOver) return known;
  }
}

/** Reads nothing for some turns of the loop. */
function nap(client: RawClient): void {
  client.socket.pause();
  setTimeout(() => client.socket.resume(), 2);
}

test('observers that come, sleep, go and come again all see the same bytes', { timeout: 120_000 }, async () => {
  const server = await servers.start();
  const submitter = await servers.client(server);
  submitter.send({ op: 'run', id: 1, code: CODE });
  await submitter.event('started');
  const readers = Array.from({ length: 6 }, (_, seed) => readInPieces(servers, server, 1, seed + 1));
  expect(await submitter.answer(1)).toMatchObject({ status: 'ok', outputComplete: true });
  const whole = submitter.eventsOf(1);
  expect(whole.filter(({ event }) => event === 'get')).toHaveLength(EVENT_COUNT / 3);
  for (const seen of await Promise.all(readers)) {
    expect(seen.length).toBe(whole.length);
    const at = seen.findIndex((event, index) => JSON.stringify(event) !== JSON.stringify(whole[index]));
    expect(at).toBe(-1);
  }
});
