/**
 * The ladder by which a run is ended. Each rung has a stated outcome, and the answer says which one it took.
 *
 *   queued: cancelled
 *   1  what Ctrl+C does: KeyboardInterrupt in the main thread, or the awaiting task cancelled   → interrupted
 *   1b SIGINT from outside, if the kernel has not taken the first within 100 ms
 *   2  forced: raised at every line until our boundary, so that swallowing it does not help     → forced
 *   3  SIGINT to the processes that this run has started                                        → forced
 *   4  kill, and a fresh kernel; only when asked                                                → killed
 *   else it still runs, and the Python stack says where                                         → still_running
 */

import { LIMITS } from '../protocol/limits.js';
import type { DoneEvent, InterruptOutcome, InterruptReply } from '../protocol/messages.js';
import type { EndCause, Run } from './run.js';
import type { Session } from './session.js';

export interface LadderOptions {
  /** Time for the whole ladder but the kill. */
  readonly graceMs?: number | undefined;
  readonly kill?: boolean | undefined;
  readonly cause: EndCause;
  /** Whose doing a kill is, for the run's own `done`. */
  readonly why: string;
}

const TAKEN_MS = 100;
const STACK_MS = 250;
/** The shares of the grace time that the first three rungs are given. */
const SHARES = [0.5, 0.25, 0.25] as const;

export class Ladder {
  readonly #session: Session;
  #onTaken: ((run: number) => void) | null = null;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The kernel's handler has seen an interrupt. */
  onTaken(run: number): void {
    this.#onTaken?.(run);
  }

  /** Ends this run as far as it is allowed to, and says how far it came. */
  async end(run: Run, options: LadderOptions): Promise<InterruptReply> {
    const begun = performance.now();
    const answer = (outcome: InterruptOutcome, kept: boolean, stack?: string): InterruptReply => {
      const ms = performance.now() - begun;
      return { run: run.number, outcome, kept, ms, ...(stack !== undefined && stack !== '' && { stack }) };
    };
    if (run.state === 'done') return answer('not_running', this.#session.kernel !== null);
    if (this.#session.withdraw(run, options.why)) return answer('cancelled', true);
    run.endCause ??= options.cause;
    const done = await this.#climb(run, options);
    if (done !== null) return answer(outcomeOf(done), done.kept);
    if (options.kill !== true) return answer('still_running', true, await this.#stack(run));
    run.killCause = options.cause;
    this.#session.kernel?.kill(`${options.why}; it did not end in time, so the kernel was killed`);
    await ended(run, null);
    return answer('killed', false);
  }

  async #climb(run: Run, { graceMs = LIMITS.interruptGraceMs }: LadderOptions): Promise<DoneEvent | null> {
    const kernel = this.#session.kernel;
    if (kernel === null) return ended(run, graceMs);
    const deaf = setTimeout(() => kernel.signalInterrupt(), TAKEN_MS);
    this.#onTaken = (number) => {
      if (number === run.number) clearTimeout(deaf);
    };
    const rungs = [
      () => kernel.interrupt(run.number, 1),
      () => kernel.interrupt(run.number, 2),
      () => kernel.interruptChildren(performance.now() - run.startedAt),
    ];
    try {
      for (const [index, rung] of rungs.entries()) {
        rung();
        const done = await ended(run, graceMs * (SHARES[index] ?? 0));
        if (done !== null) return done;
      }
      return null;
    } finally {
      clearTimeout(deaf);
    }
  }

  /** Where the run is, if the kernel can still say so. */
  async #stack(run: Run): Promise<string> {
    const kernel = this.#session.kernel;
    if (kernel === null || this.#session.current !== run) return '';
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      timer = setTimeout(() => resolve('(in one long call of C code: Python cannot say where)'), STACK_MS);
    });
    const told = kernel.request('stack').then(
      (reply) => String((reply as { stack?: unknown }).stack ?? ''),
      () => '',
    );
    try {
      return await Promise.race([told, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Its last event, or null when it has not ended after `ms` (never, if null). */
function ended(run: Run, ms: number | null): Promise<DoneEvent | null> {
  return new Promise((resolve) => {
    const timer = ms === null ? null : setTimeout(() => resolve(null), ms);
    run.whenDone((done) => {
      if (timer !== null) clearTimeout(timer);
      resolve(done);
    });
  });
}

function outcomeOf(done: DoneEvent): InterruptOutcome {
  if (!done.kept) return 'killed';
  if (done.by === undefined) return 'not_running';
  return done.by === 'forced' ? 'forced' : 'interrupted';
}
