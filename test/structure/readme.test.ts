/** Holds the README to what there is: its commands, options, scripts and exit codes. */
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../src/cli/exit_codes.js';
import { COMMANDS } from '../../src/cli/operands.js';
import { OPTIONS } from '../../src/cli/options.js';
import { ERROR_CODES } from '../../src/protocol/errors.js';
import { readText } from './sources.js';
import { tableUnder } from './tables.js';

const readme = readText('README.md');
const pages = ['README.md', 'docs/development.md', 'docs/security.md', 'docs/errors.md', 'docs/runs.md']
  .map(readText)
  .join('\n');

/** The arguments of every `sock-python …` line in the pages' code, comments and pipes cut off. */
function commandLines(): readonly (readonly string[])[] {
  const code = [...pages.matchAll(/^(?: {4}|\t).*$|^```sh\n[\s\S]*?^```$/gm)].map(([text]) => text).join('\n');
  return code
    .split('\n')
    .map((line) => /(?:^|[\s|])sock-python(?: (.*))?$/.exec(line.replace(/\s+#.*$/, '')))
    .filter((match) => match !== null)
    .map((match) => (match[1] ?? '').match(/'[^']*'|"[^"]*"|[^\s'"]+/g) ?? []);
}

describe('the README', () => {
  test('shows commands that there are', () => {
    const words = commandLines().map(([first = '-']) => first);
    const unknown = words.filter((word) => /^[a-z]+$/.test(word) && !COMMANDS.some((name) => name === word));
    expect(words.length).toBeGreaterThan(20);
    expect(unknown).toEqual([]);
  });

  test('names every command', () => {
    const missing = COMMANDS.filter((name) => name !== 'help' && !readme.includes(`sock-python ${name}`));
    expect(missing).toEqual([]);
  });

  test('shows options that there are', () => {
    const known = new Set(
      Object.values(OPTIONS).flatMap(({ flags }) => flags.match(/(?<![\w<])--?[A-Za-z][A-Za-z-]*/g) ?? []),
    );
    const shown = commandLines()
      .flat()
      .filter((word) => /^--?[A-Za-z]/.test(word));
    expect(shown.filter((flag) => !known.has(flag))).toEqual([]);
  });

  test('shows npm scripts that there are', () => {
    const { scripts } = JSON.parse(readText('package.json'));
    const shown = [...pages.matchAll(/npm (?:run )?(\w+)/g)].map((match) => match[1] ?? '');
    const known = [...Object.keys(scripts), 'install', 'run', 'ci'];
    expect(shown.filter((name) => !known.includes(name))).toEqual([]);
  });

  test('lists every exit code, in order', () => {
    const listed = tableUnder(readme, '## Exit codes').map(([code]) => Number(code));
    const used = [...Object.values(EXIT), ...Object.values(ERROR_CODES).map(({ exit }) => exit)];
    expect(listed).toEqual([...new Set(used)].sort((a, b) => a - b));
  });
});
