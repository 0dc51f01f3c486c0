/** Control in the dialect of the original sock_python. */
import { type Address, parseAddress } from '../protocol/address.js';
import { SockPythonError } from '../protocol/errors.js';
import { decodeJson } from '../protocol/json.js';
import { type ClassicExchangeOptions, classicExchange } from '../transport/classic_exchange.js';
import { Action } from './action.js';

/** What a server of that dialect says of itself: at least `pid`, for a status; nothing for the rest. */
export interface ClassicControlReply {
  readonly [field: string]: unknown;
}

export type ClassicAction = Exclude<Action, 'interrupt'>;

/**
 * Asks an original sock_python server (or ours, in its dialect) to stop, to restart, or for its status.
 * @throws bad_request for an action that the dialect does not know, before anything is sent, and for a reply that
 * makes no sense; no_server; connection_lost.
 */
export async function controlClassic(
  address: string | Address,
  action: ClassicAction,
  options: ClassicExchangeOptions = {},
): Promise<ClassicControlReply> {
  // An original server would die of a word that it does not know, so the compiler's word for it is not enough.
  const known: readonly string[] = [Action.STOP, Action.RESTART, Action.STATUS];
  if (!known.includes(action)) {
    throw new SockPythonError('bad_request', `the sock_python dialect knows ${known.join(', ')}; not ${action}`);
  }
  const target = typeof address === 'string' ? parseAddress(address) : address;
  const { ack, response } = await classicExchange(target, { control: action }, options);
  if (ack !== action || typeof response !== 'string') {
    throw new SockPythonError('bad_request', `the server did not answer ${action} as the sock_python dialect does`);
  }
  const reply = response === '' ? {} : decodeJson(response);
  if (typeof reply !== 'object' || reply === null || Array.isArray(reply)) {
    throw new SockPythonError('bad_request', `the server's answer to ${action} is not a JSON object`);
  }
  return reply as ClassicControlReply;
}
