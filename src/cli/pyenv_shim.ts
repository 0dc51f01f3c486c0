/** pyenv puts shell scripts before every Python; the one behind them starts several times faster. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Io } from './io.js';
import { readOwnFile } from './session_trust.js';

/**
 * The program behind a shim, as pyenv would choose it: by `$PYENV_VERSION`, the nearest `.python-version`, or the
 * global one. The path itself if it is no shim of pyenv or this cannot be told; undefined if pyenv would go on to
 * the system's own.
 */
export function resolvePyenvShim(path: string, place: Pick<Io, 'env' | 'cwd' | 'uid'>): string | undefined {
  const root = dirname(dirname(path));
  if (basename(dirname(path)) !== 'shims' || !isReadable(join(root, 'libexec', 'pyenv'))) return path;
  const versions = place.env.PYENV_VERSION ?? nearestVersion(place) ?? read(join(root, 'version')) ?? 'system';
  const [first = 'system'] = versions.split(/[\s:]+/).filter((word) => word !== '');
  if (first === 'system') return undefined;
  if (!/^[\w.+-]+$/.test(first)) return path;
  const real = join(root, 'versions', first, 'bin', basename(path));
  return isReadable(real) ? real : path;
}

function nearestVersion({ cwd, uid }: Pick<Io, 'cwd' | 'uid'>): string | undefined {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const text = own(join(folder, '.python-version'), uid);
    if (text !== undefined) return text;
    if (folder === dirname(folder)) return undefined;
  }
}

function own(path: string, uid: number): string | undefined {
  try {
    return readOwnFile(path, uid);
  } catch {
    return undefined;
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
