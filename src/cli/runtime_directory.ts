/** Where servers keep their private sockets and state. */
import { lstatSync, mkdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { temporaryBase } from '../kernel/home.js';
import type { Io } from './io.js';

/**
 * `$XDG_RUNTIME_DIR/sock-python`, made 0700; undefined (servers then share a temporary one of this user's) when the
 * system gives no such folder, or one that is not private to the caller.
 */
export function runtimeDirectory({ env, uid }: Pick<Io, 'env' | 'uid'>): string | undefined {
  const base = env.XDG_RUNTIME_DIR;
  if (base === undefined || !isAbsolute(base) || !isPrivate(base, uid)) return undefined;
  return privateFolder(join(base, 'sock-python'), uid);
}

/**
 * `$XDG_STATE_HOME/sock-python`, else a directory of this user's in `$TMPDIR`: where output that outgrows memory is
 * kept. Not in the runtime directory, which is memory itself on many systems.
 */
export function stateDirectory({ env, uid }: Pick<Io, 'env' | 'uid'>): string | undefined {
  const base = env.XDG_STATE_HOME;
  return privateFolder(base !== undefined && isAbsolute(base) ? join(base, 'sock-python') : temporaryBase(), uid);
}

function privateFolder(path: string, uid: number): string | undefined {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch {
    return undefined;
  }
  return isPrivate(path, uid) ? path : undefined;
}

function isPrivate(path: string, uid: number): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isDirectory()) return false;
  return (uid < 0 || stat.uid === uid) && (stat.mode & 0o077) === 0;
}
