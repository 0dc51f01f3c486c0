/** A run's events as they are shown: as text with its seams, or as JSON, one event a line. */
import { encodeJson } from '../protocol/json.js';
import type { DoneEvent, LossNotice, RunEvent } from '../protocol/messages.js';
import type { Output } from './output.js';
import { type Piece, TextRenderer } from './render.js';
import { escapeControls, formatSpan, plural } from './text.js';

/** Of the names that are gone, so many are told one by one. */
const TOLD_NAME_COUNT = 20;

export interface RunView {
  /** Resolves when there is room for more. */
  show(event: RunEvent): Promise<void>;
}

export interface ViewOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly separator?: string | undefined;
  /** End the last line of stdout with the run, as is done for a terminal. */
  readonly endsLines?: boolean;
}

export function makeRunView(options: ViewOptions, output: Output): RunView {
  return options.json ? new JsonView(output) : new TextView(options, output);
}

/** The native events; `id` is this connection's own affair. */
export class JsonView implements RunView {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  async show({ id: _id, ...event }: RunEvent): Promise<void> {
    await this.#output.write([{ stream: 'stdout', text: `${encodeJson(event)}\n` }]);
  }
}

export class TextView implements RunView {
  readonly #output: Output;
  readonly #renderer: TextRenderer;
  readonly #endsLines: boolean;

  constructor({ quiet, separator, endsLines }: ViewOptions, output: Output) {
    this.#output = output;
    this.#endsLines = endsLines ?? output.isTerminal;
    this.#renderer = new TextRenderer({ quiet, separator });
  }

  async show(event: RunEvent): Promise<void> {
    await this.#output.write(this.#renderer.render(event));
    switch (event.event) {
      case 'queued':
        if (this.#output.isTerminal) this.#tell(`run ${event.run} waits, at place ${event.position} of the queue`);
        break;
      case 'started':
        if (event.lost !== undefined)
          this.#tell(lossText('the session lost its namespace before this run', event.lost));
        break;
      case 'gap':
        this.#tell(`${plural(event.events, 'event')} (${plural(event.bytes, 'byte')}) of output were dropped here`);
        break;
      case 'input':
        await this.#output.write(this.#renderer.prompt(event.prompt));
        break;
      case 'timeout':
        this.#tell(overtimeText(event));
        break;
      case 'done':
        await this.#end(event);
        break;
      // The rest is output, or of no interest to people.
      default:
    }
  }

  async #end(done: DoneEvent): Promise<void> {
    const { value } = done;
    if (value !== undefined && value.type !== 'NoneType') {
      await this.#output.write(this.#renderer.line(value.repr ?? encodeJson(value.data ?? null)));
    }
    if (this.#endsLines) await this.#output.write(this.#renderer.finish());
    await this.#output.write(lastWords(done));
    const why = endText(done);
    if (why !== undefined) this.#output.notice(why);
    if (!done.outputComplete) this.#output.notice(`run ${done.run}: output may be missing at its end`);
  }

  #tell(text: string): void {
    this.#output.notice(escapeControls(text));
  }
}

/** What a run says at its end on stderr: its traceback, or the text of its SystemExit. */
function lastWords({ status, exception, code }: DoneEvent): readonly Piece[] {
  const isText = status === 'exit' && typeof code === 'string';
  const words = isText ? code : status === 'exit' ? '' : (exception?.traceback ?? '');
  if (words === '') return [];
  return [{ stream: 'stderr', text: words.endsWith('\n') ? words : `${words}\n` }];
}

/** Why a run ended otherwise than by its own code, in one line. */
function endText({ run, status, kept, reason }: DoneEvent): string | undefined {
  const fate = kept ? '' : '; the namespace is gone';
  const why = reason === undefined ? '' : `: ${escapeControls(reason.message)}`;
  switch (status) {
    case 'timeout':
      return `run ${run} was stopped by its time limit${why}${fate}`;
    case 'cancelled':
      return `run ${run} was cancelled before it began${why}`;
    case 'lost':
      return `run ${run} was lost${why}${fate}${stackText(reason?.stack)}`;
    case 'interrupted':
      return kept ? undefined : `run ${run} was interrupted${why}${fate}`;
    default:
      return undefined;
  }
}

/** What was lost and why, in one line that begins with `what`. */
export function lossText(what: string, { message, names }: LossNotice): string {
  if (names.length === 0) return `${what}: ${message}`;
  const more = names.length > TOLD_NAME_COUNT ? ` and ${names.length - TOLD_NAME_COUNT} more` : '';
  return `${what}: ${message}; gone: ${names.slice(0, TOLD_NAME_COUNT).join(', ')}${more}`;
}

function overtimeText({ run, timeoutMs, outcome, stack }: Extract<RunEvent, { event: 'timeout' }>): string {
  const limit = `run ${run} has reached its time limit of ${formatSpan(timeoutMs)}`;
  if (outcome === 'detached') return `${limit} and goes on`;
  return `${limit} and still runs: interrupting did not end it${stackText(stack)}`;
}

function stackText(stack: string | undefined): string {
  return stack === undefined || stack === '' ? '' : `\n${escapeControls(stack.trimEnd())}`;
}
