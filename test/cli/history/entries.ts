/** Runs as a history has them, for tests that need no session. */
import type { HistoryEntry } from '../../../src/index.js';

export function entry(run: number, code: string, more: Partial<HistoryEntry> = {}): HistoryEntry {
  return { run, code, state: 'done', status: 'ok', name: null, started: 0, ms: 1, generation: 1, events: 2, ...more };
}

/** Runs 1, 2, 3 … that ended well. */
export function entries(...codes: readonly string[]): readonly HistoryEntry[] {
  return codes.map((code, at) => entry(at + 1, code));
}
