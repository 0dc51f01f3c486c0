/** What is kept of a run, and what is told of the rest: caps, a full disk, runs that are old. */
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { connect, formatAddress, type RunningServer, runSnippet } from '../../src/index.js';
import { FrameReader } from '../../src/protocol/frame.js';
import { decodeMessagePack } from '../../src/protocol/msgpack.js';
import { CommandLine } from '../cli/command.js';
import type { Message, RawClient } from '../server/kit/raw_client.js';
import { useServers } from '../server/kit/servers.js';
import { usePlace } from '../support/leftovers.js';
import { realServer } from '../support/real_server.js';
import { followAt } from './kit/following.js';
import { useSessions } from './kit/sessions.js';
import { canMount, mountSmall } from './kit/system.js';
import { eventually } from './kit/waiting.js';

const place = usePlace();
const servers = useServers();
const sessions = useSessions(place);
const line = new CommandLine(place);
const MEGABYTE = 1_048_576;
const isMountPossible = canMount();

/** What a reader was sent of run 1: events, gaps, and the bytes of all events as they stand in the log. */
interface Reading {
  readonly events: readonly Message[];
  readonly gaps: readonly Message[];
  readonly bytes: number;
}

describe('over the cap of its log', () => {
  /** Produces 200 KB whenever its one reader has read all before, so that this one needs no log. */
  const roundCount = 60;
  const code = [
    `for i in range(${roundCount}):`,
    '    input()',
    "    for j in range(100): print(f'{i * 100 + j:06}' + 'x' * 2000)",
  ].join('\n');

  async function produce(server: RunningServer): Promise<Reading> {
    const [reader, submitter] = [await servers.client(server), await servers.client(server)];
    submitter.send({ op: 'run', id: 1, code, stdin: 'ask' });
    await submitter.event('started');
    reader.send({ op: 'attach', id: 2, run: 1 });
    for (let round = 0; round < roundCount; round++) {
      await reader.event('input');
      await reader.ask({ op: 'input', id: 100 + round, run: 1, text: '' });
    }
    await reader.answer(2);
    return readingOf(reader);
  }

  async function read(server: RunningServer, since: number): Promise<Reading> {
    const reader = await servers.client(server);
    await reader.ask({ op: 'attach', id: 1, run: 1, since });
    return readingOf(reader);
  }

  test('what was received and what is told as missing are together what was produced, to the byte', async () => {
    const server = await servers.start({ runSpillBytes: MEGABYTE });
    const whole = await produce(server);
    expect(whole.gaps).toEqual([]);
    expect(whole.bytes).toBeGreaterThan(11 * MEGABYTE);
    const late = await read(server, 0);
    expect(late.gaps).toHaveLength(1);
    const [gap] = late.gaps as [{ events: number; bytes: number }];
    expect(late.events.length + gap.events).toBe(whole.events.length);
    expect(late.bytes + gap.bytes).toBe(whole.bytes);
    // Head and tail are what was produced there, event for event.
    const headCount = late.events.findIndex((event, at) => event.text !== whole.events[at]?.text);
    expect(headCount).toBeGreaterThan(10);
    expect(late.events.slice(0, headCount)).toEqual(whole.events.slice(0, headCount));
    expect(late.events.slice(headCount)).toEqual(whole.events.slice(headCount + gap.events));
    // A reader that knows a part of the head is told the same gap; one from within the gap, the rest of it.
    expect((await read(server, 5)).gaps).toEqual(late.gaps);
    const within = await read(server, headCount + 10);
    expect(within.gaps).toMatchObject([{ events: gap.events - 10 }]);
    expect(within.events).toEqual(late.events.slice(headCount));
  });

  test('a program and a command are told the gap where it is', async () => {
    await using server = await realServer(place, { runSpillBytes: MEGABYTE });
    const lines = "for i in range(10_000): print(f'{i:06}' + 'x' * 1000)";
    await runSnippet(server.address, lines, { collect: false });
    await using session = await connect(server.address);
    const result = await (await session.attach(1)).result;
    const [summary] = await session.runs();
    expect(result.gaps).toHaveLength(1);
    expect((await followAt(server, 1)).length - 1 + (result.gaps[0]?.events ?? 0)).toBe(summary?.events);
    expect(result.stdout.startsWith('000000x')).toBe(true);
    expect(result.stdout).toMatch(/009999x+\n$/);
    const [gap] = result.gaps;
    const shown = await line.run(['attach', '1', '-f', '-', '-a', formatAddress(server.address)]);
    expect(shown.stdout === result.stdout).toBe(true);
    const words = `sock-python: ${gap?.events} events (${gap?.bytes} bytes) of output were dropped here\n`;
    expect(shown).toMatchObject({ status: 0, stderr: words });
  });
});

