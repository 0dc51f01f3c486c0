/** A session in the background, started unless one is running. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Address, formatAddress } from '../protocol/address.js';
import { isErrorCode, SockPythonError } from '../protocol/errors.js';
import { type ReadyReport, startInBackground } from './background.js';
import { CommandFailure } from './failure.js';
import type { Io } from './io.js';
import { isAlive } from './liveness.js';
import { planText, type ServePlan } from './serve_plan.js';
import { readSession, type SessionInfo } from './session_file.js';
import { sweepDeadServers } from './sweep.js';

/** How long the winner of two starts at once may take until its session file says so. */
const WINNER_MS = 10_000;
const LOOK_MS = 25;

export interface RunningSession {
  /** False if it was running already. */
  readonly isNew: boolean;
  readonly address: string;
  readonly pid: number | null;
  readonly session: string | null;
  /** Known of a new one. */
  readonly python: { readonly version: string; readonly path: string } | null;
}

/**
 * Finds the session that the session file names, else starts one with these arguments of `serve`.
 * @throws address_in_use when the session file belongs to a session at another address; what the server could not do.
 */
export async function ensureRunning(plan: ServePlan, args: readonly string[], io: Io): Promise<RunningSession> {
  const running = await findRunning(plan, io);
  sweepDeadServers(io);
  if (running !== undefined) return running;
  const report = await startInBackground(args, io.cwd);
  if (report.ready) {
    const { address, pid, session, python } = report;
    return { isNew: true, address, pid, session, python };
  }
  // Two starts at once: the other one was faster, and its session is what was wanted.
  const winner = report.code === 'address_in_use' ? await awaitWinner(plan, io) : undefined;
  if (winner !== undefined) return winner;
  throw toError(report);
}

async function findRunning(plan: ServePlan, io: Io): Promise<RunningSession | undefined> {
  const info = plan.session.path === null ? unnamed(plan.address) : readSession(plan.session.path, io);
  if (info === undefined || !(await isAlive(info))) return undefined;
  const address = formatAddress(info.address);
  if (plan.address !== undefined && !isSameAddress(plan.address, info.address)) {
    throw new SockPythonError(
      'address_in_use',
      `${plan.session.path} names the running session at ${address}, not one at ${planText(plan)}: ` +
        'name another session file with -f',
    );
  }
  return { isNew: false, address, pid: info.pid ?? null, session: plan.session.path, python: null };
}

async function awaitWinner(plan: ServePlan, io: Io): Promise<RunningSession | undefined> {
  const deadlineMs = performance.now() + WINNER_MS;
  while (performance.now() < deadlineMs) {
    const running = await findRunning(plan, io);
    if (running !== undefined) return running;
    await delay(LOOK_MS);
  }
  return undefined;
}

/** Without a session file, only a UNIX socket that answers can be told to be running. */
function unnamed(address: Address | undefined): SessionInfo | undefined {
  return address?.kind === 'unix' ? { file: '', address, classic: false } : undefined;
}

function isSameAddress(wanted: Address, found: Address): boolean {
  if (wanted.kind === 'unix' || found.kind === 'unix') return formatAddress(wanted) === formatAddress(found);
  return (
    (wanted.port === 0 || wanted.port === found.port) && (wanted.host === found.host || found.host === '127.0.0.1')
  );
}

function toError(report: Extract<ReadyReport, { ready: false }>): Error {
  const { code, message, details, exitCode } = report;
  return isErrorCode(code) ? new SockPythonError(code, message, { details }) : new CommandFailure(exitCode, message);
}
