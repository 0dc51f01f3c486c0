import { describe, expect, test } from 'vitest';
import { SockPythonError } from '../../src/protocol/errors.js';
import type { Run } from '../../src/server/run.js';
import { RunQueue } from '../../src/server/run_queue.js';

/** The queue looks at a run's identity alone. */
function someRun(number: number): Run {
  return { number } as Run;
}

function codeOf(work: () => void): string {
  try {
    work();
  } catch (error) {
    return error instanceof SockPythonError ? error.code : String(error);
  }
  return 'none';
}

describe('the queue', () => {
  test('gives runs back in the order of their coming, and tells their places', () => {
    const queue = new RunQueue(10);
    const runs = [1, 2, 3].map(someRun);
    expect(runs.map((run) => queue.add(run, null))).toEqual([1, 2, 3]);
    expect(queue.remove(runs[1] as Run)).toBe(true);
    expect(queue.remove(runs[1] as Run)).toBe(false);
    expect(queue.list()).toEqual([runs[0], runs[2]]);
    expect([queue.shift(), queue.shift(), queue.shift()]).toEqual([runs[0], runs[2], undefined]);
  });

  test('leaves half of itself to others, and is full for all in the end', () => {
    const queue = new RunQueue(4);
    const [greedy, modest] = [{}, {}];
    for (let number = 1; number <= 2; number++) {
      queue.checkRoom(greedy);
      queue.add(someRun(number), greedy);
    }
    expect(codeOf(() => queue.checkRoom(greedy))).toBe('overloaded');
    for (let number = 3; number <= 4; number++) {
      queue.checkRoom(modest);
      queue.add(someRun(number), modest);
    }
    expect(codeOf(() => queue.checkRoom({}))).toBe('overloaded');
    queue.shift();
    expect(codeOf(() => queue.checkRoom(greedy))).toBe('none');
  });

  test('of one place takes one', () => {
    const queue = new RunQueue(1);
    queue.checkRoom({});
    queue.add(someRun(1), {});
    expect(codeOf(() => queue.checkRoom({}))).toBe('overloaded');
    expect(queue.clear()).toHaveLength(1);
    expect(queue.length).toBe(0);
  });
});
