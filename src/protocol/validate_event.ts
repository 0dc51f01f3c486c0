/** Holds events that arrived against what the protocol allows; the tables here are the events' schema. */
import { SockPythonError } from './errors.js';
import type { Check, Fields } from './fields.js';
import {
  anything,
  boolean,
  bytes,
  checkFields,
  count,
  describe,
  either,
  inRange,
  isMap,
  listOf,
  map,
  mapOf,
  number,
  oneOf,
  shape,
  text,
  uint32,
} from './fields.js';
import type { EventName, RunEvent } from './messages.js';
import type { FieldsOf } from './schema.js';

type EventNamed<Name, Event> = Event extends { readonly event: infer N } ? (Name extends N ? Event : never) : never;

const integer: Check = inRange(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, 'a whole number');
const textOrBytes: Check = either(text, bytes);
const none: Check = (value) => (value === null ? undefined : 'null');

const frame: Check = shape({ file: text, line: count, name: text }, { source: text, column: count, endColumn: count });
/** Calls itself for the cause; the decoders bound how deep that can go. */
const exception: Check = (value) => exceptionShape(value);
const exceptionShape: Check = shape(
  { type: text, message: text, frames: listOf(frame), traceback: text },
  { line: count, column: count, notes: listOf(text), cause: exception },
);
const reason: Check = shape({ message: text }, { code: integer, signal: text, oom: boolean, stack: text });

/** The fields of each event, besides `event`, `run` and `id`. */
export const EVENT_FIELDS: {
  readonly [Name in EventName]: FieldsOf<EventNamed<Name, RunEvent>, 'event' | 'run' | 'id'>;
} = {
  queued: { required: { position: count }, optional: {} },
  started: {
    required: { generation: count },
    optional: { lost: shape({ message: text, names: listOf(text) }), code: text, name: text },
  },
  get: { required: { text }, optional: {} },
  stdout: { required: { text: textOrBytes }, optional: { raw: boolean } },
  stderr: { required: { text: textOrBytes }, optional: { raw: boolean } },
  display: { required: { data: mapOf(textOrBytes) }, optional: { metadata: map, ref: text } },
  input: { required: { prompt: text, password: boolean }, optional: {} },
  gap: { required: { events: count, bytes: count }, optional: {} },
  timeout: { required: { timeoutMs: count, outcome: oneOf('still_running', 'detached') }, optional: { stack: text } },
  done: {
    required: {
      status: oneOf('ok', 'error', 'exit', 'interrupted', 'timeout', 'cancelled', 'lost'),
      ms: number,
      kept: boolean,
      outputComplete: boolean,
    },
    optional: {
      value: shape({ type: text }, { repr: text, data: anything }),
      exception,
      by: oneOf('interrupt', 'forced'),
      code: either(integer, text, none),
      reason,
    },
  },
  lost: { required: { generation: count, message: text, names: listOf(text) }, optional: {} },
};

const REQUIRED: ReadonlyMap<string, Fields> = new Map(
  Object.entries(EVENT_FIELDS).map(([event, fields]) => [event, { event: text, run: uint32, ...fields.required }]),
);
const OPTIONAL: ReadonlyMap<string, Fields> = new Map(
  Object.entries(EVENT_FIELDS).map(([event, fields]) => [event, { id: either(uint32, text), ...fields.optional }]),
);

/**
 * A decoded message as the event that it is; for senders that are not trusted, so an unknown field is an error too.
 * @throws bad_request naming the field and what it got.
 */
export function parseKernelEvent(message: unknown): RunEvent {
  if (!isMap(message)) throw new SockPythonError('bad_request', `an event must be a map, not ${describe(message)}`);
  const { event } = message;
  const required = typeof event === 'string' ? REQUIRED.get(event) : undefined;
  if (!required) throw new SockPythonError('bad_request', `there is no event ${describe(event)}`);
  const problem = checkFields(message, required, OPTIONAL.get(String(event)) ?? {});
  if (problem !== undefined) throw new SockPythonError('bad_request', `event ${String(event)}: field ${problem}`);
  // Checked field by field just above; the tables mirror the type.
  return message as unknown as RunEvent;
}
