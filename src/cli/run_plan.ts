/** What `run` and the bare form are asked for. */
import type { RunOptions } from '../client/run_options.js';
import type { Address } from '../protocol/address.js';
import type { OnDisconnect } from '../protocol/messages.js';
import { UsageError } from './failure.js';
import type { Io } from './io.js';
import { parseLevel } from './log_view.js';
import { type Parsed, parseArguments } from './program.js';
import type { SnippetSource } from './snippet_source.js';
import { givenAddress, type TargetFlags } from './target.js';
import { parseChoice, parseSeconds } from './values.js';

interface RunFlags extends TargetFlags {
  readonly code?: string;
  readonly timeout?: string;
  readonly wait?: string;
  readonly kill?: boolean;
  readonly value?: boolean;
  readonly quiet?: boolean;
  readonly json?: boolean;
  readonly sep?: string;
  readonly detach?: boolean;
  readonly key?: string;
  readonly onDisconnect?: string;
  readonly noHistory?: boolean;
  readonly start?: boolean;
  readonly verbosity?: string;
}

export interface RunPlan {
  readonly source: SnippetSource;
  readonly address: Address | undefined;
  readonly target: TargetFlags;
  /** The snippet's `sys.argv`; the bare form leaves it alone. */
  readonly argv: readonly string[] | undefined;
  readonly timeoutMs: number | undefined;
  readonly waitMs: number | undefined;
  readonly kill: boolean;
  readonly value: boolean;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly separator: string | undefined;
  /** Leave once the run has a number. */
  readonly detach: boolean;
  readonly key: string | undefined;
  readonly onDisconnect: OnDisconnect;
  /** Keep the run out of the history. */
  readonly hidden: boolean;
  readonly start: boolean;
}

/** What the protocol takes. */
const MAX_KEY_CHARS = 200;

const COMMON = [
  'session',
  'address',
  'timeout',
  'wait',
  'killLate',
  'value',
  'quiet',
  'sep',
  'detach',
  'key',
  'onDisconnect',
  'noHistory',
  'json',
  'classic',
] as const;

/** `run [FILE | - | -c CODE] [ARGS…]`. @throws UsageError, HelpShown, bad_address, not_loopback. */
export function parseRun(args: readonly string[], io: Io): RunPlan {
  const { flags, operands } = parseArguments<RunFlags>(
    {
      name: 'run',
      description: 'Run a file of Python, standard input (-), or the code after -c; what follows is its sys.argv.',
      operands: ['[file]', '[args...]'],
      options: ['code', ...COMMON, 'start'],
      passThrough: true,
    },
    args,
    io,
  );
  const [file, ...rest] = operands;
  if (flags.code !== undefined) {
    return makePlan({ flags, operands: [] }, { source: { kind: 'code', code: flags.code }, argv: ['-c', ...operands] });
  }
  const source: SnippetSource = file === undefined || file === '-' ? { kind: 'stdin' } : { kind: 'file', path: file };
  return makePlan({ flags, operands: [] }, { source, argv: [file ?? '-', ...rest] });
}

/** `[ADDRESS | HOST PORT]`: one snippet from standard input. @throws UsageError, HelpShown, bad_address, not_loopback. */
export function parseBare(args: readonly string[], io: Io): RunPlan {
  const parsed = parseArguments<RunFlags>(
    {
      name: '',
      description: 'Send one snippet from standard input to a session.',
      operands: ['[address...]'],
      options: [...COMMON, 'start', 'verbosity'],
    },
    args,
    io,
  );
  if (parsed.flags.verbosity !== undefined) parseLevel(parsed.flags.verbosity);
  return makePlan(parsed, { source: { kind: 'stdin' }, argv: undefined, isBare: true });
}

interface Origin {
  readonly source: SnippetSource;
  readonly argv: readonly string[] | undefined;
  readonly isBare?: boolean;
}

function makePlan({ flags, operands }: Parsed<RunFlags>, { source, argv, isBare = false }: Origin): RunPlan {
  const plan: RunPlan = {
    source,
    argv,
    address: givenAddress(operands, flags, isBare),
    target: flags,
    timeoutMs: flags.timeout === undefined ? undefined : parseSeconds('--timeout', flags.timeout),
    waitMs: flags.wait === undefined ? undefined : parseSeconds('--wait', flags.wait),
    kill: flags.kill === true,
    value: flags.value === true,
    quiet: flags.quiet === true,
    json: flags.json === true,
    separator: flags.sep,
    detach: flags.detach === true,
    key: flags.key === undefined ? undefined : parseKey(flags.key),
    onDisconnect: parseChoice('--on-disconnect', flags.onDisconnect ?? 'keep', ['keep', 'cancel']),
    hidden: flags.noHistory === true,
    start: flags.start === true,
  };
  checkTogether(plan);
  return plan;
}

function checkTogether({ kill, timeoutMs, detach, waitMs, onDisconnect }: RunPlan): void {
  if (kill && timeoutMs === undefined) throw new UsageError('--kill needs a --timeout to follow');
  if (detach && waitMs !== undefined) throw new UsageError('--detach does not wait, so there is no --wait');
  if (detach && onDisconnect === 'cancel') {
    throw new UsageError('--detach leaves at once, so --on-disconnect cancel would end the run');
  }
}

function parseKey(text: string): string {
  if (text.length >= 1 && text.length <= MAX_KEY_CHARS) return text;
  throw new UsageError(`--key takes a text of 1 to ${MAX_KEY_CHARS} characters, not one of ${text.length}`);
}

/** What of a plan goes to the server. */
export function toRunOptions(plan: RunPlan): RunOptions {
  return {
    ...(plan.argv === undefined ? {} : { argv: plan.argv }),
    // Who leaves cannot answer.
    stdin: plan.source.kind === 'stdin' || plan.detach ? 'none' : 'ask',
    onDisconnect: plan.onDisconnect,
    collect: false,
    ...(plan.source.kind === 'file' ? { name: plan.source.path } : {}),
    ...(plan.value ? { value: 'repr' as const } : {}),
    ...(plan.timeoutMs === undefined ? {} : { timeoutMs: plan.timeoutMs }),
    ...(plan.key === undefined ? {} : { key: plan.key }),
    ...(plan.hidden ? { quiet: true } : {}),
    ...(plan.kill ? { onTimeout: 'kill' as const } : {}),
  };
}

/** The first option, if any, that an original server could not follow. */
export function nativeOnlyFlag(plan: RunPlan): string | undefined {
  if (plan.timeoutMs !== undefined) return '--timeout';
  if (plan.waitMs !== undefined) return '--wait';
  if (plan.value) return '--value';
  if (plan.detach) return '--detach';
  if (plan.key !== undefined) return '--key';
  if (plan.onDisconnect === 'cancel') return '--on-disconnect cancel';
  if (plan.hidden) return '--no-history';
  return (plan.argv?.length ?? 0) > 1 ? 'arguments of the snippet' : undefined;
}
