import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { encodeMessagePack } from '../../src/protocol/msgpack.js';
import type { Run } from '../../src/server/run.js';
import { RunStore, type RunStoreOptions } from '../../src/server/run_store.js';
import { usePlace } from '../support/leftovers.js';

const place = usePlace();

function makeStore(options: Partial<RunStoreOptions> = {}): RunStore {
  return new RunStore({ spillDirectory: place.path('logs'), onSpillFailed: () => {}, ...options });
}

function finish(store: RunStore, run: Run, outputBytes = 0): void {
  for (let left = outputBytes; left > 0; left -= 100_000) run.log.append(Buffer.alloc(100_000));
  run.finish(encodeMessagePack({ event: 'done', run: run.number, status: 'ok', ms: 1, kept: true }));
  store.retire(run);
}

describe('the store', () => {
  test('keeps the newest finished runs, by number', () => {
    const store = makeStore({ keptRunCount: 3 });
    const runs = [1, 2, 3, 4, 5].map(() => store.create({ code: 'x' }));
    for (const run of runs) finish(store, run);
    expect(store.list(10).map(({ number }) => number)).toEqual([5, 4, 3]);
    expect(store.get(2)).toBe(undefined);
    expect(store.count).toBe(5);
    expect(store.last?.number).toBe(5);
  });

  test('never forgets a run that has not ended', () => {
    const store = makeStore({ keptRunCount: 1 });
    const open = store.create({ code: 'open' });
    for (let count = 0; count < 5; count++) finish(store, store.create({ code: 'x' }));
    expect(store.list(10).map(({ number }) => number)).toEqual([6, 1]);
    expect(store.list(10, 'queued')).toEqual([open]);
    expect(store.list(1)).toHaveLength(1);
  });

  test('bounds what finished runs hold in memory, their code and arguments included', () => {
    const store = makeStore({ keptBytes: 10_000 });
    for (let count = 0; count < 5; count++) finish(store, store.create({ code: 'x'.repeat(4000) }));
    expect(store.list(10).length).toBeLessThanOrEqual(3);
    const other = makeStore({ keptBytes: 10_000 });
    for (let count = 0; count < 5; count++) {
      finish(other, other.create({ code: 'x', arguments: { table: Buffer.alloc(4000) }, stdin: { text: 'y' } }));
    }
    const held = other.list(10).filter(({ submission }) => submission.arguments !== undefined);
    expect(held.length).toBeLessThanOrEqual(3);
  });

  test('drops the oldest logs when all together are too large for the disk', () => {
    const store = makeStore({ sessionSpillBytes: 5_000_000 });
    for (let count = 0; count < 6; count++) finish(store, store.create({ code: 'x' }), 3_000_000);
    const left = store.list(10);
    expect(left.length).toBeLessThan(4);
    expect(left[0]?.number).toBe(6);
    expect(left.reduce((sum, { log }) => sum + log.spilledBytes, 0)).toBeLessThanOrEqual(5_000_000);
    store.remove();
    expect(readdirSync(place.path('logs'))).toEqual([]);
  });

  test('touches no disk for small runs', () => {
    const store = makeStore();
    for (let count = 0; count < 100; count++) finish(store, store.create({ code: 'x' }));
    expect(existsSync(place.path('logs'))).toBe(false);
  });
});
