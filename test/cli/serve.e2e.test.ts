/** `serve`: what stands in the session file, what is told, and what is gone afterwards. */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { SessionRecord } from '../../src/cli/session_file.js';
import { ROOT } from '../structure/sources.js';
import { anyInterpreter } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { hasTool } from '../support/tools.js';
import { CommandLine, type CommandOptions, type Started } from './command.js';

const place = usePlace();
const line = new CommandLine(place);
const python = ['--python', anyInterpreter().path];

/** Serves while `use` runs, and ends it with a signal. */
async function serving(args: readonly string[], use: (server: Started) => Promise<void>, options: CommandOptions = {}) {
  const server = await line.serve(args, options);
  try {
    await use(server);
  } finally {
    server.signal('SIGTERM');
  }
  return await server.result();
}

function session(name = '.sock_python.json'): SessionRecord {
  return JSON.parse(readFileSync(place.path(name), 'utf8'));
}

const get = async (code: string, ...args: string[]) => (await line.run(['run', ...args, '-c', code])).stdout;

describe('the session file', () => {
  test('tells all there is to know, to its owner alone, and is gone afterwards', async () => {
    await serving(['s.sock'], async () => {
      const example = JSON.parse(readFileSync(`${ROOT}/.sock_python.json.example`, 'utf8'));
      const shape = (value: object): unknown =>
        Object.entries(value).map(([key, field]) => [key, typeof field === 'object' ? shape(field) : typeof field]);
      expect(shape(session())).toEqual(shape(example));
      expect(session()).toMatchObject({
        address: place.path('s.sock'),
        protocol: 1,
        token: expect.stringMatching(/^[0-9a-f]{32,}$/),
      });
      expect(lstatSync(place.path('.sock_python.json')).mode & 0o777).toBe(0o600);
      expect(lstatSync(place.path('s.sock')).mode & 0o777).toBe(0o600);
      const pid = Number(await get('import os; get(os.getpid())'));
      expect(session().kernelPid).toBe(pid);
    });
    expect(readdirSync(place.work)).toEqual([]);
  });

  test('follows the kernel over a restart', async () => {
    await serving([], async () => {
      const { kernelPid } = session();
      await line.run(['restart']);
      expect(session().kernelPid).not.toBe(kernelPid);
      expect(session().kernelPid).toBe(Number(await get('import os; get(os.getpid())')));
    });
  });

  test('is named by -f, together with -s as in the original', async () => {
    const server = line.begin(['-sf', 'my.json', 's.sock', ...python]);
    await server.said(/session file \S+my\.json/, 'stderr');
    expect(session('my.json').address).toBe(place.path('s.sock'));
    expect(await line.run(['-f', 'my.json'], { input: 'get(1)' })).toMatchObject({ status: 0, stdout: '1' });
    server.signal('SIGINT');
    expect((await server.result()).status).toBe(0);
    expect(readdirSync(place.work)).toEqual([]);
  });

  test('is not made with -f -', async () => {
    await serving(['-f', '-', 's.sock'], async () => {
      expect(readdirSync(place.work)).toEqual(['s.sock']);
      expect(await line.run(['s.sock'], { input: 'get(1)' })).toMatchObject({ status: 0, stdout: '1' });
    });
  });

  test('of a live server is never replaced', async () => {
    await serving([], async () => {
      const before = readFileSync(place.path('.sock_python.json'), 'utf8');
      const second = await line.run(['serve', ...python]);
      expect(second).toMatchObject({ status: 1, stderr: expect.stringMatching(/\.sock_python\.json is in use.*-f/) });
      expect(readFileSync(place.path('.sock_python.json'), 'utf8')).toBe(before);
    });
  });

  test.each([[[]], [['status']], [['stop']], [['runs']]])(
    'of a dead server is stale to %j, which takes it away; the next server has its place',
    async (args) => {
      const server = await line.serve(['s.sock']);
      server.signal('SIGKILL');
      await server.result();
      expect(readdirSync(place.work).sort()).toEqual(['.sock_python.json', 's.sock']);
      const result = await line.run(args, { input: 'get(1)' });
      expect(result).toMatchObject({ status: 3, stderr: expect.stringMatching(/\.sock_python\.json is stale/) });
      expect(readdirSync(place.work)).toEqual([]);
      await serving(['s.sock'], async () => expect(await get('get(1)')).toBe('1'));
      expect(readdirSync(place.work)).toEqual([]);
    },
  );

  test('of a dead server is replaced by the next, too', async () => {
    const server = await line.serve(['s.sock']);
    server.signal('SIGKILL');
    await server.result();
    await serving(['s.sock'], async () => expect(await get('get(1)')).toBe('1'));
    expect(readdirSync(place.work)).toEqual([]);
  });

  test('that is missing is told apart, with what to do', async () => {
    for (const args of [[], ['status'], ['-f', 'my.json', 'stop']]) {
      const result = await line.run(args, { input: '' });
      expect(result).toMatchObject({ status: 1, stderr: expect.stringMatching(/there is no .*sock-python start/) });
    }
  });
});

