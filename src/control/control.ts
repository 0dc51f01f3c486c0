/** Control from outside: one connection, one request, one typed reply. It never waits behind a snippet. */
import { type Address, parseAddress } from '../protocol/address.js';
import { SockPythonError } from '../protocol/errors.js';
import type { InterruptReply, RestartReply, StatusReply } from '../protocol/messages.js';
import type { ClassicExchangeOptions } from '../transport/classic_exchange.js';
import { NativeConnection, type RequestBody } from '../transport/native_connection.js';
import type { Action } from './action.js';
import { type ClassicAction, type ClassicControlReply, controlClassic } from './classic_control.js';

/** The server is about to end; there is nothing more to say. */
export type StopReply = Readonly<Record<string, never>>;

/** What each action is answered with. */
export interface ControlReplies {
  readonly stop: StopReply;
  readonly restart: RestartReply;
  readonly status: StatusReply;
  readonly interrupt: InterruptReply;
}

export interface ControlOptions {
  readonly token?: string;
  /** Time for connection and greeting; the answer may take as long as `drain` and `graceMs` ask for. */
  readonly timeoutMs?: number;
  /** Aborting drops the connection; what was asked for may be done all the same. */
  readonly signal?: AbortSignal;
  /** Who asks: told to the server, and by it to those whose runs end by this. */
  readonly client?: { readonly name: string; readonly version: string };
  /** stop, restart: let the running snippet and the queue finish first. */
  readonly drain?: boolean;
  /** How long the running snippet may take to break. */
  readonly graceMs?: number;
  /** interrupt: end the kernel if the run has not ended by then. */
  readonly kill?: boolean;
  /** interrupt: this run, not the running one. */
  readonly run?: number;
  /** The server is an original sock_python, or is to be spoken to as one. */
  readonly classic?: boolean;
  /** Told when an address is used otherwise than as written (only classic). */
  readonly onWarning?: (text: string) => void;
}

const FIELDS = {
  stop: ['drain', 'graceMs'],
  restart: ['drain', 'graceMs'],
  status: [],
  interrupt: ['run', 'graceMs', 'kill'],
} as const satisfies { readonly [action in Action]: readonly (keyof ControlOptions)[] };

const ALL_FIELDS = ['drain', 'graceMs', 'run', 'kill'] as const;

/**
 * Asks a server to stop, to restart, to interrupt, or for its status.
 * @throws no_server, unauthorized, connection_lost, what the server answers (not_found, kernel_failed_to_start, …), and
 * bad_request before anything is sent for an option that the action or the classic dialect does not have.
 */
export function control(
  address: string | Address,
  action: ClassicAction,
  options: ControlOptions & { readonly classic: true },
): Promise<ClassicControlReply>;
export function control<A extends Action>(
  address: string | Address,
  action: A,
  options?: ControlOptions & { readonly classic?: false },
): Promise<ControlReplies[A]>;
export async function control(
  address: string | Address,
  action: Action,
  options: ControlOptions = {},
): Promise<ControlReplies[Action] | ClassicControlReply> {
  const target = typeof address === 'string' ? parseAddress(address) : address;
  if (options.classic === true) return await classic(target, action, options);
  refuseOthers(action, FIELDS[action], options);
  const { token, timeoutMs, signal, client } = options;
  const connection = await NativeConnection.open(target, {
    ...(token === undefined ? {} : { token }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
    ...(client === undefined ? {} : { client }),
  });
  const onAbort = (): void => connection.destroy();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    if (signal?.aborted) throw signal.reason;
    // The server's own types; its messages are checked where they come in.
    return (await connection.request(toMessage(action, options)).done) as ControlReplies[Action];
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    connection.destroy();
  }
}

function toMessage(action: Action, options: ControlOptions): RequestBody {
  const message: Record<string, unknown> = { op: action };
  for (const field of FIELDS[action]) {
    if (options[field] !== undefined) message[field] = options[field];
  }
  // The table above names the fields that each of these requests has.
  return message as unknown as RequestBody;
}

async function classic(target: Address, action: Action, options: ControlOptions): Promise<ClassicControlReply> {
  refuseOthers(action, [], options);
  if (options.token !== undefined) throw notThere(action, 'token');
  const { timeoutMs, signal, onWarning } = options;
  const exchange: ClassicExchangeOptions = {
    ...(timeoutMs === undefined ? {} : { connectTimeoutMs: timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
    ...(onWarning === undefined ? {} : { onWarning }),
  };
  // `controlClassic` refuses an interrupt.
  return await controlClassic(target, action as ClassicAction, exchange);
}

function refuseOthers(action: Action, known: readonly string[], options: ControlOptions): void {
  const other = ALL_FIELDS.find((field) => options[field] !== undefined && !known.includes(field));
  if (other !== undefined) throw notThere(action, other);
}

function notThere(action: Action, option: string): SockPythonError {
  return new SockPythonError('bad_request', `${action} has no option "${option}" here; nothing was sent`);
}
