/** Snippets in the dialect of the original sock_python: one connection each, one reply, no events. */
import { type Address, parseAddress } from '../protocol/address.js';
import { SockPythonError } from '../protocol/errors.js';
import { type ClassicExchangeOptions, classicExchange } from '../transport/classic_exchange.js';

export interface ClassicResult {
  /** Every `get()` text, concatenated by the server. */
  readonly output: string;
  /** The traceback as the original writes it, or empty. */
  readonly exception: string;
}

/**
 * Runs one snippet on an original sock_python server (or on ours, in its dialect).
 * @throws no_server, connection_lost, bad_request for a reply that makes no sense. A Python exception is a result.
 */
export async function runClassic(
  address: string | Address,
  code: string,
  options: ClassicExchangeOptions = {},
): Promise<ClassicResult> {
  const target = typeof address === 'string' ? parseAddress(address) : address;
  const { captured, exception } = await classicExchange(target, { snippet: code }, options);
  if (typeof captured !== 'string' || typeof exception !== 'string') {
    throw new SockPythonError('bad_request', 'the server did not answer as the sock_python dialect does');
  }
  return { output: captured, exception };
}
