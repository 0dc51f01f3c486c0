import { describe, expect, test } from 'vitest';
import { type Follower, RunLog, type RunLogOptions } from '../../src/server/run_log.js';
import { Spill } from '../../src/server/spill.js';
import { usePlace } from '../support/leftovers.js';

const place = usePlace();

function payload(index: number, bytes = 100): Buffer {
  return Buffer.alloc(bytes, `${index} `);
}

interface Made {
  readonly log: RunLog;
  readonly failures: Error[];
  full: boolean;
}

/** A log that keeps ten events of a hundred bytes in memory. */
function makeLog(capBytes = 1_000_000): Made {
  const made = { failures: [] as Error[], full: false };
  const options: RunLogOptions = {
    memoryBytes: 1000,
    memoryEventCount: 10,
    openSpill: () => {
      const spill = new Spill(place.path('logs'), 'run-1', capBytes);
      const write = spill.write.bind(spill);
      spill.write = (first, payloads) => {
        if (made.full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        write(first, payloads);
      };
      return spill;
    },
    onSpillFailed: (_run, error) => void made.failures.push(error),
  };
  const log = new RunLog(options, 1);
  return Object.assign(made, { log });
}

interface Read {
  readonly events: Buffer[];
  readonly gaps: { readonly at: number; readonly events: number; readonly bytes: number }[];
  /** The number that the reader has come to. */
  readonly end: number;
}

/** Reads as an observer does. */
function readAll(log: RunLog, from = 0): Read {
  const read: Read = { events: [], gaps: [], end: from };
  let at = from;
  for (let stretch = log.read(at); stretch !== null; stretch = log.read(at)) {
    if (stretch.gap !== null) read.gaps.push({ at, ...stretch.gap });
    read.events.push(...stretch.payloads);
    at = stretch.first + stretch.payloads.length;
  }
  return { ...read, end: at };
}

class Recorder implements Follower {
  readonly seen: [number, boolean][] = [];
  announced = 0;
  onAppend(_bytes: Buffer, index: number, quiet: boolean): void {
    this.seen.push([index, quiet]);
  }
  onAnnounce(): void {
    this.announced += 1;
  }
}

describe('a log', () => {
  test('is read from any event on, whether that is in memory or on disk', () => {
    const { log } = makeLog();
    for (let index = 0; index < 95; index++) log.append(payload(index));
    expect(log.eventCount).toBe(95);
    expect(log.bytes).toBe(9500);
    expect(log.memoryBytes).toBeLessThanOrEqual(1100);
    expect(log.spilledBytes).toBeGreaterThan(8000);
    for (const from of [0, 1, 42, 84, 93, 94]) {
      const { events, gaps, end } = readAll(log, from);
      expect(gaps).toEqual([]);
      expect(end).toBe(95);
      expect(events.map(String)).toEqual(events.map((_, at) => String(payload(from + at))));
    }
    expect(log.read(95)).toBe(null);
    expect(log.read(1000)).toBe(null);
    log.remove();
  });

  test('hands new events to its followers with their numbers, until they leave', () => {
    const { log } = makeLog();
    const [one, two] = [new Recorder(), new Recorder()];
    log.append(payload(0));
    log.follow(one);
    log.append(payload(1));
    log.follow(two);
    log.append(payload(2), true);
    log.unfollow(one);
    expect(one.seen.map(([index]) => index)).toEqual([1, 2]);
    expect(two.seen.map(([index]) => index)).toEqual([2]);
    expect(log.ended).toBe(true);
    expect(String(log.last)).toBe(String(payload(2)));
  });

  test('lets an event wait for company, and shows it when told', () => {
    const { log } = makeLog();
    const one = new Recorder();
    log.follow(one);
    log.appendQuietly(payload(0));
    expect(one.seen).toEqual([[0, true]]);
    log.announce();
    expect(one.announced).toBe(1);
    expect(readAll(log).events.map(String)).toEqual([String(payload(0))]);
  });

  test('keeps one huge event in memory rather than none', () => {
    const { log } = makeLog();
    log.append(payload(0, 50_000));
    log.append(payload(1, 50_000), true);
    expect(readAll(log).events.map(({ length }) => length)).toEqual([50_000, 50_000]);
    expect(log.last?.length).toBe(50_000);
    log.remove();
  });

  test.each([0, 3, 60, 200])('tells every event and every byte past its cap, read from %i on', (from) => {
    const { log } = makeLog(8000);
    for (let index = 0; index < 1000; index++) log.append(payload(index));
    const { events, gaps, end } = readAll(log, from);
    expect(end).toBe(1000);
    expect(gaps).toHaveLength(1);
    const [gap] = gaps;
    expect(events.length + (gap?.events ?? 0)).toBe(1000 - from);
    expect(events.length * 100 + (gap?.bytes ?? 0)).toBe((1000 - from) * 100);
    log.remove();
  });

  test.each([0, 70, 150])('tells exactly what a full disk cost, read from %i on', (from) => {
    const made = makeLog();
    const { log } = made;
    for (let index = 0; index < 100; index++) log.append(payload(index));
    made.full = true;
    for (let index = 100; index < 200; index++) log.append(payload(index));
    expect(made.failures).toHaveLength(1);
    const { events, gaps, end } = readAll(log, from);
    expect(end).toBe(200);
    expect(gaps).toHaveLength(1);
    expect(events.length + (gaps[0]?.events ?? 0)).toBe(200 - from);
    expect(events.length * 100 + (gaps[0]?.bytes ?? 0)).toBe((200 - from) * 100);
    expect(String(events.at(-1))).toBe(String(payload(199)));
    log.remove();
  });

  test.each([0, 40])('removed under a reader at %i, tells it what it misses, and keeps the end', (from) => {
    const { log } = makeLog();
    for (let index = 0; index < 50; index++) log.append(payload(index), index === 49);
    log.remove();
    const { events, gaps, end } = readAll(log, from);
    expect(end).toBe(50);
    expect(events.map(String)).toEqual([String(payload(49))]);
    expect(gaps).toEqual([{ at: from, events: 49 - from, bytes: (49 - from) * 100 }]);
  });
});
