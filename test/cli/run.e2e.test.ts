/** Snippets from the command line, against a server of the command line. */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { CommandLine, type Started } from './command.js';

const place = usePlace();
const line = new CommandLine(place);
let server: Started;

beforeEach(async () => {
  server = await line.serve();
});
afterEach(async () => {
  server.signal('SIGTERM');
  expect((await server.result()).status).toBe(0);
});

const run = (...args: string[]) => line.run(['run', ...args]);

describe('the bare form', () => {
  test('sends all of standard input and shows what get() was given', async () => {
    const input = 'a = 5\nget(f"{a * 3}")\nb = 8\nget(a + b)\n';
    expect(await line.run([], { input })).toEqual({ status: 0, stdout: '15 13', stderr: '' });
    expect(await line.run([], { input: 'get(a)' })).toMatchObject({ status: 0, stdout: '5' });
  });

  test('ends with 10 and the traceback on stderr if the snippet raises', async () => {
    const { status, stdout, stderr } = await line.run([], { input: 'get("before")\n1/0\n' });
    expect({ status, stdout }).toEqual({ status: 10, stdout: 'before' });
    expect(stderr).toMatch(
      /^Traceback \(most recent call last\):\n {2}File "<snippet 1>", line 2, in <module>\n {4}1\/0\n/,
    );
    expect(stderr).toMatch(/\nZeroDivisionError: division by zero\n$/);
  });

  test('takes an address, by path or after -a, and the environment names the session file', async () => {
    const [, address = ''] = await server.said(/serving on (\S+),/, 'stderr');
    for (const args of [[address], ['-a', address], ['-f', '-', address]]) {
      expect(await line.run(args, { input: 'get(1)', cwd: place.home })).toMatchObject({ status: 0, stdout: '1' });
    }
    const env = { SOCK_PYTHON_SESSION: place.path('.sock_python.json') };
    expect(await line.run([], { input: 'get(2)', cwd: place.home, env })).toMatchObject({ status: 0, stdout: '2' });
  });

  test('an empty snippet is one, too', async () => {
    expect(await line.run([], { input: '' })).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('what is not UTF-8 is not sent', async () => {
    const { status, stderr } = await line.run([], { input: Buffer.from([0x67, 0xff]) });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'sock-python: standard input is not UTF-8 text; nothing was sent\nTry: sock-python --help\n',
    });
  });
});

