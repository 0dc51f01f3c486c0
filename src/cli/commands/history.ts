/** `history`: what the session ran, oldest first, as a list, a script or a notebook. */
import type { HistoryEntry, Session } from '../../client/session.js';
import { SockPythonError } from '../../protocol/errors.js';
import { encodeJson } from '../../protocol/json.js';
import { UsageError } from '../failure.js';
import { type CellOutput, CellOutputs } from '../history/cell_outputs.js';
import { toNotebook } from '../history/notebook.js';
import { toScript } from '../history/script.js';
import type { Io } from '../io.js';
import { Output } from '../output.js';
import { parseArguments } from '../program.js';
import { withSession } from '../session_command.js';
import type { TargetFlags } from '../target.js';
import { plural } from '../text.js';
import { parseCount } from '../values.js';
import { runsText } from './runs.js';

interface HistoryFlags extends TargetFlags {
  readonly code?: boolean;
  readonly py?: boolean;
  readonly ipynb?: boolean;
  readonly json?: boolean;
  readonly limit?: string;
}

/** More than any server keeps. */
const ALL_RUNS_COUNT = 0xffff_ffff;
/** How many runs are told of one by one. */
const TOLD_COUNT = 20;

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const { flags } = parseArguments<HistoryFlags>(
    {
      name: 'history',
      description: 'List what the session ran and still keeps, oldest first, or export it to standard output.',
      options: ['session', 'address', 'limit', 'withText', 'script', 'notebook', 'json'],
    },
    args,
    io,
  );
  const [one, other] = (['py', 'ipynb', 'json'] as const).filter((name) => flags[name] === true);
  if (other !== undefined) throw new UsageError(`--${one} and --${other} exclude each other`);
  const limit = flags.limit === undefined ? undefined : parseCount('--limit', flags.limit, 1);
  await withSession('history', flags, io, async (session) => {
    const output = new Output(io);
    // Whoever asks for all should know what is missing.
    const forgottenCount = limit === undefined ? await countForgotten(session) : 0;
    if (forgottenCount > 0) output.notice(`no longer kept: the first ${plural(forgottenCount, 'run')}`);
    for await (const text of piecesOf({ session, flags, output, forgottenCount, limit: limit ?? ALL_RUNS_COUNT })) {
      await output.write([{ stream: 'stdout', text }]);
      if (output.isBroken) return;
    }
  });
}

interface Wish {
  readonly session: Session;
  readonly flags: HistoryFlags;
  readonly output: Output;
  readonly limit: number;
  readonly forgottenCount: number;
}

/** The text, in pieces that are made as they are asked for. */
async function* piecesOf({ session, flags, output, limit, forgottenCount }: Wish): AsyncGenerator<string> {
  if (flags.py === true || flags.ipynb === true) {
    const entries = await session.history({ limit });
    tellLeftOut(entries, output);
    if (flags.py === true) yield toScript(entries, forgottenCount);
    else yield* notebookOf(entries, session);
    return;
  }
  const runs = await session.runs({ limit, state: 'done', code: flags.code === true });
  const list = [...runs].reverse();
  if (flags.json === true) for (const run of list) yield `${encodeJson(run)}\n`;
  else yield runsText(list);
}

function notebookOf(entries: readonly HistoryEntry[], session: Session): AsyncGenerator<string> {
  return toNotebook({
    entries: entries.filter(({ status }) => status === 'ok'),
    pythonVersion: session.hello.kernel?.python ?? null,
    outputsOf: (run) => outputsOf(session, run),
  });
}

/** Of a run that was dropped since it was listed there are none. */
async function outputsOf(session: Session, run: number): Promise<readonly CellOutput[]> {
  const outputs = new CellOutputs(run);
  try {
    for await (const event of await session.attach(run, { collect: false })) outputs.take(event);
  } catch (error) {
    if (!(error instanceof SockPythonError) || error.code !== 'not_found') throw error;
  }
  return outputs.finish();
}

/** How many runs there were before the first that is still known. */
async function countForgotten(session: Session): Promise<number> {
  const known = await session.runs({ limit: ALL_RUNS_COUNT, quiet: true });
  return (known.at(-1)?.run ?? 1) - 1;
}

function tellLeftOut(entries: readonly HistoryEntry[], output: Output): void {
  const others = entries.filter(({ status }) => status !== 'ok');
  if (others.length === 0) return;
  const told = others.slice(0, TOLD_COUNT).map(({ run, status }) => `${run} (${status})`);
  const more = others.length > told.length ? ` and ${others.length - told.length} more` : '';
  output.notice(`left out, as they did not end well: ${told.join(', ')}${more}`);
}
