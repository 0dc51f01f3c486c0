/**
 * A server that is killed by force, at any moment and whatever its kernel does: the kernel's processes go at once, and
 * the next command of the user takes away everything else.
 */
import { existsSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect, runSnippet, type Session } from '../../src/index.js';
import { OWNER_FILE } from '../../src/kernel/home.js';
import { CommandLine } from '../cli/command.js';
import { ENDLESS_C_CALL } from '../server/kit/snippets.js';
import { anyInterpreter } from '../support/interpreters.js';
import { leftovers, usePlace } from '../support/leftovers.js';
import { useSessions } from './kit/sessions.js';

const place = usePlace();
const line = new CommandLine(place);
const sessions = useSessions(place);

/** How many random moments: a sample, or with `SOCK_PYTHON_FULL=1` all that are promised. */
const MOMENT_COUNT = process.env.SOCK_PYTHON_FULL === '1' ? 200 : 20;
/** What comes of a moment takes so long to begin that all of it is met. */
const LATEST_MS = 40;
/** How long any process of the kernel's may outlive the server. */
const PROCESS_GRACE_MS = 1000;
const EACH_MS = 10_000;

const FORKS = 'import os\nfor _ in range(5):\n    if os.fork() == 0:\n        while True: pass\nwhile True: pass';
const FORK_STORM =
  'import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n    if os.fork() == 0: os._exit(0)';
const POOL = [
  'import multiprocessing, time',
  "context = multiprocessing.get_context('fork')",
  'workers = [context.Process(target=time.sleep, args=(1000,)) for _ in range(4)]',
  'for worker in workers: worker.start()',
  'with context.Pool(2) as pool: pool.map(time.sleep, [1000] * 4)',
].join('\n');
const SPAWNED = [
  'import multiprocessing, time',
  "process = multiprocessing.get_context('forkserver').Process(target=time.sleep, args=(1000,))",
  'process.start(); process.join()',
].join('\n');
const DEAF = [
  'import signal, threading, time',
  'signal.pthread_sigmask(signal.SIG_BLOCK, set(range(1, 65)) - {9, 19, 32, 33})',
  'for number in (1, 2, 13, 15): signal.signal(number, signal.SIG_IGN)',
  'threading.Thread(target=time.sleep, args=(1000,)).start()',
  'while True: pass',
].join('\n');

type Activity = (session: Session) => void;
const running =
  (code: string): Activity =>
  (session) =>
    void session.run(code).result.catch(() => {});

const ACTIVITIES: Readonly<Record<string, Activity>> = {
  nothing: () => {},
  'a loop in C': running(ENDLESS_C_CALL),
  'children by fork': running(FORKS),
  'forks without end': running(FORK_STORM),
  'a flood of output': running("while True: print('x' * 1000)"),
  'a flood past Python': running("import os\nwhile True: os.write(1, b'x' * 1000)"),
  'a sleep': running('import time; time.sleep(1000)'),
  'multiprocessing by fork': running(POOL),
  'multiprocessing by a fork server': running(SPAWNED),
  'a loop deaf to signals': running(DEAF),
  'another program': running("import subprocess; subprocess.run(['sh', '-c', 'sleep 1000 & sleep 1000'])"),
  'a restart': (session) => void session.restart().catch(() => {}),
};

/** The next command, whatever it is; one that serves ends by itself. */
const NEXT: readonly (readonly string[])[] = [
  ['status'],
  ['run', '-c', 'get(1)'],
  ['serve', '--python', anyInterpreter().path, '--idle-exit', '0.05', 'session.sock'],
  ['runs'],
  ['stop'],
  ['-f', 'another.json'],
  ['attach'],
];

/** Names in a folder that may not be there. */
function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function everythingLeft(): readonly string[] {
  const folders = [place.work, join(place.runtime, 'sock-python'), join(place.state, 'sock-python'), place.tmp];
  return folders.flatMap((folder) => namesIn(folder).map((name) => join(folder, name)));
}

/** What Python's own multiprocessing leaves where it is killed, with or without us. */
function removePythonsOwn(): void {
  for (const name of namesIn(place.tmp)) {
    if (name.startsWith('pymp-')) rmSync(join(place.tmp, name), { recursive: true });
  }
}