describe('addresses', () => {
  test('TCP is served on loopback, on a port that is told, for those who have the token', async () => {
    await serving([':0'], async (server) => {
      const [, address = ''] = await server.said(/serving on (127\.0\.0\.1:\d+)/, 'stderr');
      expect(session().address).toBe(address);
      expect(await get('get(1)')).toBe('1');
      expect(await line.run([address], { input: 'get(2)' })).toMatchObject({ status: 0, stdout: '2' });
      const strange = await line.run(['-f', '-', address], { input: 'get(3)' });
      expect(strange).toMatchObject({ status: 4, stdout: '', stderr: expect.stringContaining('-f') });
      writeFileSync(place.path('bad.json'), JSON.stringify({ ...session(), token: 'x'.repeat(64) }), { mode: 0o600 });
      expect(await line.run(['-f', 'bad.json'], { input: 'get(4)' })).toMatchObject({ status: 4, stdout: '' });
    });
  });

  test.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:80'])('%s is refused, with the way that remains', async (address) => {
    const result = await line.run(['serve', address, ...python]);
    expect(result).toMatchObject({ status: 2, stderr: expect.stringContaining('ssh') });
  });

  test('a path that the system would cut is refused before anything starts', async () => {
    const result = await line.run(['serve', `./${'x'.repeat(108)}`, ...python]);
    expect(result).toMatchObject({ status: 2, stderr: expect.stringMatching(/the system takes 107/) });
    expect(readdirSync(place.work)).toEqual([]);
  });

  test('an address that is taken is told, and nothing is left', async () => {
    await serving(['s.sock'], async () => {
      const second = await line.run(['serve', '-f', 'other.json', 's.sock', ...python]);
      expect(second).toMatchObject({ status: 1, stderr: expect.stringContaining('s.sock') });
      expect(readdirSync(place.work).sort()).toEqual(['.sock_python.json', 's.sock']);
    });
  });
});

describe('the token', () => {
  test('is nowhere but in the session file', async () => {
    const { stdout, stderr } = await serving(['-v', 'debug', ':0'], async () => {
      const { token, pid, kernelPid } = session();
      for (const process of [pid, kernelPid]) {
        for (const about of ['cmdline', 'environ']) {
          expect(readFileSync(`/proc/${process}/${about}`, 'latin1')).not.toContain(token);
        }
      }
      expect((await line.run(['status', '--json'])).stdout).not.toContain(token);
      writeFileSync(place.path('token'), token ?? '');
    });
    const token = readFileSync(place.path('token'), 'utf8');
    expect(token).not.toBe('');
    expect(stdout + stderr).not.toContain(token);
  });

  test.skipIf(!hasTool('git'))('is told to lie in a git work tree that does not ignore it', async () => {
    spawnSync('git', ['init', '-q', place.work]);
    const warning = /holds the token and git does not ignore it/;
    expect((await serving([], async () => {})).stderr).toMatch(warning);
    writeFileSync(place.path('.gitignore'), '.sock_python.json\n');
    expect((await serving([], async () => {})).stderr).not.toMatch(warning);
  });

  test('is not there with --no-token, which warns', async () => {
    const { stderr } = await serving(['--no-token', ':0'], async (server) => {
      const [, address = ''] = await server.said(/serving on (\S+),/, 'stderr');
      expect(session().token).toBeNull();
      expect(await line.run(['-f', '-', address], { input: 'get(1)' })).toMatchObject({ status: 0, stdout: '1' });
    });
    expect(stderr).toContain('warning: serving without a token');
  });
});

