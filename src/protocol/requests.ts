/** What a client asks. Times are in milliseconds; `validate.ts` holds what arrives against these types. */
import type { RunState } from './events.js';
import type { RequestId, Value } from './values.js';

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
export interface WaitRequest {
  readonly op: 'wait';
  readonly id: RequestId;
  readonly run: number | 'current' | 'last';
  /** Answer after so long where the run stands; without it, only at the run's end. */
  readonly waitMs?: number;
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
  /** Give runs marked quiet too. */
  readonly quiet?: boolean;
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
  | WaitRequest
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
