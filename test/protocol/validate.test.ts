import { describe, expect, test } from 'vitest';
import { SockPythonError } from '../../src/protocol/errors.js';
import { parseKernelEvent, parseRequest, requestIdOf } from '../../src/protocol/validate.js';

function refusal(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(SockPythonError);
    const { code, message } = error as SockPythonError;
    expect(message.length).toBeLessThan(300);
    return `${code}: ${message}`;
  }
  throw new Error('it was taken');
}

const LONG = 'x'.repeat(100_000);

describe('requests that are taken', () => {
  test.each([
    { op: 'hello', id: 1, protocol: 1 },
    { op: 'hello', id: 1, protocol: 1, nonce: 'n'.repeat(16), client: { name: 'me', version: '1' } },
    { op: 'hello', id: 'x'.repeat(64), protocol: 99, token: 't' },
    { op: 'ping', id: 0 },
    { op: 'ping', id: 4_294_967_295 },
    { op: 'run', id: 1, code: '' },
    {
      op: 'run',
      id: 1,
      code: LONG,
      name: 'a.py',
      line: 3,
      value: 'repr',
      arguments: { any: [1, null] },
      argv: ['a', ''],
      timeoutMs: 1000,
      onTimeout: 'kill',
      stdin: { text: '' },
      key: 'k',
      quiet: true,
      onDisconnect: 'cancel',
    },
    { op: 'run', id: 1, code: 'x', stdin: 'ask', arguments: null },
    { op: 'attach', id: 1, run: 5, since: 0 },
    { op: 'attach', id: 1, run: 'current' },
    { op: 'attach', id: 1, run: 'last' },
    { op: 'wait', id: 1, run: 5, waitMs: 0 },
    { op: 'wait', id: 1, run: 'current' },
    { op: 'wait', id: 1, run: 'last', waitMs: 2_147_483_647 },
    { op: 'watch', id: 1 },
    { op: 'runs', id: 1, limit: 10, state: 'done', code: true, quiet: true },
    { op: 'input', id: 1, run: 1, text: '' },
    { op: 'input', id: 1, run: 1, eof: true },
    { op: 'input', id: 1, run: 1, eof: false, text: 'x' },
    { op: 'interrupt', id: 1 },
    { op: 'interrupt', id: 1, run: 2, graceMs: 0, kill: true },
    { op: 'cancel', id: 1, run: 2, graceMs: 10 },
    { op: 'stop', id: 1, drain: true, graceMs: 10 },
    { op: 'restart', id: 1, drain: false },
    { op: 'status', id: 1 },
    { op: 'stack', id: 1 },
  ])('$op', (message) => {
    expect(parseRequest(message)).toEqual(message);
  });
});

