/** The exit statuses of the command line. Those of error codes stand in the error table (`protocol/errors.ts`). */
import type { DoneEvent, DoneStatus } from '../protocol/messages.js';

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  noServer: 3,
  raised: 10,
  interrupted: 11,
  stillRunning: 12,
  timeout: 13,
  lost: 14,
  cancelled: 15,
  serverFailed: 20,
  /** Ctrl+C in a command that only watches. */
  leftWatching: 130,
  /** Nobody reads our output any more. */
  brokenPipe: 141,
} as const;

const EXIT_OF_STATUS: Readonly<Record<Exclude<DoneStatus, 'exit'>, number>> = {
  ok: EXIT.ok,
  error: EXIT.raised,
  interrupted: EXIT.interrupted,
  timeout: EXIT.timeout,
  cancelled: EXIT.cancelled,
  lost: EXIT.lost,
};

/** The exit status for a run that ended so; SystemExit counts as it does for Python itself. */
export function exitCodeOfDone(done: Pick<DoneEvent, 'status' | 'code'>): number {
  return done.status === 'exit' ? exitCodeOfSystemExit(done.code) : EXIT_OF_STATUS[done.status];
}

/** None is 0, a text 1 (it is told on stderr), a number its lowest eight bits. */
function exitCodeOfSystemExit(code: unknown): number {
  if (code === null || code === undefined) return EXIT.ok;
  if (typeof code === 'number') return code & 255;
  if (typeof code === 'bigint') return Number(BigInt.asUintN(8, code));
  return EXIT.failure;
}