/** Killed before it could write its name, a server leaves a folder that is swept when it is a minute old. */
function ageUnnamedHomes(): void {
  const base = join(place.runtime, 'sock-python');
  for (const name of namesIn(base)) {
    if (!namesIn(join(base, name)).includes(OWNER_FILE)) utimesSync(join(base, name), 0, 0);
  }
}

/** Processes that carry this test's folders, when the time that they have is over. */
async function processesLeft(): Promise<readonly string[]> {
  const left = await leftovers(dirname(place.work), PROCESS_GRACE_MS);
  return left.filter((text) => text.startsWith('process'));
}

async function killAt(activity: Activity, delayMs: number): Promise<void> {
  const { server, address } = await sessions.serve();
  // So much that a part of it is on the disk.
  await runSnippet(address, "for i in range(3000): print('x' * 1000)", { collect: false });
  const session = await connect(address);
  activity(session);
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  server.signal('SIGKILL');
  await server.result();
  session.destroy();
  removePythonsOwn();
}

async function sweepWith(command: readonly string[]): Promise<void> {
  expect(everythingLeft()).not.toEqual([]);
  const { status, stderr } = await line.run(command, { input: '' });
  expect(everythingLeft(), `after ${command.join(' ')}, which ended with ${status}: ${stderr}`).toEqual([]);
}

describe('a server that is killed by force takes its kernel along and is swept, while the kernel has', () => {
  test.each(Object.entries(ACTIVITIES))('%s', async (_name, activity) => {
    await killAt(activity, LATEST_MS);
    expect(await processesLeft()).toEqual([]);
    await sweepWith(['status']);
  });

  test(`any of it, at ${MOMENT_COUNT} random moments`, { timeout: MOMENT_COUNT * EACH_MS }, async () => {
    const activities = Object.entries(ACTIVITIES);
    for (let count = 0; count < MOMENT_COUNT; count++) {
      const [name, activity] = activities[count % activities.length] as (typeof activities)[number];
      const delayMs = Math.random() * LATEST_MS;
      await killAt(activity, delayMs);
      expect(await processesLeft(), `${name}, killed after ${delayMs} ms`).toEqual([]);
      await sweepWith(NEXT[count % NEXT.length] as readonly string[]);
    }
  });
});

test('a server that is killed while it starts leaves no process, and nothing that is not swept', {
  timeout: MOMENT_COUNT * EACH_MS,
}, async () => {
  for (let count = 0; count < MOMENT_COUNT / 4; count++) {
    const server = line.begin(['serve', '--python', anyInterpreter().path, 'session.sock']);
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 300));
    server.signal('SIGKILL');
    await server.result();
    expect(await processesLeft()).toEqual([]);
    ageUnnamedHomes();
    await line.run(['status']);
    expect(everythingLeft()).toEqual([]);
  }
});

test('the next command tells that the session file was stale, the one after it that there is none', async () => {
  const { server } = await sessions.serve();
  server.signal('SIGKILL');
  await server.result();
  expect(await line.run(['run', '-c', 'get(1)'])).toMatchObject({
    status: 3,
    stdout: '',
    stderr: expect.stringMatching(/\.sock_python\.json is stale.*sock-python start/),
  });
  expect(everythingLeft()).toEqual([]);
  expect(await line.run(['run', '-c', 'get(1)'])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/there is no .*\.sock_python\.json.*sock-python start/),
  });
});

test('start takes the place of a killed session, and leaves the living ones alone', async () => {
  const { server } = await sessions.serve();
  const living = line.begin(['serve', '--python', anyInterpreter().path, '-f', 'living.json', 'living.sock']);
  await living.said(/serving on/, 'stderr');
  server.signal('SIGKILL');
  await server.result();
  const python = ['--python', anyInterpreter().path];
  expect(await line.run(['start', ...python, 'session.sock'])).toMatchObject({ status: 0 });
  expect(namesIn(join(place.runtime, 'sock-python'))).toHaveLength(2);
  expect(await line.run(['run', '-f', 'living.json', '-c', 'get(1)'])).toMatchObject({ status: 0, stdout: '1' });
  expect(await line.run(['run', '-c', 'get(2)'])).toMatchObject({ status: 0, stdout: '2' });
  for (const file of ['living.json', '.sock_python.json']) await line.run(['stop', '-f', file]);
  await living.result();
});
