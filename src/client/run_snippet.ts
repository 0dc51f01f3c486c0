/** One snippet over a connection of its own. */
import type { Address } from '../protocol/address.js';
import { SockPythonError } from '../protocol/errors.js';
import { runClassic } from './classic.js';
import { nativeOnlyOption, type RunOptions } from './run_options.js';
import type { RunResult } from './run_result.js';
import { type ConnectOptions, connect } from './session.js';

export interface RunSnippetOptions extends RunOptions {
  readonly token?: string;
  readonly client?: ConnectOptions['client'];
  /** Time for connection and greeting; `timeoutMs` limits the run. */
  readonly connectTimeoutMs?: number;
  /** The server is an original sock_python, or is to be spoken to as one: get() output and traceback are all there is. */
  readonly classic?: boolean;
  /** Told when an address is used otherwise than as written (only classic). */
  readonly onWarning?: (text: string) => void;
}

/**
 * Connects, runs one snippet to its end, and closes. A Python exception is a result.
 * @throws what `connect` and `Run.result` do; bad_request, before anything is sent, for an option that the classic
 * dialect cannot carry. Aborting the signal interrupts the run (classic: drops the connection and rejects).
 */
export async function runSnippet(
  address: string | Address,
  code: string,
  options: RunSnippetOptions = {},
): Promise<RunResult> {
  if (options.classic === true) return await runAsClassic(address, code, options);
  const { token, client, connectTimeoutMs: timeoutMs, signal } = options;
  const session = await connect(address, {
    ...(token === undefined ? {} : { token }),
    ...(client === undefined ? {} : { client }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  });
  try {
    return await session.run(code, options).result;
  } finally {
    session.destroy();
  }
}

async function runAsClassic(address: string | Address, code: string, options: RunSnippetOptions): Promise<RunResult> {
  const other = options.token === undefined ? nativeOnlyOption(options) : 'token';
  if (other !== undefined) {
    throw new SockPythonError('bad_request', `the sock_python dialect has no option "${other}"; nothing was sent`);
  }
  const { connectTimeoutMs, signal, onWarning } = options;
  const startMs = performance.now();
  const { output, exception } = await runClassic(address, code, {
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    ...(signal === undefined ? {} : { signal }),
    ...(onWarning === undefined ? {} : { onWarning }),
  });
  return {
    run: null,
    status: exception === '' ? 'ok' : 'error',
    output,
    outputs: output === '' ? [] : [output],
    stdout: '',
    stderr: '',
    exception,
    ms: Math.round(performance.now() - startMs),
    kept: true,
    // What it prints goes to the server's own terminal, so nothing that was to come is missing.
    outputComplete: true,
    gaps: [],
  };
}
