/** Output whose every byte is known beforehand, and what readers put together of it. */
import type { RunEvent } from '../../../src/index.js';

/** The texts of a run: all in their order, and each way by itself. */
export interface Texts {
  readonly all: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly get: string;
}

export interface Production {
  readonly code: string;
  readonly texts: Texts;
}

/** Lines on stdout and stderr and get() texts in turn, some 190 bytes a round; asks for a line before round `gateAt`. */
export function mixedProduction(roundCount: number, gateAt: number = -1): Production {
  const code = [
    'import sys',
    `for i in range(${roundCount}):`,
    `    if i == ${gateAt}: input()`,
    "    print(f'{i:07}o' + 'ö' * 50)",
    "    if i % 3 == 0: get(f'{i:07}g' + 'y' * 100)",
    "    if i % 5 == 0: print(f'{i:07}e' + 'z' * 60, file=sys.stderr)",
  ].join('\n');
  const parts: Record<'all' | 'stdout' | 'stderr' | 'get', string[]> = { all: [], stdout: [], stderr: [], get: [] };
  const add = (way: 'stdout' | 'stderr' | 'get', text: string): void => {
    parts[way].push(text);
    parts.all.push(text);
  };
  for (let round = 0; round < roundCount; round++) {
    const number = String(round).padStart(7, '0');
    add('stdout', `${number}o${'ö'.repeat(50)}\n`);
    if (round % 3 === 0) add('get', `${number}g${'y'.repeat(100)}`);
    if (round % 5 === 0) add('stderr', `${number}e${'z'.repeat(60)}\n`);
  }
  return { code, texts: joined(parts) };
}

/** What a reader has, put together from events, of which there may be several stretches. */
export function textsOf(events: Iterable<RunEvent>): Texts {
  const parts: Record<'all' | 'stdout' | 'stderr' | 'get', string[]> = { all: [], stdout: [], stderr: [], get: [] };
  for (const event of events) {
    if (event.event !== 'stdout' && event.event !== 'stderr' && event.event !== 'get') continue;
    const text = typeof event.text === 'string' ? event.text : Buffer.from(event.text).toString('latin1');
    parts[event.event].push(text);
    parts.all.push(text);
  }
  return joined(parts);
}

/** Fails with where two texts part, not with megabytes of them. */
export function expectSameTexts(found: Texts, expected: Texts): void {
  for (const way of ['stdout', 'stderr', 'get', 'all'] as const) expectSameText(found[way], expected[way], way);
}

export function expectSameText(found: string, expected: string, what: string): void {
  if (found === expected) return;
  let at = 0;
  while (at < found.length && found[at] === expected[at]) at += 1;
  const show = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 40), at + 60));
  throw new Error(
    `${what} differs at ${at} (${found.length} and ${expected.length} long): ${show(found)} is not ${show(expected)}`,
  );
}

function joined(parts: Record<keyof Texts, string[]>): Texts {
  const join = (way: keyof Texts): string => parts[way].join('');
  return { all: join('all'), stdout: join('stdout'), stderr: join('stderr'), get: join('get') };
}
