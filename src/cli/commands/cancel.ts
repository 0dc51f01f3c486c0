/** `cancel`: withdraws a queued run, interrupts a running one. */
import { encodeJson } from '../../protocol/json.js';
import { interruptText } from '../interrupt_text.js';
import type { Io } from '../io.js';
import { parseArguments } from '../program.js';
import { withSession } from '../session_command.js';
import type { TargetFlags } from '../target.js';
import { parseCount, parseSeconds } from '../values.js';

interface CancelFlags extends TargetFlags {
  readonly grace?: string;
  readonly json?: boolean;
}

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const { flags, operands } = parseArguments<CancelFlags>(
    {
      name: 'cancel',
      description: 'Take a queued run from the queue, or interrupt a running one; the answer says which.',
      operands: ['<run>'],
      options: ['session', 'address', 'grace', 'json'],
    },
    args,
    io,
  );
  const number = parseCount('cancel', operands[0] ?? '', 1);
  const options = flags.grace === undefined ? {} : { graceMs: parseSeconds('--grace', flags.grace) };
  await withSession('cancel', flags, io, async (session) => {
    const reply = await session.cancel(number, options);
    const { text, exitCode } = interruptText(reply);
    io.stdout.write(`${flags.json === true ? encodeJson(reply) : text}\n`);
    if (exitCode !== undefined) io.setExitCode(exitCode);
  });
}
