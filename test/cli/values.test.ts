import { describe, expect, test } from 'vitest';
import { EXIT, exitCodeOfDone } from '../../src/cli/exit_codes.js';
import { escapeControls, escapeLine, formatBytes, formatSpan, nearest } from '../../src/cli/text.js';
import { parseCount, parseSeconds, parseSize } from '../../src/cli/values.js';
import { DONE_STATUSES } from './statuses.js';

describe('option values', () => {
  test('seconds become milliseconds', () => {
    expect(['1', '0.5', '.25', '90.', '2147483'].map((text) => parseSeconds('--wait', text))).toEqual([
      1000, 500, 250, 90_000, 2_147_483_000,
    ]);
  });

  test.each(['', '0', '-1', '1e3', 'soon', 'NaN', 'Infinity', '2147484', '0.0001'])('%j is no span', (text) => {
    expect(() => parseSeconds('--wait', text)).toThrow('--wait takes a number of seconds');
  });

  test('sizes are bytes, or have a unit', () => {
    const bounds = { leastBytes: 1, mostBytes: 2 ** 40 };
    expect(['512', '1K', '2M', '1GiB', '3kb'].map((text) => parseSize('--max-frame', text, bounds))).toEqual([
      512, 1024, 2_097_152, 1_073_741_824, 3072,
    ]);
  });

  test.each(['0', '300M', '1.5M', 'M', '-1'])('%j is out of bounds or no size', (text) => {
    expect(() => parseSize('--max-frame', text, { leastBytes: 1, mostBytes: 268_435_456 })).toThrow(
      '--max-frame takes',
    );
  });

  test('counts are whole and not below their least', () => {
    expect(parseCount('--queue', '0')).toBe(0);
    expect(() => parseCount('--limit', '0', 1)).toThrow('--limit takes a whole number from 1 on, not "0"');
    expect(() => parseCount('--queue', '1.5')).toThrow('--queue');
  });
});

describe('exit codes', () => {
  test('every status of a run has one', () => {
    const codes = DONE_STATUSES.map((status) => exitCodeOfDone({ status, code: null }));
    expect(codes).toEqual([0, 10, 0, 11, 13, 15, 14]);
  });

  test.each([
    [null, 0],
    [undefined, 0],
    [0, 0],
    [3, 3],
    [256, 0],
    [-1, 255],
    ['a text', EXIT.failure],
  ])('SystemExit(%j) ends with %i', (code, expected) => {
    expect(exitCodeOfDone({ status: 'exit', ...(code === undefined ? {} : { code }) })).toBe(expected);
  });
});

describe('text for people', () => {
  test('control characters are shown, not sent to the terminal', () => {
    expect(escapeControls('a\u001b[2Jb\r\n\tc\u009b')).toBe('a\\x1b[2Jb\\x0d\n\tc\\x9b');
    expect(escapeLine('a\nb\tc')).toBe('a\\nb\\tc');
  });

  test('spans and sizes have a fitting unit', () => {
    expect([3.4, 1500, 125_000, 7_500_000].map(formatSpan)).toEqual(['3 ms', '1.5 s', '2 min', '2 h 5 min']);
    expect([10, 2048, 3_145_728].map(formatBytes)).toEqual(['10 B', '2.0 KiB', '3.0 MiB']);
  });

  test('only a near word is suggested', () => {
    expect(nearest('stauts', ['status', 'start'])).toBe('status');
    expect(nearest('banana', ['status', 'start'])).toBeUndefined();
  });
});
