/** Readers that die, sleep or are many: none loses a byte, none costs the others anything. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { connect, type RunEvent } from '../../src/index.js';
import { CommandLine } from '../cli/command.js';
import { usePlace } from '../support/leftovers.js';
import { realServer } from '../support/real_server.js';
import { followAt, followRun, withoutIds } from './kit/following.js';
import { eventsOf } from './kit/json_events.js';
import { expectSameText, expectSameTexts, mixedProduction, textsOf } from './kit/production.js';
import { useSessions } from './kit/sessions.js';
import { collect, eventually, expectEvent } from './kit/waiting.js';

const place = usePlace();
const line = new CommandLine(place);
const sessions = useSessions(place);
const MEGABYTE = 1_048_576;

/** Some 6 MB, which stop half way until somebody answers. */
const { code, texts } = mixedProduction(40_000, 20_000);

describe('a client that is killed in the middle of a run', () => {
  test('is a command: another one attaches, and the two have every byte once', async () => {
    const session = await sessions.serve();
    const command = line.begin(['run', '--json', '-c', code], { keepsInput: true });
    await command.said(/0003000e/);
    command.signal('SIGKILL');
    const first = eventsOf((await command.result()).stdout);
    const attached = line.begin(['attach', '1', '--json', '--since', String(first.length)]);
    await followAt(session, 1, { answers: true });
    const { status, stdout } = await attached.result();
    expect(status).toBe(0);
    const whole = withoutIds([...first, ...eventsOf(stdout)]);
    expectSameTexts(textsOf(whole), texts);
    expect(JSON.stringify(whole) === JSON.stringify(withoutIds(await followAt(session, 1)))).toBe(true);
  });

  test('is a program: it knows how much it has, wherever it was cut off', async () => {
    await using server = await realServer(place);
    const first: RunEvent[] = [];
    const lost = await connect(server.address);
    const run = lost.run(code, {
      stdin: 'ask',
      onEvent: (event) => {
        first.push(event);
        if (first.length === 7000) lost.destroy();
      },
    });
    await expect(run.result).rejects.toMatchObject({ code: 'connection_lost' });
    expect(run.known).toBe(first.length);
    const rest = await followAt(server, run.number as number, { since: run.known, answers: true });
    expectSameTexts(textsOf([...first, ...rest]), texts);
    expect(rest.at(-1)).toMatchObject({ event: 'done', status: 'ok', outputComplete: true });
  });
});

describe('a server that goes away under a command', () => {
  test('is told, with the run that was on and how much of it was shown', async () => {
    const { server } = await sessions.serve();
    const command = line.begin(['run', '-c', 'print("on")\nwhile True: pass']);
    await command.said(/on\n/);
    server.signal('SIGKILL');
    const { status, stderr } = await command.result();
    expect(status).toBe(3);
    expect(stderr).toMatch(/^sock-python: the connection to the server ended.* run 1 .*attach 1 --since \d+\n$/);
    // The next command takes away what the killed server left.
    await line.run(['status']);
  });
});

test('a reader that is stopped while 60 MB are produced holds nobody up, costs no memory and loses nothing', async () => {
  const lineCount = 60_000;
  const flood = `input()\nfor i in range(${lineCount}): print(f'{i:07}' + 'x' * 1016)`;
  const { address } = await sessions.serve();
  await using session = await connect(address);
  const asked = await expectEvent(session, 'input');
  // What it shows goes to a file, which takes everything: it is the command alone that sleeps.
  const prefix = ['sh', '-c', 'exec "$@" > out', 'sh'];
  const reader = line.begin(['run', '-c', flood], { keepsInput: true, prefix });
  await asked();
  reader.signal('SIGSTOP');
  await session.input(1, { text: '' });
  let mostBytes = 0;
  await eventually('the run is over while its reader sleeps', async () => {
    const { state, memory } = await session.status();
    mostBytes = Math.max(mostBytes, memory.serverBytes);
    return state === 'idle';
  });
  expect(mostBytes).toBeLessThan(150 * MEGABYTE);
  expect(await session.runs()).toMatchObject([{ run: 1, state: 'done', status: 'ok' }]);
  reader.signal('SIGCONT');
  expect(await reader.result()).toMatchObject({ status: 0, stderr: '' });
  expect((await session.status()).memory.serverBytes).toBeLessThan(150 * MEGABYTE);
  const lines = Array.from({ length: lineCount }, (_, at) => `${String(at).padStart(7, '0')}${'x'.repeat(1016)}\n`);
  expectSameText(readFileSync(place.path('out'), 'latin1'), lines.join(''), 'what was shown');
});

test('many observers, whenever they come and however they read, have the same bytes', async () => {
  const { address } = await sessions.serve();
  await using session = await connect(address);
  const watch = await session.watch();
  const asked = await expectEvent(session, 'input');
  const submitter = session.run(code, { stdin: 'ask' });
  const submitted = collect(submitter);
  const early = [1, 2, 3].map(() => followAt({ address }, 1));
  const command = line.begin(['attach', '1', '--json']);
  await asked();
  const late = [followRun(session, 1), followRun(session, 1, { since: 1000 })] as const;
  const lateCommand = line.begin(['attach', 'current', '--json']);
  await command.said(/"event":"input"/);
  await lateCommand.said(/"event":"input"/);
  await session.input(1, { text: '' });
  const events = withoutIds(await submitted);
  expectSameTexts(textsOf(events), texts);
  const whole = JSON.stringify(events);
  for (const observed of [...early, late[0], followRun(session, 1)]) {
    expect(JSON.stringify(withoutIds(await observed)) === whole).toBe(true);
  }
  expect(JSON.stringify(withoutIds(await late[1])) === JSON.stringify(events.slice(1000))).toBe(true);
  for (const shown of [command, lateCommand]) {
    expect(JSON.stringify(eventsOf((await shown.result()).stdout)) === whole).toBe(true);
  }
  const watched: RunEvent[] = [];
  for await (const event of watch) {
    watched.push(event);
    if (event.event === 'done') break;
  }
  // Watchers get the code in `started`, and nothing else that is not the others'.
  const plain = watched.map((event) => (event.event === 'started' ? events[0] : event));
  expect(JSON.stringify(plain) === whole).toBe(true);
});
