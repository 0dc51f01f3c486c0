import { once } from 'node:events';
import {
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { SessionRecord } from '../../src/cli/session_file.js';
import { assertFree, publishSession } from '../../src/cli/session_publish.js';
import { usePlace } from '../support/leftovers.js';

const STRANGER = 54_321;
const uid = process.geteuid?.() ?? -1;
/** Above the largest pid that Linux gives. */
const DEAD_PID = 4_194_305;

const place = usePlace();
const user = {
  uid,
  get cwd() {
    return place.work;
  },
};
const file = (): string => place.path('s.json');

function record(change: Partial<SessionRecord> = {}): SessionRecord {
  return {
    address: place.path('x.sock'),
    pid: process.pid,
    kernelPid: 2,
    token: 'secret',
    protocol: 1,
    server: { name: 'sock-python', version: '0.1.0' },
    python: { version: '3.11.2', path: '/usr/bin/python3' },
    started: 1,
    ...change,
  };
}

const servers: Server[] = [];
// Runs before the place of the test is looked at for leftovers.
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, 'close');
  }
});

/** A server at the address of `record()`. */
async function listen(): Promise<void> {
  const server = createServer((socket) => socket.destroy()).listen(place.path('x.sock'));
  servers.push(server);
  await once(server, 'listening');
}

test('a session is published whole, for its owner alone, and removed', async () => {
  const published = await publishSession(file(), record(), user);
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual(record());
  expect(lstatSync(file()).mode & 0o777).toBe(0o600);
  expect(readdirSync(place.work)).toEqual(['s.json']);
  published.remove();
  published.remove();
  expect(readdirSync(place.work)).toEqual([]);
});

test('the file of a dead server is replaced', async () => {
  await publishSession(file(), record({ pid: 1 }), user);
  await publishSession(file(), record({ pid: 2 }), user);
  expect(JSON.parse(readFileSync(file(), 'utf8')).pid).toBe(2);
});

test('the file of a live server is never replaced', async () => {
  await listen();
  await publishSession(file(), record(), user);
  const other = record({ pid: 2, address: place.path('other.sock') });
  for (const attempt of [assertFree(file(), user), publishSession(file(), other, user)]) {
    await expect(attempt).rejects.toMatchObject({
      code: 'address_in_use',
      message: expect.stringMatching(/a live server \(pid \d+\).*with -f/),
    });
  }
  expect(JSON.parse(readFileSync(file(), 'utf8')).pid).toBe(process.pid);
  expect(readdirSync(place.work).sort()).toEqual(['s.json', 'x.sock']);
});

test('of many that start at once, over nothing or over a stale file, one wins', async () => {
  await listen();
  for (const stale of [undefined, record({ address: place.path('gone.sock') })]) {
    if (stale !== undefined) writeFileSync(file(), JSON.stringify(stale), { mode: 0o600 });
    const addresses = Array.from({ length: 20 }, (_, at) => place.path(`${at}.sock`));
    for (const address of addresses) symlinkSync('x.sock', address);
    const attempts = addresses.map((address, started) => publishSession(file(), record({ address, started }), user));
    const results = await Promise.allSettled(attempts);
    const winners = results.flatMap((result, at) => (result.status === 'fulfilled' ? [at] : []));
    expect(winners).toEqual([JSON.parse(readFileSync(file(), 'utf8')).started]);
    for (const path of [file(), ...addresses]) unlinkSync(path);
    expect(readdirSync(place.work)).toEqual(['x.sock']);
  }
});

test('the file of a dead server at the address that is now ours is replaced', async () => {
  await listen();
  await publishSession(file(), record({ token: null, pid: 1 }), user);
  await publishSession(file(), record({ token: null, pid: 2 }), user);
  expect(JSON.parse(readFileSync(file(), 'utf8')).pid).toBe(2);
});

test('what a publisher that was killed left is cleared away', async () => {
  writeFileSync(`${file()}.taking`, JSON.stringify(record({ pid: DEAD_PID })), { mode: 0o600 });
  await publishSession(file(), record(), user);
  expect(readdirSync(place.work)).toEqual(['s.json']);
});

test('while another live server is about to publish, nobody else does', async () => {
  writeFileSync(`${file()}.taking`, JSON.stringify(record()), { mode: 0o600 });
  await expect(publishSession(file(), record(), user)).rejects.toMatchObject({ code: 'address_in_use' });
  expect(readdirSync(place.work)).toEqual(['s.json.taking']);
});

test('only an own session file is replaced', async () => {
  writeFileSync(file(), 'a diary\n');
  await expect(assertFree(file(), user)).rejects.toThrow('is not a session file, so it is not replaced');
  mkdirSync(place.path('folder'));
  await expect(assertFree(place.path('folder'), user)).rejects.toThrow('is not a regular file');
  writeFileSync(place.path('other'), JSON.stringify(record()));
  symlinkSync('other', place.path('link'));
  await expect(assertFree(place.path('link'), user)).rejects.toThrow('is not a regular file');
  expect(readFileSync(file(), 'utf8')).toBe('a diary\n');
});

test.skipIf(uid !== 0)("somebody else's file is not replaced", async () => {
  writeFileSync(file(), JSON.stringify(record()));
  chownSync(file(), STRANGER, STRANGER);
  await expect(publishSession(file(), record(), user)).rejects.toMatchObject({
    code: 'untrusted',
    message: expect.stringContaining(`a file of user ${STRANGER}`),
  });
});

test("an original server's file counts as live while its socket is there, for it cannot be asked", async () => {
  writeFileSync(file(), JSON.stringify({ address: place.path('x.sock') }));
  await assertFree(file(), user);
  await listen();
  await expect(assertFree(file(), user)).rejects.toMatchObject({ code: 'address_in_use' });
});

test('a file that another has put in its place is neither written nor removed', async () => {
  const published = await publishSession(file(), record(), user);
  const other = place.path('other');
  writeFileSync(other, 'mine now');
  unlinkSync(file());
  linkSync(other, file());
  published.update(record({ kernelPid: 9 }));
  published.remove();
  expect(readFileSync(file(), 'utf8')).toBe('mine now');
});

test('a new kernel is told by writing the file anew', async () => {
  const published = await publishSession(file(), record(), user);
  published.update(record({ kernelPid: 9 }));
  expect(JSON.parse(readFileSync(file(), 'utf8')).kernelPid).toBe(9);
  expect(lstatSync(file()).mode & 0o777).toBe(0o600);
  published.remove();
  expect(readdirSync(place.work)).toEqual([]);
});

test('where nothing can be written, that is told', async () => {
  await expect(publishSession(place.path('missing/s.json'), record(), user)).rejects.toThrow(
    'cannot write the session file',
  );
});
