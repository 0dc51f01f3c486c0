/** Servers for tests, each taken down when its test ends, and clients that go with them. */
import { readFileSync } from 'node:fs';
import { afterEach } from 'vitest';
import type { Dialect } from '../../../src/protocol/dialect.js';
import type { RunningServer, ServerOptions } from '../../../src/server/server_options.js';
import { startServer } from '../../../src/server/start_server.js';
import { anyInterpreter } from '../../support/interpreters.js';
import { type Message, RawClient } from './raw_client.js';

export interface Servers {
  start(options?: ServerOptions): Promise<RunningServer>;
  /** A raw client of a server; destroyed with the test. */
  client(server: RunningServer, dialect?: Dialect, options?: { readonly keepBytes?: boolean }): Promise<RawClient>;
}

/** Call after `usePlace()`, so that servers end before the place is looked over. */
export function useServers(): Servers {
  const servers: RunningServer[] = [];
  const clients: RawClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await Promise.all(servers.splice(0).map((server) => server.destroy()));
  });
  return {
    async start(options = {}) {
      const server = await startServer({ python: anyInterpreter().path, ...options });
      servers.push(server);
      return server;
    },
    async client(server, dialect, options) {
      const client = await RawClient.open(server.address, dialect, options);
      clients.push(client);
      return client;
    },
  };
}

/** Runs code to its end; resolves to its `done`. */
let nextId = 1_000_000;
export function run(
  client: RawClient,
  code: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Message> {
  nextId += 1;
  return client.ask({ op: 'run', id: nextId, code, ...options });
}

/** Starts code that first says `ready`, or says so itself where it is to be waited for; resolves to the run's number once it has. */
export async function startRun(
  client: RawClient,
  code: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly run: number; readonly id: number; readonly done: Promise<Message> }> {
  nextId += 1;
  const id = nextId;
  const ready = code.includes("'ready'") ? code : `print('ready')\n${code}`;
  client.send({ op: 'run', id, code: ready, ...options });
  const { run: number } = await client.next((message) => message.id === id && message.event === 'stdout');
  const done = client.answer(id);
  done.catch(() => {});
  return { run: number as number, id, done };
}

/** Starts code that ends by waiting for a line; `release` gives it one. */
export async function startWaiting(
  client: RawClient,
  code = '',
): Promise<{ readonly run: number; readonly release: () => Promise<Message> }> {
  nextId += 1;
  const id = nextId;
  client.send({ op: 'run', id, code: `${code}\ninput()`, stdin: 'ask' });
  const { run: number } = await client.next((message) => message.id === id && message.event === 'input');
  const done = client.answer(id);
  done.catch(() => {});
  const release = async (): Promise<Message> => {
    await client.ask({ op: 'input', id: `release ${id}`, run: number, text: '' });
    return done;
  };
  return { run: number as number, release };
}

/** Is there a process (not a zombie) with this id? */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Waits for something that is nobody's message, such as the end of a process of others. */
export async function until(what: string, holds: () => boolean, deadlineMs = 5000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Resolves when all these processes are gone. */
export function gone(pids: readonly number[], deadlineMs?: number): Promise<void> {
  return until(`the end of processes ${pids.join(', ')}`, () => !pids.some(isAlive), deadlineMs);
}