describe('a disk that is full', () => {
  test.skipIf(!isMountPossible)('is told, costs the run nothing but old output, and the session goes on', async () => {
    using _disk = mountSmall(place.path('disk'), 2 * MEGABYTE);
    const session = await sessions.serve(['session.sock'], { env: { XDG_STATE_HOME: place.path('disk') } });
    try {
      const lines = "for i in range(10_000): print(f'{i:06}' + 'x' * 1000)\nget('end')";
      const result = await runSnippet(session.address, lines, { collect: false });
      expect(result).toMatchObject({ run: 1, status: 'ok', kept: true });
      await session.server.said(/error: the log of run 1 cannot be kept on disk: .*ENOSPC/, 'stderr');
      const events = await followAt(session, 1);
      const gaps = events.filter(({ event }) => event === 'gap') as { events: number; bytes: number }[];
      expect(gaps).toHaveLength(1);
      await using connection = await connect(session.address);
      const [summary] = await connection.runs();
      expect(events.length - 1 + (gaps[0]?.events ?? 0)).toBe(summary?.events);
      // What was put on disk before, and what memory holds, is still there.
      const texts = events.map((event) => (event.event === 'stdout' ? String(event.text) : ''));
      expect(texts.join('')).toMatch(/^000000x[\s\S]*\n009999x+\n$/);
      expect(gaps[0]?.bytes).toBeLessThan(8 * MEGABYTE);
      expect(await runSnippet(session.address, 'get(i)')).toMatchObject({ output: '9999', kept: true });
    } finally {
      session.server.signal('SIGTERM');
      await session.server.result();
    }
    expect(readdirSync(place.path('disk/sock-python'))).toEqual([]);
  });

  test.skipIf(!isMountPossible)('has room again for later runs once old ones are forgotten', async () => {
    using _disk = mountSmall(place.path('disk'), 8 * MEGABYTE);
    const disk = { stateDir: place.path('disk'), sessionSpillBytes: 2 * MEGABYTE };
    await using server = await realServer(place, disk);
    const lines = "for i in range(5_000): print(f'{i:06}' + 'x' * 1000)";
    for (let run = 1; run <= 5; run++) await runSnippet(server.address, lines, { collect: false });
    const events = await followAt(server, 5);
    expect(events.filter(({ event }) => event === 'gap')).toEqual([]);
    await server.close();
    expect(readdirSync(place.path('disk'))).toEqual([]);
  });
});

describe('finished runs are kept', () => {
  const numbers = async (server: RunningServer): Promise<number[]> => {
    await using session = await connect(server.address);
    return (await session.runs()).map(({ run }) => run);
  };

  test('by their number, newest longest', async () => {
    await using server = await realServer(place, { keptRunCount: 3 });
    for (let run = 1; run <= 5; run++) await runSnippet(server.address, `get(${run})`);
    expect(await numbers(server)).toEqual([5, 4, 3]);
    expect(await followAt(server, 3)).toContainEqual({ event: 'get', run: 3, text: '3' });
    await expect(followAt(server, 2)).rejects.toMatchObject({
      code: 'not_found',
      message: 'run 2 is no longer kept',
    });
    await expect(followAt(server, 6)).rejects.toMatchObject({ code: 'not_found', message: 'there is no run 6 (yet)' });
  });

  test('by what they take in memory and on disk, files and all', async () => {
    await using server = await realServer(place, { keptBytes: 2_000_000, sessionSpillBytes: 4_000_000 });
    const folder = `${place.state}/${server.session}`;
    const print = (bytes: number): string => `for i in range(${bytes / 1000}): print('x' * 999)`;
    for (let run = 1; run <= 3; run++) await runSnippet(server.address, print(800_000));
    expect(await numbers(server)).toEqual([3, 2]);
    expect(existsSync(folder)).toBe(false);
    for (let run = 4; run <= 6; run++) await runSnippet(server.address, print(3_000_000), { collect: false });
    const kept = await numbers(server);
    expect(kept[0]).toBe(6);
    expect(kept.length).toBeLessThan(3);
    const files = readdirSync(folder).map((name) => Number(/^run-(\d+)\./.exec(name)?.[1]));
    expect([...new Set(files)].sort()).toEqual([...kept].sort());
  });

  test('by their age; the newest stays however old it is', async () => {
    await using server = await realServer(place, { keptMs: 100 });
    await runSnippet(server.address, 'get(1)');
    await runSnippet(server.address, 'get(2)');
    await eventually('run 1 is too old', async () => !(await numbers(server)).includes(1));
    expect(await numbers(server)).toEqual([2]);
    await expect(followAt(server, 1)).rejects.toMatchObject({ code: 'not_found' });
    expect(await followAt(server, 2)).toContainEqual({ event: 'get', run: 2, text: '2' });
  });
});

function readingOf(reader: RawClient): Reading {
  let bytes = 0;
  const all: Message[] = [];
  const frames = new FrameReader(2 ** 28, (payload) => {
    const message = decodeMessagePack(payload) as Message;
    if (message.run !== 1 || message.event === undefined) return;
    if (message.event !== 'gap') bytes += payload.length;
    all.push(message);
  });
  frames.push(reader.bytes());
  return {
    events: all.filter(({ event }) => event !== 'gap'),
    gaps: all.filter(({ event }) => event === 'gap'),
    bytes,
  };
}
