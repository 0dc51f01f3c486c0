/** Runs that wait: first in, first out, bounded, and no client may hold more than its share. */
import { SockPythonError } from '../protocol/errors.js';
import type { Run } from './run.js';

interface Waiting {
  readonly run: Run;
  readonly owner: object | null;
}

export class RunQueue {
  readonly #limit: number;
  readonly #share: number;
  readonly #waiting: Waiting[] = [];

  /** `limit` runs may wait, half of them from one client. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#share = Math.max(1, Math.floor(limit / 2));
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** @throws overloaded when there is no room for one more of this owner's. */
  checkRoom(owner: object | null): void {
    if (this.length >= this.#limit) {
      throw new SockPythonError('overloaded', `${this.#limit} runs wait already; nothing was run`);
    }
    if (owner === null || this.length < this.#share) return;
    const held = this.#waiting.filter((waiting) => waiting.owner === owner).length;
    if (held >= this.#share) {
      throw new SockPythonError('overloaded', `this client has ${held} runs waiting, its share; nothing was run`);
    }
  }

  /** Puts a run at the end; returns its place, counted from 1. */
  add(run: Run, owner: object | null): number {
    return this.#waiting.push({ run, owner });
  }

  /** Takes the next one out. */
  shift(): Run | undefined {
    return this.#waiting.shift()?.run;
  }

  /** Takes one out of the middle; false if it is not there. */
  remove(run: Run): boolean {
    const at = this.#waiting.findIndex((waiting) => waiting.run === run);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  /** All, oldest first. */
  list(): Run[] {
    return this.#waiting.map(({ run }) => run);
  }

  /** Takes all out, oldest first. */
  clear(): Run[] {
    return this.#waiting.splice(0).map(({ run }) => run);
  }
}
