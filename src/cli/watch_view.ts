/** What a session does, for people: whose output it is and how each run ends on stderr, the output itself on stdout. */
import type { WatchStart } from '../client/watch.js';
import type { DoneEvent, LostEvent, RunEvent, RunSummary, StartedEvent } from '../protocol/messages.js';
import type { Output } from './output.js';
import { lossText, type RunView, TextView } from './run_view.js';
import { escapeControls, escapeLine, formatSpan } from './text.js';

export class WatchView implements RunView {
  readonly #output: Output;
  readonly #views = new Map<number, TextView>();
  /** Whose output was announced last. */
  #announced: number | undefined;
  /** The loss was told, so the next run's `started` need not tell it again. */
  #hasToldLoss = false;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Says where it joins; `running` is the run that is on. */
  join({ at }: WatchStart, running: RunSummary | undefined): void {
    if (running === undefined) return this.#output.notice('watching; Ctrl+C leaves');
    const { run, name, ms, code } = running;
    const title = `${titleOf(run, name)} is on, for ${formatSpan(ms ?? 0)}`;
    const before = at > 1 ? `; what it did before: sock-python attach ${run}` : '';
    this.#output.notice(`watching; Ctrl+C leaves\nsock-python: ${title}${before}${codeText(code)}`);
    this.#announced = run;
  }

  async show(event: RunEvent): Promise<void> {
    switch (event.event) {
      case 'queued':
        return this.#output.notice(`run ${event.run} waits, at place ${event.position} of the queue`);
      case 'started':
        return await this.#start(event);
      case 'lost':
        return this.#lose(event);
      case 'done':
        await this.#viewOf(event.run).show(event);
        this.#views.delete(event.run);
        return this.#output.notice(doneText(event));
      default:
        this.#announce(event.run);
        await this.#viewOf(event.run).show(event);
    }
  }

  async #start({ lost, ...event }: StartedEvent): Promise<void> {
    const { run, name, code } = event;
    this.#output.notice(`${titleOf(run, name)} started${codeText(code)}`);
    this.#announced = run;
    await this.#viewOf(run).show(lost === undefined || this.#hasToldLoss ? event : { ...event, lost });
    this.#hasToldLoss = false;
  }

  #lose({ generation, ...loss }: LostEvent): void {
    this.#hasToldLoss = true;
    this.#output.notice(escapeControls(lossText(`kernel ${generation} is gone`, loss)));
  }

  /** Output of the session itself may come between that of runs. */
  #announce(run: number): void {
    if (this.#announced === run) return;
    this.#announced = run;
    this.#output.notice(run === 0 ? 'from threads and tasks that outlived their run:' : `from run ${run}:`);
  }

  #viewOf(run: number): TextView {
    const known = this.#views.get(run);
    if (known !== undefined) return known;
    const view = new TextView({ json: false, quiet: false, endsLines: true }, this.#output);
    this.#views.set(run, view);
    return view;
  }
}

function titleOf(run: number, name: string | null | undefined): string {
  return name === undefined || name === null ? `run ${run}` : `run ${run} (${escapeLine(name)})`;
}

function codeText(code: string | undefined): string {
  if (code === undefined || code.trim() === '') return '';
  return `\n${escapeControls(code).trimEnd().replace(/^/gm, '    ')}`;
}

function doneText({ run, status, ms }: DoneEvent): string {
  return `run ${run} ended: ${status}, after ${formatSpan(ms)}`;
}
