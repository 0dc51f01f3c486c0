/** What killed servers leave is taken away by whoever comes next; what lives, or may live, is not. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { sweepDeadServers } from '../../src/cli/sweep.js';
import { Home, OWNER_FILE, type OwnerRecord, temporaryBase } from '../../src/kernel/home.js';
import { sweepHomes } from '../../src/kernel/sweep.js';
import { draftPrefix } from '../../src/transport/socket_draft.js';
import { CommandLine } from '../cli/command.js';
import { usePlace } from '../support/leftovers.js';
import { realServer } from '../support/real_server.js';
import { sessionOf, useSessions } from './kit/sessions.js';

const place = usePlace();
const line = new CommandLine(place);
const sessions = useSessions(place);

let base = '';
beforeEach(() => {
  base = place.path('homes');
});

/** A home whose owner is said to be another one than this process. */
function deadHome(changes: Partial<OwnerRecord> = { startTicks: 1 }): Home {
  const home = Home.create(base);
  rewrite(home, changes);
  return home;
}

function rewrite(home: Home, changes: Partial<OwnerRecord>): void {
  const record = JSON.parse(readFileSync(home.file(OWNER_FILE), 'utf8')) as OwnerRecord;
  writeFileSync(home.file(OWNER_FILE), JSON.stringify({ ...record, ...changes }));
}

describe('a home is swept', () => {
  test('when its process is gone, another one has its number, or it was made before the last start', () => {
    const dead = [deadHome(), deadHome({ pid: 2 ** 22 + 1 }), deadHome({ boot: 'another', pidSpace: 'another' })];
    writeFileSync((dead[0] as Home).file('k1.fault'), 'x');
    expect(sweepHomes(base).sort()).toEqual(dead.map(({ path }) => path).sort());
    expect(readdirSync(base)).toEqual([]);
  });

  test('not when its process lives, here or where other pids count', () => {
    const alive = [Home.create(base), deadHome({ startTicks: 1, pidSpace: 'pid:[1]' })];
    expect(sweepHomes(base)).toEqual([]);
    expect(readdirSync(base)).toHaveLength(2);
    for (const home of alive) home.remove();
  });

  test('without a name in it once it is old, for its maker died in that very moment', () => {
    const home = Home.create(base);
    renameSync(home.file(OWNER_FILE), home.file('other'));
    expect(sweepHomes(base)).toEqual([]);
    utimesSync(home.path, 0, 0);
    expect(sweepHomes(base)).toEqual([home.path]);
  });

  test('and nothing else in that folder, nor a folder that others can write to', () => {
    const home = deadHome();
    mkdirSync(join(base, 'other'));
    writeFileSync(join(base, 's-file'), '');
    chmodSync(base, 0o777);
    expect(sweepHomes(base)).toEqual([]);
    chmodSync(base, 0o700);
    expect(sweepHomes(base)).toEqual([home.path]);
    expect(readdirSync(base).sort()).toEqual(['other', 's-file']);
  });
});

