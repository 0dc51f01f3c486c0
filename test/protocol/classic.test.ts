import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { classicError, classicException, isClassicRequest, parseClassicRequest } from '../../src/protocol/classic.js';
import type { DoneEvent, PythonException, TracebackFrame } from '../../src/protocol/messages.js';

interface Exchange {
  readonly case: string;
  readonly snippet?: string;
  readonly reply: { readonly exception?: string };
}

function done(fields: Partial<DoneEvent> = {}): DoneEvent {
  return { event: 'done', run: 1, status: 'ok', ms: 1, kept: true, outputComplete: true, ...fields };
}

/** A frame of the snippet, its columns taken from where `marked` stands in the line. */
function frame(snippet: string, line: number, marked: string, name = '<module>'): TracebackFrame {
  const source = snippet.split('\n')[line - 1] ?? '';
  const column = source.indexOf(marked);
  return { file: '<snippet 12>', line, name, source, column, endColumn: column + marked.length };
}

function exception(type: string, message: string, frames: readonly TracebackFrame[]): PythonException {
  return { type, message, frames, traceback: '' };
}

/** A frame of json's, as its own source has it; the line differs from version to version. */
function libraryFrame(file: string, line: number, name: string, source: string, marked: string): TracebackFrame {
  const column = source.indexOf(marked);
  return { file: `<stdlib>/json/${file}`, line, name, source, column, endColumn: column + marked.length };
}

const DECODE = '_default_decoder.decode(s)';
const RAW = 'self.raw_decode(s, idx=_w(s, 0).end())';
const SCAN = 'self.scan_once(s, idx)';

/** What the kernel would tell of each case that raises. */
function exceptionOf(name: string, code: string, library: readonly [number, number]): PythonException | undefined {
  switch (name) {
    case 'exception at column 0':
      return exception('ZeroDivisionError', 'division by zero', [frame(code, 1, '1/0')]);
    case 'exception in an expression':
      return exception('ValueError', '0 is not in list', [frame(code, 2, 'll.index(0)')]);
    case 'get before the exception':
      return exception('ValueError', 'after', [frame(code, 3, "raise ValueError('after')")]);
    case 'exception inside a function of the same snippet':
      return exception('KeyError', "'deep'", [
        frame(code, 5, 'g(2)'),
        frame(code, 3, 'g(n - 1)', 'g'),
        frame(code, 3, 'g(n - 1)', 'g'),
        frame(code, 4, "raise KeyError('deep')", 'g'),
      ]);
    case 'exception in a library':
      return exception('json.decoder.JSONDecodeError', JSON_MESSAGE, [
        frame(code, 2, "json.loads('{')"),
        libraryFrame('__init__.py', 346, 'loads', `        return ${DECODE}`, DECODE),
        libraryFrame('decoder.py', library[0], 'decode', `        obj, end = ${RAW}`, RAW),
        libraryFrame('decoder.py', library[1], 'raw_decode', `            obj, end = ${SCAN}`, SCAN),
      ]);
    case 'syntax error':
      return exception('SyntaxError', "'(' was never closed (<snippet 12>, line 1)", []);
    case 'indentation error':
      return exception('IndentationError', `${INDENTATION} (<snippet 12>, line 2)`, []);
    case 'name error':
      return exception('NameError', "name 'nope' is not defined", [frame(code, 1, 'nope')]);
    case 'custom exception':
      return exception('Odd', "('why', 2)", [frame(code, 2, "raise Odd('why', 2)")]);
    case 'no message':
      return exception('RuntimeError', '', [frame(code, 1, 'raise RuntimeError')]);
    case 'chained':
      return {
        ...exception('ValueError', 'outer', [frame(code, 4, "raise ValueError('outer') from e")]),
        cause: exception('ZeroDivisionError', 'division by zero', [frame(code, 2, '1/0')]),
        notes: ['not shown'],
      };
    case 'multi-line message':
      return exception('ValueError', 'one\ntwo', [frame(code, 1, "raise ValueError('one\\ntwo')")]);
    case 'tabs and indent':
      return exception('ValueError', "invalid literal for int() with base 10: 'x'", [frame(code, 3, "int('x')")]);
    default:
      return undefined;
  }
}

const JSON_MESSAGE = 'Expecting property name enclosed in double quotes: line 1 column 2 (char 1)';
const INDENTATION = "expected an indented block after 'if' statement on line 1";
const LIBRARY_LINES: { readonly [python: string]: readonly [number, number] } = {
  '3.11': [337, 353],
  '3.12': [337, 353],
  '3.13': [344, 360],
};

