/**
 * What control asks of a server, declared here so that this room needs to know nothing of the server's.
 *
 *     control() ── request ──▶ server/connection ──▶ dispatchControl ──▶ ControlTarget (the session)
 */
import { assertNever } from '../protocol/assert_never.js';
import type {
  InterruptReply,
  InterruptRequest,
  RestartReply,
  RestartRequest,
  StatusReply,
  StatusRequest,
  StopRequest,
} from '../protocol/messages.js';

/** How a server or its kernel is to end. */
export interface EndOptions {
  /** Let the running snippet and the queue finish first. */
  readonly drain?: boolean;
  /** How long the running snippet may take to break before its kernel is killed. */
  readonly graceMs?: number;
}

/** What is to be interrupted, and how far that may go. */
export interface InterruptOptions {
  /** The running one if absent. */
  readonly run?: number;
  /** How long to wait for the run to end before the answer is `still_running`. */
  readonly graceMs?: number;
  /** End the kernel if the run has not ended by then. */
  readonly kill?: boolean;
}

/** What the server implements. No method may wait for a snippet, but for the drain and the grace it is asked for. */
export interface ControlTarget {
  status(): StatusReply;
  /** Resolves when the answer may go out; the server ends after it. */
  stop(options: EndOptions): Promise<object>;
  /** Resolves when the new kernel is ready. */
  restart(options: EndOptions): Promise<RestartReply>;
  interrupt(options: InterruptOptions): Promise<InterruptReply>;
}

export type ControlRequest = StopRequest | RestartRequest | StatusRequest | InterruptRequest;

/** Hands a validated request to its target; resolves to the reply's body. */
export async function dispatchControl(target: ControlTarget, request: ControlRequest): Promise<object> {
  switch (request.op) {
    case 'status':
      return target.status();
    case 'stop':
      return await target.stop(request);
    case 'restart':
      return await target.restart(request);
    case 'interrupt':
      return await target.interrupt(request);
    default:
      return assertNever(request);
  }
}
