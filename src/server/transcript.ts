/** Writes code and output to a file as the session goes, for people to read. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { RunEvent } from '../protocol/messages.js';
import { decodeMessagePack } from '../protocol/msgpack.js';
import { gapEvent } from './events.js';
import type { Logger } from './log.js';
import { type EventSink, Observer } from './observer.js';
import type { Run } from './run.js';

export class Transcript {
  readonly #log: Logger;
  #fd: number | null;
  #current = 0;
  #atLineStart = true;

  /** Appends to the file (0600 if it is made). @throws the file system's error when it cannot be opened. */
  constructor(path: string, log: Logger) {
    this.#log = log;
    this.#fd = openSync(path, 'a', 0o600);
  }

  /** Follows a run from its first event to its end. Runs marked quiet leave no trace. */
  follow(run: Run): void {
    if (run.submission.quiet === true) return;
    const sink: EventSink = {
      congested: false,
      onceDrained: () => {},
      announce: () => {},
      sendEvent: (payload) => this.#onEvent(run, decodeMessagePack(payload) as RunEvent),
    };
    const { log, number } = run;
    new Observer({ log, sink, tag: null, since: 0, gapEvent: (gap) => gapEvent(number, gap) }).start();
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #onEvent(run: Run, event: RunEvent): void {
    switch (event.event) {
      case 'started':
        return this.#line(`${this.#heading(run)}\n${run.submission.code.trimEnd()}\n`);
      case 'get':
      case 'stdout':
      case 'stderr':
        return this.#text(run, typeof event.text === 'string' ? event.text : Buffer.from(event.text).toString('utf8'));
      case 'gap':
        return this.#line(`# … ${event.events} events (${event.bytes} bytes) are missing here …\n`);
      case 'done':
        if (event.exception !== undefined) this.#line(event.exception.traceback);
        return this.#line(
          `# run ${run.number}: ${event.status} after ${Math.round(event.ms)} ms${reasonOf(event)}\n\n`,
        );
      default:
    }
  }

  #heading(run: Run): string {
    const name = run.submission.name === undefined ? '' : ` ${run.submission.name}`;
    return `# run ${run.number}${name}, ${new Date(run.started ?? Date.now()).toISOString()}`;
  }

  #text(run: Run, text: string): void {
    if (this.#current !== run.number) this.#line('');
    this.#current = run.number;
    this.#write(text);
  }

  #line(text: string): void {
    if (!this.#atLineStart) this.#write('\n');
    if (text !== '') this.#write(text);
  }

  #write(text: string): void {
    if (this.#fd === null || text === '') return;
    this.#atLineStart = text.endsWith('\n');
    try {
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) at += writeSync(this.#fd, bytes, at);
    } catch (error) {
      this.#log('error', `the transcript ends here: ${(error as Error).message}`);
      this.close();
    }
  }
}

function reasonOf(event: Extract<RunEvent, { event: 'done' }>): string {
  return event.reason === undefined ? '' : `, ${event.reason.message}`;
}
