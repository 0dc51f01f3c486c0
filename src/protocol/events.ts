/** What a run, or the session, did. Times are in milliseconds; `validate_event.ts` holds what arrives against these types. */
import type { RequestId, Value } from './values.js';

export type RunState = 'queued' | 'running' | 'done';
export type DoneStatus = 'ok' | 'error' | 'exit' | 'interrupted' | 'timeout' | 'cancelled' | 'lost';

/** One frame of a Python traceback, outermost first in a list. Columns count characters from 0. */
export interface TracebackFrame {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  /** The source line with its own indent. */
  readonly source?: string;
  readonly column?: number;
  readonly endColumn?: number;
}

export interface PythonException {
  readonly type: string;
  readonly message: string;
  /** Line in the snippet: of its innermost frame, or where the syntax error is. */
  readonly line?: number;
  readonly column?: number;
  readonly frames: readonly TracebackFrame[];
  /** As Python prints it, without frames of ours. */
  readonly traceback: string;
  readonly notes?: readonly string[];
  readonly cause?: PythonException;
}

export interface ResultValue {
  readonly type: string;
  readonly repr?: string;
  readonly data?: Value;
}

/** Why a run ended otherwise than by its own code. */
export interface EndReason {
  readonly message: string;
  readonly code?: number;
  readonly signal?: string;
  readonly oom?: boolean;
  /** Python stack at the death, as faulthandler wrote it. */
  readonly stack?: string;
}

/** What the first run after a death is told. */
export interface LossNotice {
  readonly message: string;
  readonly names: readonly string[];
}

interface EventBase {
  readonly run: number;
  /** Only on the submitter's own connection. */
  readonly id?: RequestId;
}
export interface QueuedEvent extends EventBase {
  readonly event: 'queued';
  readonly position: number;
}
export interface StartedEvent extends EventBase {
  readonly event: 'started';
  readonly generation: number;
  readonly lost?: LossNotice;
  readonly code?: string;
  readonly name?: string;
}
export interface GetEvent extends EventBase {
  readonly event: 'get';
  readonly text: string;
}
export interface OutputEvent extends EventBase {
  readonly event: 'stdout' | 'stderr';
  /** Bytes where they were not UTF-8. */
  readonly text: string | Uint8Array;
  /** Came past Python through file descriptor 1 or 2. */
  readonly raw?: boolean;
}
export interface DisplayEvent extends EventBase {
  readonly event: 'display';
  readonly data: { readonly [mime: string]: string | Uint8Array };
  readonly metadata?: { readonly [key: string]: Value };
  readonly ref?: string;
}
export interface InputEvent extends EventBase {
  readonly event: 'input';
  readonly prompt: string;
  readonly password: boolean;
}
export interface GapEvent extends EventBase {
  readonly event: 'gap';
  readonly events: number;
  readonly bytes: number;
}
/** The run has reached its time limit and goes on all the same. */
export interface TimeoutEvent extends EventBase {
  readonly event: 'timeout';
  readonly timeoutMs: number;
  /** `still_running`: interrupting it did not end it; `detached`: it was asked to be left alone. */
  readonly outcome: 'still_running' | 'detached';
  readonly stack?: string;
}
export interface DoneEvent extends EventBase {
  readonly event: 'done';
  readonly status: DoneStatus;
  readonly ms: number;
  /** Is the namespace still there? */
  readonly kept: boolean;
  /** Of an interrupted run: whether one interrupt was enough or it had to be forced. */
  readonly by?: 'interrupt' | 'forced';
  /** False only if the end of the output could not be proved in time. */
  readonly outputComplete: boolean;
  readonly value?: ResultValue;
  readonly exception?: PythonException;
  /** Of SystemExit: a number, a text, or null. */
  readonly code?: number | string | null;
  readonly reason?: EndReason;
}

/** The namespace is gone, by a death or a restart. Not a run's but the session's: every connection is told, once. */
export interface LostEvent extends EventBase, LossNotice {
  readonly event: 'lost';
  readonly run: 0;
  /** Of the kernel that is gone. */
  readonly generation: number;
}

export type RunEvent =
  | QueuedEvent
  | StartedEvent
  | GetEvent
  | OutputEvent
  | DisplayEvent
  | InputEvent
  | GapEvent
  | TimeoutEvent
  | DoneEvent
  | LostEvent;
export type EventName = RunEvent['event'];
