/** Child processes and their memory, for the measurements. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** Runs a program to its end; returns what it wrote on stdout, or throws with its stderr. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const [out, err] = [collect(child.stdout), collect(child.stderr)];
  const [status, signal] = await once(child, 'close');
  if (status === 0) return out();
  throw new Error(`${command} ${args.join(' ')} ended with ${status ?? signal}: ${err().slice(-2000)}`);
}

function collect(stream) {
  const chunks = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString();
}

/**
 * Starts a program that says one line when it is ready and ends when its stdin does, or has to be killed.
 * @returns {Promise<{line: string, pid: number, stop(): Promise<void>}>}
 */
export async function startService(command, args, { kill = false } = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const err = collect(child.stderr);
  const exited = once(child, 'exit').then(([status, signal]) => {
    throw new Error(`${command} ${args.join(' ')} ended with ${status ?? signal}: ${err().slice(-2000)}`);
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = await Promise.race([once(lines, 'line'), exited]);
  exited.catch(() => {});
  const stop = async () => {
    child.stdin.end();
    if (kill) child.kill();
    await exited.catch(() => {});
  };
  return { line, pid: child.pid, stop };
}

/** A field of `/proc/PID/status` in MB: `VmRSS` is now, `VmHWM` the most ever. */
export function memoryMb(pid, field) {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return (Number(match[1]) * 1024) / 1e6;
}
