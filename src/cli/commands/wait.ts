/** `wait`: until a run has ended, or not longer than it is told to. */
import { encodeJson } from '../../protocol/json.js';
import type { DoneEvent, WaitReply } from '../../protocol/messages.js';
import { EXIT, exitCodeOfDone } from '../exit_codes.js';
import type { Io } from '../io.js';
import { parseArguments } from '../program.js';
import { parseRunOperand } from '../run_operand.js';
import { withSession } from '../session_command.js';
import { onInterrupt } from '../signals.js';
import type { TargetFlags } from '../target.js';
import { escapeLine, formatSpan, shorten } from '../text.js';
import { parseSeconds } from '../values.js';

interface WaitFlags extends TargetFlags {
  readonly wait?: string;
  readonly json?: boolean;
}

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const { flags, operands } = parseArguments<WaitFlags>(
    {
      name: 'wait',
      description: 'Wait until a run (its number, current, or last) has ended; ends with its exit code.',
      operands: ['[run]'],
      options: ['session', 'address', 'wait', 'json'],
    },
    args,
    io,
  );
  const run = parseRunOperand('wait', operands[0] ?? 'last');
  const options = flags.wait === undefined ? {} : { waitMs: parseSeconds('--wait', flags.wait) };
  await withSession('wait', flags, io, async (session) => {
    const reply = await unlessInterrupted(session.wait(run, options));
    if (reply === undefined) return io.setExitCode(EXIT.leftWatching);
    io.stdout.write(`${flags.json === true ? encodeJson(reply) : waitText(reply)}\n`);
    io.setExitCode(reply.done === undefined ? EXIT.stillRunning : exitCodeOfDone(reply.done));
  });
}

/** Undefined once Ctrl+C was pressed: it only ends the waiting. */
async function unlessInterrupted(waiting: Promise<WaitReply>): Promise<WaitReply | undefined> {
  let forget = (): void => {};
  const left = new Promise<undefined>((resolve) => {
    forget = onInterrupt(() => resolve(undefined));
  });
  try {
    return await Promise.race([waiting, left]);
  } finally {
    forget();
  }
}

/** How a run stands, in one line. */
function waitText({ run, state, ms, done }: WaitReply): string {
  if (done !== undefined) return doneText(done);
  if (state === 'queued') return `run ${run} has not begun: it waits in the queue`;
  return `run ${run} still runs, after ${formatSpan(ms ?? 0)}`;
}

/** How a run ended, in one line. */
function doneText(done: DoneEvent): string {
  const { run, status, ms, kept } = done;
  const why = whyText(done);
  const fate = kept ? '' : '; the namespace is gone';
  return `run ${run} ended: ${status}, after ${formatSpan(ms)}${why === '' ? '' : ` (${why})`}${fate}`;
}

function whyText({ status, exception, code, reason }: DoneEvent): string {
  if (reason !== undefined) return shorten(escapeLine(reason.message));
  if (status === 'exit') return code === null || code === undefined ? '' : shorten(escapeLine(String(code)));
  if (exception === undefined) return '';
  const { type, message } = exception;
  return shorten(escapeLine(message === '' ? type : `${type}: ${message}`));
}
