/**
 * The closed table of error codes. The same code stands on the wire, in `docs/errors.md` and behind the
 * command line's exit status; a test keeps the three equal.
 */

/** What a code means, and the exit status that the command line ends with when it meets it. */
export interface ErrorCodeInfo {
  readonly exit: number;
  readonly meaning: string;
}

export const ERROR_CODES = {
  bad_request: { exit: 1, meaning: 'The message or option is not one that is understood; nothing was done.' },
  too_large: { exit: 1, meaning: 'A frame, line or value is over its limit; nothing of it was kept.' },
  unknown_op: { exit: 1, meaning: 'The server does not know this operation.' },
  unauthorized: { exit: 4, meaning: 'The token is missing or wrong, or the server could not prove that it knows it.' },
  overloaded: { exit: 15, meaning: 'The queue or the number of connections is at its limit; nothing was run.' },
  not_found: { exit: 1, meaning: 'No such run, or its output is no longer kept.' },
  kernel_lost: { exit: 14, meaning: 'The kernel died before it could answer.' },
  kernel_failed_to_start: {
    exit: 20,
    meaning: 'Python did not start or never said hello; its own words are in details.',
  },
  shutting_down: { exit: 3, meaning: 'The server is about to end and takes nothing new.' },
  unsupported_version: { exit: 1, meaning: 'Client and server share no version of the protocol.' },
  bad_address: { exit: 2, meaning: 'The address cannot be used as written.' },
  not_loopback: { exit: 2, meaning: 'The address is not on this machine; only UNIX sockets and loopback are served.' },
  address_in_use: { exit: 1, meaning: 'Another server lives at this address.' },
  untrusted: { exit: 1, meaning: 'A session file or socket is not safe to follow; the reason is told.' },
  no_server: { exit: 3, meaning: 'Nothing answers at this address.' },
  connection_lost: {
    exit: 3,
    meaning: 'The connection ended before the answer came; what was sent may have been done.',
  },
  internal: { exit: 20, meaning: 'A defect of the server; its own words are in the message.' },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error as it travels: `{code, message, details?}`. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: unknown;
}

export interface SockPythonErrorOptions {
  readonly details?: unknown;
  readonly cause?: unknown;
}

/** The one error class of the project; `code` is the contract, the text is for people. */
export class SockPythonError extends Error {
  override readonly name: string = 'SockPythonError';
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, options: SockPythonErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }

  /** The form that goes over the wire. */
  toBody(): ErrorBody {
    const { code, message, details } = this;
    return details === undefined ? { code, message } : { code, message, details };
  }
}

export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(ERROR_CODES, text);
}

/** Whatever was thrown, as an error of ours: a stranger's error becomes `internal` with its cause kept. */
export function asSockPythonError(thrown: unknown): SockPythonError {
  if (thrown instanceof SockPythonError) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new SockPythonError('internal', text, { cause: thrown });
}
