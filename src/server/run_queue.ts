/** Runs that wait: first in, first out, bounded, and no client may hold more than its share. */
import { SockPythonError } from '../protocol/errors.js';
import type { Run } from './run.js';

export class RunQueue {
  readonly #limit: number;
  readonly #share: number;
  readonly #owners = new Map<Run, object | null>();

  /** `limit` runs may wait, half of them from one client. */
  constructor(limit: number) {
    this.#limit = limit;
    this.#share = Math.max(1, Math.floor(limit / 2));
  }

  get length(): number {
    return this.#owners.size;
  }

  /** @throws overloaded when there is no room for one more of this owner's. */
  checkRoom(owner: object | null): void {
    if (this.length >= this.#limit) {
      throw new SockPythonError('overloaded', `${this.#limit} runs wait already; nothing was run`);
    }
    if (owner === null || this.length < this.#share) return;
    let held = 0;
    for (const other of this.#owners.values()) if (other === owner) held += 1;
    if (held >= this.#share) {
      throw new SockPythonError('overloaded', `this client has ${held} runs waiting, its share; nothing was run`);
    }
  }

  /** Puts a run at the end; returns its place, counted from 1. */
  add(run: Run, owner: object | null): number {
    this.#owners.set(run, owner);
    return this.#owners.size;
  }

  /** Takes the next one out. */
  shift(): Run | undefined {
    for (const run of this.#owners.keys()) {
      this.#owners.delete(run);
      return run;
    }
    return undefined;
  }

  /** Takes one out of the middle. */
  remove(run: Run): boolean {
    return this.#owners.delete(run);
  }

  /** All, oldest first. */
  list(): Run[] {
    return [...this.#owners.keys()];
  }

  /** Takes all out, oldest first. */
  clear(): Run[] {
    const runs = this.list();
    this.#owners.clear();
    return runs;
  }
}
