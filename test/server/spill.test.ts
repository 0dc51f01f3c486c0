import { existsSync, readdirSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Spill } from '../../src/server/spill.js';
import { usePlace } from '../support/leftovers.js';

const place = usePlace();

function payload(index: number, bytes = 100): Buffer {
  return Buffer.alloc(bytes, `${index} `);
}

/** Writes events one a time, as many as asked for. */
function fill(spill: Spill, count: number, bytes?: number): void {
  for (let index = 0; index < count; index++) spill.write({ event: index, byte: 0 }, [payload(index, bytes)]);
}

/** What can be read from `from` on, up to where it stops. */
function readAll(spill: Spill, from: number): Buffer[] {
  const found: Buffer[] = [];
  for (let part = spill.read(from); part !== null && part.length > 0; part = spill.read(from + found.length)) {
    found.push(...part);
  }
  return found;
}

describe('a spill', () => {
  test('gives back what was written, from any event on', () => {
    const spill = new Spill(place.path('logs'), 'run-1', 1_000_000);
    spill.write({ event: 0, byte: 0 }, [payload(0), payload(1), Buffer.alloc(0)]);
    spill.write({ event: 3, byte: 200 }, [payload(3, 70_000)]);
    const all = [payload(0), payload(1), Buffer.alloc(0), payload(3, 70_000)];
    for (let from = 0; from < 4; from++) expect(readAll(spill, from)).toEqual(all.slice(from));
    expect(spill.read(4)).toBe(null);
    expect(spill.gap).toEqual({ events: 0, bytes: 0 });
    spill.remove();
  });

  test('keeps its files private, and removes them', () => {
    const spill = new Spill(place.path('logs'), 'run-1', 1000);
    fill(spill, 30);
    const names = readdirSync(place.path('logs'));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) expect(statSync(place.path(`logs/${name}`)).mode & 0o777).toBe(0o600);
    expect(statSync(place.path('logs')).mode & 0o777).toBe(0o700);
    spill.remove();
    expect(readdirSync(place.path('logs'))).toEqual([]);
    expect(spill.bytes).toBe(0);
  });

  test('over its cap keeps head and tail and counts exactly what it dropped', () => {
    const spill = new Spill(place.path('logs'), 'run-1', 10_000);
    fill(spill, 1000);
    expect(spill.bytes).toBeLessThanOrEqual(10_000);
    const head = readAll(spill, 0);
    const next = spill.skip(head.length)?.event ?? -1;
    const tail = readAll(spill, next);
    expect(head.map(String)).toEqual(head.map((_, at) => String(payload(at))));
    expect(tail.map(String)).toEqual(tail.map((_, at) => String(payload(next + at))));
    expect(next + tail.length).toBe(1000);
    const dropped = next - head.length;
    expect(spill.gap).toEqual({ events: dropped, bytes: dropped * 100 });
    expect(head.length).toBeGreaterThan(10);
    expect(tail.length).toBeGreaterThan(10);
    spill.remove();
  });

  test('stays near its cap also when single events are large beside it', () => {
    const spill = new Spill(place.path('logs'), 'run-1', 10_000);
    fill(spill, 50, 4000);
    expect(spill.bytes).toBeLessThanOrEqual(10_000 + 4004);
    spill.remove();
  });

  test('is not made before it is needed', () => {
    const spill = new Spill(place.path('logs'), 'run-1', 10_000);
    expect(existsSync(place.path('logs'))).toBe(false);
    spill.remove();
  });
});
