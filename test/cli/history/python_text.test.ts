import { describe, expect, test } from 'vitest';
import { traitsOf } from '../../../src/cli/history/python_text.js';

describe('a snippet that can only be compiled by itself', () => {
  test.each([
    ['await at its top level', 'await work()'],
    ['in the middle of an expression', 'x = 1 + (\n  await work()\n)'],
    ['in a block', 'if x:\n    for y in z:\n        await y'],
    ['in a class', 'class A:\n    x = await work()'],
    ['async for', 'async for x in y:\n    pass'],
    ['async with, behind a semicolon', 'x = 1; y = 2\nasync with y: pass'],
    ['a comprehension', '[x async for x in y]'],
    ['an f-string', 'print(f"{await work()}")'],
    ['after a function', 'async def f():\n    await g()\nawait f()'],
    ['after a function in a block', 'if x:\n    async def f():\n        await g()\n    await f()'],
    ['in a decorator', '@(await make())\ndef f(): pass'],
    ['on the next line', 'x = \\\n  await work()'],
    ['global', 'global x\nx = 1'],
    ['global behind a semicolon', 'y = 1; global x; x = 2'],
    ['an import from the future in several lines', 'from __future__ import (\n  annotations,\n)'],
    ['an import from the future with company', 'from __future__ import annotations; x = 1'],
  ])('has %s', (_name, code) => {
    expect(traitsOf(code).isApart).toBe(true);
  });

  test.each([
    ['await in a coroutine', 'async def f():\n    await g()\n    async with h(): pass\nx = 1'],
    ['and in one of a class', 'class A:\n    async def f(self):\n        return [x async for x in self]\n    y = 2'],
    ['and behind comments at the margin', 'async def f():\n# margin\n    await g()\n\n    await h()'],
    ['and behind a long string', 'async def f():\n    """Text\nat the margin"""\n    await g()'],
    ['global in a function', 'def f():\n    global x\n    x = 1'],
    ['the word in a string', 'print("await", \'async for\', """\nawait x\n""")'],
    ['the word in a string with quotes', 'print("\\"await", r"\\", \'await\')'],
    ['the word in a comment', 'x = 1  # await it'],
    ['a longer word', 'awaiting = is_async = 1'],
    ['an async function without more', 'async def f(): pass'],
    ['nothing', ''],
  ])('is not one with %s', (_name, code) => {
    expect(traitsOf(code).isApart).toBe(false);
  });
});

test.each([
  ['x = 1', false],
  ['  x = 1', true],
  ['\tx = 1', true],
  ['\n\n    # a comment\n    x = 1\ny = 2', true],
  ['# at the margin\n    x = 1', true],
  ['    # indented\nx = 1', false],
  ['"""\n  text"""', false],
  ['   ', false],
])('%j is an indented selection: %s', (code, expected) => {
  expect(traitsOf(code).isIndented).toBe(expected);
});

test('imports from the future are found with their lines', () => {
  const code =
    '"""Doc."""\n# why\nfrom __future__ import annotations, division as d  # this\nfrom __future__ import (generator_stop)\n';
  const { futures, futureLines, isApart } = traitsOf(code);
  expect(futures).toEqual(['annotations', 'division', 'generator_stop']);
  expect({ futureLines, isApart }).toEqual({ futureLines: [2, 3], isApart: false });
  expect(traitsOf('print("from __future__ import annotations")').futures).toEqual([]);
  expect(traitsOf('from __future__ import (\n  annotations,\n)').futures).toEqual(['annotations']);
});

test('a string that never ends does not swallow what follows', () => {
  expect(traitsOf(`x = f"{y["it's"]}"\nawait x`).isApart).toBe(true);
});
