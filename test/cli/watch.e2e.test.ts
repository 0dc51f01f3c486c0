/** `watch`: what a second terminal, or an editor, shows of a session. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { VERSION } from '../../src/version.js';
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
  await server.result();
});

const run = (...args: string[]) => line.run(['run', ...args]);

/** Joined, so that it misses nothing from now on. */
async function watching(): Promise<Started> {
  const watcher = line.begin(['watch']);
  await watcher.said(/watching/, 'stderr');
  return watcher;
}

/** Ended by Ctrl+C, once it has seen all that came before. */
async function seen(watcher: Started) {
  await run('--no-history', '-c', 'get("the end")');
  await watcher.said(/the end/);
  await watcher.said(/get\("the end"\).*ended: ok/s, 'stderr');
  watcher.signal('SIGINT');
  return await watcher.result();
}

test('shows code, output and end of every run, whoever sent it; Ctrl+C leaves with 130', async () => {
  const watcher = await watching();
  await run('-c', 'print("hello"); get(15); get(13)');
  await line.run([], { input: 'get("no newline")' });
  await run('-c', '1/0');
  const { status, stdout, stderr } = await seen(watcher);
  expect(status).toBe(130);
  expect(stdout).toBe('hello\n15 13\nno newline\nthe end\n');
  const lines = stderr.replace(/after \d+ ms/g, 'after N ms').split('\n');
  expect(lines.slice(0, 12)).toEqual([
    'sock-python: watching; Ctrl+C leaves',
    'sock-python: run 1 started',
    '    print("hello"); get(15); get(13)',
    'sock-python: run 1 ended: ok, after N ms',
    'sock-python: run 2 started',
    '    get("no newline")',
    'sock-python: run 2 ended: ok, after N ms',
    'sock-python: run 3 started',
    '    1/0',
    'Traceback (most recent call last):',
    '  File "<snippet 3>", line 1, in <module>',
    '    1/0',
  ]);
  expect(lines).toContain('sock-python: run 3 ended: error, after N ms');
});

test('joins in the middle of a run: which it is, its code, and how to see what it has missed', async () => {
  const command = line.begin(['run', '-c', 'print("before"); input(); print("after")'], { keepsInput: true });
  await command.said(/before/);
  const watcher = await watching();
  command.child.stdin?.end('\n');
  await command.result();
  const { stdout, stderr } = await seen(watcher);
  expect(stdout).toBe('after\nthe end\n');
  expect(stderr).toMatch(
    /^sock-python: watching; Ctrl\+C leaves\nsock-python: run 1 is on, for .*: sock-python attach 1\n {4}print\("before"\)/,
  );
});

test('tells losses once, runs that wait, and output that belongs to no run', async () => {
  await run('-c', 'import threading\ngate, out = threading.Event(), threading.Event()');
  const late = 'def late():\n    gate.wait(); print("late"); out.set()\nthreading.Thread(target=late).start()';
  await run('-c', late);
  const watcher = await watching();
  await run('-c', 'gate.set(); out.wait()');
  const first = line.begin(['run', '-c', 'print("on")\nwhile True: pass']);
  await first.said(/on/);
  const second = line.begin(['run', '--json', '-c', '2']);
  await second.said(/queued/);
  await line.run(['restart']);
  await Promise.all([first.result(), second.result()]);
  const { stdout, stderr } = await seen(watcher);
  expect(stdout).toBe('late\non\nthe end\n');
  expect(stderr).toContain('sock-python: from threads and tasks that outlived their run:\n');
  expect(stderr).toContain('sock-python: run 5 waits, at place 1 of the queue\n');
  const loss = `sock-python: kernel 1 is gone: restarted by sock-python ${VERSION}; gone: `;
  expect(stderr.split(loss)).toHaveLength(2);
  expect(stderr).not.toContain('lost its namespace before');
});

test('--json gives its place first, then the events, started with the code', async () => {
  const watcher = line.begin(['watch', '--json']);
  await watcher.said(/^\{"reply":\{"run":null,"at":0\}\}\n/);
  await run('-c', 'get("\u001b[2J")');
  await watcher.said(/"done"/);
  watcher.signal('SIGINT');
  const { status, stdout, stderr } = await watcher.result();
  expect({ status, stderr }).toEqual({ status: 130, stderr: '' });
  const [, ...events] = stdout
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));
  expect(events.map(({ event }) => event)).toEqual(['started', 'get', 'done']);
  expect(events[0]).toMatchObject({ run: 1, code: 'get("\u001b[2J")' });
});

test('ends with 3 when the session does', async () => {
  const watcher = await watching();
  await line.run(['stop']);
  expect((await watcher.result()).status).toBe(3);
});
