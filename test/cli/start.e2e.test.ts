/** `start` and `run --start`: one session in the background, whoever asks and however many do. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { anyInterpreter } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { CommandLine } from './command.js';

const place = usePlace();
const line = new CommandLine(place);
const python = ['--python', anyInterpreter().path];

afterEach(async () => {
  if (readdirSync(place.work).includes('.sock_python.json')) await line.run(['stop']);
});

const pid = (): number => JSON.parse(readFileSync(place.path('.sock_python.json'), 'utf8')).pid;

test('start prints where, once it can be used, and the session outlives it', async () => {
  const { status, stdout, stderr } = await line.run(['start', ...python]);
  expect({ status, stderr }).toMatchObject({
    status: 0,
    stderr: expect.stringMatching(/^sock-python: started a session/),
  });
  expect(stdout).toMatch(/^\/.*\/session\.sock\n$/);
  expect(await line.run([stdout.trim()], { input: 'x = 1; get(x)' })).toMatchObject({ status: 0, stdout: '1' });
  expect(await line.run([], { input: 'get(x)' })).toMatchObject({ status: 0, stdout: '1' });
});

test('start finds the session that is running', async () => {
  const first = JSON.parse((await line.run(['start', '--json', ...python])).stdout);
  expect(first).toMatchObject({
    started: true,
    session: place.path('.sock_python.json'),
    python: { path: anyInterpreter().path },
  });
  const second = JSON.parse((await line.run(['start', '--json', ...python])).stdout);
  expect(second).toMatchObject({ started: false, address: first.address, pid: first.pid });
  expect((await line.run(['start', ...python])).stderr).toContain('is running already');
  expect(JSON.stringify([first, second])).not.toContain('token');
});

test('a session at another address than the one asked for is not taken for it', async () => {
  await line.run(['start', ...python]);
  const other = await line.run(['start', 'other.sock', ...python]);
  expect(other).toMatchObject({ status: 1, stderr: expect.stringMatching(/names the running session at .*-f/) });
});

test.each(['with nothing there', 'over a stale session file'])(
  'many starts at once make one session, %s',
  async (where) => {
    if (where.includes('stale')) {
      const stale = { address: place.path('gone.sock'), pid: 1, protocol: 1, token: 'x' };
      writeFileSync(place.path('.sock_python.json'), JSON.stringify(stale), { mode: 0o600 });
    }
    const results = await Promise.all(Array.from({ length: 5 }, () => line.run(['start', '--json', ...python])));
    const told = results.map(({ stdout, stderr }) => (stdout === '' ? stderr : JSON.parse(stdout)));
    expect(results.map(({ status }) => status)).toEqual([0, 0, 0, 0, 0]);
    expect(told.filter(({ started }) => started)).toHaveLength(1);
    expect(new Set(told.map((one) => one.pid))).toEqual(new Set([pid()]));
    expect(readdirSync(place.work)).toEqual(['.sock_python.json']);
  },
);

test('many starts at once at one address make one session', async () => {
  const results = await Promise.all(
    Array.from({ length: 4 }, () => line.run(['start', 's.sock', '--json', ...python])),
  );
  expect(results.map(({ status, stderr }) => [status, stderr])).toEqual(results.map(() => [0, '']));
  expect(new Set(results.map(({ stdout }) => JSON.parse(stdout).pid))).toEqual(new Set([pid()]));
});

test('what hinders a start is told by the command that was typed', async () => {
  writeFileSync(place.path('init.py'), 'raise ValueError("not today")\n');
  const failed = await line.run(['start', ...python, '--init', 'init.py']);
  expect(failed).toMatchObject({ status: 20, stdout: '', stderr: expect.stringContaining('ValueError: not today') });
  expect(await line.run(['start', '--cwd', 'nowhere'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('--cwd'),
  });
  expect(await line.run(['start', ...python, '0.0.0.0:1'])).toMatchObject({ status: 2 });
  expect(readdirSync(place.work)).toEqual(['init.py']);
});

test('run --start starts a session if none is running, and uses it after that', async () => {
  const env = { VIRTUAL_ENV: '', PATH: `${anyInterpreter().path.replace(/\/[^/]*$/, '')}:/usr/bin:/bin` };
  const first = await line.run(['run', '--start', '-c', 'x = 1; get(x)'], { env });
  expect(first).toMatchObject({ status: 0, stdout: '1', stderr: expect.stringContaining('started a session') });
  expect(await line.run(['run', '--start', '-c', 'get(x + 1)'], { env })).toEqual({
    status: 0,
    stdout: '2',
    stderr: '',
  });
});

test('a session whose kernels keep dying is dead, says why and how to go on, and restart revives it', async () => {
  writeFileSync(
    place.path('init.py'),
    'import os\nif os.path.exists("broken"): os._exit(9)\nif os.path.exists("odd"): 1/0\n',
  );
  await line.run(['start', '--init', 'init.py', '--restart-budget', '2/60', '--standby', '0', ...python]);
  writeFileSync(place.path('broken'), '');
  expect((await line.run(['run', '-c', 'import os; os._exit(3)'])).status).toBe(14);
  let status: { readonly state: string; readonly error?: object };
  do status = JSON.parse((await line.run(['status', '--json'])).stdout);
  while (status.state !== 'dead');
  expect(status.error).toMatchObject({ code: 'kernel_failed_to_start', message: expect.stringContaining('code 9') });
  const text = await line.run(['status']);
  expect(text).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/\nerror: .*code 9; sock-python restart tries again\n/),
  });
  for (const args of [
    ['run', '-c', '1'],
    ['run', '--detach', '-c', '1'],
  ]) {
    const refused = await line.run(args);
    expect(refused).toMatchObject({
      status: 20,
      stderr: expect.stringMatching(/code 9; sock-python restart tries again\n$/),
    });
  }
  expect(await line.run(['wait', '2'])).toMatchObject({ status: 14 });
  rmSync(place.path('broken'));
  writeFileSync(place.path('odd'), '');
  const odd = await line.run(['restart']);
  expect(odd.status).toBe(10);
  expect(odd.stdout).toMatch(
    /^restarted: generation \d+, kernel pid \d+, .*; the start-up file ended with error\nTraceback/,
  );
  rmSync(place.path('odd'));
  expect(await line.run(['restart'])).toMatchObject({ status: 0 });
  expect(await line.run(['run', '-c', 'get(1)'])).toMatchObject({ status: 0, stdout: '1' });
});
