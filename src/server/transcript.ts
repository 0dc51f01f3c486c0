/** Writes code and output to a file as the session goes, for people to read. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { DisplayEvent, RunEvent } from '../protocol/messages.js';
import { decodeMessagePack } from '../protocol/msgpack.js';
import { gapEvent } from './events.js';
import type { Logger } from './log.js';
import { type EventSink, Observer } from './observer.js';
import type { Run } from './run.js';
import type { RunLog } from './run_log.js';

export class Transcript {
  readonly #log: Logger;
  #fd: number | null;
  /** Whose output it wrote last. */
  #current: number | undefined;
  #atLineStart = true;

  /** Appends to the file (0600 if it is made). @throws the file system's error when it cannot be opened. */
  constructor(path: string, log: Logger) {
    this.#log = log;
    this.#fd = openSync(path, 'a', 0o600);
  }

  /** Follows a run from its first event to its end. Runs marked quiet leave no trace. */
  follow(run: Run): void {
    if (run.submission.quiet === true) return;
    this.#observe(run.log, run.number, (event) => this.#onEvent(run, event));
  }

  /** Follows what belongs to no run: output of threads that outlived theirs, and losses of the namespace. */
  followSession({ stream, losses }: { readonly stream: RunLog; readonly losses: RunLog }): void {
    for (const log of [stream, losses]) this.#observe(log, 0, (event) => this.#onSessionEvent(event));
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }

  #observe(log: RunLog, number: number, onEvent: (event: RunEvent) => void): void {
    const sink: EventSink = {
      congested: false,
      onceDrained: () => {},
      announce: () => {},
      sendEvent: (payload) => onEvent(decodeMessagePack(payload) as RunEvent),
    };
    new Observer({ log, sink, tag: null, since: 0, gapEvent: (gap) => gapEvent(number, gap) }).start();
  }

  #onSessionEvent(event: RunEvent): void {
    if (event.event === 'stdout' || event.event === 'stderr') return this.#text(0, event.text);
    if (event.event !== 'lost') return;
    const gone = event.names.length === 0 ? '' : `; gone: ${event.names.join(', ')}`;
    this.#line(`# kernel ${event.generation} is gone: ${event.message}${gone}\n\n`);
  }

  #onEvent(run: Run, event: RunEvent): void {
    switch (event.event) {
      case 'started':
        this.#current = run.number;
        return this.#line(`${this.#heading(run)}\n${run.submission.code.trimEnd()}\n`);
      case 'get':
        return this.#get(run.number, event.text);
      case 'stdout':
      case 'stderr':
        return this.#text(run.number, event.text);
      case 'display':
        return this.#line(`${plainText(event)}\n`);
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
    const name = run.submission.name === undefined ? '' : ` (${JSON.stringify(run.submission.name)})`;
    return `# run ${run.number}${name}, ${new Date(run.started ?? Date.now()).toISOString()}`;
  }

  #text(run: number, text: string | Uint8Array): void {
    if (this.#current !== run) this.#line(run === 0 ? '# from threads and tasks that outlived their run\n' : '');
    this.#current = run;
    this.#write(typeof text === 'string' ? text : Buffer.from(text).toString('utf8'));
  }

  /** On lines of their own: nothing else tells them from what is printed. */
  #get(run: number, text: string): void {
    if (text === '') return;
    this.#line('');
    this.#text(run, text.endsWith('\n') ? text : `${text}\n`);
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

/** What can be shown of rich output in a file of text. */
function plainText({ data }: DisplayEvent): string {
  const plain = data['text/plain'];
  return typeof plain === 'string' ? plain.replace(/\n$/, '') : `[${Object.keys(data).join(', ')}]`;
}

function reasonOf(event: Extract<RunEvent, { event: 'done' }>): string {
  return event.reason === undefined ? '' : `, ${event.reason.message}`;
}