describe('requests that are refused, and what is said', () => {
  test.each([
    [null, 'bad_request: a request must be a map, not null'],
    [[], 'bad_request: a request must be a map, not a list'],
    [7, 'bad_request: a request must be a map, not 7'],
    [Buffer.from('x'), 'bad_request: a request must be a map, not bytes'],
    [{}, 'bad_request: field "op" must be a text, not undefined'],
    [{ op: 7, id: 1 }, 'bad_request: field "op" must be a text, not 7'],
    [{ op: 'fly', id: 1 }, 'unknown_op: there is no operation "fly"'],
    [{ op: '__proto__', id: 1 }, 'unknown_op: there is no operation "__proto__"'],
    [{ op: 'constructor', id: 1 }, 'unknown_op: there is no operation "constructor"'],
    [{ op: LONG, id: 1 }, 'unknown_op: there is no operation a text of 100000 characters'],
    [{ op: 'ping' }, 'bad_request: ping: field "id" is missing'],
    [{ op: 'run', id: 1 }, 'bad_request: run: field "code" is missing'],
    [{ op: 'run', id: 1, code: 5 }, 'bad_request: run: field "code" must be a text, not 5'],
    [{ op: 'run', id: 1, code: null }, 'bad_request: run: field "code" must be a text, not null'],
    [{ op: 'run', id: 1, code: 'x', colour: 'red' }, 'bad_request: run: field "colour" is not known'],
    [JSON.parse('{"op":"ping","id":1,"__proto__":{}}'), 'bad_request: ping: field "__proto__" is not known'],
    [{ op: 'ping', id: 1, toString: 1 }, 'bad_request: ping: field "toString" is not known'],
    [{ op: 'run', id: 1, code: 'x', quiet: 1 }, 'field "quiet" must be true or false, not 1'],
    [{ op: 'run', id: 1, code: 'x', quiet: null }, 'field "quiet" must be true or false, not null'],
    [{ op: 'run', id: 1, code: 'x', line: 0 }, 'field "line" must be a line number from 1, not 0'],
    [{ op: 'run', id: 1, code: 'x', argv: 'a' }, 'field "argv" must be a list, not "a"'],
    [{ op: 'run', id: 1, code: 'x', argv: [1] }, 'field "argv" must be a list with a text in each place, not a list'],
    [{ op: 'run', id: 1, code: 'x', value: 'all' }, 'field "value" must be "none" or "repr" or "data", not "all"'],
    [{ op: 'run', id: 1, code: 'x', stdin: { text: 1 } }, 'field "stdin" must be "none" or "ask" or a map whose field'],
    [{ op: 'run', id: 1, code: 'x', stdin: { text: '', more: 1 } }, '"more" is not known'],
    [{ op: 'run', id: 1, code: 'x', timeoutMs: 0 }, 'field "timeoutMs" must be'],
    [{ op: 'run', id: 1, code: 'x', timeoutMs: 1.5 }, 'field "timeoutMs" must be'],
    [{ op: 'run', id: 1, code: 'x', timeoutMs: Number.NaN }, 'field "timeoutMs" must be'],
    [{ op: 'run', id: 1, code: 'x', timeoutMs: 2 ** 31 }, 'field "timeoutMs" must be'],
    [{ op: 'run', id: 1, code: 'x', key: '' }, 'field "key" must be a text of 1 to 200 characters, not ""'],
    [{ op: 'attach', id: 1, run: 0 }, 'field "run" must be a run number or "current" or "last", not 0'],
    [{ op: 'attach', id: 1, run: 1, since: -1 }, 'field "since" must be a whole number from 0, not -1'],
    [{ op: 'wait', id: 1 }, 'wait: field "run" is missing'],
    [{ op: 'wait', id: 1, run: 'first' }, 'field "run" must be a run number or "current" or "last", not "first"'],
    [{ op: 'wait', id: 1, run: 1, waitMs: -1 }, 'field "waitMs" must be a whole number of milliseconds, not -1'],
    [{ op: 'input', id: 1, run: 1 }, '"text" or "eof": true must be given'],
    [{ op: 'input', id: 1, run: 1, eof: true, text: 'x' }, '"text" or "eof": true must be given, and not both'],
    [{ op: 'hello', id: 1, protocol: '1' }, 'field "protocol" must be'],
    [{ op: 'hello', id: 1, protocol: 1, nonce: 'short' }, 'field "nonce" must be a text of 16 to 64 characters'],
    [{ op: 'interrupt', id: 1, graceMs: 1n << 60n }, 'field "graceMs" must be'],
  ])('message %#', (message, said) => {
    expect(refusal(() => parseRequest(message))).toContain(said);
  });

  test.each([-1, 2 ** 32, 1.5, Number.NaN, null, true, {}, 'x'.repeat(65), 'é'.repeat(33), 1n])(
    'id of case %#',
    (id) => {
      expect(refusal(() => parseRequest({ op: 'ping', id }))).toContain('field "id" must be a whole number below 2^32');
      expect(requestIdOf({ op: 'ping', id })).toBeNull();
    },
  );
});

