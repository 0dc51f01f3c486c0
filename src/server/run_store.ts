/** Runs by number: the open ones, and the finished ones as long as they are kept. */
import { LIMITS } from '../protocol/limits.js';
import type { RunState } from '../protocol/messages.js';
import { Fifo } from './fifo.js';
import { Run } from './run.js';
import { RunLog, type RunLogOptions } from './run_log.js';
import { Spill } from './spill.js';
import type { Submission } from './submission.js';

export interface RunStoreOptions {
  /** Directory for logs that outgrow memory; made when first needed. */
  readonly spillDirectory: string;
  readonly onSpillFailed: (run: number, error: Error) => void;
  readonly keptRunCount?: number | undefined;
  readonly keptBytes?: number | undefined;
  readonly keptMs?: number | undefined;
  readonly runSpillBytes?: number | undefined;
  readonly sessionSpillBytes?: number | undefined;
}

/** What a finished run takes, and since when. */
interface Kept {
  readonly run: Run;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly at: number;
}

export class RunStore {
  readonly #options: RunStoreOptions;
  readonly #runLogOptions: RunLogOptions;
  readonly #runs = new Map<number, Run>();
  /** Finished ones, oldest first. */
  readonly #finished = new Fifo<Kept>();
  #memoryBytes = 0;
  #diskBytes = 0;
  #last = 0;

  constructor(options: RunStoreOptions) {
    this.#options = options;
    this.#runLogOptions = this.#logOptions(options.runSpillBytes ?? LIMITS.runSpillBytes);
  }

  /** How many there have been. */
  get count(): number {
    return this.#last;
  }

  get(run: number): Run | undefined {
    this.#evictAged();
    return this.#runs.get(run);
  }

  /** The one with the highest number that is still known. */
  get last(): Run | undefined {
    return this.#runs.get(this.#last);
  }

  create(submission: Submission): Run {
    this.#last += 1;
    const number = this.#last;
    const run = new Run(number, submission, new RunLog(this.#runLogOptions, number));
    this.#runs.set(number, run);
    return run;
  }

  /** The log of what belongs to no run; it keeps only the newest. */
  createStream(): RunLog {
    return new RunLog(this.#logOptions(LIMITS.streamSpillBytes), 0);
  }

  /** The log of the session's losses. */
  createLosses(): RunLog {
    const options = this.#logOptions(LIMITS.streamSpillBytes);
    const openSpill = (): Spill => new Spill(this.#options.spillDirectory, 'losses', LIMITS.streamSpillBytes);
    return new RunLog({ ...options, openSpill }, 0);
  }

  /** The run has ended: it is kept from now on only as long as there is room. */
  retire(run: Run): void {
    const memoryBytes = run.log.memoryBytes + run.submission.code.length;
    const diskBytes = run.log.spilledBytes;
    this.#finished.push({ run, memoryBytes, diskBytes, at: performance.now() });
    this.#memoryBytes += memoryBytes;
    this.#diskBytes += diskBytes;
    this.#evictOldest();
  }

  /** Newest first; those marked quiet only if they are asked for. */
  list(limit: number, state?: RunState, withQuiet = false): Run[] {
    this.#evictAged();
    const found: Run[] = [];
    for (const run of [...this.#runs.values()].reverse()) {
      if (found.length >= limit) break;
      if (run.submission.quiet === true && !withQuiet) continue;
      if (state === undefined || run.state === state) found.push(run);
    }
    return found;
  }

  /** Forgets all, on disk too. */
  remove(): void {
    for (const run of this.#runs.values()) run.log.remove();
    this.#runs.clear();
    this.#finished.clear();
  }

  #logOptions(capBytes: number): RunLogOptions {
    return {
      memoryBytes: LIMITS.logMemoryBytes,
      memoryEventCount: LIMITS.logMemoryEventCount,
      openSpill: (run) => new Spill(this.#options.spillDirectory, `run-${run}`, capBytes),
      onSpillFailed: this.#options.onSpillFailed,
    };
  }

  #isOverfull(): boolean {
    const { keptRunCount, keptBytes, keptMs, sessionSpillBytes } = this.#options;
    return (
      this.#finished.length > (keptRunCount ?? LIMITS.keptRunCount) ||
      this.#memoryBytes > (keptBytes ?? LIMITS.keptBytes) ||
      this.#diskBytes > (sessionSpillBytes ?? LIMITS.sessionSpillBytes) ||
      (keptMs !== undefined && this.#oldestAgeMs() > keptMs)
    );
  }

  /** Nothing but time makes runs too old, so they are looked for when somebody asks. */
  #evictAged(): void {
    if (this.#options.keptMs !== undefined) this.#evictOldest();
  }

  /** Oldest first; the newest one is kept whatever its size. */
  #evictOldest(): void {
    while (this.#finished.length > 1 && this.#isOverfull()) {
      const kept = this.#finished.shift();
      if (kept !== undefined) this.#evict(kept);
    }
  }

  #evict({ run, memoryBytes, diskBytes }: Kept): void {
    this.#memoryBytes -= memoryBytes;
    this.#diskBytes -= diskBytes;
    this.#runs.delete(run.number);
    run.log.remove();
  }

  #oldestAgeMs(): number {
    const oldest = this.#finished.first;
    return oldest === undefined ? 0 : performance.now() - oldest.at;
  }
}
