/** One execution of a snippet: its number, its state, its log. */
import type { DoneEvent, DoneStatus, RunState, RunSummary } from '../protocol/messages.js';
import { decodeMessagePack } from '../protocol/msgpack.js';
import type { RunLog } from './run_log.js';
import type { Submission } from './submission.js';

/** Why the server set out to end a run. */
export type EndCause = 'timeout' | 'interrupt' | 'cancel';

export class Run {
  readonly number: number;
  submission: Submission;
  readonly log: RunLog;
  state: RunState = 'queued';
  /** Milliseconds since 1970, null while queued. */
  started: number | null = null;
  /** The same moment on the monotonic clock. */
  startedAt = 0;
  generation: number | null = null;
  /** Set when the server began to end it. */
  endCause: EndCause | null = null;
  /** Set when its kernel was killed to end it. */
  killCause: EndCause | null = null;
  /** It waits for a line of input. */
  asking = false;
  #done: DoneEvent | null = null;
  #waiters: ((done: DoneEvent) => void)[] = [];

  constructor(number: number, submission: Submission, log: RunLog) {
    this.number = number;
    this.submission = submission;
    this.log = log;
  }

  /** Its last event, decoded when first asked for; null while it has not ended. */
  get done(): DoneEvent | null {
    if (this.#done === null && this.state === 'done' && this.log.last !== null) {
      this.#done = decodeMessagePack(this.log.last) as DoneEvent;
    }
    return this.#done;
  }

  get status(): DoneStatus | null {
    return this.done?.status ?? null;
  }

  /** Calls back once it has ended (at once if it has). What this returns takes the wish back. */
  whenDone(callback: (done: DoneEvent) => void): () => void {
    if (this.done !== null) callback(this.done);
    else this.#waiters.push(callback);
    return () => {
      this.#waiters = this.#waiters.filter((other) => other !== callback);
    };
  }

  /** Adds its last event. */
  finish(payload: Buffer): void {
    this.state = 'done';
    this.asking = false;
    // Only the code is asked for again; the rest may be large.
    if (hasBulk(this.submission)) this.submission = withoutBulk(this.submission);
    this.log.append(payload, true);
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter(this.done as DoneEvent);
  }

  summary(withCode: boolean): RunSummary {
    const { number: run, state, started, generation, submission, log } = this;
    const ms = this.done?.ms ?? (started === null ? null : performance.now() - this.startedAt);
    const base = { run, state, status: this.status, name: submission.name ?? null, started, ms, generation };
    const quiet = submission.quiet === true && { quiet: true as const };
    return { ...base, events: log.eventCount, ...(withCode && { code: submission.code }), ...quiet };
  }
}

function hasBulk(submission: Submission): boolean {
  return submission.arguments !== undefined || submission.stdin !== undefined || submission.argv !== undefined;
}

function withoutBulk(submission: Submission): Submission {
  const { arguments: _, stdin, argv, ...kept } = submission;
  return kept;
}