test('the id of a broken request is found if it has one', () => {
  expect(requestIdOf({ id: 5, op: {} })).toBe(5);
  expect(requestIdOf({ id: 'mine' })).toBe('mine');
  for (const message of [{}, [], null, 5, 'x', Buffer.from('id')]) expect(requestIdOf(message)).toBeNull();
});

const EXCEPTION = {
  type: 'ValueError',
  message: 'why',
  line: 1,
  frames: [{ file: '<snippet 1>', line: 1, name: '<module>', source: 'x', column: 0, endColumn: 3 }],
  traceback: 'Traceback …',
  notes: ['a'],
  cause: { type: 'KeyError', message: '', frames: [], traceback: '' },
};

describe('events that are taken', () => {
  test.each([
    { event: 'queued', run: 1, position: 0 },
    { event: 'started', run: 1, generation: 1, lost: { message: 'm', names: ['a'] }, code: 'x', name: 'f' },
    { event: 'get', run: 1, id: 7, text: 'x' },
    { event: 'stdout', run: 0, text: Buffer.from([255]), raw: true },
    { event: 'stderr', run: 1, id: 'mine', text: '' },
    { event: 'display', run: 1, data: { 'image/png': Buffer.from('x'), 'text/plain': 'x' }, metadata: {}, ref: 'r' },
    { event: 'input', run: 1, prompt: '', password: true },
    { event: 'timeout', run: 1, timeoutMs: 5, outcome: 'still_running', stack: 's' },
    { event: 'gap', run: 1, events: 5, bytes: 100 },
    { event: 'lost', run: 0, generation: 1, message: 'm', names: ['a'] },
    {
      event: 'done',
      run: 1,
      status: 'ok',
      ms: 0.1,
      kept: true,
      outputComplete: true,
      value: { type: 'int', repr: '1' },
    },
    { event: 'done', run: 1, status: 'error', ms: 0, kept: true, outputComplete: true, exception: EXCEPTION },
    { event: 'done', run: 1, status: 'exit', ms: 0, kept: true, outputComplete: true, code: null },
    {
      event: 'done',
      run: 1,
      status: 'lost',
      ms: 0,
      kept: false,
      outputComplete: true,
      reason: { message: '', code: 3 },
    },
  ])('$event', (message) => {
    expect(parseKernelEvent(message)).toEqual(message);
  });
});

describe('events that are refused, and what is said', () => {
  const done = { event: 'done', run: 1, status: 'ok', ms: 0, kept: true, outputComplete: true };
  test.each([
    [null, 'an event must be a map'],
    [{}, 'there is no event undefined'],
    [{ event: 'fly', run: 1 }, 'there is no event "fly"'],
    [{ event: '__proto__', run: 1 }, 'there is no event "__proto__"'],
    [{ event: 'get', text: 'x' }, 'event get: field "run" is missing'],
    [{ event: 'get', run: -1, text: 'x' }, 'event get: field "run" must be'],
    [{ event: 'get', run: 1, text: Buffer.from('x') }, 'event get: field "text" must be a text, not bytes'],
    [{ event: 'get', run: 1, text: 'x', more: 1 }, 'event get: field "more" is not known'],
    [{ event: 'stdout', run: 1, text: 5 }, 'event stdout: field "text" must be a text or bytes, not 5'],
    [{ event: 'display', run: 1, data: { 'text/plain': 5 } }, 'field "data" must be a map with a text or bytes'],
    [{ ...done, status: 'fine' }, 'field "status" must be'],
    [{ ...done, code: 1.5 }, 'field "code" must be'],
    [{ ...done, exception: { ...EXCEPTION, frames: [{}] } }, 'field "exception" must be a map whose field "frames"'],
    [{ ...done, exception: { ...EXCEPTION, cause: 5 } }, 'whose field "cause" must be a map, not 5'],
    [{ ...done, reason: {} }, 'whose field "message" is missing'],
  ])('message %#', (message, said) => {
    expect(refusal(() => parseKernelEvent(message))).toContain(said);
  });
});
