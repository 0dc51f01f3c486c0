/** Holds requests that arrived against what the protocol allows. The tables here are the requests' schema. */
import { SockPythonError } from './errors.js';
import type { Check, Fields } from './fields.js';
import {
  anything,
  boolean,
  checkFields,
  count,
  describe,
  duration,
  either,
  inRange,
  isMap,
  lineNumber,
  listOf,
  oneOf,
  runNumber,
  shape,
  text,
  textOf,
  uint32,
} from './fields.js';
import { LIMITS } from './limits.js';
import type { Op, Request, RequestId } from './messages.js';
import type { FieldsOf } from './schema.js';

export { parseKernelEvent } from './validate_event.js';

const GRACE = { graceMs: duration };
const WHICH: Check = either(runNumber, oneOf('current', 'last'));

/** The fields of each operation, besides `op` and `id`. */
export const REQUEST_FIELDS: {
  readonly [Name in Op]: FieldsOf<Extract<Request, { readonly op: Name }>, 'op' | 'id'>;
} = {
  hello: {
    required: { protocol: uint32 },
    optional: {
      token: textOf(1, 256),
      nonce: textOf(16, 64),
      client: shape({ name: textOf(1, 100), version: textOf(1, 100) }),
    },
  },
  ping: { required: {}, optional: {} },
  run: {
    required: { code: text },
    optional: {
      name: textOf(1, 4096),
      line: lineNumber,
      value: oneOf('none', 'repr', 'data'),
      arguments: anything,
      argv: listOf(text),
      timeoutMs: inRange(1, 2_147_483_647, 'a whole number of milliseconds from 1'),
      onTimeout: oneOf('interrupt', 'detach', 'kill'),
      stdin: either(oneOf('none', 'ask'), shape({ text })),
      key: textOf(1, 200),
      quiet: boolean,
      onDisconnect: oneOf('keep', 'cancel'),
    },
  },
  attach: { required: { run: WHICH }, optional: { since: count } },
  wait: { required: { run: WHICH }, optional: { waitMs: duration } },
  watch: { required: {}, optional: {} },
  runs: {
    required: {},
    optional: {
      limit: inRange(1, 0xffff_ffff, 'a whole number from 1'),
      state: oneOf('queued', 'running', 'done'),
      code: boolean,
      quiet: boolean,
    },
  },
  input: { required: { run: runNumber }, optional: { text, eof: boolean } },
  interrupt: { required: {}, optional: { run: runNumber, ...GRACE, kill: boolean } },
  cancel: { required: { run: runNumber }, optional: GRACE },
  stop: { required: {}, optional: { drain: boolean, ...GRACE } },
  restart: { required: {}, optional: { drain: boolean, ...GRACE } },
  status: { required: {}, optional: {} },
  stack: { required: {}, optional: {} },
};

/** Every operation's fields with `op` and `id`, looked up for each message. */
const REQUIRED: ReadonlyMap<string, Fields> = new Map(
  Object.entries(REQUEST_FIELDS).map(([op, fields]) => [op, { op: text, id: checkId, ...fields.required }]),
);

/**
 * A decoded message as the request that it is.
 * @throws bad_request naming the field and what it got, unknown_op for another operation.
 */
export function parseRequest(message: unknown): Request {
  if (!isMap(message)) throw new SockPythonError('bad_request', `a request must be a map, not ${describe(message)}`);
  const { op } = message;
  if (typeof op !== 'string') {
    throw new SockPythonError('bad_request', `field "op" must be a text, not ${describe(op)}`);
  }
  const required = REQUIRED.get(op);
  if (!required) throw new SockPythonError('unknown_op', `there is no operation ${describe(op)}`);
  const problem = checkFields(message, required, REQUEST_FIELDS[op as Op].optional) ?? checkTogether(message);
  if (problem !== undefined) throw new SockPythonError('bad_request', `${op}: field ${problem}`);
  // Checked field by field just above; the tables mirror the type.
  return message as unknown as Request;
}

/** The id under which an error can be told of a message, however broken the rest is; null without a usable one. */
export function requestIdOf(message: unknown): RequestId | null {
  if (!isMap(message) || !Object.hasOwn(message, 'id')) return null;
  const { id } = message;
  return checkId(id) === undefined ? (id as RequestId) : null;
}

/** What no field can know alone. */
function checkTogether(message: { readonly [key: string]: unknown }): string | undefined {
  if (message.op !== 'input') return undefined;
  const isEof = message.eof === true;
  return isEof === (message.text !== undefined) ? '"text" or "eof": true must be given, and not both' : undefined;
}

function checkId(value: unknown): string | undefined {
  if (typeof value === 'number') return uint32(value) === undefined ? undefined : ID_FORM;
  if (typeof value !== 'string' || value.length > LIMITS.requestIdBytes) return ID_FORM;
  return Buffer.byteLength(value) <= LIMITS.requestIdBytes ? undefined : ID_FORM;
}

const ID_FORM = `a whole number below 2^32 or a text of at most ${LIMITS.requestIdBytes} bytes`;
