/** Runs once before all tests: finds the interpreters and says which they are. */
import type { TestProject } from 'vitest/node';
import { findInterpreters } from './interpreters.js';

export default function setup(project: TestProject): void {
  const found = findInterpreters();
  if (found.length === 0) throw new Error('no CPython 3.8 to 3.14 was found on this machine; the tests need one');
  const lines = found.map(({ version, path }) => `  ${version.padEnd(8)} ${path}`);
  process.stdout.write(`Tested under ${found.length} CPython(s):\n${lines.join('\n')}\n`);
  project.provide('interpreters', found);
}
