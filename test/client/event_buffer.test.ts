import { describe, expect, test } from 'vitest';
import { EventBuffer } from '../../src/client/event_buffer.js';
import type { RunEvent } from '../../src/protocol/messages.js';

const get = (text: string): RunEvent => ({ event: 'get', run: 1, text });

async function texts(events: AsyncIterable<RunEvent>): Promise<string[]> {
  const found: string[] = [];
  for await (const event of events) if (event.event === 'get') found.push(event.text);
  return found;
}

describe('a buffer that keeps', () => {
  test('gives every reader all events, whenever it begins', async () => {
    const buffer = new EventBuffer({ keep: true });
    const early = texts(buffer);
    buffer.push(get('a'));
    buffer.push(get('b'));
    const midway = texts(buffer);
    buffer.push(get('c'));
    buffer.end();
    expect(await Promise.all([early, midway, texts(buffer)])).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ]);
  });

  test('gives what is there before the error that ended it', async () => {
    const buffer = new EventBuffer({ keep: true });
    buffer.push(get('a'));
    buffer.end({ error: new Error('gone') });
    const reader = buffer[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: get('a') });
    await expect(reader.next()).rejects.toThrow('gone');
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  test('lets a reader leave while another goes on', async () => {
    const buffer = new EventBuffer({ keep: true });
    const leaving = buffer[Symbol.asyncIterator]();
    const pending = leaving.next();
    const staying = texts(buffer);
    await leaving.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    buffer.push(get('a'));
    buffer.end();
    expect(await staying).toEqual(['a']);
  });
});

describe('a buffer that does not keep', () => {
  test('drops events once they are read, in order, over many of them', async () => {
    const buffer = new EventBuffer({ keep: false });
    const reader = buffer[Symbol.asyncIterator]();
    for (let index = 0; index < 5000; index++) buffer.push(get(String(index)));
    for (let index = 0; index < 4000; index++) {
      expect(await reader.next()).toEqual({ done: false, value: get(String(index)) });
    }
    expect(buffer.events).toHaveLength(1000);
    buffer.end();
    for (let index = 4000; index < 5000; index++) await reader.next();
    expect((await reader.next()).done).toBe(true);
    expect(buffer.events).toEqual([]);
  });

  test('has one reader', () => {
    const buffer = new EventBuffer({ keep: false });
    buffer[Symbol.asyncIterator]();
    expect(() => buffer[Symbol.asyncIterator]()).toThrow(TypeError);
  });

  test('holds the flow while its reader lags, and lets it go on when it has caught up', async () => {
    const calls: string[] = [];
    const flow = { pause: () => void calls.push('pause'), resume: () => void calls.push('resume') };
    const buffer = new EventBuffer({ keep: false, flow, highWaterCount: 4 });
    for (let index = 0; index < 7; index++) buffer.push(get(String(index)));
    expect(calls).toEqual(['pause']);
    const reader = buffer[Symbol.asyncIterator]();
    for (let index = 0; index < 4; index++) await reader.next();
    expect(calls).toEqual(['pause']);
    await reader.next();
    expect(calls).toEqual(['pause', 'resume']);
  });

  test('keeps and holds nothing once its reader has left', async () => {
    const calls: string[] = [];
    const flow = { pause: () => void calls.push('pause'), resume: () => void calls.push('resume') };
    const buffer = new EventBuffer({ keep: false, flow, highWaterCount: 1 });
    for (let index = 0; index < 3; index++) buffer.push(get(String(index)));
    await buffer[Symbol.asyncIterator]().return?.();
    for (let index = 0; index < 3; index++) buffer.push(get(String(index)));
    expect(buffer.events).toEqual([]);
    expect(calls).toEqual(['pause', 'resume']);
  });
});
