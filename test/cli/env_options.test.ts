import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kernelEnvironment } from '../../src/cli/env_options.js';
import { usePlace } from '../support/leftovers.js';

describe("the kernel's environment", () => {
  const place = usePlace();
  const of = (options: { env?: string[]; envFile?: string[]; python?: string }, env: Record<string, string> = {}) =>
    kernelEnvironment({ python: '/usr/bin/python3', ...options }, { env, cwd: place.work });

  test('is ours, without what speaks to us', () => {
    expect(of({}, { A: '1', SOCK_PYTHON_SESSION: 'x.json' })).toEqual({ A: '1' });
  });

  test('-e sets a value, also an empty one or one with an equals sign, or passes ours on', () => {
    expect(of({ env: ['B=2', 'C=', 'D=x=y', 'A'] }, { A: '1' })).toEqual({ A: '1', B: '2', C: '', D: 'x=y' });
  });

  test.each(['=x', '', 'A B=1'])('-e %j is refused', (setting) => {
    expect(() => of({ env: [setting] })).toThrow('-e: expected NAME=value');
  });

  test('-e of a name that is not set is refused', () => {
    expect(() => of({ env: ['NOPE'] })).toThrow('-e: NOPE is not set here');
  });

  test('a file has a setting a line, with comments, export and quotes', () => {
    writeFileSync(place.path('.env'), '# a comment\n\nA=1\r\nexport B="two words"\nC=\'#3\'\nD=a"b"\nHERE\n');
    expect(of({ envFile: ['.env'] }, { HERE: 'h' })).toEqual({ HERE: 'h', A: '1', B: 'two words', C: '#3', D: 'a"b"' });
  });

  test('later files win over earlier ones, and -e over files', () => {
    writeFileSync(place.path('one'), 'A=1\nB=1\nC=1\n');
    writeFileSync(place.path('two'), 'B=2\nC=2\n');
    expect(of({ envFile: ['one', 'two'], env: ['C=3'] })).toEqual({ A: '1', B: '2', C: '3' });
  });

  test('a line that is none is named', () => {
    writeFileSync(place.path('.env'), 'A=1\n=nothing\n');
    expect(() => of({ envFile: ['.env'] })).toThrow('.env, line 2: expected NAME=value');
    expect(() => of({ envFile: ['missing'] })).toThrow('--env-file: ENOENT');
  });

  test('programs that snippets start come from the environment of the chosen Python', () => {
    mkdirSync(place.path('venv/bin'), { recursive: true });
    writeFileSync(place.path('venv/pyvenv.cfg'), '');
    const python = join(place.work, 'venv', 'bin', 'python');
    expect(of({ python }, { PATH: '/usr/bin' })).toEqual({
      PATH: `${place.path('venv/bin')}:/usr/bin`,
      VIRTUAL_ENV: place.path('venv'),
    });
    expect(of({}, { VIRTUAL_ENV: '/other', PATH: '/usr/bin' })).toEqual({ PATH: '/usr/bin' });
  });
});
