/** A run that is left to itself as soon as it has a number. */
import type { Run } from '../client/run.js';
import { EXIT } from './exit_codes.js';
import type { Output } from './output.js';
import type { RunView } from './run_view.js';

export interface DetachOptions {
  readonly run: Run;
  readonly view: RunView;
  readonly output: Output;
  /** The first event tells the number; else the number alone is printed. */
  readonly json: boolean;
}

/** Resolves to the exit code once the server has taken the run. @throws what it refuses the run with. */
export async function detachRun({ run, view, output, json }: DetachOptions): Promise<number> {
  for await (const event of run) {
    // It also tells what was lost before.
    if (json || event.event === 'started') await view.show(event);
    if (!json) await output.write([{ stream: 'stdout', text: `${event.run}\n` }]);
    if (!json && output.isTerminal) output.notice(`run ${event.run} goes on: sock-python attach ${event.run}`);
    return EXIT.ok;
  }
  // There was no event, so there is an error.
  await run.result;
  return EXIT.serverFailed;
}
