/** What the tests of this room share. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync } from 'node:fs';
import { expect } from 'vitest';
import type { Address } from '../../src/protocol/address.js';
import { SockPythonError } from '../../src/protocol/errors.js';
import { dial } from '../../src/transport/dial.js';
import type { Socket } from '../../src/transport/socket.js';

/** The error that something is refused with; fails if it is not. */
export async function refusal(act: Promise<unknown>): Promise<SockPythonError> {
  const outcome = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(SockPythonError);
  return outcome as SockPythonError;
}

export function unix(path: string): Address {
  return { kind: 'unix', path };
}

/** A listener that says its name to whoever comes; see `whoLivesAt`. */
export function greeter(name: string): (socket: Socket) => void {
  return (socket) => socket.end(name);
}

export async function whoLivesAt(address: Address): Promise<string> {
  const socket = await dial(address);
  const [greeting] = await once(socket, 'data');
  socket.destroy();
  return String(greeting);
}

/** A socket whose listener died without a word. */
export async function leaveDeadSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.stdout.write('up'))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'close');
  expect(lstatSync(path).isSocket()).toBe(true);
}
