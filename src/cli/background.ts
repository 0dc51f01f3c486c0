/** The one place where the command line starts other programs: a server in the background, and git for a question. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ErrorCode } from '../protocol/errors.js';
import { EXIT } from './exit_codes.js';
import { onEndSignals } from './signals.js';

const PROGRAM = fileURLToPath(new URL('../../bin/sock-python.js', import.meta.url));
/** The child's end of the pipe over which it tells that it is ready. */
const READY_FD = 3;
/** How long a server that is not wanted any more may take to end by itself. */
const GIVE_UP_MS = 1000;
const MAX_REPORT_BYTES = 1_048_576;

/** What a server in the background says once, over a pipe of its own. It never holds the token. */
export type ReadyReport =
  | {
      readonly ready: true;
      readonly address: string;
      readonly pid: number;
      readonly session: string | null;
      readonly python: { readonly version: string; readonly path: string };
    }
  | {
      readonly ready: false;
      readonly exitCode: number;
      readonly code: ErrorCode | null;
      readonly message: string;
      readonly details?: unknown;
    };

/**
 * Starts `serve` with these arguments in a session of its own and waits for its report. A signal meanwhile ends that
 * server, too: nobody would know of it.
 */
export async function startInBackground(args: readonly string[], cwd: string): Promise<ReadyReport> {
  // Without the dashes Node 20 takes a program's own --env-file for one of its own.
  const line = [...process.execArgv, '--', PROGRAM, 'serve', '--ready-fd', String(READY_FD), ...args];
  const child = spawn(process.execPath, line, { cwd, detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  const pipe = child.stdio[READY_FD] as Readable;
  let isGivenUp = false;
  const forget = onEndSignals(() => {
    isGivenUp = true;
    endSoon(child);
  });
  try {
    const text = await readAll(pipe);
    if (text !== '') {
      child.unref();
      return JSON.parse(text) as ReadyReport;
    }
    const { code, signal } = await exited;
    if (isGivenUp) return { ready: false, exitCode: EXIT.leftWatching, code: null, message: 'the start was given up' };
    const message = `the server ended before it was ready (${signal ?? `exit code ${code}`})`;
    return { ready: false, exitCode: EXIT.serverFailed, code: null, message };
  } finally {
    forget();
  }
}

/** Asks twice: the second time it no longer waits for a start that hangs. */
function endSoon(child: ChildProcess): void {
  child.kill('SIGTERM');
  const again = setTimeout(() => child.kill('SIGTERM'), GIVE_UP_MS);
  child.once('exit', () => clearTimeout(again));
}

/**
 * Whether git would take a file along: it lies in a work tree that does not ignore it. Where git itself is missing,
 * every file in a work tree counts.
 */
export async function isExposedToGit(file: string): Promise<boolean> {
  if (!isInWorkTree(dirname(file))) return false;
  const child = spawn('git', ['-c', 'core.fsmonitor=false', 'check-ignore', '--quiet', '--', file], {
    cwd: dirname(file),
    stdio: 'ignore',
  });
  try {
    const [code] = await once(child, 'exit');
    return code === 1;
  } catch {
    return true;
  }
}

function isInWorkTree(start: string): boolean {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git'))) return true;
    if (folder === dirname(folder)) return false;
  }
}

async function readAll(pipe: Readable): Promise<string> {
  let text = '';
  try {
    for await (const chunk of pipe.setEncoding('utf8')) {
      text += chunk as string;
      if (text.endsWith('\n') || text.length > MAX_REPORT_BYTES) break;
    }
  } finally {
    pipe.destroy();
  }
  return text;
}
