/** `attach`: a run from its first event to its end, whoever started it. */
import type { Session } from '../../client/session.js';
import type { DoneEvent } from '../../protocol/messages.js';
import { exitCodeOfDone } from '../exit_codes.js';
import { UsageError } from '../failure.js';
import type { Io } from '../io.js';
import { Output } from '../output.js';
import { parseArguments } from '../program.js';
import { driveRun } from '../run_driver.js';
import { parseRunOperand, type RunOperand } from '../run_operand.js';
import { makeRunView } from '../run_view.js';
import { withSession } from '../session_command.js';
import type { TargetFlags } from '../target.js';
import { parseCount } from '../values.js';

interface AttachFlags extends TargetFlags {
  readonly since?: string;
  readonly quiet?: boolean;
  readonly sep?: string;
  readonly json?: boolean;
}

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const { flags, operands } = parseArguments<AttachFlags>(
    {
      name: 'attach',
      description: 'Follow a run (its number, current, or last) from its first event; ends with its exit code.',
      operands: ['[run]'],
      options: ['session', 'address', 'since', 'quiet', 'sep', 'json'],
    },
    args,
    io,
  );
  const number = parseRunOperand('attach', operands[0] ?? 'last');
  const since = flags.since === undefined ? 0 : parseCount('--since', flags.since);
  await withSession('attach', flags, io, async (session) => {
    const output = new Output(io);
    const end = since === 0 ? undefined : await knownEnd(session, number, since);
    if (end !== undefined) return io.setExitCode(exitCodeOfDone(end));
    const run = await session.attach(number, { collect: false, since });
    const view = makeRunView({ json: flags.json === true, quiet: flags.quiet === true, separator: flags.sep }, output);
    io.setExitCode(
      await driveRun({ run, view, output, io, answersInput: false, onCtrlC: 'leave', isLeftRunning: true }),
    );
  });
}

/** How the run ended, if that was its last event and is among those known: then there is nothing more to show. */
async function knownEnd(session: Session, number: RunOperand, since: number): Promise<DoneEvent | undefined> {
  const { run, events, done } = await session.wait(number, { waitMs: 0 });
  if (done === undefined || since < events) return undefined;
  if (since === events) return done;
  throw new UsageError(`--since ${since}: run ${run} has ended with ${events} events`);
}
