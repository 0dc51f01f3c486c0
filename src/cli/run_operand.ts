/** The operand that names a run. */
import { SockPythonError } from '../protocol/errors.js';
import { UsageError } from './failure.js';

export type RunOperand = number | 'current' | 'last';

/** @throws UsageError for what is no number from 1 on, `current` or `last`. */
export function parseRunOperand(command: string, text: string): RunOperand {
  if (text === 'current' || text === 'last') return text;
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= 0xffff_ffff) return number;
  throw new UsageError(`${command} takes a run's number, current or last, not ${JSON.stringify(text)}`);
}

/** An error of asking for a run, with where to look for those that there are. */
export function explainRun(error: unknown): unknown {
  if (!(error instanceof SockPythonError) || error.code !== 'not_found') return error;
  const { details } = error;
  return new SockPythonError('not_found', `${error.message}; the runs that there are: sock-python runs`, {
    ...(details === undefined ? {} : { details }),
    cause: error,
  });
}
