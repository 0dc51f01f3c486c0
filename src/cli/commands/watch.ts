/** `watch`: everything that happens in the session, until it ends or Ctrl+C. */
import type { Watch } from '../../client/watch.js';
import type { DoneEvent, RunEvent } from '../../protocol/messages.js';
import { EXIT } from '../exit_codes.js';
import type { Io } from '../io.js';
import { Output } from '../output.js';
import { parseArguments } from '../program.js';
import { JsonView, type RunView, TextView } from '../run_view.js';
import { withSession } from '../session_command.js';
import { onInterrupt } from '../signals.js';
import type { TargetFlags } from '../target.js';
import { escapeControls, escapeLine, formatSpan } from '../text.js';

interface WatchFlags extends TargetFlags {
  readonly json?: boolean;
}

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const { flags } = parseArguments<WatchFlags>(
    {
      name: 'watch',
      description: 'Show everything that happens in a session, whoever started it. Ctrl+C leaves.',
      options: ['session', 'address', 'json'],
    },
    args,
    io,
  );
  await withSession('watch', flags, io, async (session) => {
    const output = new Output(io);
    const watch = await session.watch();
    const view = flags.json === true ? new JsonView(output) : new WatchView(output);
    io.setExitCode(await follow(watch, view, output));
  });
}

/** Shows events until the session ends (3, as a lost connection), Ctrl+C (130), or nobody reads (141). */
async function follow(watch: Watch, view: RunView, output: Output): Promise<number> {
  let exitCode: number | undefined;
  const leave = (code: number): void => {
    exitCode ??= code;
    watch.close();
  };
  const forget = onInterrupt(() => leave(EXIT.leftWatching));
  void output.broken.then(() => leave(EXIT.brokenPipe));
  try {
    for await (const event of watch) {
      if (exitCode === undefined) await view.show(event);
    }
  } catch (error) {
    if (exitCode === undefined) throw error;
  } finally {
    forget();
  }
  return exitCode ?? EXIT.noServer;
}

/** Output as it comes, between lines that say whose it is. */
class WatchView implements RunView {
  readonly #output: Output;
  readonly #views = new Map<number, TextView>();

  constructor(output: Output) {
    this.#output = output;
  }

  async show(event: RunEvent): Promise<void> {
    if (event.event === 'started') this.#output.notice(startText(event));
    const view = this.#views.get(event.run) ?? new TextView({ json: false, quiet: false }, this.#output);
    this.#views.set(event.run, view);
    await view.show(event);
    if (event.event !== 'done') return;
    this.#views.delete(event.run);
    this.#output.notice(doneText(event));
  }
}

function startText({ run, name, code }: Extract<RunEvent, { event: 'started' }>): string {
  const title = `run ${run}${name === undefined ? '' : ` (${escapeLine(name)})`} started`;
  if (code === undefined || code.trim() === '') return title;
  return `${title}\n${escapeControls(code).trimEnd().replace(/^/gm, '    ')}`;
}

function doneText({ run, status, ms }: DoneEvent): string {
  return `run ${run} ended: ${status}, after ${formatSpan(ms)}`;
}
