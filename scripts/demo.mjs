/**
 * Shows a session from end to end with the command line itself: serves on a UNIX socket in a temporary directory, sends
 * two snippets that share state and one that raises, asks for the status, stops, and leaves nothing behind.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = join(root, 'bin', 'sock-python.js');
const directory = mkdtempSync(join(tmpdir(), 'sock-python-demo-'));
const { SOCK_PYTHON_SESSION: _, ...env } = process.env;

/** Runs one command as it would be typed, shows both, and expects its exit code. */
function show(args, { input, exit = 0 } = {}) {
  const words = ['sock-python', ...args].map((word) => (/^[\w./:=-]+$/.test(word) ? word : `'${word}'`));
  const typed = input === undefined ? '' : `echo '${input}' | `;
  process.stdout.write(`\n$ ${typed}${words.join(' ')}\n`);
  const result = spawnSync(process.execPath, [bin, ...args], { cwd: directory, env, input, encoding: 'utf8' });
  if (result.error) throw result.error;
  for (const text of [result.stdout, result.stderr]) if (text !== '') process.stdout.write(`${text.trimEnd()}\n`);
  if (result.status !== exit) throw new Error(`that ended with ${result.status ?? result.signal}, not with ${exit}`);
}

function main() {
  try {
    show(['start', './session.sock']);
    show([], { input: 'numbers = [1, 2, 3]; print("kept for later")' });
    show([], { input: 'get(sum(numbers) * 7)' });
    show(['run', '-c', 'def divide(a, b):\n    return a / b\ndivide(sum(numbers), 0)'], { exit: 10 });
    show(['status']);
  } finally {
    if (existsSync(join(directory, '.sock_python.json'))) show(['stop']);
  }
  const left = readdirSync(directory);
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
  process.stdout.write('\nNothing is left behind. The namespace lived in one process, and three programs used it.\n');
}

try {
  main();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
