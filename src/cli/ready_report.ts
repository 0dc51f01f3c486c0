/** The child's side of a start in the background: one line to whoever started it. */
import { closeSync, writeSync } from 'node:fs';
import { SockPythonError } from '../protocol/errors.js';
import type { ReadyReport } from './background.js';
import { exitCodeOf } from './failure.js';

/** Tells once, and lets go of the pipe; what comes later is not told. */
export class ReadyPipe {
  #descriptor: number | undefined;

  /** Without a descriptor nobody waits, and nothing is told. */
  constructor(descriptor: number | undefined) {
    this.#descriptor = descriptor;
  }

  /** @throws when the starter is gone, so that nobody would know of this server. */
  tell(report: ReadyReport): void {
    const descriptor = this.#descriptor;
    if (descriptor === undefined) return;
    this.#descriptor = undefined;
    try {
      const line = Buffer.from(`${JSON.stringify(report)}\n`);
      for (let at = 0; at < line.length; ) at += writeSync(descriptor, line, at);
    } finally {
      closeSync(descriptor);
    }
  }
}

/** A failed start as a report. */
export function failureReport(thrown: unknown): ReadyReport {
  const exitCode = exitCodeOf(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (!(thrown instanceof SockPythonError)) return { ready: false, exitCode, code: null, message };
  return { ready: false, exitCode, ...thrown.toBody() };
}
