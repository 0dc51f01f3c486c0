/**
 * Idempotency keys: the same key never runs twice. Keys outlive the logs of their runs, so that a late retry is
 * told the truth even when there is nothing left to replay.
 */
import { createHash } from 'node:crypto';
import { SockPythonError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import type { DoneStatus } from '../protocol/messages.js';
import type { Run } from './run.js';
import type { RunStore } from './run_store.js';
import type { Submission } from './submission.js';

interface Entry {
  readonly run: number;
  readonly codeHash: string;
  status: DoneStatus | null;
}

export class KeyRegistry {
  readonly #entries = new Map<string, Entry>();

  /**
   * The run that this key stands for already, if any.
   * @throws bad_request if it was for other code; not_found, with run and final status in `details`, if that run is
   * no longer kept.
   */
  find(submission: Submission, store: RunStore): Run | null {
    const { key } = submission;
    const entry = key === undefined ? undefined : this.#entries.get(key);
    if (entry === undefined) return null;
    if (entry.codeHash !== hash(submission.code)) {
      throw new SockPythonError(
        'bad_request',
        `the key ${JSON.stringify(key)} was used for other code (run ${entry.run})`,
      );
    }
    const run = store.get(entry.run);
    if (run !== undefined) return run;
    const { status } = entry;
    throw new SockPythonError(
      'not_found',
      `run ${entry.run} of this key ended ${status}; its output is no longer kept`,
      {
        details: { run: entry.run, status },
      },
    );
  }

  /** Binds a fresh run to its key. */
  add(run: Run): void {
    const { key, code } = run.submission;
    if (key === undefined) return;
    const entry: Entry = { run: run.number, codeHash: hash(code), status: null };
    this.#entries.set(key, entry);
    run.whenDone((done) => {
      entry.status = done.status;
    });
    if (this.#entries.size <= LIMITS.keyCount) return;
    for (const [oldest, { status }] of this.#entries) {
      if (status === null) continue;
      this.#entries.delete(oldest);
      return;
    }
  }
}

function hash(code: string): string {
  return createHash('sha256').update(code).digest('base64');
}
