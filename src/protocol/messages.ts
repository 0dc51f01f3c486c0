/**
 * The native messages, as types. `validate.ts` holds what arrives against them; `docs/protocol.md` says what
 * each field means. Times are in milliseconds, sizes in bytes.
 */
import type { ErrorBody } from './errors.js';

/** A client's own number (0 … 2^32−1) or text (at most 64 bytes) for a request, unique among its open ones. */
export type RequestId = number | string;

/** What MessagePack carries and JSON carries in tagged form. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [key: string]: Value };

export type ValueMode = 'none' | 'repr' | 'data';
export type OnTimeout = 'interrupt' | 'detach' | 'kill';
export type OnDisconnect = 'keep' | 'cancel';
/** `none`: reading raises EOFError. `ask`: an `input` event asks the submitter. `{text}`: that text, then end of file. */
export type StdinMode = 'none' | 'ask' | { readonly text: string };

export interface HelloRequest {
  readonly op: 'hello';
  readonly id: RequestId;
  readonly protocol: number;
  readonly token?: string;
  /** 16 to 64 characters; the reply's `proof` is HMAC-SHA256 of it under the token, in hex. */
  readonly nonce?: string;
  readonly client?: { readonly name: string; readonly version: string };
}
export interface PingRequest {
  readonly op: 'ping';
  readonly id: RequestId;
}
export interface RunRequest {
  readonly op: 'run';
  readonly id: RequestId;
  readonly code: string;
  /** File that the code came from, and its first line there. */
  readonly name?: string;
  readonly line?: number;
  readonly value?: ValueMode;
  readonly arguments?: Value;
  /** The snippet's `sys.argv`. */
  readonly argv?: readonly string[];
  readonly timeoutMs?: number;
  readonly onTimeout?: OnTimeout;
  readonly stdin?: StdinMode;
  readonly key?: string;
  readonly quiet?: boolean;
  readonly onDisconnect?: OnDisconnect;
}
export interface AttachRequest {
  readonly op: 'attach';
  readonly id: RequestId;
  readonly run: number | 'current' | 'last';
  /** Events already known: the first one sent is number `since`, counted from 0. */
  readonly since?: number;
}
export interface WatchRequest {
  readonly op: 'watch';
  readonly id: RequestId;
}
export interface RunsRequest {
  readonly op: 'runs';
  readonly id: RequestId;
  readonly limit?: number;
  readonly state?: RunState;
  /** Give each run's code too. */
  readonly code?: boolean;
}
export interface InputRequest {
  readonly op: 'input';
  readonly id: RequestId;
  readonly run: number;
  readonly text?: string;
  readonly eof?: boolean;
}
export interface InterruptRequest {
  readonly op: 'interrupt';
  readonly id: RequestId;
  /** The running one if absent. */
  readonly run?: number;
  readonly graceMs?: number;
  readonly kill?: boolean;
}
export interface CancelRequest {
  readonly op: 'cancel';
  readonly id: RequestId;
  readonly run: number;
  readonly graceMs?: number;
}
export interface StopRequest {
  readonly op: 'stop';
  readonly id: RequestId;
  /** Let the running snippet and the queue finish first. */
  readonly drain?: boolean;
  readonly graceMs?: number;
}
export interface RestartRequest {
  readonly op: 'restart';
  readonly id: RequestId;
  readonly drain?: boolean;
  readonly graceMs?: number;
}
export interface StatusRequest {
  readonly op: 'status';
  readonly id: RequestId;
}
export interface StackRequest {
  readonly op: 'stack';
  readonly id: RequestId;
}

export type Request =
  | HelloRequest
  | PingRequest
  | RunRequest
  | AttachRequest
  | WatchRequest
  | RunsRequest
  | InputRequest
  | InterruptRequest
  | CancelRequest
  | StopRequest
  | RestartRequest
  | StatusRequest
  | StackRequest;
export type Op = Request['op'];

export type RunState = 'queued' | 'running' | 'done';
export type DoneStatus = 'ok' | 'error' | 'exit' | 'interrupted' | 'timeout' | 'cancelled' | 'lost';
export type KernelState = 'starting' | 'idle' | 'busy' | 'restarting' | 'dead' | 'stopping';

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

export type RunEvent =
  | QueuedEvent
  | StartedEvent
  | GetEvent
  | OutputEvent
  | DisplayEvent
  | InputEvent
  | GapEvent
  | TimeoutEvent
  | DoneEvent;
export type EventName = RunEvent['event'];

export interface ReplyMessage {
  readonly id: RequestId;
  readonly reply: unknown;
}
export interface ErrorMessage {
  /** Null where the request was too broken to have one. */
  readonly id: RequestId | null;
  readonly error: ErrorBody;
}
export type ServerMessage = RunEvent | ReplyMessage | ErrorMessage;

export interface KernelInfo {
  readonly state: KernelState;
  readonly pid: number | null;
  readonly python: string | null;
  readonly generation: number;
}
export interface HelloReply {
  readonly protocol: number;
  readonly server: { readonly name: string; readonly version: string };
  /** Answer to `nonce`. */
  readonly proof?: string;
  /** The rest only once authorized. */
  readonly session?: string;
  readonly kernel?: KernelInfo;
  readonly ops?: readonly Op[];
  readonly limits?: { readonly [name: string]: number };
}
export interface PingReply {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly state: KernelState;
}
export type InterruptOutcome = 'interrupted' | 'forced' | 'killed' | 'cancelled' | 'still_running' | 'not_running';
export interface InterruptReply {
  readonly run: number | null;
  readonly outcome: InterruptOutcome;
  readonly kept: boolean;
  readonly ms: number;
  /** Python stack, where it still runs. */
  readonly stack?: string;
}
export interface RestartReply {
  readonly generation: number;
  readonly pid: number;
  readonly ms: number;
  /** How the start-up file ended in the new kernel, where there is one. */
  readonly init?: { readonly status: DoneStatus; readonly exception?: string };
}
export interface RunSummary {
  readonly run: number;
  readonly state: RunState;
  readonly status: DoneStatus | null;
  readonly name: string | null;
  /** Milliseconds since 1970, null while queued. */
  readonly started: number | null;
  readonly ms: number | null;
  readonly generation: number | null;
  readonly events: number;
  readonly code?: string;
}
export interface StatusReply {
  readonly state: KernelState;
  readonly kernelPid: number | null;
  readonly serverPid: number;
  readonly generation: number;
  readonly python: string | null;
  readonly pythonPath: string | null;
  readonly uptimeMs: number;
  readonly run: { readonly run: number; readonly ms: number; readonly name: string | null } | null;
  readonly queue: number;
  readonly counts: { readonly runs: number; readonly connections: number; readonly deaths: number };
  readonly memory: { readonly kernelBytes: number | null; readonly serverBytes: number };
  readonly lastDeath: {
    readonly generation: number;
    readonly at: number;
    readonly run: number | null;
    readonly reason: EndReason;
  } | null;
  readonly launcher: string;
  readonly limits: { readonly [name: string]: number | null };
  readonly address: string;
  readonly protocol: number;
  readonly server: { readonly name: string; readonly version: string };
  readonly session: string;
  readonly cwd: string;
}
