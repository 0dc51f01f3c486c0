import { describe, expect, test } from 'vitest';
import { type CellOutput, CellOutputs } from '../../../src/cli/history/cell_outputs.js';
import { toNotebook } from '../../../src/cli/history/notebook.js';
import type { HistoryEntry, RunEvent } from '../../../src/index.js';
import { entries, entry } from './entries.js';
import { notebookFaults } from './notebook_schema.js';

const END = { event: 'done', run: 3, status: 'ok', ms: 1, kept: true, outputComplete: true } as const;

function outputsOf(...events: readonly (RunEvent extends infer E ? (E extends E ? Omit<E, 'run'> : never) : never)[]) {
  const outputs = new CellOutputs(3);
  for (const event of events) outputs.take({ ...event, run: 3 } as RunEvent);
  return outputs.finish();
}

async function notebook(
  runs: readonly HistoryEntry[],
  outputs: readonly CellOutput[] = [],
  version: string | null = '3.11.7',
) {
  let text = '';
  for await (const piece of toNotebook({ entries: runs, pythonVersion: version, outputsOf: async () => outputs })) {
    text += piece;
  }
  return { text, value: JSON.parse(text) };
}

describe('the outputs of a cell', () => {
  test('keep their order; what one stream wrote in a row is one output, in lines', () => {
    expect(
      outputsOf(
        { event: 'stdout', text: 'a\nb' },
        { event: 'stdout', text: 'c\n\n' },
        { event: 'stderr', text: 'oops' },
        { event: 'get', text: '15' },
        { event: 'stdout', text: 'end' },
        END,
      ),
    ).toEqual([
      { output_type: 'stream', name: 'stdout', text: ['a\n', 'bc\n', '\n'] },
      { output_type: 'stream', name: 'stderr', text: ['oops'] },
      { output_type: 'display_data', data: { 'text/plain': ['15'] }, metadata: {} },
      { output_type: 'stream', name: 'stdout', text: ['end'] },
    ]);
  });

  test('have a value as the result, unless it is None', () => {
    expect(outputsOf({ ...END, value: { type: 'int', repr: '42' } })).toEqual([
      { output_type: 'execute_result', execution_count: 3, data: { 'text/plain': ['42'] }, metadata: {} },
    ]);
    expect(outputsOf({ ...END, value: { type: 'dict', data: { a: 1n << 60n } } })).toMatchObject([
      { data: { 'text/plain': ['{"a":{"$int":"1152921504606846976"}}'] } },
    ]);
    expect(outputsOf({ ...END, value: { type: 'NoneType', repr: 'None' } })).toEqual([]);
  });

  test('have pictures in base64, JSON as what it says, and no key that is no mime type', () => {
    const data = {
      'text/plain': 'x\ny',
      'image/png': Buffer.from('png'),
      'application/json': '{"a": [1]}',
      'application/vnd.x+json': 'not JSON',
      '../../etc/passwd': 'no',
      '': 'no',
    };
    expect(
      outputsOf({ event: 'display', data, metadata: { 'image/png': { width: 5, raw: Buffer.from('x') } } }),
    ).toEqual([
      {
        output_type: 'display_data',
        data: {
          'text/plain': ['x\n', 'y'],
          'image/png': ['cG5n'],
          'application/json': { a: [1] },
          'application/vnd.x+json': 'not JSON',
        },
        metadata: { 'image/png': { width: 5, raw: { $bytes: 'eA==' } } },
      },
    ]);
  });

  test('show the last state of what was updated in place', () => {
    const shown = outputsOf(
      { event: 'display', data: { 'text/plain': '10 %' }, ref: 'bar' },
      { event: 'stdout', text: 'x' },
      { event: 'display', data: { 'text/plain': '20 %' }, ref: 'bar' },
      { event: 'display', data: { 'text/plain': 'another' } },
    );
    expect(shown).toMatchObject([
      { data: { 'text/plain': ['20 %'] } },
      { name: 'stdout' },
      { data: { 'text/plain': ['another'] } },
    ]);
  });

  test('put together characters that were cut, and mark what is none', () => {
    const [e1, e2] = [Buffer.from([0xc3]), Buffer.from([0xa9, 0xff, 0x0a])];
    expect(outputsOf({ event: 'stdout', text: e1, raw: true }, { event: 'stdout', text: e2, raw: true })).toEqual([
      { output_type: 'stream', name: 'stdout', text: ['é\ufffd\n'] },
    ]);
  });

  test('tell what was dropped, what was asked, and what is too much for a notebook', () => {
    expect(outputsOf({ event: 'gap', events: 3, bytes: 70 })).toEqual([
      { output_type: 'stream', name: 'stderr', text: ['[70 bytes of output were dropped here]\n'] },
    ]);
    expect(outputsOf({ event: 'input', prompt: 'Name: ', password: false })).toMatchObject([{ text: ['Name: \n'] }]);
    const big = { event: 'stdout', text: `${'x'.repeat(999_999)}\n` } as const;
    const shown = outputsOf(...Array.from({ length: 6 }, () => big), { event: 'get', text: '1' }, END);
    expect(shown).toHaveLength(2);
    expect(shown[0]).toMatchObject({ name: 'stdout', text: { length: 4 } });
    expect(shown[1]).toEqual({
      output_type: 'stream',
      name: 'stderr',
      text: ['[3 outputs more: sock-python attach 3]\n'],
    });
  });
});

describe('a notebook', () => {
  test('is valid, with a cell for each run and one for get() where that is used', async () => {
    const outputs = outputsOf(
      { event: 'stdout', text: 'a\n' },
      { event: 'display', data: { 'image/png': Buffer.from('png'), 'application/json': '[1]' } },
      { ...END, value: { type: 'int', repr: '1' } },
    );
    const { text, value } = await notebook([entry(3, 'x = 1\r\nget(x)\n'), entry(12, '')], outputs);
    expect(notebookFaults(value)).toEqual([]);
    expect(value.cells.map(({ id }: { id: string }) => id)).toEqual(['get', 'run-3', 'run-12']);
    expect(value.cells[1]).toMatchObject({ execution_count: 3, source: ['x = 1\n', 'get(x)'], outputs });
    expect(value.metadata.language_info).toMatchObject({ name: 'python', version: '3.11.7' });
    expect(text).toMatch(/^\{\n "cells": \[\n {2}\{\n {3}"cell_type": "code",\n.*\n "nbformat_minor": 5\n\}\n$/s);
  });

  test('may be empty', async () => {
    const { value } = await notebook([], [], null);
    expect(notebookFaults(value)).toEqual([]);
    expect(value.cells).toEqual([]);
    expect((await notebook(entries('x = 1'))).value.cells).toHaveLength(1);
  });

  test('that is none is found out', () => {
    expect(notebookFaults({ nbformat: 4 })).not.toEqual([]);
    expect(notebookFaults([])).not.toEqual([]);
  });
});
