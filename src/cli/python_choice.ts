/** Which Python a server runs. It is chosen by looking at files alone: starting an interpreter to ask it would cost. */
import { accessSync, constants, lstatSync, realpathSync, type Stats, statSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { UsageError } from './failure.js';
import type { Io } from './io.js';
import { resolvePyenvShim } from './pyenv_shim.js';

export interface PythonChoice {
  readonly path: string;
  /** Why this one, for people. */
  readonly reason: string;
  /** Candidates that were passed over, each with its reason. */
  readonly passedOver: readonly string[];
}

type Place = Pick<Io, 'env' | 'cwd' | 'uid'>;

/**
 * `--python`, else `$VIRTUAL_ENV`, else a `.venv` from here up to the repository's root or home, else `python3`, else
 * `python`. A `.venv` is taken only if it and the folders on the way belong to the caller or root and nobody else can
 * write there: else whoever can put one in our way could choose what we run.
 * @throws UsageError when the one asked for is not there, or there is none.
 */
export function choosePython(asked: string | undefined, place: Place): PythonChoice {
  if (asked !== undefined) return { path: askedPython(asked, place), reason: '--python', passedOver: [] };
  const passedOver: string[] = [];
  const { VIRTUAL_ENV } = place.env;
  if (VIRTUAL_ENV !== undefined && VIRTUAL_ENV !== '') {
    const path = join(resolve(place.cwd, VIRTUAL_ENV), 'bin', 'python');
    if (isExecutable(path)) return { path, reason: '$VIRTUAL_ENV', passedOver };
    passedOver.push(`$VIRTUAL_ENV: ${path} cannot be run`);
  }
  const venv = nearestVenv(place, passedOver);
  if (venv !== undefined) return { path: venv, reason: 'the nearest .venv', passedOver };
  for (const name of ['python3', 'python']) {
    const path = findOnPath(name, place);
    if (path !== undefined) return { path, reason: `${name} on PATH`, passedOver };
  }
  throw new UsageError('there is no python3 and no python on PATH: name one with --python');
}

function askedPython(asked: string, place: Place): string {
  if (!asked.includes('/')) {
    const found = findOnPath(asked, place);
    if (found === undefined) throw new UsageError(`--python: there is no ${JSON.stringify(asked)} on PATH`);
    return found;
  }
  const path = resolve(place.cwd, asked);
  if (!isExecutable(path)) throw new UsageError(`--python: ${path} is not a program that can be run`);
  return path;
}

function findOnPath(name: string, { env, cwd, uid }: Place): string | undefined {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    // An empty or relative entry means the working directory, whatever lies there.
    if (!isAbsolute(folder)) continue;
    const path = join(folder, name);
    if (!isExecutable(path)) continue;
    const real = resolvePyenvShim(path, { env, cwd, uid });
    if (real !== undefined) return real;
  }
  return undefined;
}

/** The python of the first trusted `.venv` on the way up; says in `passedOver` which were not. */
function nearestVenv(place: Place, passedOver: string[]): string | undefined {
  const onTheWay: string[] = [];
  for (const folder of foldersUp(place)) {
    onTheWay.push(folder);
    const venv = join(folder, '.venv');
    const python = join(venv, 'bin', 'python');
    if (!isExecutable(python)) continue;
    const fault = firstFault(
      [...onTheWay, venv, realpathSync(venv), join(venv, 'bin'), python, realpathSync(python)],
      place.uid,
    );
    if (fault === undefined) return python;
    passedOver.push(`${venv}: ${fault}`);
  }
  return undefined;
}

/** From here up to the repository's root or home, whichever comes first; where neither is above, only here. */
function foldersUp({ cwd, env }: Place): readonly string[] {
  const folders: string[] = [];
  for (let folder = cwd; ; folder = dirname(folder)) {
    folders.push(folder);
    const isRepository = lstatSync(join(folder, '.git'), { throwIfNoEntry: false }) !== undefined;
    if (isRepository || folder === env.HOME) return folders;
    if (folder === dirname(folder)) return [cwd];
  }
}

function firstFault(paths: readonly string[], uid: number): string | undefined {
  if (uid < 0) return undefined;
  for (const path of paths) {
    const stat: Stats = lstatSync(path);
    if (stat.uid !== uid && stat.uid !== 0) return `${path} belongs to user ${stat.uid}`;
    // A link's own mode says nothing; what it leads to is looked at, too.
    if (!stat.isSymbolicLink() && (stat.mode & 0o022) !== 0) return `others can write to ${path}`;
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