describe('run', () => {
  test('shows get() and printed text in their order, stderr apart', async () => {
    const code = 'import sys; get("a"); print("x"); get("b"); get("c"); print("oops", file=sys.stderr)';
    expect(await run('-c', code)).toEqual({ status: 0, stdout: 'a\nx\nb c', stderr: 'oops\n' });
    expect(await run('--quiet', '-c', code)).toEqual({ status: 0, stdout: 'a b c', stderr: '' });
    expect(await run('--sep', '', '--quiet', '-c', code)).toMatchObject({ stdout: 'abc' });
  });

  test('runs a file, with its arguments and its name', async () => {
    writeFileSync(place.path('script.py'), '\ufeffimport sys\nget(sys.argv)\nraise ValueError("é")\n');
    const { status, stdout, stderr } = await run('script.py', '--json', '-a', 'x');
    expect({ status, stdout }).toEqual({ status: 10, stdout: "['script.py', '--json', '-a', 'x']" });
    expect(stderr).toContain('File "script.py", line 3, in <module>\n    raise ValueError("é")\n');
    expect(await run('-c', 'import sys; get(sys.argv)', 'a', '--b')).toMatchObject({ stdout: "['-c', 'a', '--b']" });
  });

  test('a file that is not there is told before anything is sent', async () => {
    expect(await run('missing.py')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('cannot read missing.py'),
    });
    const [, address = ''] = await server.said(/serving on (\S+),/, 'stderr');
    expect(await run(address)).toMatchObject({ status: 2, stderr: expect.stringContaining('addresses follow -a') });
  });

  test('--value prints the repr of a last expression, on a line of its own', async () => {
    expect(await run('--value', '-c', '"a" * 2')).toMatchObject({ status: 0, stdout: "'aa'" });
    expect(await run('--value', '-c', 'get("x"); 42')).toMatchObject({ stdout: 'x\n42' });
    expect(await run('--value', '-c', 'None')).toMatchObject({ stdout: '' });
  });

  test('--json prints one event a line', async () => {
    const { stdout } = await run('--json', '--value', '-c', 'print("hi"); get(1); 6 * 7');
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(events.map(({ event }) => event)).toEqual(['started', 'stdout', 'get', 'done']);
    expect(events.at(-1)).toMatchObject({ run: 1, status: 'ok', kept: true, value: { repr: '42' } });
    expect(stdout).not.toContain('"id"');
  });

  test.each([
    ['raise SystemExit', 0, ''],
    ['raise SystemExit(3)', 3, ''],
    ['raise SystemExit(-1)', 255, ''],
    ['raise SystemExit("no way")', 1, 'no way\n'],
    ['import os; os._exit(7)', 14, undefined],
    ['1 +', 10, undefined],
  ])('%s ends with %i', async (code, status, stderr) => {
    const result = await run('-c', code);
    expect(result.status, result.stderr).toBe(status);
    if (stderr !== undefined) expect(result.stderr).toBe(stderr);
  });

  test('a death of the kernel is told, and again to the next run', async () => {
    await run('-c', 'precious = 1');
    const death = await run('-c', 'import os; os.kill(os.getpid(), 11)');
    expect(death).toMatchObject({
      status: 14,
      stderr: expect.stringMatching(/run 2 was lost.*SIGSEGV.*namespace is gone/s),
    });
    const next = await run('-c', 'get(1)');
    expect(next).toMatchObject({
      status: 0,
      stdout: '1',
      stderr: expect.stringMatching(/lost its namespace.*SIGSEGV/s),
    });
    expect((await run('-c', 'get(2)')).stderr).toBe('');
  });

  test('standard input is asked for line by line, and only if the snippet reads it', async () => {
    const code = 'import sys; name = input("Name: "); get(name); get(repr(sys.stdin.read()))';
    const result = await line.run(['run', '-c', code], { input: 'Ada\nrest\nof it\n' });
    expect(result).toMatchObject({ status: 0, stdout: "Name: Ada 'rest\\nof it\\n'" });
    expect(await line.run(['run', '-c', 'input()'], { input: '' })).toMatchObject({ status: 10 });
    const unread = line.begin(['run', '-c', 'get(1)'], { keepsInput: true });
    expect(await unread.result()).toMatchObject({ status: 0, stdout: '1' });
  });

  test('what reads standard input in a snippet that came from there finds its end', async () => {
    const { status, stderr } = await line.run(['run', '-'], { input: 'input()' });
    expect(status).toBe(10);
    expect(stderr).toContain('EOFError');
  });

  test('output streams while the snippet runs', async () => {
    const command = line.begin(['run', '-c', 'print("first"); input(); print("second")'], { keepsInput: true });
    await command.said(/first\n/);
    command.child.stdin?.end('go\n');
    expect(await command.result()).toMatchObject({ status: 0, stdout: 'first\nsecond\n' });
  });

  test('output that is not UTF-8 goes out byte for byte', async () => {
    const output = place.path('out');
    const shell = line.begin(['run', '-c', 'import os; os.write(1, bytes(range(256)))'], {
      prefix: ['/bin/sh', '-c', 'exec "$0" "$@" > "$OUT"'],
      env: { OUT: output },
    });
    expect((await shell.result()).status).toBe(0);
    expect(readFileSync(output)).toEqual(Buffer.from(Array.from({ length: 256 }, (_, at) => at)));
  });
});

describe('time limits', () => {
  test('--timeout interrupts the run and ends with 13, the namespace is kept', async () => {
    const result = await run('--timeout', '0.2', '-c', 'y = 1\nwhile True: pass');
    expect(result).toMatchObject({ status: 13, stderr: expect.stringContaining('stopped by its time limit') });
    expect(await run('-c', 'get(y)')).toMatchObject({ stdout: '1' });
  });

  test('--timeout tells the number of a run that goes on in C code, and ends with 12', async () => {
    const result = await run('--timeout', '0.2', '-c', 'sum(range(10**15))');
    expect(result).toMatchObject({ status: 12, stderr: expect.stringMatching(/still runs.*run 1 goes on.*attach 1/s) });
    expect(await line.run(['interrupt', '--kill', '--grace', '0.1'])).toMatchObject({ status: 0 });
  });

  test('--timeout with --kill ends the kernel if need be', async () => {
    const result = await run('--timeout', '0.2', '--kill', '-c', 'sum(range(10**15))');
    expect(result).toMatchObject({ status: 13, stderr: expect.stringContaining('the namespace is gone') });
  });

  test('--wait only stops waiting, with 12', async () => {
    const result = await run('--wait', '0.3', '-c', 'import time; time.sleep(60)');
    expect(result).toMatchObject({ status: 12, stderr: expect.stringMatching(/run 1 goes on.*sock-python attach 1/) });
    expect(await line.run(['interrupt'])).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('interrupted run 1'),
    });
  });
});

