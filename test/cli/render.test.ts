import { describe, expect, test } from 'vitest';
import { TextRenderer, type TextRendererOptions } from '../../src/cli/render.js';
import type { RunEvent } from '../../src/protocol/messages.js';

const get = (text: string): RunEvent => ({ event: 'get', run: 1, text });
const out = (text: string | Uint8Array): RunEvent => ({ event: 'stdout', run: 1, text });
const err = (text: string): RunEvent => ({ event: 'stderr', run: 1, text });

function stdoutOf(events: readonly RunEvent[], options: TextRendererOptions = {}): string {
  const renderer = new TextRenderer(options);
  const pieces = events.flatMap((event) => renderer.render(event)).filter(({ stream }) => stream === 'stdout');
  return Buffer.concat(pieces.map(({ text }) => Buffer.from(text))).toString('latin1');
}

describe('between two get() texts', () => {
  test.each([
    ['two words', ['15', '13'], '15 13'],
    ['white space on the left', ['a\n', 'b'], 'a\nb'],
    ['white space on the right', ['a', ' b'], 'a b'],
    ['white space beyond ASCII', ['a\u2003', 'b'], Buffer.from('a\u2003b').toString('latin1')],
    ['an empty text on the left', ['', 'b'], 'b'],
    ['an empty text in the middle', ['a', '', 'b'], 'ab'],
    ['three in a row', ['1', '2', '3'], '1 2 3'],
  ])('%s', (_name, texts, expected) => {
    expect(stdoutOf(texts.map(get))).toBe(expected);
  });

  test('--sep sets what stands there, and an empty one joins bare', () => {
    expect(stdoutOf([get('a'), get('b')], { separator: ', ' })).toBe('a, b');
    expect(stdoutOf([get('a'), get('b')], { separator: '' })).toBe('ab');
    expect(stdoutOf([get('a\n'), get('b')], { separator: ', ' })).toBe('a\nb');
  });

  test('printed text in between takes the place of the separator', () => {
    expect(stdoutOf([get('a'), out('x\n'), get('b')])).toBe('a\nx\nb');
  });

  test('text on stderr in between does not', () => {
    expect(stdoutOf([get('a'), err('warning\n'), get('b')])).toBe('a b');
  });
});

describe('between get() and printed text', () => {
  test('a newline follows a get() text that does not end its line', () => {
    expect(stdoutOf([get('a'), out('x\n')])).toBe('a\nx\n');
    expect(stdoutOf([get('a\n'), out('x\n')])).toBe('a\nx\n');
    expect(stdoutOf([get('a'), get(''), out('x')])).toBe('a\nx');
  });

  test('nothing is added where no get() text is unfinished', () => {
    expect(stdoutOf([out('x'), get(''), out('y')])).toBe('xy');
    expect(stdoutOf([get(''), out('y')])).toBe('y');
    expect(stdoutOf([get('a'), out('')])).toBe('a');
    expect(stdoutOf([out('x'), get('a')])).toBe('xa');
  });
});

test('bytes that are not UTF-8 go out as they are', () => {
  expect(stdoutOf([out(Uint8Array.of(0xff, 0x0a)), get('a')])).toBe('\xff\na');
});

test('quiet keeps only get()', () => {
  const renderer = new TextRenderer({ quiet: true });
  const pieces = [get('a'), out('x\n'), err('e'), get('b')].flatMap((event) => renderer.render(event));
  expect(pieces).toEqual([
    { stream: 'stdout', text: 'a' },
    { stream: 'stdout', text: ' b' },
  ]);
});

test('a value stands on a line of its own', () => {
  const renderer = new TextRenderer();
  renderer.render(get('a'));
  expect(renderer.line('42').map(({ text }) => text)).toEqual(['\n', '42']);
});

test('finishing ends an unfinished line, once', () => {
  const renderer = new TextRenderer();
  expect(renderer.finish()).toEqual([]);
  renderer.render(get('a'));
  expect(renderer.finish()).toEqual([{ stream: 'stdout', text: '\n' }]);
  expect(renderer.finish()).toEqual([]);
});

test('rich output shows its plain text, or names what there is', () => {
  const display = (data: Record<string, string>): RunEvent => ({ event: 'display', run: 1, data });
  expect(stdoutOf([display({ 'text/plain': '<Figure>', 'text/html': '<b>' })])).toBe('<Figure>\n');
  expect(stdoutOf([display({ 'image/png': 'x' })])).toBe('[image/png]\n');
});
