/** A commander program per command, which throws instead of exiting and prints where it is told. */
import { createRequire } from 'node:module';
import type { Command, CommanderError, Option } from 'commander';
import { HelpShown, UsageError } from './failure.js';
import type { Io } from './io.js';
import { OPTIONS, type OptionName } from './options.js';

/** Loaded at the first option: a line without any needs none of it, and starts a good deal sooner. */
const commander = (): typeof import('commander') => createRequire(import.meta.url)('commander');

export interface ProgramOptions {
  readonly name: string;
  readonly description: string;
  /** Operands as commander writes them, like `[address...]`. */
  readonly operands?: readonly string[];
  readonly options: readonly OptionName[];
  /** Options that may be given more than once, each value kept. */
  readonly repeatable?: readonly OptionName[];
  /** The first operand ends the options: what follows is the snippet's own. */
  readonly passThrough?: boolean;
}

export interface Parsed<Flags> {
  readonly flags: Flags;
  readonly operands: readonly string[];
}

/**
 * Reads a command's arguments.
 * @throws UsageError for what the command does not understand, HelpShown after `--help`.
 */
export function parseArguments<Flags extends object>(
  options: ProgramOptions,
  args: readonly string[],
  io: Pick<Io, 'stdout'>,
): Parsed<Flags> {
  // Every flag is optional, so none is right for any kind of flags.
  if (isPlain(options, args)) return { flags: {} as Flags, operands: args };
  const program = newProgram(options, io);
  try {
    program.parse([...args], { from: 'user' });
  } catch (thrown) {
    if (!isCommanderError(thrown)) throw thrown;
    if (thrown.exitCode === 0) throw new HelpShown();
    throw new UsageError(thrown.message.replace(/^error: /, ''));
  }
  return { flags: program.opts<Flags>(), operands: program.args };
}

/** Nothing but operands, of which any number may stand here. */
function isPlain({ operands = [] }: ProgramOptions, args: readonly string[]): boolean {
  return operands.at(-1)?.endsWith('...]') === true && args.every((arg) => arg === '-' || !arg.startsWith('-'));
}

function isCommanderError(thrown: unknown): thrown is CommanderError {
  return thrown instanceof commander().CommanderError;
}

function newProgram({ name, description, operands = [], ...rest }: ProgramOptions, io: Pick<Io, 'stdout'>): Command {
  const program = new (commander().Command)(`sock-python${name === '' ? '' : ` ${name}`}`);
  program.description(description).exitOverride().helpOption('-h, --help', 'print this');
  program.configureOutput({ writeOut: (text) => void io.stdout.write(text), writeErr: () => {} });
  for (const operand of operands) program.argument(operand);
  for (const option of rest.options) program.addOption(newOption(option, rest.repeatable?.includes(option) ?? false));
  if (rest.passThrough === true) program.passThroughOptions();
  return program;
}

function newOption(name: OptionName, isRepeatable: boolean): Option {
  const { flags, help } = OPTIONS[name];
  const option = new (commander().Option)(flags, help);
  // `--no-token` would make commander invent a `token` that is true; under its own name it is a plain flag.
  if (flags.startsWith('--no-')) option.negate = false;
  if (name === 'readyFd') option.hideHelp();
  if (isRepeatable) option.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value]);
  return option;
}
