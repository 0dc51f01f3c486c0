import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { helpPage } from '../../src/cli/commands/help.js';
import { main } from '../../src/cli/main.js';
import { COMMANDS } from '../../src/cli/operands.js';
import { OPTIONS } from '../../src/cli/options.js';
import { VERSION } from '../../src/version.js';
import { readText } from '../structure/sources.js';
import { usePlace } from '../support/leftovers.js';
import { BIN } from './command.js';
import { type FakeIo, fakeIo } from './fake_io.js';

const place = usePlace();

async function run(...argv: string[]): Promise<FakeIo> {
  const io = fakeIo({ cwd: place.work, env: { HOME: place.home } });
  await main(argv, io);
  return io;
}

describe('help', () => {
  test('names every command, in lines that fit a terminal', async () => {
    const page = (await run('--help')).out();
    expect(page).toBe(helpPage());
    for (const name of COMMANDS) expect(page).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(Math.max(...page.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(100);
  });

  test.each(COMMANDS.filter((name) => name !== 'help'))(
    'of %s is the same by either way, and exits with 0',
    async (name) => {
      const io = await run(name, '--help');
      expect(io.out()).toMatch(new RegExp(`^Usage: sock-python ${name} `));
      expect(io.exitCode()).toBeUndefined();
      expect((await run('help', name)).out()).toBe(io.out());
    },
  );

  test('hides what start and serve keep between them', async () => {
    expect((await run('serve', '--help')).out()).not.toContain('--ready-fd');
  });

  test('of an unknown command suggests one', async () => {
    const io = await run('help', 'atach');
    expect(io.exitCode()).toBe(2);
    expect(io.err()).toContain('did you mean attach?');
  });
});

test('the version is the package version', async () => {
  expect((await run('--version')).out()).toBe(`sock-python ${VERSION}\n`);
});

test('every option is taken by some command', async () => {
  const sources = [
    'serve_plan',
    'run_plan',
    'control_command',
    'commands/attach',
    'commands/runs',
    'commands/history',
    'commands/wait',
    'commands/interrupt',
  ];
  const text = [...sources, 'commands/stop'].map((name) => readText(`src/cli/${name}.ts`)).join('\n');
  expect(Object.keys(OPTIONS).filter((name) => !text.includes(`'${name}'`))).toEqual([]);
});

describe('a failure', () => {
  test('of usage is told on stderr, with where to look', async () => {
    const io = await run('status', '--nonsense', '--json');
    expect(io.exitCode()).toBe(2);
    expect(io.out()).toBe('');
    expect(io.err()).toBe("sock-python: unknown option '--nonsense'\nTry: sock-python --help\n");
  });

  test('of another kind is one JSON line on stdout under --json', async () => {
    const io = await run('status', '--json', './nobody.sock');
    expect(io.exitCode()).toBe(3);
    expect(JSON.parse(io.out())).toMatchObject({ error: { code: 'no_server' } });
    expect(io.err()).toBe('');
  });

  test('does not send control characters to the terminal', async () => {
    expect((await run('status', './a\u001b[2J')).err()).toContain('a\\x1b[2J');
  });
});

test('without dist/ the program says what to do', () => {
  mkdirSync(place.path('bin'));
  copyFileSync(BIN, place.path('bin/sock-python.js'));
  const { status, stderr } = spawnSync(process.execPath, [place.path('bin/sock-python.js')], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({
    status: 1,
    stderr: 'sock-python: dist/ is missing: run `npm install && npm run build` first\n',
  });
});
