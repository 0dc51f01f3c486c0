import { expect, test } from 'vitest';
import { anyInterpreter, interpreters } from './interpreters.js';

test('at least one CPython is there, each once, none of them a shim', () => {
  const paths = interpreters().map(({ path }) => path);
  expect(paths.length).toBeGreaterThan(0);
  expect(new Set(paths).size).toBe(paths.length);
  expect(paths.filter((path) => path.includes('/shims/'))).toEqual([]);
});

test('the one to use where any will do is among them', () => {
  expect(interpreters()).toContainEqual(anyInterpreter());
});
