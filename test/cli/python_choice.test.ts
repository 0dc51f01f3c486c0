import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, test } from 'vitest';
import { choosePython, type PythonChoice } from '../../src/cli/python_choice.js';
import { usePlace } from '../support/leftovers.js';

const STRANGER = 54_321;
const isRoot = process.geteuid?.() === 0;

describe('the Python of a server', () => {
  const place = usePlace();
  const uid = process.geteuid?.() ?? -1;

  function program(name: string): string {
    const path = place.path(name);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    writeFileSync(path, '', { mode: 0o755 });
    return path;
  }
  /** Chooses in a folder of the test's, which is the home, with `python3` on PATH. */
  function choose(folder = '.', options: { asked?: string; env?: Record<string, string> } = {}): PythonChoice {
    program('bin/python3');
    const cwd = folder === '.' ? place.work : place.path(folder);
    mkdirSync(cwd, { recursive: true, mode: 0o755 });
    const env = { PATH: place.path('bin'), HOME: place.work, ...options.env };
    return choosePython(options.asked, { env, cwd, uid });
  }

  test('is the one asked for, by path or by name', () => {
    const asked = program('here/mine');
    expect(choose('.', { asked: './here/mine' })).toMatchObject({ path: asked, reason: '--python' });
    expect(choose('.', { asked: 'python3' }).path).toBe(place.path('bin/python3'));
    expect(() => choose('.', { asked: './nowhere' })).toThrow('is not a program that can be run');
    expect(() => choose('.', { asked: 'nowhere' })).toThrow('there is no "nowhere" on PATH');
  });

  test('is that of $VIRTUAL_ENV before any .venv', () => {
    program('.venv/bin/python');
    const active = program('active/bin/python');
    expect(choose('.', { env: { VIRTUAL_ENV: place.path('active') } })).toMatchObject({
      path: active,
      reason: '$VIRTUAL_ENV',
    });
  });

  test('passes over a $VIRTUAL_ENV that is gone, and says so', () => {
    const { path, passedOver } = choose('.', { env: { VIRTUAL_ENV: place.path('gone') } });
    expect(path).toBe(place.path('bin/python3'));
    expect(passedOver).toEqual([`$VIRTUAL_ENV: ${place.path('gone/bin/python')} cannot be run`]);
  });

  test('is the nearest .venv from here up to home', () => {
    const outer = program('.venv/bin/python');
    expect(choose('a/b').path).toBe(outer);
    const inner = program('a/.venv/bin/python');
    expect(choose('a/b').path).toBe(inner);
  });

  test("is not looked for above the repository's root", () => {
    program('.venv/bin/python');
    mkdirSync(place.path('repository/.git'), { recursive: true });
    expect(choose('repository/src').reason).toBe('python3 on PATH');
  });

  test('where neither home nor a repository is above, only here counts', () => {
    program('.venv/bin/python');
    expect(choose('a', { env: { HOME: '/elsewhere' } }).reason).toBe('python3 on PATH');
    expect(choose('.', { env: { HOME: '/elsewhere' } }).reason).toBe('the nearest .venv');
  });

  test.each(['.venv', '.venv/bin', '.', 'a'])('passes over a .venv if others can write to %s', (folder) => {
    program('.venv/bin/python');
    mkdirSync(place.path('a'));
    chmodSync(place.path(folder), 0o775);
    const { path, passedOver } = choose('a');
    expect(path).toBe(place.path('bin/python3'));
    expect(passedOver).toEqual([
      `${place.path('.venv')}: others can write to ${place.path(folder).replace(/\/\.$/, '')}`,
    ]);
  });

  test('passes over a .venv that leads to a folder that others can write to', () => {
    program('elsewhere/bin/python');
    chmodSync(place.path('elsewhere'), 0o777);
    symlinkSync(place.path('elsewhere'), place.path('.venv'));
    expect(choose().passedOver).toHaveLength(1);
  });

  test.skipIf(!isRoot)("passes over a .venv of somebody else's", () => {
    const python = program('.venv/bin/python');
    chownSync(python, STRANGER, STRANGER);
    expect(choose().passedOver).toEqual([`${place.path('.venv')}: ${python} belongs to user ${STRANGER}`]);
  });

  test('is python where there is no python3', () => {
    const path = program('only/python');
    expect(choose('.', { env: { PATH: place.path('only') } })).toMatchObject({ path, reason: 'python on PATH' });
    expect(() => choose('.', { env: { PATH: '' } })).toThrow('name one with --python');
  });

  test('is never taken from a relative entry of PATH', () => {
    expect(() => choose('.', { env: { PATH: 'bin:.:' } })).toThrow('there is no python3');
  });

  test('is the program behind a shim of pyenv', () => {
    const shim = program('pyenv/shims/python3');
    program('pyenv/libexec/pyenv');
    const real = program('pyenv/versions/3.12.1/bin/python3');
    writeFileSync(place.path('pyenv/version'), '3.12.1\n3.8.18\n');
    const env = { PATH: `${place.path('pyenv/shims')}:${place.path('bin')}` };
    expect(choose('.', { env }).path).toBe(real);
    expect(choose('.', { env: { ...env, PYENV_VERSION: '3.99' } }).path).toBe(shim);
    expect(choose('.', { env: { ...env, PYENV_VERSION: 'system' } }).path).toBe(place.path('bin/python3'));
    expect(choose('.', { env: { ...env, PYENV_VERSION: '../../x' } }).path).toBe(shim);
    writeFileSync(place.path('.python-version'), 'system\n', { mode: 0o644 });
    expect(choose('.', { env }).path).toBe(place.path('bin/python3'));
  });
});
