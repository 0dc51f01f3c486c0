/** A session's snippets as a Jupyter notebook (nbformat 4.5), one cell each, with the outputs that are still kept. */
import type { HistoryEntry } from '../../client/session.js';
import { type CellOutput, toLines } from './cell_outputs.js';
import { GET_SHIM, needsGet } from './script.js';

export interface NotebookOptions {
  /** Those that ended well. */
  readonly entries: readonly HistoryEntry[];
  /** Of the session's Python, like 3.11.7. */
  readonly pythonVersion: string | null;
  /** What a run gave; nothing if that is no longer known. */
  readonly outputsOf: (run: number) => Promise<readonly CellOutput[]>;
}

/** The notebook's text in pieces, made as they are asked for: outputs can be large. */
export async function* toNotebook({ entries, pythonVersion, outputsOf }: NotebookOptions): AsyncGenerator<string> {
  yield '{\n "cells": [';
  let separator = '\n';
  if (needsGet(entries)) {
    yield separator + toJson(cell('get', null, GET_SHIM, []), 2);
    separator = ',\n';
  }
  for (const { run, code } of entries) {
    yield separator + toJson(cell(`run-${run}`, run, code, await outputsOf(run)), 2);
    separator = ',\n';
  }
  yield `\n ],\n "metadata": ${toJson(metadata(pythonVersion), 1).trimStart()},\n "nbformat": 4,\n "nbformat_minor": 5\n}\n`;
}

function cell(id: string, count: number | null, code: string, outputs: readonly CellOutput[]): object {
  const source = toLines(code.replace(/\r\n?/g, '\n').trimEnd());
  return { cell_type: 'code', execution_count: count, id, metadata: {}, outputs, source };
}

function metadata(version: string | null): object {
  return {
    kernelspec: { display_name: 'Python 3', language: 'python', name: 'python3' },
    language_info: {
      file_extension: '.py',
      mimetype: 'text/x-python',
      name: 'python',
      ...(version === null ? {} : { version }),
    },
  };
}

function toJson(value: object, depth: number): string {
  return JSON.stringify(value, null, 1).replace(/^/gm, ' '.repeat(depth));
}
