import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import type { Address } from '../../../src/protocol/address.js';
import type { ServerOptions } from '../../../src/server/server_options.js';
import { anyInterpreter } from '../../support/interpreters.js';

export interface ChildServer {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly address: Address;
  readonly kernelPid: number;
  /** Kills it and waits until it is gone. */
  kill(signal: NodeJS.Signals): Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('child_server.mjs', import.meta.url));

export interface ChildServers {
  start(options?: ServerOptions, uid?: number): Promise<ChildServer>;
}

/** Servers as processes, from the compiled code; those that a test leaves are killed. */
export function useChildServers(): ChildServers {
  const children: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  return {
    async start(options = {}, uid) {
      const args = [SCRIPT, JSON.stringify({ python: anyInterpreter().path, ...options })];
      const identity = uid === undefined ? {} : { uid, gid: uid };
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], ...identity });
      children.push(child);
      const told = await firstLine(child);
      const { address, kernelPid } = JSON.parse(told) as { address: Address; kernelPid: number };
      const kill = async (signal: NodeJS.Signals): Promise<void> => {
        const exit = once(child, 'exit');
        child.kill(signal);
        await exit;
      };
      return { process: child, pid: child.pid as number, address, kernelPid, kill };
    },
  };
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
    child.once('exit', (code, signal) => reject(new Error(`the server ended (${code ?? signal}) before it listened`)));
  });
}
