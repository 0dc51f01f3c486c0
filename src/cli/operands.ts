/**
 * What a command line asks for, before any option is looked at closely: pure, so that one table of lines pins it.
 *
 *     argv ── route ──▶ command, its arguments ── (commander) ──▶ operands ── addressOperand ──▶ ADDRESS
 */
import { UsageError } from './failure.js';
import { VALUE_FLAGS } from './options.js';
import { nearest } from './text.js';

export const COMMANDS = [
  'serve',
  'start',
  'run',
  'status',
  'stop',
  'restart',
  'interrupt',
  'attach',
  'wait',
  'runs',
  'history',
  'watch',
  'cancel',
  'help',
] as const;
export type CommandName = (typeof COMMANDS)[number];

export interface Route {
  /** `bare`: one snippet from standard input. */
  readonly command: CommandName | 'bare' | 'version';
  /** The line without the command. */
  readonly args: readonly string[];
}

interface Scanned {
  /** Place of the first operand, or -1. */
  readonly firstOperand: number;
  /** The flags found, clusters taken apart; of a command's line only those before it. */
  readonly flags: ReadonlySet<string>;
}

/**
 * Finds the command: the first operand if it equals one, else `-s` means serve, else it is the bare form.
 * @throws UsageError when `-s` meets another command.
 */
export function route(argv: readonly string[]): Route {
  const { firstOperand, flags } = scan(argv);
  const first = argv[firstOperand];
  const isServe = flags.has('-s') || flags.has('--serve');
  if (isCommand(first)) {
    if (isServe && first !== 'serve') {
      throw new UsageError(`--serve and the command ${first} exclude each other; a socket of that name is ./${first}`);
    }
    const before = argv.slice(0, firstOperand).filter((arg) => arg !== '--');
    return { command: first, args: [...before, ...argv.slice(firstOperand + 1)] };
  }
  if (isServe) return { command: 'serve', args: argv };
  if (flags.has('-h') || flags.has('--help')) return { command: 'help', args: [] };
  if (flags.has('-V') || flags.has('--version')) return { command: 'version', args: [] };
  return { command: 'bare', args: argv };
}

export interface OperandContext {
  /** Is there a socket at this path? Asked for a single word only. */
  readonly isSocket?: (path: string) => boolean;
}

/**
 * The address that operands `[ADDRESS | HOST PORT]` give, as text for `parseAddress`; undefined if there are none.
 * With `isSocket`, a word that looks like a mistyped command is refused.
 * @throws UsageError with what was probably meant.
 */
export function addressOperand(operands: readonly string[], context: OperandContext = {}): string | undefined {
  const [first, second, ...rest] = operands;
  if (first === undefined) return undefined;
  if (second === undefined) return singleOperand(first, context);
  if (rest.length === 0 && /^\d+$/.test(second)) return hostAndPort(first, second);
  const meant = context.isSocket === undefined ? undefined : nearest(first, COMMANDS);
  const hint = meant === undefined ? 'expected one ADDRESS, or HOST PORT' : `did you mean the command ${meant}?`;
  throw new UsageError(`cannot make an address of ${operands.map(quote).join(' ')}: ${hint}`);
}

/** Whether a word is written like an address of a session, not like a file of Python. */
export function looksLikeAddress(word: string): boolean {
  return /^[^/]*:\d+$/.test(word) || word.endsWith('.sock') || /^(unix|tcp):/.test(word);
}

function singleOperand(word: string, { isSocket }: OperandContext): string {
  if (/^\d+$/.test(word)) {
    throw new UsageError(`${quote(word)} is no address: write :${word} for the port, ./${word} for a socket`);
  }
  if (isSocket === undefined || /[/.:]/.test(word) || word === '' || isSocket(word)) return word;
  const meant = nearest(word, COMMANDS);
  const hint = meant === undefined ? `write ./${word} for a socket` : `did you mean ${meant}?`;
  throw new UsageError(`${quote(word)} is neither a command nor a socket here: ${hint}`);
}

function hostAndPort(host: string, port: string): string {
  const isBareIpv6 = host.includes(':') && !host.startsWith('[');
  return `tcp:${isBareIpv6 ? `[${host}]` : host}:${port}`;
}

function isCommand(word: string | undefined): word is CommandName {
  return COMMANDS.some((name) => name === word);
}

function scan(argv: readonly string[]): Scanned {
  const flags = new Set<string>();
  let firstOperand = -1;
  for (let at = 0; at < argv.length; at += 1) {
    const arg = argv[at] ?? '';
    if (arg === '--') {
      if (firstOperand < 0 && at + 1 < argv.length) firstOperand = at + 1;
      break;
    }
    if (!isFlag(arg)) {
      if (firstOperand < 0) firstOperand = at;
      // What follows a command is its own business: `run file.py -s` hands -s to the snippet.
      if (isCommand(argv[firstOperand])) break;
    } else if (addFlags(arg, flags)) at += 1;
  }
  return { firstOperand, flags };
}

/** A lone `-` stands for standard input, so it is an operand. */
function isFlag(arg: string): boolean {
  return arg.startsWith('-') && arg !== '-';
}

/** Notes the flags of one argument, `-sf` as two; true if the next argument is the value of the last. */
function addFlags(arg: string, flags: Set<string>): boolean {
  if (arg.startsWith('--')) {
    const [name = arg] = arg.split('=', 1);
    flags.add(name);
    return VALUE_FLAGS.has(name) && !arg.includes('=');
  }
  for (let at = 1; at < arg.length; at += 1) {
    const flag = `-${arg[at]}`;
    flags.add(flag);
    if (VALUE_FLAGS.has(flag)) return at === arg.length - 1;
  }
  return false;
}

function quote(word: string): string {
  return JSON.stringify(word);
}
