/** How a command fails: with a wrong command line (2), or with an error of the table and its exit status. */
import { asSockPythonError, ERROR_CODES, SockPythonError } from '../protocol/errors.js';
import { EXIT } from './exit_codes.js';
import type { Io } from './io.js';
import { escapeControls } from './text.js';

/** The command line makes no sense; nothing was done. Ends with 2. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}

/** A failure whose exit status is not that of an error code. */
export class CommandFailure extends Error {
  override readonly name: string = 'CommandFailure';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Help was asked for and printed; there is nothing more to do. */
export class HelpShown extends Error {
  override readonly name: string = 'HelpShown';
}

/** The exit status that belongs to what was thrown. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof UsageError) return EXIT.usage;
  if (thrown instanceof CommandFailure) return thrown.exitCode;
  return ERROR_CODES[asSockPythonError(thrown).code].exit;
}

/**
 * Tells what was thrown and sets the exit status: one line on stderr, or, where output is JSON, one
 * `{"error": …}` line on stdout.
 */
export function reportFailure(thrown: unknown, io: Io, json: boolean = false): void {
  const exitCode = exitCodeOf(thrown);
  io.setExitCode(exitCode);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const isUsage = thrown instanceof UsageError;
  if (json && !isUsage) {
    const error = thrown instanceof CommandFailure ? { code: 'failed', message } : asSockPythonError(thrown).toBody();
    io.stdout.write(`${JSON.stringify({ error })}\n`);
    return;
  }
  const hint = isUsage ? '\nTry: sock-python --help' : '';
  io.stderr.write(`sock-python: ${escapeControls(message)}${detailText(thrown)}${hint}\n`);
}

/** Python's own words, where it did not start; a defect's stack, where it is ours. */
function detailText(thrown: unknown): string {
  if (!(thrown instanceof Error) || thrown instanceof UsageError || thrown instanceof CommandFailure) return '';
  if (!(thrown instanceof SockPythonError)) return thrown.stack === undefined ? '' : `\n${thrown.stack}`;
  const { details } = thrown;
  if (typeof details === 'string' && details !== '') return `\n${escapeControls(details)}`;
  return '';
}