describe('options', () => {
  test('environment, folder and start-up file reach the kernel, also after a restart', async () => {
    mkdirSync(place.path('data'));
    writeFileSync(place.path('vars'), 'FROM_FILE=1\nBOTH=1\n');
    writeFileSync(place.path('init.py'), 'ready = "yes"\n');
    const options = ['--cwd', 'data', '--env-file', 'vars', '-e', 'BOTH=2', '-e', 'HERE', '--init', 'init.py'];
    await serving(
      options,
      async () => {
        const code =
          'import os; get([os.getcwd(), ready, *map(os.environ.get, ["FROM_FILE", "BOTH", "HERE", "SOCK_PYTHON_SESSION"])])';
        const expected = `['${place.path('data')}', 'yes', '1', '2', 'here', None]`;
        expect(await get(code)).toBe(expected);
        await line.run(['restart']);
        expect(await get(code)).toBe(expected);
      },
      { env: { HERE: 'here', SOCK_PYTHON_SESSION: place.path('.sock_python.json') } },
    );
  });

  test('--timeout is the limit of runs that name none', async () => {
    await serving(['--timeout', '0.3'], async () => {
      expect(await line.run(['run', '-c', 'while True: pass'])).toMatchObject({ status: 13 });
    });
  });

  test('--queue bounds how many wait, and the next ends with 15', async () => {
    await serving(['--queue', '0'], async () => {
      const busy = line.begin(['run', '-c', 'print("on"); input()'], { keepsInput: true });
      await busy.said(/on/);
      expect(await line.run(['run', '-c', '1'])).toMatchObject({ status: 15 });
      busy.child.stdin?.end();
      await busy.result();
    });
  });

  test('--idle-exit ends a server that nobody uses', async () => {
    const server = await line.serve(['--idle-exit', '0.3']);
    expect((await server.result()).status).toBe(0);
    expect(readdirSync(place.work)).toEqual([]);
  });

  test('the Python that was chosen is shown', async () => {
    const { path, version } = anyInterpreter();
    const { stderr } = await serving([], async () => {});
    expect(stderr).toContain(`Python ${version} (${path}), chosen by --python`);
  });

  test('--json logs one object a line; -v leaves out what is below', async () => {
    const json = line.begin(['serve', '--json', ...python]);
    await json.said(/"message":"serving on/, 'stderr');
    json.signal('SIGTERM');
    const lines = (await json.result()).stderr
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(lines.every((entry) => typeof entry.level === 'string' && typeof entry.time === 'number')).toBe(true);
    const { stderr } = await line.run(['serve', '-v', 'error', '--idle-exit', '0.1', ...python]);
    expect(stderr).toBe('');
    expect(await line.run(['serve', '-v', 'loud'])).toMatchObject({ status: 2 });
  });

  test.each([
    [['--python', '/nowhere/python'], 2],
    [['--cwd', 'nowhere'], 2],
    [['--env-file', 'nowhere'], 2],
    [['--init', 'nowhere'], 2],
    [['--max-frame', '1'], 2],
    [['--max-frame', '1G'], 2],
    [['--no-token', '--require-token'], 2],
    [['--python', '/bin/false'], 20],
  ])('%j ends with %i, and nothing is left', async (options, status) => {
    const result = await line.run(['serve', ...python, ...options]);
    expect(result.status, result.stderr).toBe(status);
    expect(readdirSync(place.work)).toEqual([]);
  });

  test('a start-up file that raises is told with its traceback', async () => {
    writeFileSync(place.path('init.py'), 'x = 1\n1/0\n');
    const result = await line.run(['serve', ...python, '--init', 'init.py']);
    expect(result.status).toBe(20);
    expect(result.stderr).toMatch(/init\.py", line 2[\s\S]*ZeroDivisionError/);
  });
});

describe('the end', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('by %s loses no answer and leaves nothing', async (signal) => {
    const server = await line.serve(['s.sock']);
    const code = 'import subprocess; subprocess.Popen(["sleep", "600"]); print("on")\nwhile True: pass';
    const command = line.begin(['run', '-c', code]);
    await command.said(/on/);
    server.signal(signal);
    expect(await command.result()).toMatchObject({ status: 14, stderr: expect.stringContaining('run 1 was lost') });
    expect((await server.result()).status).toBe(0);
    expect(readdirSync(place.work)).toEqual([]);
  });

  test('by a second signal comes at once, and leaves nothing either', async () => {
    const server = await line.serve(['s.sock']);
    await get('import atexit, time; atexit.register(time.sleep, 600)');
    server.signal('SIGINT');
    await server.said(/ending/, 'stderr');
    server.signal('SIGINT');
    expect((await server.result()).status).toBe(0);
    expect(readdirSync(place.work)).toEqual([]);
  });

  test('by stop is the same', async () => {
    const server = await line.serve(['s.sock']);
    expect(await line.run(['stop'])).toEqual({ status: 0, stdout: 'stopped\n', stderr: '' });
    expect((await server.result()).status).toBe(0);
    expect(readdirSync(place.work)).toEqual([]);
  });
});
