/** `history`: what a session ran, as a list, a script and a notebook. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anyInterpreter, interpreters } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { CommandLine, type Started } from './command.js';
import { notebookFaults } from './history/notebook_schema.js';

const place = usePlace();
const line = new CommandLine(place);
let server: Started;

beforeEach(async () => {
  server = await line.serve(['--keep-runs', '8', '--standby', '0']);
});
afterEach(async () => {
  server.signal('SIGTERM');
  await server.result();
});

const run = (...args: string[]) => line.run(['run', ...args]);
const history = (...args: string[]) => line.run(['history', ...args]);
const python = (file: string) =>
  spawnSync(anyInterpreter().path, [file], { cwd: place.work, encoding: 'utf8', env: place.env() });

describe('the list', () => {
  test('has what ended, oldest first, and not what was to be kept out', async () => {
    expect(await history()).toEqual({ status: 0, stdout: 'RUN  STATE  STARTED  TIME  EVENTS  NAME\n', stderr: '' });
    await run('-c', 'first = 1');
    await run('--no-history', '-c', 'hidden = 1');
    await run('-c', '1/0');
    const waiting = line.begin(['run', '-c', 'print("on"); input()'], { keepsInput: true });
    await waiting.said(/on\n/);
    const { stdout } = await history('--code');
    expect(stdout).toMatch(/^RUN +STATE .*\n1 +ok .*\n {4}first = 1\n3 +error .*\n {4}1\/0\n$/);
    expect((await history()).stdout).toMatch(/^RUN.*\n1 +ok .*\n3 +error .*\n$/);
    const rows = (await history('--json', '--code', '--limit', '1')).stdout.trimEnd().split('\n');
    expect(rows.map((row) => JSON.parse(row))).toMatchObject([{ run: 3, status: 'error', code: '1/0' }]);
    expect((await history('--json')).stdout).not.toContain('"code"');
    waiting.child.stdin?.end('\n');
    await waiting.result();
  });

  test('does not send control characters to the terminal', async () => {
    writeFileSync(place.path('a\u001b[2J.py'), 'x = "\u001b[31m"\r\n');
    await run('a\u001b[2J.py');
    const { stdout } = await history('--code');
    expect(stdout).toContain('a\\x1b[2J.py\n    x = "\\x1b[31m"\\x0d\n');
    const script = (await history('--py')).stdout;
    expect(script).toContain('# run 1 (a\\x1b[2J.py)\nx = "\u001b[31m"\n');
  });

  test('tells what is no longer kept', async () => {
    for (let at = 0; at < 10; at += 1) await run('-c', `x = ${at}`);
    const { stdout, stderr } = await history();
    expect(stdout.trimEnd().split('\n')).toHaveLength(9);
    expect(stderr).toBe('sock-python: no longer kept: the first 2 runs\n');
    expect((await history('--limit', '3')).stderr).toBe('');
    expect((await history('--py')).stdout).toContain('# Runs 1 to 2 are no longer kept');
  });

  test.each([
    [['--py', '--ipynb'], '--py and --ipynb exclude each other'],
    [['--ipynb', '--json'], '--ipynb and --json exclude each other'],
    [['--limit', '0'], '--limit takes a whole number from 1 on, not "0"'],
    [['7'], 'too many arguments'],
  ])('%j is a mistake', async (args, words) => {
    expect(await history(...args)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining(words) });
  });
});

describe('the script', () => {
  test('does with plain Python what the session did', async () => {
    const snippets = [
      'import asyncio\nlog = ["é"]',
      '    log.append("indented")\n',
      'log.append(await asyncio.sleep(0, "awaited"))',
      'from __future__ import annotations\ndef f(x: nothing): return x\n',
      '1/0',
      'print(f(log))\nget(len(log))',
    ];
    const outputs: string[] = [];
    for (const input of snippets) outputs.push((await line.run([], { input })).stdout);
    const { status, stdout, stderr } = await history('--py');
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: 'sock-python: left out, as they did not end well: 5 (error)\n',
    });
    writeFileSync(place.path('session.py'), stdout);
    expect(python('session.py')).toMatchObject({ status: 0, stdout: `${outputs.join('')}\n`, stderr: '' });
    // In the session itself as well.
    expect(await run('session.py')).toMatchObject({ status: 0, stdout: outputs.join('') });
  });
});

describe('the notebook', () => {
  test('is valid, and has what the runs gave', async () => {
    await run('-c', 'import sys; print("out"); print("err", file=sys.stderr); get(15); get(13)');
    await run('--value', '-c', '6 * 7');
    await run('-c', 'display({"image/png": b"png", "text/plain": "a picture"}, raw=True)');
    await run('-c', 'import os; os.write(1, b"\\xff\\n"); 1/0');
    const { status, stdout, stderr } = await history('--ipynb');
    expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.stringContaining('4 (error)') });
    const notebook = JSON.parse(stdout);
    expect(notebookFaults(notebook)).toEqual([]);
    expect(notebook.metadata.language_info.version).toBe(anyInterpreter().version);
    const outputs = notebook.cells.map(({ id, outputs }: { id: string; outputs: unknown }) => [id, outputs]);
    const shown = (...data: object[]) => data.map((one) => ({ output_type: 'display_data', data: one, metadata: {} }));
    expect(outputs).toEqual([
      ['get', []],
      [
        'run-1',
        [
          { output_type: 'stream', name: 'stdout', text: ['out\n'] },
          { output_type: 'stream', name: 'stderr', text: ['err\n'] },
          ...shown({ 'text/plain': ['15'] }, { 'text/plain': ['13'] }),
        ],
      ],
      ['run-2', [{ output_type: 'execute_result', execution_count: 2, data: { 'text/plain': ['42'] }, metadata: {} }]],
      ['run-3', shown({ 'image/png': ['cG5n'], 'text/plain': ['a picture'] })],
    ]);
    writeFileSync(place.path('session.ipynb'), stdout);
    // Where Jupyter's own judge is at hand, it is asked, too.
    const judge = interpreters().find(({ path }) => spawnSync(path, ['-c', 'import nbformat']).status === 0);
    const words = 'import nbformat; nbformat.validate(nbformat.read("session.ipynb", as_version=4))';
    if (judge !== undefined) {
      expect(spawnSync(judge.path, ['-c', words], { cwd: place.work, encoding: 'utf8' })).toMatchObject({ status: 0 });
    }
  });
});

test('a reader that goes away ends it with 141', async () => {
  await run('-c', `x = "${'y'.repeat(100_000)}"`);
  const words = ['/bin/sh', '-c', '"$0" "$@"; echo $? > status'];
  const command = line.begin(['history', '--code', '--json'], { prefix: words });
  command.child.stdout?.destroy();
  await command.result();
  expect(spawnSync('cat', [place.path('status')], { encoding: 'utf8' }).stdout).toBe('141\n');
});
