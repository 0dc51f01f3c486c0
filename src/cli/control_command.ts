/** What `status`, `stop`, `restart` and `interrupt` have in common: arguments, one request, one answer. */

import type { Action } from '../control/action.js';
import type { ClassicAction, ClassicControlReply } from '../control/classic_control.js';
import type { ControlReplies } from '../control/control.js';
import { type ControlOptions, control } from '../control/control.js';
import { encodeJson } from '../protocol/json.js';
import { UsageError } from './failure.js';
import { CLIENT } from './identity.js';
import type { Io } from './io.js';
import type { OptionName } from './options.js';
import { parseArguments } from './program.js';
import { explainConnect, findTarget, givenAddress, type Target, type TargetFlags } from './target.js';
import { escapeLine } from './text.js';
import { parseCount, parseSeconds } from './values.js';

const CONNECT_MS = 10_000;

export interface ControlFlags extends TargetFlags {
  readonly json?: boolean;
  readonly drain?: boolean;
  readonly grace?: string;
  readonly kill?: boolean;
  readonly run?: string;
}

export interface ControlCommand<A extends Action> {
  readonly action: A;
  readonly description: string;
  readonly options: readonly OptionName[];
  /** What people are told; the exit code, if it is not 0. */
  readonly show: (reply: ControlReplies[A]) => { readonly text: string; readonly exitCode?: number };
}

/**
 * Asks and tells. @throws UsageError, HelpShown, and what asking throws.
 */
export async function runControl<A extends Action>(
  command: ControlCommand<A>,
  args: readonly string[],
  io: Io,
): Promise<void> {
  const { flags, operands } = parseArguments<ControlFlags>(
    {
      name: command.action,
      description: command.description,
      operands: ['[address...]'],
      options: ['session', 'address', ...command.options, 'json', 'classic'],
    },
    args,
    io,
  );
  const options = controlOptions(flags);
  const target = findTarget(givenAddress(operands, flags), flags, io);
  if (target.classic) {
    const reply = await askClassic(command.action, target, options, io);
    io.stdout.write(flags.json === true ? `${encodeJson(reply)}\n` : classicText(command.action, reply));
    return;
  }
  const reply = await ask(command.action, target, options);
  const { text, exitCode } = command.show(reply);
  io.stdout.write(flags.json === true ? `${encodeJson(reply)}\n` : `${text}\n`);
  if (exitCode !== undefined) io.setExitCode(exitCode);
}

function controlOptions(flags: ControlFlags): ControlOptions {
  return {
    ...(flags.drain === true ? { drain: true } : {}),
    ...(flags.kill === true ? { kill: true } : {}),
    ...(flags.grace === undefined ? {} : { graceMs: parseSeconds('--grace', flags.grace) }),
    ...(flags.run === undefined ? {} : { run: parseCount('--run', flags.run, 1) }),
  };
}

async function ask<A extends Action>(action: A, target: Target, options: ControlOptions): Promise<ControlReplies[A]> {
  const { address, token } = target;
  try {
    return await control(address, action, {
      ...options,
      timeoutMs: CONNECT_MS,
      client: CLIENT,
      classic: false,
      ...(token === undefined ? {} : { token }),
    });
  } catch (error) {
    throw explainConnect(error, target);
  }
}

async function askClassic(
  action: Action,
  target: Target,
  options: ControlOptions,
  io: Io,
): Promise<ClassicControlReply> {
  if (action === 'interrupt') throw new UsageError('an original sock_python server cannot be interrupted');
  const [first] = Object.keys(options);
  if (first !== undefined) throw new UsageError(`an original sock_python server knows no options of ${action}`);
  const known: ClassicAction = action as ClassicAction;
  const onWarning = (text: string): void => void io.stderr.write(`sock-python: ${escapeLine(text)}\n`);
  try {
    return await control(target.address, known, { classic: true, timeoutMs: CONNECT_MS, onWarning });
  } catch (error) {
    throw explainConnect(error, target);
  }
}

function classicText(action: Action, reply: ClassicControlReply): string {
  if (action !== 'status') return action === 'stop' ? 'stopped\n' : 'restarted\n';
  return Object.entries(reply)
    .map(
      ([name, value]) => `${escapeLine(name)}: ${escapeLine(typeof value === 'string' ? value : encodeJson(value))}\n`,
    )
    .join('');
}
