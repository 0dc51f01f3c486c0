/** The public API: snippets and sessions, control, and a server to embed. */
export { type ClassicResult, runClassic } from './client/classic.js';
export type { InterruptRunOptions, Run } from './client/run.js';
export type { RunOptions } from './client/run_options.js';
export type { Gap, RunResult } from './client/run_result.js';
export { type RunSnippetOptions, runSnippet } from './client/run_snippet.js';
export {
  type AttachOptions,
  type ConnectOptions,
  connect,
  type EndSessionOptions,
  type HistoryEntry,
  type RunsOptions,
  type Session,
  type WaitOptions,
} from './client/session.js';
export type { Watch, WatchStart } from './client/watch.js';
export { Action } from './control/action.js';
export { type ClassicAction, type ClassicControlReply, controlClassic } from './control/classic_control.js';
export { type ControlOptions, type ControlReplies, control, type StopReply } from './control/control.js';
export { type Address, formatAddress, parseAddress, type TcpAddress, type UnixAddress } from './protocol/address.js';
export {
  ERROR_CODES,
  type ErrorBody,
  type ErrorCode,
  type ErrorCodeInfo,
  isErrorCode,
  SockPythonError,
} from './protocol/errors.js';
export { LIMITS, PROTOCOL_VERSION } from './protocol/limits.js';
export type {
  DisplayEvent,
  DoneEvent,
  DoneStatus,
  EndReason,
  EventName,
  GapEvent,
  GetEvent,
  HelloReply,
  InputEvent,
  InterruptOutcome,
  InterruptReply,
  KernelInfo,
  KernelState,
  LossNotice,
  LostEvent,
  OnDisconnect,
  OnTimeout,
  OutputEvent,
  PingReply,
  PythonException,
  QueuedEvent,
  RequestId,
  RestartReply,
  ResultValue,
  RunEvent,
  RunState,
  RunSummary,
  StartedEvent,
  StatusReply,
  StdinMode,
  TracebackFrame,
  Value,
  ValueMode,
  WaitReply,
} from './protocol/messages.js';
export type { LogEntry } from './server/log.js';
export type { RunningServer, ServerEnd, ServerOptions } from './server/server_options.js';
export { startServer } from './server/start_server.js';
