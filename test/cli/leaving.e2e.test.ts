/** Runs and who waits for them: detached ones, `wait`, keys, and what becomes of a run whose client leaves. */
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.js';
import { usePlace } from '../support/leftovers.js';
import { CommandLine, type CommandResult, type Started } from './command.js';

const place = usePlace();
const line = new CommandLine(place);
let server: Started;

beforeEach(async () => {
  server = await line.serve(['s.sock', '--keep-runs', '2']);
});
afterEach(async () => {
  server.signal('SIGTERM');
  await server.result();
});

const run = (...args: string[]): Promise<CommandResult> => line.run(['run', ...args]);
const wait = (...args: string[]): Promise<CommandResult> => line.run(['wait', ...args]);

/** A run that goes on until it is told to end. */
async function busy(...args: string[]): Promise<Started> {
  const command = line.begin(['run', ...args, '-c', 'print("on")\nwhile True: pass']);
  await command.said(/on\n/);
  return command;
}

/** Until so many clients are there, with the one that asks. */
async function connected(count: number): Promise<void> {
  const ask = async () => JSON.parse((await line.run(['status', '--json'])).stdout).counts.connections;
  while ((await ask()) !== count);
}

describe('run --detach', () => {
  test('prints the number and leaves; the run goes on, and can be waited for and shown', async () => {
    const code = 'import time\nwhile not open("gate").read(): time.sleep(0.01)\nget("through")';
    writeFileSync(place.path('gate'), '');
    expect(await run('--detach', '-c', code)).toEqual({ status: 0, stdout: '1\n', stderr: '' });
    // Behind the first: it has a number as soon as it waits.
    const { stdout } = await run('--detach', '--json', '-c', 'raise SystemExit(7)');
    expect(JSON.parse(stdout)).toEqual({ event: 'queued', run: 2, position: 1 });
    const waiting = line.begin(['wait', '1']);
    expect(await wait('2', '--wait', '0.1')).toMatchObject({ status: 12, stdout: expect.stringContaining('queue') });
    expect(await wait('1', '--wait', '0.1')).toMatchObject({
      status: 12,
      stdout: expect.stringMatching(/^run 1 still/),
    });
    await line.run(['cancel', '2']);
    writeFileSync(place.path('gate'), 'open');
    expect(await waiting.result()).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^run 1 ended: ok, after/),
    });
    expect(await line.run(['attach', '1'])).toMatchObject({ status: 0, stdout: 'through' });
  });

  test('tells what was lost before; whoever reads standard input finds its end', async () => {
    await run('-c', 'precious = 1');
    await line.run(['restart']);
    const { stdout, stderr } = await run('--detach', '-c', 'input()');
    expect(stdout).toBe('2\n');
    expect(stderr).toBe(
      `sock-python: the session lost its namespace before this run: restarted by sock-python ${VERSION}; gone: precious\n`,
    );
    expect(await wait()).toMatchObject({ status: 10, stdout: expect.stringContaining('(EOFError: ') });
  });

  test('tells what the server refuses', async () => {
    await line.run(['stop']);
    expect(await run('--detach', '-a', './s.sock', '-c', '1')).toMatchObject({ status: 3, stdout: '' });
    server = await line.serve(['s.sock', '--queue', '0']);
    const command = await busy();
    expect(await run('--detach', '-c', '1')).toMatchObject({ status: 15, stdout: '' });
    command.signal('SIGINT');
    await command.result();
  });
});

describe('wait', () => {
  test.each([
    ['get(1)', 0, 'ok'],
    ['raise ValueError("a\\nb")', 10, 'error'],
    ['raise SystemExit(5)', 5, 'exit'],
    ['raise SystemExit("no way")', 1, 'exit'],
    ['import os; os._exit(3)', 14, 'lost'],
  ])('for %s ends with %i', async (code, status, word) => {
    await run('-c', code);
    const text = await wait('1');
    expect(text).toMatchObject({ status, stderr: '' });
    expect(text.stdout).toMatch(new RegExp(`^run 1 ended: ${word}, after [^\\n]*\\n$`));
    const json = await wait('last', '--json');
    expect(json.status).toBe(status);
    expect(JSON.parse(json.stdout)).toMatchObject({ run: 1, state: 'done', status: word, done: { status: word } });
  });

  test('for a run that is on only leaves at Ctrl+C, with 130', async () => {
    const command = await busy();
    const waiting = line.begin(['wait', 'current', '-a', './s.sock']);
    const other = line.begin(['wait']);
    await connected(4);
    waiting.signal('SIGINT');
    expect(await waiting.result()).toEqual({ status: 130, stdout: '', stderr: '' });
    command.signal('SIGINT');
    expect(await other.result()).toMatchObject({
      status: 11,
      stdout: expect.stringMatching(/^run 1 ended: interrupted/),
    });
    await command.result();
  });

  test('ends with 3 when the session does', async () => {
    await line.run(['run', '--detach', '-c', 'while True: pass']);
    // A client that has left counts as long as its run has nothing to tell it.
    const waiting = line.begin(['wait', '--json']);
    await connected(3);
    server.signal('SIGKILL');
    const { status, stdout } = await waiting.result();
    expect(status).toBe(3);
    // As long as the server has not greeted it, there was none.
    expect(['connection_lost', 'no_server']).toContain(JSON.parse(stdout).error.code);
    server = await line.serve(['s.sock']);
  });
});

