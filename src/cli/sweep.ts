/** Every command takes away what servers left that were killed. */
import { isAbsolute, join } from 'node:path';
import { removeIfEmpty, temporaryBase } from '../kernel/home.js';
import { sweepHomes } from '../kernel/sweep.js';
import type { Io } from './io.js';

/**
 * Sweeps wherever servers of this user have their private folders.
 * @returns the folders removed.
 */
export function sweepDeadServers({ env }: Pick<Io, 'env'>): string[] {
  const given = env.XDG_RUNTIME_DIR;
  const removed = given !== undefined && isAbsolute(given) ? sweepHomes(join(given, 'sock-python')) : [];
  const temporary = sweepHomes(temporaryBase());
  if (temporary.length > 0) removeIfEmpty(temporaryBase());
  return [...removed, ...temporary];
}
