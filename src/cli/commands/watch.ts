/** `watch`: everything that happens in the session, until it ends or Ctrl+C. */
import type { Session } from '../../client/session.js';
import type { Watch } from '../../client/watch.js';
import { encodeJson } from '../../protocol/json.js';
import type { RunSummary } from '../../protocol/messages.js';
import { EXIT } from '../exit_codes.js';
import type { Io } from '../io.js';
import { Output } from '../output.js';
import { parseArguments } from '../program.js';
import { JsonView, type RunView } from '../run_view.js';
import { withSession } from '../session_command.js';
import { onInterrupt } from '../signals.js';
import type { TargetFlags } from '../target.js';
import { WatchView } from '../watch_view.js';

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
    const view = flags.json === true ? await joinInJson(watch, output) : await joinInText(watch, session, output);
    io.setExitCode(await follow(watch, view, output));
  });
}

/** The first line is the request's own reply: where it joins. */
async function joinInJson({ start }: Watch, output: Output): Promise<RunView> {
  await output.write([{ stream: 'stdout', text: `${encodeJson({ reply: start })}\n` }]);
  return new JsonView(output);
}

async function joinInText({ start }: Watch, session: Session, output: Output): Promise<RunView> {
  const view = new WatchView(output);
  view.join(start, start.run === null ? undefined : await runningOne(session, start.run));
  return view;
}

/** The run that is on, with its code; undefined if it has ended meanwhile. */
async function runningOne(session: Session, number: number): Promise<RunSummary | undefined> {
  const running = await session.runs({ state: 'running', code: true, quiet: true });
  return running.find(({ run }) => run === number);
}

/** Shows events until the session ends (3, as a lost connection), Ctrl+C (130), or nobody reads (141). */
async function follow(watch: Watch, view: RunView, output: Output): Promise<number> {
  let exitCode: number | undefined;
  const leave = (code: number): void => {
    exitCode ??= code;
    watch.close();
  };
  const forget = onInterrupt(() => leave(EXIT.leftWatching));
  void output.broken.then(leave);
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