describe('a run that is not there', () => {
  test.each([
    ['attach', '9', /^sock-python: there is no run 9 \(yet\); .*sock-python runs\n$/],
    ['wait', '9', /^sock-python: there is no run 9 \(yet\); .*sock-python runs\n$/],
    ['cancel', '9', /no run 9/],
    ['attach', 'current', /^sock-python: no run is on; /],
    ['wait', 'last', /^sock-python: there has been no run yet; /],
  ])('%s %s says so and ends with 1', async (command, operand, words) => {
    expect(await line.run([command, operand])).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(words),
    });
    const { stdout } = await line.run([command, operand, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'not_found' } });
  });

  test.each(['attach', 'wait'])('because it is no longer kept is told apart by %s', async (command) => {
    for (const code of ['1', '2', '3']) await run('-c', code);
    expect(await line.run([command, '1'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^sock-python: run 1 is no longer kept; .*sock-python runs\n$/),
    });
  });

  test.each(['attach', 'wait'])('cannot be named otherwise than by number, current or last: %s', async (command) => {
    for (const operand of ['0', 'first', '-1x', '99999999999']) {
      expect((await line.run([command, '--', operand])).status).toBe(2);
    }
  });

  test('but died is shown with its last output and its cause', async () => {
    await run('-c', 'import os; print("last words", flush=True); os.abort()');
    const { status, stdout, stderr } = await line.run(['attach', '1']);
    expect({ status, stdout }).toEqual({ status: 14, stdout: 'last words\n' });
    expect(stderr).toMatch(/^sock-python: run 1 was lost: .*SIGABRT.*namespace is gone/);
  });
});

test('a run that is kept out of the history can be listed all the same, and followed', async () => {
  await run('--no-history', '-c', 'get("hidden")');
  expect((await line.run(['runs'])).stdout.trimEnd().split('\n')).toHaveLength(1);
  expect((await line.run(['runs', '--all'])).stdout).toMatch(/\n1 +ok /);
  expect(await line.run(['attach', '1'])).toMatchObject({ status: 0, stdout: 'hidden' });
});

describe('run --key', () => {
  test('runs once, and shows a retry what the first one gave', async () => {
    const args = ['--key', 'a b', '-c', 'n = globals().get("n", 0) + 1; get(n)'];
    for (let retry = 0; retry < 3; retry += 1) expect(await run(...args)).toMatchObject({ status: 0, stdout: '1' });
    expect(await run('--detach', ...args)).toMatchObject({ status: 0, stdout: '1\n' });
    expect(await run('--key', 'a b', '-c', 'get(2)')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('a b'),
    });
    for (const code of ['2', '3']) await run('-c', code);
    expect(await run(...args)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/run 1 of this key ended ok; its output is no longer kept/),
    });
  });
});

describe('a client that is killed', () => {
  test('leaves its run to go on, or with --on-disconnect cancel ends it', async () => {
    const kept = await busy();
    kept.signal('SIGKILL');
    await kept.result();
    expect(JSON.parse((await line.run(['status', '--json'])).stdout)).toMatchObject({ run: { run: 1 } });
    await line.run(['interrupt']);
    const cancelled = await busy('--on-disconnect', 'cancel');
    cancelled.signal('SIGKILL');
    await cancelled.result();
    expect(await wait('2')).toMatchObject({ status: 11 });
  });

  test('that only stops waiting says that its run is told to end', async () => {
    const result = await run('--on-disconnect', 'cancel', '--wait', '0.3', '-c', 'while True: pass');
    expect(result).toMatchObject({ status: 12, stderr: expect.stringContaining('run 1 is told to end') });
    expect(await wait('1')).toMatchObject({ status: 11 });
  });
});
