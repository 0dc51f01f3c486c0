import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { StdinLines } from '../../src/cli/stdin_lines.js';

test('lines come one at a time, whole, the last without a newline, then the end', async () => {
  const stdin = new PassThrough();
  const lines = new StdinLines(stdin);
  const euro = Buffer.from('€\n');
  stdin.write(Buffer.concat([Buffer.from('one\ntwo'), euro.subarray(0, 1)]));
  expect(await lines.nextLine()).toBe('one\n');
  stdin.end(Buffer.concat([euro.subarray(1), Buffer.from('\nrest')]));
  expect(await lines.nextLine()).toBe('two€\n');
  expect(await lines.nextLine()).toBe('\n');
  expect(await lines.nextLine()).toBe('rest');
  expect(await lines.nextLine()).toBeNull();
  expect(await lines.nextLine()).toBeNull();
});

test('nothing is read before it is asked for, nor after', async () => {
  const stdin = new PassThrough();
  const lines = new StdinLines(stdin);
  stdin.write('one\n');
  expect(stdin.listenerCount('data')).toBe(0);
  expect(await lines.nextLine()).toBe('one\n');
  expect(stdin.isPaused()).toBe(true);
  lines.stop();
  expect(stdin.destroyed).toBe(true);
});

test('stopping ends the wait for a line', async () => {
  const stdin = new PassThrough();
  const lines = new StdinLines(stdin);
  const line = lines.nextLine();
  lines.stop();
  expect(await line).toBeNull();
});

test('a secret is typed without being shown, with mistakes taken back', async () => {
  const modes: boolean[] = [];
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (raw: boolean) => modes.push(raw) });
  const lines = new StdinLines(stdin);
  stdin.write('pax\u007fss\rnext\n');
  expect(await lines.nextSecret()).toBe('pass\n');
  expect(modes).toEqual([true, false]);
  expect(await lines.nextLine()).toBe('next\n');
  stdin.write('\u0004');
  expect(await lines.nextSecret()).toBeNull();
});

test('where there is no terminal, a secret is a line like any other', async () => {
  const stdin = new PassThrough();
  stdin.end('secret\n');
  expect(await new StdinLines(stdin).nextSecret()).toBe('secret\n');
});