describe('with a home goes', () => {
  test('the socket that it names, unless another one stands there by now', async () => {
    const path = place.path('s.sock');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const [mine, others] = [deadHome(), deadHome()];
    rewrite(others, { leftovers: [{ path, inode: 1 }] });
    mine.claim({ leftovers: [{ path, inode: lstatSync(path).ino }] });
    expect(sweepHomes(base)).toEqual([others.path]);
    expect(existsSync(path)).toBe(true);
    rewrite(mine, { startTicks: 1 });
    expect(sweepHomes(base)).toEqual([mine.path]);
    expect(existsSync(path)).toBe(false);
    server.close();
  });

  test('a socket that had not got its place yet', async () => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(place.path(`${draftPrefix(process.pid)}01234567`), done));
    writeFileSync(place.path(`${draftPrefix(process.pid)}file`), '');
    deadHome({ startTicks: 1, socketFolder: place.work });
    expect(sweepHomes(base)).toHaveLength(1);
    expect(readdirSync(place.work).sort()).toEqual([`${draftPrefix(process.pid)}file`, 'homes']);
    server.close();
  });

  test('the directory of its logs, but never a file or a link that stands in its place', () => {
    mkdirSync(place.path('logs'));
    writeFileSync(place.path('logs/run-1.0'), 'x');
    writeFileSync(place.path('precious'), 'x');
    mkdirSync(place.path('precious.d'));
    symlinkSync(place.path('precious.d'), place.path('link'));
    const leftovers = ['logs', 'precious', 'link', 'absent'].map((name) => ({ path: place.path(name), inode: null }));
    deadHome({ startTicks: 1, leftovers });
    expect(sweepHomes(base)).toHaveLength(1);
    expect(readdirSync(place.work).sort()).toEqual(['homes', 'link', 'precious', 'precious.d']);
  });

  test('the session file that tells of it, and no other', () => {
    const path = place.path('.sock_python.json');
    const told = (record: object): void => writeFileSync(path, JSON.stringify({ address: '/s.sock', ...record }));
    const sessionFile = { path, started: 1234 };
    for (const record of [{ pid: process.pid, started: 1235 }, { pid: 1, started: 1234 }, {}]) {
      told(record);
      deadHome({ startTicks: 1, sessionFile });
      expect(sweepHomes(base)).toHaveLength(1);
      expect(existsSync(path)).toBe(true);
    }
    told({ pid: process.pid, started: 1234 });
    // What it was about to put there goes, too.
    writeFileSync(`${path}.${process.pid}.0badcafe`, JSON.stringify({ pid: process.pid, started: 1234, token: 't' }));
    deadHome({ startTicks: 1, sessionFile });
    expect(sweepHomes(base)).toHaveLength(1);
    expect(readdirSync(place.work)).toEqual(['homes']);
  });
});

describe('without a runtime directory of the system', () => {
  const env = { XDG_RUNTIME_DIR: '' };

  test('servers share a private folder of their user, which goes with the last of them', async () => {
    expect(temporaryBase()).toBe(join(place.tmp, `sock-python-${process.getuid?.()}`));
    const first = await sessions.serve(['one.sock'], { env });
    const [home] = readdirSync(temporaryBase());
    expect(home).toMatch(/^s-/);
    await using _second = await realServer(place, { runtimeDir: undefined });
    expect(readdirSync(temporaryBase())).toHaveLength(2);
    first.server.signal('SIGTERM');
    await first.server.result();
    expect(readdirSync(temporaryBase())).toHaveLength(1);
    await _second.close();
    expect(readdirSync(place.tmp)).toEqual([]);
  });

  test('a killed one is swept by the next command, wherever that one looks', async () => {
    for (const next of [env, {}]) {
      const { server } = await sessions.serve([], { env });
      server.signal('SIGKILL');
      await server.result();
      expect(await line.run(['runs'], { env: next })).toMatchObject({ status: 3 });
      expect([...readdirSync(place.tmp), ...readdirSync(place.work)]).toEqual([]);
    }
  });

  test.each([
    ['others can write to it', () => mkdirSync(temporaryBase()) ?? chmodSync(temporaryBase(), 0o777)],
    ['it is a link', () => symlinkSync(place.work, temporaryBase())],
    ['it is no folder', () => writeFileSync(temporaryBase(), '')],
  ])('that folder is not used when %s: a server then has one of its own', async (_name, squat) => {
    squat();
    const { record } = await sessions.serve([], { env });
    expect(record.address).toMatch(new RegExp(`^${place.tmp}/sock-python-[A-Za-z0-9]{6}/`));
    const { server } = sessionOf(place).record;
    expect(server.name).toBe('sock-python');
    expect((await line.run(['stop'], { env })).status).toBe(0);
    renameSync(temporaryBase(), place.path('squatted'));
  });
});

test('looking for what is to be swept takes next to no time', () => {
  const homes = Array.from({ length: 20 }, () => Home.create(join(place.runtime, 'sock-python')));
  const begun = performance.now();
  for (let count = 0; count < 100; count++) sweepDeadServers({ env: { XDG_RUNTIME_DIR: place.runtime } });
  // 20 living sessions, and still far less than a millisecond each.
  expect((performance.now() - begun) / 100 / homes.length).toBeLessThan(1);
  for (const home of homes) home.remove();
});
