/**
 * The CPythons of this machine. They are looked for once, before all tests (`global_setup.ts`), and handed to the
 * test files, which run the kernel under each of them.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { inject } from 'vitest';

export interface Interpreter {
  /** The true executable, never a shim. */
  readonly path: string;
  /** Like `3.11.7`. */
  readonly version: string;
  readonly minor: number;
}

declare module 'vitest' {
  interface ProvidedContext {
    interpreters: readonly Interpreter[];
  }
}

const MINORS = [8, 9, 10, 11, 12, 13, 14] as const;

/** Every CPython 3.8 … 3.14 found; at least one, else the whole test run fails. */
export function interpreters(): readonly Interpreter[] {
  return inject('interpreters');
}

/** The one to use where a single one will do. */
export function anyInterpreter(): Interpreter {
  const all = interpreters();
  const chosen = all.find(({ path }) => path.startsWith('/usr/bin/')) ?? all.at(-1);
  if (chosen === undefined) throw new Error('no CPython 3.8 to 3.14 was found');
  return chosen;
}

/** Looks through PATH, the usual folders and pyenv's; oldest first, each executable once. */
export function findInterpreters(): readonly Interpreter[] {
  const found = new Map<string, Interpreter>();
  for (const candidate of candidates()) {
    const known = existsSync(candidate) ? ask(candidate) : undefined;
    if (known !== undefined && !found.has(known.path)) found.set(known.path, known);
  }
  return [...found.values()].sort((a, b) => a.minor - b.minor || a.version.localeCompare(b.version));
}

function* candidates(): Generator<string> {
  const folders = ['/usr/bin', '/usr/local/bin', ...(process.env.PATH ?? '').split(delimiter)];
  for (const folder of new Set(folders.filter((name) => name.startsWith('/')))) {
    for (const minor of MINORS) yield join(folder, `python3.${minor}`);
    yield join(folder, 'python3');
  }
  const versions = join(pyenvRoot(), 'versions');
  if (!existsSync(versions)) return;
  for (const name of readdirSync(versions)) yield join(versions, name, 'bin', 'python3');
}

function pyenvRoot(): string {
  if (process.env.PYENV_ROOT !== undefined) return process.env.PYENV_ROOT;
  try {
    return execFileSync('pyenv', ['root'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return join(homedir(), '.pyenv');
  }
}

/** What is behind a name: undefined for anything but a working CPython in range. */
function ask(candidate: string): Interpreter | undefined {
  const program =
    'import sys; print(sys.implementation.name, "%d.%d.%d" % sys.version_info[:3]); print(sys.executable)';
  try {
    const text = execFileSync(candidate, ['-I', '-S', '-c', program], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 10_000,
    });
    const [first = '', path = ''] = text.split('\n');
    const [name, version = ''] = first.split(' ');
    const minor = Number(version.split('.')[1]);
    const inRange = version.startsWith('3.') && MINORS.some((known) => known === minor);
    return name === 'cpython' && inRange ? { path: realpathSync(path), version, minor } : undefined;
  } catch {
    return undefined;
  }
}
