/** A session as a script: run by plain Python, of every version, and looked at. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { toScript } from '../../../src/cli/history/script.js';
import type { HistoryEntry } from '../../../src/index.js';
import { anyInterpreter, interpreters } from '../../support/interpreters.js';
import { usePlace } from '../../support/leftovers.js';
import { entries, entry } from './entries.js';

const place = usePlace();

function python(path: string, runs: readonly HistoryEntry[]): string {
  writeFileSync(place.path('exported.py'), toScript(runs, 0));
  const { stdout, stderr } = spawnSync(path, ['exported.py'], { cwd: place.work, encoding: 'utf8', env: place.env() });
  return stdout + stderr;
}

const TRICKY = entries(
  'import asyncio\nlog = []',
  'get(1); get("two", 3)',
  '    indented = """\n  kept\nas it is"""\n    if indented: log.append(indented)\n',
  '\ttabs = 4',
  'await asyncio.sleep(0); log.append("awaited")',
  '    async with asyncio.Lock():\n        log.append(r"\\d \'\'\' " + f"{await asyncio.sleep(0, 5)}")',
  'async def later():\n    await asyncio.sleep(0)\n    log.append("later")\ntask = asyncio.ensure_future(later())\nawait asyncio.sleep(0)',
  'await task',
  'asyncio.run(later())',
  'x = 1',
  'global x\nx += 1',
  '"""Doc."""\nfrom __future__ import annotations\ndef hinted(a: not_there): return a\n',
  'from __future__ import (\n  division,\n)\ny = 1 / 2',
  'def late(b: nor_this) -> Nothing: pass',
  'carriage = 1\r\nreturns = 2\r\n',
  'display({"a": 1})',
  'no_newline = 1 # and a comment',
  '',
  '# only words',
  'get(log, indented, tabs, x, y, carriage + returns)',
);

describe('a script', () => {
  test.each(interpreters().map(({ version, path }) => [version, path] as const))(
    'does under Python %s what the session did',
    (_version, path) => {
      const log = "['\\n  kept\\nas it is', 'awaited', \"\\\\d ''' 5\", 'later', 'later']";
      const output = ['1', 'two', '3', "{'a': 1}", log, '\n  kept\nas it is', '4', '2', '0.5', '3', ''].join('\n');
      expect(python(path, TRICKY)).toBe(output);
    },
  );

  test('is the snippets as they are, where that can be', () => {
    expect(toScript([entry(1, 'x = 1\nget(x)'), entry(7, 'def f():\n    pass\n', { name: 'a b.py' })], 0)).toBe(
      [
        '#!/usr/bin/env python3',
        '# What a session of sock-python ran; runs that did not end well are left out.',
        '',
        'try:',
        '    get',
        'except NameError:  # outside of a session',
        '',
        '    def get(*values):',
        '        for value in values:',
        '            print(value)',
        '',
        '# run 1',
        'x = 1',
        'get(x)',
        '',
        '# run 7 (a b.py)',
        'def f():',
        '    pass',
        '',
      ].join('\n'),
    );
  });

  test('has no helper that nobody needs', () => {
    expect(toScript(entries('x = 1'), 0)).not.toContain('def ');
  });

  test('tells what is left out, and where the namespace was lost', () => {
    const runs = [
      entry(4, 'a = 1'),
      entry(5, '1/0', { status: 'error', name: 'x\ny.py' }),
      entry(6, 'b = 1', { generation: 2 }),
    ];
    const script = toScript(runs, 3);
    expect(script).toContain('# Runs 1 to 3 are no longer kept, so what they did is missing here.\n');
    expect(script).toContain('# run 5 (x\\ny.py): left out, as its end was "error"\n');
    expect(script).not.toContain('1/0');
    expect(script).toMatch(/a = 1\n.*fresh kernel \(2\).*# run 6\nb = 1\n$/s);
    expect(toScript([], 1)).toContain('# Run 1 is no longer kept');
    expect(python(anyInterpreter().path, runs)).toBe('');
  });

  test('runs in a session, too, whose own get() it leaves alone', () => {
    const head = 'import builtins\nbuiltins.get = lambda *values: print("session", *values)\n';
    writeFileSync(place.path('in_session.py'), `${head}exec(open("exported.py").read())`);
    writeFileSync(place.path('exported.py'), toScript(entries('get(1)'), 0));
    const { stdout } = spawnSync(anyInterpreter().path, ['in_session.py'], { cwd: place.work, encoding: 'utf8' });
    expect(stdout).toBe('session 1\n');
  });
});
