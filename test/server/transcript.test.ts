import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { LogEntry } from '../../src/server/log.js';
import { usePlace } from '../support/leftovers.js';
import { run, useServers } from './kit/servers.js';

const place = usePlace();
const servers = useServers();

test('a transcript that cannot be written any more is told in the log, and the session goes on', async () => {
  const entries: LogEntry[] = [];
  const server = await servers.start({ transcript: '/dev/full', onLog: (entry) => entries.push(entry) });
  const client = await servers.client(server);
  for (const code of ['print(1)', 'print(2)']) expect((await run(client, code)).status).toBe('ok');
  const told = entries.filter(({ message }) => message.includes('transcript'));
  expect(told).toMatchObject([{ level: 'error', message: expect.stringMatching(/^the transcript ends here: ENOSPC/) }]);
});

test('a transcript that cannot be opened keeps the server from starting', async () => {
  await expect(servers.start({ transcript: place.path('not/there') })).rejects.toThrow('ENOENT');
});

test('runs that were cancelled in the queue have their end in it, and what input was answered has no place', async () => {
  const server = await servers.start({ transcript: place.path('t.txt') });
  const client = await servers.client(server);
  client.send({ op: 'run', id: 1, code: 'input()', stdin: 'ask' });
  await client.event('input');
  client.send({ op: 'run', id: 2, code: '2' });
  await client.event('queued');
  await client.ask({ op: 'cancel', id: 3, run: 2 });
  const done = client.answer(1);
  await client.ask({ op: 'input', id: 4, run: 1, text: 'never shown' });
  await done;
  const text = readFileSync(place.path('t.txt'), 'utf8');
  expect(text).toMatch(/# run 2: cancelled after 0 ms, cancelled by a client\n/);
  expect(text).not.toContain('never shown');
});
