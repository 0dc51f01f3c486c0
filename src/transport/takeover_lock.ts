/**
 * A lock that its holder's death sets free, so that two servers cannot both take a dead one's place: the first would
 * be removed by the second. On Linux it is a listening socket in the abstract name space, which the system forgets
 * with its process; who finds it taken connects, and is woken when it ends. Elsewhere there is no lock.
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { basename, dirname } from 'node:path';
import { SockPythonError } from '../protocol/errors.js';
import { ignoreError, type Socket } from './socket.js';

/** A take-over needs a few milliseconds; a stranger who holds the name only to hinder us shall not hang us. */
const PATIENCE_MS = 10_000;

/**
 * Does `work` while no other process of this user does such work for the same `path`.
 * @throws address_in_use if the lock does not come free; what `work` throws.
 */
export async function withTakeoverLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  if (process.platform !== 'linux') return work();
  const name = lockName(path);
  const deadlineMs = performance.now() + PATIENCE_MS;
  let lock = await tryLock(name);
  while (!lock) {
    await released(name, deadlineMs - performance.now());
    if (performance.now() >= deadlineMs) {
      throw new SockPythonError('address_in_use', `somebody else is about to take ${path} over, and does not finish`);
    }
    lock = await tryLock(name);
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}

/** The same for every way to write the path. */
function lockName(path: string): string {
  const folder = statSync(dirname(path));
  const place = `${process.getuid?.()}:${folder.dev}:${folder.ino}:${basename(path)}`;
  return `\0sock-python-takeover-${createHash('sha256').update(place).digest('hex')}`;
}

interface Lock {
  release(): void;
}

function tryLock(name: string): Promise<Lock | undefined> {
  const waiting = new Set<Socket>();
  const server: Server = createServer((socket) => {
    waiting.add(socket.on('error', ignoreError));
  });
  const release = (): void => {
    server.close();
    for (const socket of waiting) socket.destroy();
  };
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen({ path: name, exclusive: true }, () => resolve({ release }));
  });
}

/** Resolves when the holder lets go, dies, is gone already, or time is up. */
function released(name: string, patienceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ path: name }).on('error', ignoreError);
    const timer = setTimeout(() => socket.destroy(), Math.max(0, patienceMs));
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.resume();
  });
}
