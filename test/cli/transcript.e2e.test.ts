/** `--transcript`: what a session ran and what came of it, in a file. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.js';
import { anyInterpreter } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { CommandLine, type Started } from './command.js';

const place = usePlace();
const line = new CommandLine(place);
let server: Started | undefined;

afterEach(async () => {
  server?.signal('SIGTERM');
  await server?.result();
  server = undefined;
});

const run = (...args: string[]) => line.run(['run', ...args]);
/** Without what differs from time to time. */
const transcript = (): string =>
  readFileSync(place.path('t.txt'), 'utf8')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/after \d+ ms/g, 'after N ms');

test('has code, output, tracebacks and losses as they come, for its owner alone', async () => {
  server = await line.serve(['--transcript', 't.txt']);
  expect(statSync(place.path('t.txt')).mode & 0o777).toBe(0o600);
  writeFileSync(place.path('a b.py'), 'print("é")\nget(15); get(13)\nprint("mid", end="")\n');
  await run('a b.py');
  await run('--no-history', '-c', 'secret = 1');
  await run('-c', 'display({"a": 1})\n1/0');
  await line.run(['restart']);
  await run('-c', 'x = 1');
  expect(transcript()).toBe(
    [
      '# run 1 ("a b.py"), TIME',
      'print("é")',
      'get(15); get(13)',
      'print("mid", end="")',
      'é',
      '15',
      '13',
      'mid',
      '# run 1: ok after N ms',
      '',
      '# run 3, TIME',
      'display({"a": 1})',
      '1/0',
      "{'a': 1}",
      'Traceback (most recent call last):',
      '  File "<snippet 3>", line 2, in <module>',
      '    1/0',
      ...(anyInterpreter().minor >= 11 ? ['    ~^~'] : []),
      'ZeroDivisionError: division by zero',
      '# run 3: error after N ms',
      '',
      `# kernel 1 is gone: restarted by sock-python ${VERSION}; gone: secret`,
      '',
      '# run 4, TIME',
      'x = 1',
      '# run 4: ok after N ms',
      '',
      '',
    ].join('\n'),
  );
});

test('has what threads print after their run, and is appended to by the next session', async () => {
  server = await line.serve(['--transcript', 't.txt']);
  const late = 'import threading, sys\ndef late():\n    gate.wait(); print("late"); printed.set()';
  await run(
    '-c',
    `${late}\ngate, printed = threading.Event(), threading.Event()\nthreading.Thread(target=late).start()`,
  );
  await run('-c', 'gate.set(); printed.wait(); print("run 2")');
  await line.run(['stop']);
  await server.result();
  expect(transcript()).toContain('# from threads and tasks that outlived their run\nlate\n');
  server = await line.serve(['--transcript', place.path('t.txt')]);
  await run('-c', 'get("again")');
  expect(transcript()).toMatch(/late\n.*\nget\("again"\)\nagain\n# run 1: ok/s);
});

test('has no password', async () => {
  server = await line.serve(['--transcript', 't.txt']);
  await line.run(['run', '-c', 'import getpass; x = getpass.getpass(); get(len(x))'], { input: 'hushhush\n' });
  expect(transcript()).toContain('\n8\n');
  expect(transcript()).not.toContain('hush');
});

describe('a file that cannot be used', () => {
  test('is told before anything is started, by serve as by start', async () => {
    mkdirSync(place.path('folder'));
    for (const command of ['serve', 'start']) {
      for (const file of ['folder', 'not/there']) {
        const result = await line.run([command, '--transcript', file, '--python', anyInterpreter().path]);
        expect(result).toMatchObject({ status: 2, stderr: expect.stringMatching(/^sock-python: --transcript: /) });
      }
    }
  });

  test('because it is a FIFO does not hold the server', async () => {
    spawnSync('mkfifo', [place.path('fifo')]);
    const result = await line.run(['serve', '--transcript', 'fifo', '--python', anyInterpreter().path]);
    expect(result).toMatchObject({ status: 2, stderr: expect.stringContaining('is not a regular file') });
    unlinkSync(place.path('fifo'));
  });
});
