/** What `serve` and `start` are asked for: their arguments, checked before anything is started. */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Address, checkAddress, formatAddress, parseAddress } from '../protocol/address.js';
import type { LogLevel } from '../server/log.js';
import type { ServerOptions } from '../server/server_options.js';
import { kernelEnvironment } from './env_options.js';
import { UsageError } from './failure.js';
import type { Io } from './io.js';
import { parseLevel } from './log_view.js';
import { addressOperand } from './operands.js';
import { type Parsed, parseArguments } from './program.js';
import { choosePython, type PythonChoice } from './python_choice.js';
import { runtimeDirectory, stateDirectory } from './runtime_directory.js';
import { type LimitFlags, serveLimits } from './serve_limits.js';
import { type SessionPath, sessionPath } from './session_file.js';
import { parseCount } from './values.js';

interface ServeFlags extends LimitFlags {
  readonly session?: string;
  readonly json?: boolean;
  readonly verbosity?: string;
  readonly python?: string;
  readonly cwd?: string;
  readonly env?: readonly string[];
  readonly envFile?: readonly string[];
  readonly init?: string;
  readonly transcript?: string;
  readonly requireToken?: boolean;
  readonly noToken?: boolean;
  readonly readyFd?: string;
}

export interface ServePlan {
  /** Absolute, if it is a path; undefined for a fresh socket in a private folder. */
  readonly address: Address | undefined;
  readonly session: SessionPath;
  readonly json: boolean;
  readonly level: LogLevel;
  readonly hasToken: boolean;
  /** Where to tell that the server is ready, or why it is not. */
  readonly readyFd: number | undefined;
  readonly flags: ServeFlags;
}

/** @throws UsageError, HelpShown, bad_address, not_loopback. */
export function parseServe(command: 'serve' | 'start', args: readonly string[], io: Io): ServePlan {
  const { flags, operands } = parseFlags(command, args, io);
  const plan: ServePlan = {
    address: serveAddress(operands, io.cwd),
    session: sessionPath(flags.session, io),
    json: flags.json === true,
    level: flags.verbosity === undefined ? 'info' : parseLevel(flags.verbosity),
    hasToken: flags.noToken !== true,
    readyFd: flags.readyFd === undefined ? undefined : parseCount('--ready-fd', flags.readyFd, 3),
    flags,
  };
  checkToken(plan);
  return plan;
}

function parseFlags(command: 'serve' | 'start', args: readonly string[], io: Io): Parsed<ServeFlags> {
  const description =
    command === 'serve'
      ? 'Serve a session: a Python that stays alive behind a UNIX socket or a loopback port.'
      : 'Start a session in the background, unless one is running, and say where.';
  const options = [
    ...(['session', 'python', 'cwd', 'env', 'envFile', 'init', 'transcript', 'serveTimeout', 'queue'] as const),
    ...(['maxFrame', 'idleExit', 'standby', 'restartBudget', 'keepRuns', 'keepBytes', 'keepAge'] as const),
    ...(['spillRun', 'spillSession', 'requireToken', 'noToken', 'verbosity', 'json', 'serve', 'readyFd'] as const),
  ];
  const program = { name: command, description, operands: ['[address...]'], options } as const;
  return parseArguments<ServeFlags>({ ...program, repeatable: ['env', 'envFile'] }, args, io);
}

function checkToken({ flags, address, session, hasToken }: ServePlan): void {
  if (!hasToken && flags.requireToken === true) {
    throw new UsageError('--no-token and --require-token exclude each other');
  }
  const isAsked = address?.kind === 'tcp' || flags.requireToken === true;
  if (session.path === null && hasToken && isAsked) {
    throw new UsageError('with -f - nobody could learn the token that this server asks for; name a session file');
  }
}

/**
 * The options of the server, and which Python was chosen.
 * @throws UsageError for values and files that cannot be used.
 */
export function serverOptions(
  plan: ServePlan,
  io: Io,
): { readonly options: ServerOptions; readonly python: PythonChoice } {
  const { flags } = plan;
  const python = choosePython(flags.python, io);
  const env = kernelEnvironment({ env: flags.env, envFile: flags.envFile, python: python.path }, io);
  const options: ServerOptions = {
    address: plan.address,
    runtimeDir: runtimeDirectory(io),
    stateDir: stateDirectory(io),
    sessionFile: plan.session.path ?? undefined,
    python: python.path,
    cwd: flags.cwd === undefined ? io.cwd : folder(flags.cwd, io.cwd),
    env,
    init: flags.init === undefined ? undefined : initFile(flags.init, io.cwd),
    transcript: flags.transcript === undefined ? undefined : transcriptFile(flags.transcript, io.cwd),
    ...serveLimits(flags),
    requireToken: flags.requireToken === true,
    ...(plan.hasToken ? {} : { token: false as const }),
  };
  return { options, python };
}

function serveAddress(operands: readonly string[], cwd: string): Address | undefined {
  const text = addressOperand(operands);
  if (text === undefined) return undefined;
  const parsed = parseAddress(text);
  // Clients elsewhere read the address from the session file, so it must not depend on the folder.
  const address: Address = parsed.kind === 'unix' ? { kind: 'unix', path: resolve(cwd, parsed.path) } : parsed;
  checkAddress(address);
  return address;
}

function folder(path: string, cwd: string): string {
  const full = resolve(cwd, path);
  if (statSync(full, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UsageError(`--cwd: ${full} is not a folder`);
  }
  return full;
}

function initFile(path: string, cwd: string): { readonly name: string; readonly code: string } {
  const full = resolve(cwd, path);
  try {
    return { name: full, code: readFileSync(full, 'utf8') };
  } catch (error) {
    throw new UsageError(`--init: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** It is opened only by the server; what would keep that from working is told here, in the words of the command line. */
function transcriptFile(path: string, cwd: string): string {
  const full = resolve(cwd, path);
  const stat = statSync(full, { throwIfNoEntry: false });
  // A FIFO, say, would hold the whole server until somebody reads it.
  if (stat !== undefined && !stat.isFile()) throw new UsageError(`--transcript: ${full} is not a regular file`);
  try {
    accessSync(stat === undefined ? dirname(full) : full, constants.W_OK);
  } catch (error) {
    throw new UsageError(`--transcript: ${error instanceof Error ? error.message : String(error)}`);
  }
  return full;
}

/** Where a plan would listen, for people. */
export function planText({ address }: Pick<ServePlan, 'address'>): string {
  return address === undefined ? 'a fresh socket' : formatAddress(address);
}