describe('Ctrl+C', () => {
  test('interrupts the run and waits for the truth', async () => {
    const command = line.begin(['run', '-c', 'print("on"); x = 1\nwhile True: pass']);
    await command.said(/on\n/);
    command.signal('SIGINT');
    const { status, stderr } = await command.result();
    expect(status).toBe(11);
    expect(stderr).toMatch(/KeyboardInterrupt\n$/);
    expect(await run('-c', 'get(x)')).toMatchObject({ stdout: '1' });
  });

  test('a second one leaves the run behind, with 12', async () => {
    const command = line.begin(['run', '-c', 'print("on"); sum(range(10**15))']);
    await command.said(/on\n/);
    command.signal('SIGINT');
    await command.said(/run 1 still runs/, 'stderr');
    command.signal('SIGINT');
    expect(await command.result()).toMatchObject({ status: 12, stderr: expect.stringContaining('run 1 goes on') });
    await line.run(['interrupt', '--kill', '--grace', '0.1']);
  });

  test('cancels a run that is still queued', async () => {
    const first = line.begin(['run', '-c', 'print("on"); import time; time.sleep(60)']);
    await first.said(/on\n/);
    const queued = line.begin(['run', '--json', '-c', '1']);
    await queued.said(/"queued"/);
    queued.signal('SIGINT');
    expect(await queued.result()).toMatchObject({ status: 15 });
    first.signal('SIGINT');
    expect(await first.result()).toMatchObject({ status: 11 });
  });
});

describe('a reader', () => {
  test('that goes away ends the command with 141, and the run goes on', async () => {
    const code = 'import time\nfor i in range(100000): print("y" * 100)\nopen("finished", "w").close()';
    const command = line.begin(['run', '-c', code], { prefix: ['/bin/sh', '-c', '"$0" "$@"; echo $? > status'] });
    await command.said(/y\n/);
    command.child.stdout?.destroy();
    await command.result();
    expect(readFileSync(place.path('status'), 'utf8')).toBe('141\n');
    const { status, stdout } = await line.run(['attach', 'last', '--since', '100']);
    expect(status).toBe(0);
    expect(stdout.endsWith('y\n')).toBe(true);
    expect(await run('-c', 'import os; get(os.path.exists("finished"))')).toMatchObject({ stdout: 'True' });
  });

  test('that is slow gets 5 MB and the exception, whole and in order', async () => {
    const code = 'for i in range(50000): print(f"{i:099}")\nraise ValueError("the end")';
    const command = line.begin(['run', '-c', code]);
    await command.said(/0\n/);
    command.child.stdout?.pause();
    // The run itself does not wait for its slow reader.
    expect(await line.run(['attach', 'last', '--quiet'])).toMatchObject({ status: 10 });
    command.child.stdout?.resume();
    const { status, stdout, stderr } = await command.result();
    expect(status).toBe(10);
    expect(stdout).toBe(Array.from({ length: 50_000 }, (_, at) => `${String(at).padStart(99, '0')}\n`).join(''));
    expect(stderr).toMatch(/ValueError: the end\n$/);
  });

  test('that cannot keep what it gets, as a full disk, is told of', async () => {
    const toFullDisk = { prefix: ['/bin/sh', '-c', 'exec "$0" "$@" > /dev/full'] };
    for (const args of [['run', '-c', 'print(1)'], ['runs'], ['status', '--json'], ['history', '--py']]) {
      const { status, stderr } = await line.begin(args, toFullDisk).result();
      expect({ status, stderr }).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/^sock-python: .*ENOSPC.*\n$/),
      });
    }
  });
});
