/** `attach`: a run from its first event to its end, whoever started it. */
import type { Io } from '../io.js';
import { Output } from '../output.js';
import { parseArguments } from '../program.js';
import { driveRun } from '../run_driver.js';
import { parseRunOperand } from '../run_operand.js';
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
  const since = flags.since === undefined ? {} : { since: parseCount('--since', flags.since) };
  await withSession('attach', flags, io, async (session) => {
    const output = new Output(io);
    const run = await session.attach(number, { collect: false, ...since });
    const view = makeRunView({ json: flags.json === true, quiet: flags.quiet === true, separator: flags.sep }, output);
    io.setExitCode(
      await driveRun({ run, view, output, io, answersInput: false, onCtrlC: 'leave', isLeftRunning: true }),
    );
  });
}