describe.each(Object.entries(LIBRARY_LINES))('exceptions as under CPython %s', (python, library) => {
  const file = new URL(`../golden/sock_python-${python}.json`, import.meta.url);
  const { exchanges } = JSON.parse(readFileSync(file, 'utf8')) as { readonly exchanges: readonly Exchange[] };
  const snippets = exchanges.filter(({ snippet }) => snippet !== undefined);

  test.each(snippets)('$case', ({ case: name, snippet, reply }) => {
    const raised = exceptionOf(name, snippet ?? '', library);
    expect(classicException(raised ? done({ status: 'error', exception: raised }) : done())).toBe(reply.exception);
  });
});

describe('the form of an entry', () => {
  const entry = (fields: Partial<TracebackFrame>): string => {
    const only = { file: '<snippet 1>', line: 1, name: 'f', source: '  x = y', column: 6, endColumn: 7, ...fields };
    return classicException(done({ status: 'error', exception: exception('E', 'm', [only]) }));
  };

  test('without columns (before 3.11) there are no carets', () => {
    const { column: _column, endColumn: _end, ...bare } = frame('  x = y', 1, 'y');
    const text = classicException(done({ status: 'error', exception: exception('E', 'm', [bare]) }));
    expect(text).toBe('Snippet, line 1, in <module>:\n      x = y\nE: m');
  });

  test('at column 0 there are none either', () => {
    expect(entry({ column: 0 })).toBe('Snippet, line 1, in f:\n      x = y\nE: m');
  });

  test("a snippet's line keeps its indent, a file's does not, and the carets stay", () => {
    expect(entry({})).toBe('Snippet, line 1, in f:\n      x = y\n          ^\nE: m');
    expect(entry({ file: '/a/b.py' })).toBe('File /a/b.py, line 1, in f:\n    x = y\n          ^\nE: m');
  });

  test('an earlier snippet is a snippet too, a file named like one is not', () => {
    expect(entry({ file: '<snippet 3>' })).toContain('Snippet, line 1');
    expect(entry({ file: '/tmp/<snippet 3>' })).toContain('File /tmp/<snippet 3>, line 1');
  });

  test('the type is told by its bare name', () => {
    const raised = exception('f.<locals>.Odd', 'm', []);
    expect(classicException(done({ status: 'error', exception: raised }))).toBe('Odd: m');
  });
});

describe('ends that the original does not know', () => {
  test.each<readonly [Partial<DoneEvent>, string]>([
    [{ status: 'exit', code: 3 }, 'SystemExit: 3'],
    [{ status: 'exit', code: 'bye' }, 'SystemExit: bye'],
    [{ status: 'exit', code: null }, 'SystemExit: '],
    [{ status: 'interrupted' }, 'KeyboardInterrupt: '],
    [{ status: 'timeout', reason: { message: 'over 5 s' } }, 'Timeout: over 5 s'],
    [{ status: 'cancelled', reason: { message: 'the server restarts' } }, 'Cancelled: the server restarts'],
    [{ status: 'lost', reason: { message: 'signal SIGSEGV at x' } }, 'KernelLost: signal SIGSEGV at x'],
    [{ status: 'lost', reason: { message: 'it died', signal: 'SIGSEGV' } }, 'KernelLost: signal SIGSEGV: it died'],
    [{ status: 'lost', reason: { message: 'exit code 3', code: 3 } }, 'KernelLost: exit code 3'],
    [{ status: 'lost' }, 'KernelLost: '],
  ])('%j', (fields, text) => {
    expect(classicException(done(fields))).toBe(text);
  });

  test('a snippet that was never run', () => {
    expect(classicError({ code: 'overloaded', message: 'the queue is full' })).toBe('Overloaded: the queue is full');
    expect(classicError({ code: 'kernel_lost', message: 'x' })).toBe('KernelLost: x');
  });
});

describe('requests', () => {
  test.each([
    [{ snippet: 'x = 1' }, { snippet: 'x = 1' }],
    [{ snippet: '' }, { snippet: '' }],
    [{ control: 'stop' }, { control: 'stop' }],
    [{ control: 'restart' }, { control: 'restart' }],
    [{ control: 'status' }, { control: 'status' }],
  ])('%j is one', (message, request) => {
    expect(isClassicRequest(message)).toBe(true);
    expect(parseClassicRequest(message)).toEqual(request);
  });

  test.each([
    { snippet: 5 },
    { snippet: null },
    { control: 'fly' },
    { control: 'constructor' },
    { control: ['stop'] },
    { snippet: 'x', control: 'stop' },
  ])('%j is meant as one and makes no sense', (message) => {
    expect(isClassicRequest(message)).toBe(true);
    expect(parseClassicRequest(message)).toBeNull();
  });

  test.each([{}, null, [], 'x', 5, { op: 'run', snippet: 'x' }, { Snippet: 'x' }])('%j is none', (message) => {
    expect(isClassicRequest(message)).toBe(false);
    expect(parseClassicRequest(message)).toBeNull();
  });
});
