/** The kernel's environment: ours, with what `--env-file` and `-e` say, and never with what is meant for us alone. */
import { readFileSync } from 'node:fs';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { UsageError } from './failure.js';
import type { Io } from './io.js';

/** Variables that speak to this program, not to user code. */
const OURS = ['SOCK_PYTHON_SESSION'] as const;

export interface EnvOptions {
  /** Values of `-e`: `NAME=value`, or `NAME` for the value that it has here. */
  readonly env?: readonly string[] | undefined;
  readonly envFile?: readonly string[] | undefined;
  /** The Python that was chosen. */
  readonly python: string;
}

/**
 * The complete environment of the kernel: later files win over earlier ones, `-e` over files.
 * @throws UsageError for a malformed line, a file that cannot be read, a name that is not set here.
 */
export function kernelEnvironment(options: EnvOptions, io: Pick<Io, 'env' | 'cwd'>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(io.env)) if (value !== undefined) result[name] = value;
  for (const name of OURS) delete result[name];
  followPython(result, options.python);
  for (const file of options.envFile ?? []) {
    for (const [at, line] of readText(file, io.cwd).split(/\r?\n/).entries()) {
      const setting = fileLine(line);
      if (setting !== undefined) set(result, setting, { env: io.env, where: `${file}, line ${at + 1}` });
    }
  }
  for (const setting of options.env ?? []) set(result, setting, { env: io.env, where: '-e' });
  return result;
}

/** Programs that snippets start by name come from the environment of the Python that runs the snippets. */
function followPython(env: Record<string, string>, python: string): void {
  const bin = dirname(python);
  const venv = dirname(bin);
  if (basename(bin) !== 'bin' || !isVenv(venv)) {
    if (env.VIRTUAL_ENV !== undefined) delete env.VIRTUAL_ENV;
    return;
  }
  env.VIRTUAL_ENV = venv;
  const folders = (env.PATH ?? '').split(delimiter);
  if (!folders.includes(bin)) env.PATH = [bin, ...folders].join(delimiter);
}

function isVenv(folder: string): boolean {
  try {
    readFileSync(join(folder, 'pyvenv.cfg'));
    return true;
  } catch {
    return false;
  }
}

/** A line of an env file without comment, `export` and quotes around the value; undefined if it says nothing. */
function fileLine(line: string): string | undefined {
  const text = line.trim().replace(/^export\s+/, '');
  if (text === '' || text.startsWith('#')) return undefined;
  const [, name, quote, quoted] = /^([^=]*)=(["'])(.*)\2$/.exec(text) ?? [];
  return quote === undefined ? text : `${name}=${quoted}`;
}

function set(target: Record<string, string>, setting: string, { env, where }: { env: Io['env']; where: string }): void {
  const at = setting.indexOf('=');
  const name = (at < 0 ? setting : setting.slice(0, at)).trim();
  if (name === '' || /[\s\0]/.test(name)) {
    throw new UsageError(`${where}: expected NAME=value, not ${JSON.stringify(setting)}`);
  }
  const value = at < 0 ? env[name] : setting.slice(at + 1);
  if (value === undefined) throw new UsageError(`${where}: ${name} is not set here, so there is no value to pass on`);
  if (value.includes('\0')) throw new UsageError(`${where}: the value of ${name} holds a zero byte`);
  target[name] = value;
}

function readText(file: string, cwd: string): string {
  try {
    return readFileSync(resolve(cwd, file), 'utf8');
  } catch (error) {
    throw new UsageError(`--env-file: ${error instanceof Error ? error.message : String(error)}`);
  }
}
