/** Runs by number: the open ones, and the finished ones as long as they are kept. */
import { LIMITS } from '../protocol/limits.js';
import type { RunState } from '../protocol/messages.js';
import { Run } from './run.js';
import { RunLog } from './run_log.js';
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

export class RunStore {
  readonly #options: RunStoreOptions;
  readonly #runs = new Map<number, Run>();
  /** Finished ones, oldest first, with what they hold in memory and since when. */
  readonly #finished = new Map<Run, { readonly bytes: number; readonly at: number }>();
  #finishedBytes = 0;
  #last = 0;

  constructor(options: RunStoreOptions) {
    this.#options = options;
  }

  /** How many there have been. */
  get count(): number {
    return this.#last;
  }

  get(run: number): Run | undefined {
    if (this.#options.keptMs !== undefined && this.#isOverfull(0)) this.#evictOldest();
    return this.#runs.get(run);
  }

  /** The one with the highest number that is still known. */
  get last(): Run | undefined {
    return this.#runs.get(this.#last);
  }

  create(submission: Submission): Run {
    this.#last += 1;
    const number = this.#last;
    const run = new Run(
      number,
      submission,
      this.#createLog(number, this.#options.runSpillBytes ?? LIMITS.runSpillBytes),
    );
    this.#runs.set(number, run);
    return run;
  }

  /** The log of what belongs to no run; it keeps only the newest. */
  createStream(): RunLog {
    return this.#createLog(0, LIMITS.streamSpillBytes);
  }

  /** The run has ended: it is kept from now on only as long as there is room. */
  retire(run: Run): void {
    const bytes = run.log.memoryBytes + run.submission.code.length;
    this.#finished.set(run, { bytes, at: performance.now() });
    this.#finishedBytes += bytes;
    if (run.log.spilledBytes > 0 || this.#isOverfull(0)) this.#evictOldest();
  }

  /** Newest first. */
  list(limit: number, state?: RunState): Run[] {
    const found: Run[] = [];
    for (const run of [...this.#runs.values()].reverse()) {
      if (found.length >= limit) break;
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

  #createLog(number: number, capBytes: number): RunLog {
    return new RunLog({
      memoryBytes: LIMITS.logMemoryBytes,
      memoryEventCount: LIMITS.logMemoryEventCount,
      openSpill: () => new Spill(this.#options.spillDirectory, `run-${number}`, capBytes),
      onSpillFailed: (error) => this.#options.onSpillFailed(number, error),
    });
  }

  #isOverfull(spilledBytes: number): boolean {
    const { keptRunCount, keptBytes, keptMs, sessionSpillBytes } = this.#options;
    const [oldest] = this.#finished.values();
    return (
      this.#finished.size > (keptRunCount ?? LIMITS.keptRunCount) ||
      this.#finishedBytes > (keptBytes ?? LIMITS.keptBytes) ||
      spilledBytes > (sessionSpillBytes ?? LIMITS.sessionSpillBytes) ||
      (oldest !== undefined && keptMs !== undefined && performance.now() - oldest.at > keptMs)
    );
  }

  /** Oldest first; the newest one is kept whatever its size. */
  #evictOldest(): void {
    for (const run of this.#finished.keys()) {
      if (this.#finished.size <= 1 || !this.#isOverfull(this.#spilledBytes())) return;
      this.#evict(run);
    }
  }

  #evict(run: Run): void {
    this.#finishedBytes -= this.#finished.get(run)?.bytes ?? 0;
    this.#finished.delete(run);
    this.#runs.delete(run.number);
    run.log.remove();
  }

  #spilledBytes(): number {
    let sum = 0;
    for (const run of this.#runs.values()) sum += run.log.spilledBytes;
    return sum;
  }
}
