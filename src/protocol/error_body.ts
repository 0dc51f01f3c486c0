/** Errors as they arrive over the wire. */
import { isErrorCode, SockPythonError } from './errors.js';
import { isMap } from './fields.js';

/** The error in an answer. A code that is not known here, from a newer server, becomes `internal` with its name told. */
export function errorFromBody(body: unknown): SockPythonError {
  const { code, message, details } = isMap(body) ? body : { code: undefined, message: undefined, details: undefined };
  const text = typeof message === 'string' ? message : 'the server sent an error without a message';
  if (isErrorCode(code)) return new SockPythonError(code, text, { details });
  return new SockPythonError('internal', `${String(code)}: ${text}`, { details });
}
