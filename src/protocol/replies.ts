/** What a server answers. Times are in milliseconds, sizes in bytes. */
import type { ErrorBody } from './errors.js';
import type { DoneEvent, DoneStatus, EndReason, RunEvent, RunState } from './events.js';
import type { Op } from './requests.js';
import type { RequestId } from './values.js';

export type KernelState = 'starting' | 'idle' | 'busy' | 'restarting' | 'dead' | 'stopping';

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
  readonly quiet?: true;
}
/** How a run stands, and with what it ended, if it has. */
export interface WaitReply extends RunSummary {
  readonly done?: DoneEvent;
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
  /** In state `dead`: why no kernel comes back by itself. */
  readonly error?: ErrorBody;
  readonly launcher: string;
  readonly limits: { readonly [name: string]: number | null };
  readonly address: string;
  readonly protocol: number;
  readonly server: { readonly name: string; readonly version: string };
  readonly session: string;
  readonly cwd: string;
}
