/** Runs once before all tests: compiles what child processes run, finds the interpreters and says which they are. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { findInterpreters } from './interpreters.js';

const BUILD = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url));

export default function setup(project: TestProject): void {
  // No test may do this itself: others run from `dist` meanwhile.
  execFileSync(process.execPath, [BUILD], { stdio: 'inherit' });
  const found = findInterpreters();
  if (found.length === 0) throw new Error('no CPython 3.8 to 3.14 was found on this machine; the tests need one');
  const lines = found.map(({ version, path }) => `  ${version.padEnd(8)} ${path}`);
  process.stdout.write(`Tested under ${found.length} CPython(s):\n${lines.join('\n')}\n`);
  project.provide('interpreters', found);
}
