/** Control and observation from the command line, also while a snippet runs. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { CommandLine, type Started } from './command.js';

const place = usePlace();
const line = new CommandLine(place);
let server: Started;

beforeEach(async () => {
  server = await line.serve(['s.sock']);
});
afterEach(async () => {
  server.signal('SIGTERM');
  await server.result();
});

const json = async (...args: string[]) => JSON.parse((await line.run([...args, '--json'])).stdout);

/** A snippet that runs until it is told to end. */
async function busy(code = 'while True: pass'): Promise<Started> {
  const command = line.begin(['run', '-c', `print("on")\n${code}`]);
  await command.said(/on\n/);
  return command;
}

describe('status', () => {
  test('answers with every field, by session file, address and -a', async () => {
    const status = await json('status');
    expect(status).toMatchObject({
      state: 'idle',
      generation: 1,
      run: null,
      queue: 0,
      address: place.path('s.sock'),
      protocol: 1,
    });
    expect(await json('status', 's.sock')).toMatchObject({ session: status.session });
    expect(await json('status', '-a', './s.sock')).toMatchObject({ session: status.session });
    const { stdout } = await line.run(['status']);
    expect(stdout).toMatch(/^state: idle\naddress: .*s\.sock\nrun: none\n/);
  });

  test('answers while a snippet runs', async () => {
    const command = await busy();
    expect(await json('status')).toMatchObject({ state: 'busy', run: { run: 1 } });
    command.signal('SIGINT');
    await command.result();
  });
});

describe('interrupt', () => {
  test('breaks what runs, and keeps the namespace', async () => {
    const command = await busy();
    expect(await json('interrupt')).toMatchObject({ run: 1, outcome: 'interrupted', kept: true });
    expect(await command.result()).toMatchObject({ status: 11 });
  });

  test('of an idle session is fine: nothing runs', async () => {
    expect(await line.run(['interrupt'])).toEqual({ status: 0, stdout: 'nothing runs\n', stderr: '' });
  });

  test('says if it did not help, and --kill does', async () => {
    const command = await busy('sum(range(10**15))');
    const refused = await line.run(['interrupt', '--grace', '0.2']);
    expect(refused).toMatchObject({ status: 12, stdout: expect.stringContaining('run 1 still runs') });
    expect(await json('interrupt', '--grace', '0.2', '--kill')).toMatchObject({ outcome: 'killed', kept: false });
    expect((await command.result()).status).toBe(14);
    expect(await json('status')).toMatchObject({ generation: 2 });
  });
});

describe('restart and stop', () => {
  test('restart gives a fresh kernel at the same address, and says what it took', async () => {
    const command = await busy();
    const { stdout } = await line.run(['restart']);
    expect(stdout).toMatch(/^restarted: generation 2, kernel pid \d+/);
    expect(await command.result()).toMatchObject({ status: 14, stderr: expect.stringContaining('restarted') });
    expect(await json('status')).toMatchObject({ generation: 2, address: place.path('s.sock') });
  });

  test('stop --drain lets the running snippet finish', async () => {
    const command = line.begin(['run', '-c', 'print("on"); input(); get("finished")'], { keepsInput: true });
    await command.said(/on\n/);
    const stop = line.begin(['stop', '--drain']);
    command.child.stdin?.end('\n');
    expect(await command.result()).toMatchObject({ status: 0, stdout: expect.stringContaining('finished') });
    expect(await stop.result()).toMatchObject({ status: 0 });
  });

  test('stop without a server ends with 3, or 1 where nothing names one', async () => {
    expect(await line.run(['stop', 'nobody.sock'])).toMatchObject({ status: 3, stdout: '' });
    expect(await line.run(['stop', '-f', 'nobody.json'])).toMatchObject({ status: 1 });
    const { stdout } = await line.run(['stop', 'nobody.sock', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'no_server' } });
  });
});

describe('attach', () => {
  test('shows a run from its start and ends with its code', async () => {
    await line.run(['run', '-c', 'print("a"); get("b"); raise SystemExit(5)']);
    for (const which of ['1', 'last']) {
      expect(await line.run(['attach', which])).toEqual({ status: 5, stdout: 'a\nb', stderr: '' });
    }
    expect(await line.run(['attach', '1', '--since', '2'])).toMatchObject({ status: 5, stdout: 'b' });
    // All is known, and how it ended with it.
    expect(await line.run(['attach', '1', '--since', '4'])).toEqual({ status: 5, stdout: '', stderr: '' });
    expect(await line.run(['attach', '1', '--since', '5'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--since 5: run 1 has ended with 4 events'),
    });
    expect(await line.run(['attach', '99'])).toMatchObject({ status: 1, stderr: expect.stringContaining('99') });
    expect(await line.run(['attach', 'nonsense'])).toMatchObject({ status: 2 });
  });

  test('follows a run that is on; Ctrl+C only leaves, with 130', async () => {
    const command = await busy();
    const follower = line.begin(['attach', 'current']);
    await follower.said(/on\n/);
    follower.signal('SIGINT');
    expect((await follower.result()).status).toBe(130);
    expect(await json('status')).toMatchObject({ state: 'busy' });
    const other = line.begin(['attach']);
    await other.said(/on\n/);
    command.signal('SIGINT');
    expect((await other.result()).status).toBe(11);
    await command.result();
  });
});

describe('runs and cancel', () => {
  test('runs lists them, newest first', async () => {
    await line.run(['run', '-c', 'first = 1']);
    await line.run(['run', '-c', '1/0']);
    const { stdout } = await line.run(['runs', '--with-code']);
    expect(stdout).toMatch(/^RUN +STATE .*\n2 +error .*\n {4}1\/0\n1 +ok .*\n {4}first = 1\n$/);
    const rows = (await line.run(['runs', '--json', '--limit', '1'])).stdout.trimEnd().split('\n');
    expect(rows.map((row) => JSON.parse(row))).toMatchObject([{ run: 2, state: 'done', status: 'error' }]);
  });

  test('cancel withdraws a queued run, and interrupts a running one', async () => {
    const running = await busy();
    const queued = line.begin(['run', '--json', '-c', '1']);
    await queued.said(/"queued"/);
    expect(await line.run(['cancel', '2'])).toMatchObject({ status: 0, stdout: 'cancelled run 2 before it began\n' });
    expect((await queued.result()).status).toBe(15);
    expect(await json('cancel', '1')).toMatchObject({ outcome: 'interrupted' });
    expect((await running.result()).status).toBe(11);
    expect(await line.run(['cancel', '99'])).toMatchObject({ status: 1 });
    expect(await line.run(['cancel'])).toMatchObject({ status: 2 });
  });
});
