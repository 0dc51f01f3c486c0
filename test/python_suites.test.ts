/**
 * Runs the Python tests (the kernel's in `test/python`, the client's in `test/python_client`) under every
 * interpreter found. A test that does not apply to a version says so in its skip reason ("before 3.11", "since 3.12");
 * any other skip is listed, and fails where everything is required.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Interpreter, interpreters } from './support/interpreters.js';
import { leftovers } from './support/leftovers.js';
import { isEverythingRequired } from './support/requirements.js';

const SUITE_TIMEOUT_MS = 600_000;
/** What stays for telling what the suite had printed when it did not end. */
const REPORT_MS = 20_000;
const folders = ['test/python', 'test/python_client'].filter((folder) => existsSync(folder));
const suites = folders.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => /^test_.*\.py$/.test(name))
    .map((name) => [`${folder}/${name}`, folder, name] as const),
);

test('there are Python suites to run', () => {
  expect(suites).not.toEqual([]);
});

const titled = interpreters().map(
  (interpreter) => [`CPython ${interpreter.version} (${interpreter.path})`, interpreter] as const,
);

describe.each(titled)('%s', (_title, interpreter) => {
  test.concurrent.each(suites)('%s', { timeout: SUITE_TIMEOUT_MS + REPORT_MS }, async (_title, folder, name) => {
    const root = mkdtempSync(join(tmpdir(), 'sp-'));
    try {
      const { status, output } = await runSuite(interpreter, folder, name, root);
      const skips = unexpectedSkips(output, interpreter.minor);
      if (skips.length > 0)
        process.stdout.write(`skipped in ${folder}/${name}, ${interpreter.version}:\n${skips.join('\n')}\n`);
      expect(status, `${interpreter.path} ${folder}/${name}\n${output}`).toBe(0);
      expect(output).toMatch(/^Ran [1-9]\d* tests? in /m);
      if (isEverythingRequired()) expect(skips).toEqual([]);
      expect(await leftovers(root)).toEqual([]);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  });
});

interface SuiteResult {
  readonly status: number | null;
  readonly output: string;
}

function runSuite(interpreter: Interpreter, folder: string, name: string, root: string): Promise<SuiteResult> {
  for (const inside of ['tmp', 'runtime', 'state']) mkdirSync(join(root, inside), { mode: 0o700 });
  const env = {
    ...process.env,
    TMPDIR: join(root, 'tmp'),
    XDG_RUNTIME_DIR: join(root, 'runtime'),
    XDG_STATE_HOME: join(root, 'state'),
    PYTHONDONTWRITEBYTECODE: '1',
  };
  const options = ['-B', '-m', 'unittest', 'discover', '-v', '-s', folder, '-p', name];
  const child = spawn(interpreter.path, options, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: SUITE_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    const finish = (status: number | null): void => resolve({ status, output: Buffer.concat(chunks).toString() });
    child.once('close', finish);
    // What a suite left running may hold its streams open for ever.
    child.once('exit', (status) => setTimeout(finish, REPORT_MS / 4, status).unref());
  });
}

/** Lines of `unittest -v` for tests that were skipped though they could apply to this version. */
function unexpectedSkips(output: string, minor: number): readonly string[] {
  return output.split('\n').filter((line) => {
    const reason = /\.\.\. skipped (.*)$/.exec(line)?.[1];
    if (reason === undefined) return false;
    const before = /\bbefore 3\.(\d+)/.exec(reason)?.[1];
    const since = /\bsince 3\.(\d+)/.exec(reason)?.[1];
    return !(before !== undefined && minor < Number(before)) && !(since !== undefined && minor >= Number(since));
  });
}
