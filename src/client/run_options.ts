/** What a run may be asked with, and the request that it becomes. */
import type {
  OnDisconnect,
  OnTimeout,
  RunEvent,
  RunRequest,
  StdinMode,
  Value,
  ValueMode,
} from '../protocol/messages.js';

export interface RunOptions {
  /** File that the code came from; tracebacks name it. */
  readonly name?: string;
  /** First line of the code in that file, from 1. */
  readonly line?: number;
  /** What becomes of a last expression: nothing (default), its repr, or its data. */
  readonly value?: ValueMode;
  /** Seen by the snippet as `arguments`. */
  readonly arguments?: Value;
  /** The snippet's `sys.argv`. */
  readonly argv?: readonly string[];
  /** Time limit from the start of the run; waiting in the queue does not count. */
  readonly timeoutMs?: number;
  readonly onTimeout?: OnTimeout;
  /** What reading standard input finds: nothing (default), this client's answers to `input` events, or a text. */
  readonly stdin?: StdinMode;
  /** Idempotency key: a second run with the same key is not run but answered like the first. */
  readonly key?: string;
  /** Keep the run out of the history. */
  readonly quiet?: boolean;
  /** Does the run go on when this connection ends? Default `keep`. */
  readonly onDisconnect?: OnDisconnect;
  /** Aborting interrupts the run (a queued one is cancelled); its result then tells how it ended. */
  readonly signal?: AbortSignal;
  /**
   * Called with each event as it comes, before any iterator sees it. It must not throw: what it throws ends the
   * handle (`result` and iterators reject with it), not the run.
   */
  readonly onEvent?: (event: RunEvent) => void;
  /**
   * Default true: all events are kept until the handle is dropped, `result` holds the whole output, and each iterator
   * starts from the first event. False, for output without bound: an event is dropped once it was handed over (to
   * `onEvent`, else to the one iterator there can be), and `result` holds no output.
   */
  readonly collect?: boolean;
}

const WIRE_FIELDS = [
  'name',
  'line',
  'value',
  'arguments',
  'argv',
  'timeoutMs',
  'onTimeout',
  'stdin',
  'key',
  'quiet',
  'onDisconnect',
] as const;

/** The `run` request without its id; options that were not given are not sent. */
export function toRunMessage(code: string, options: RunOptions): Omit<RunRequest, 'id'> {
  if (typeof code !== 'string') throw new TypeError(`code must be a string, not ${typeof code}`);
  const message: Record<string, unknown> = { op: 'run', code };
  for (const field of WIRE_FIELDS) {
    if (options[field] !== undefined) message[field] = options[field];
  }
  // The loop above copies fields of RunRequest under their own names, which the compiler cannot follow.
  return message as unknown as Omit<RunRequest, 'id'>;
}

/** The first option, if any, that only the native dialect can carry. */
export function nativeOnlyOption(options: RunOptions): string | undefined {
  return [...WIRE_FIELDS, 'onEvent' as const].find((field) => options[field] !== undefined);
}
