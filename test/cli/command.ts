/** The command line as its users have it: a process, its streams, its exit code. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { ROOT } from '../structure/sources.js';
import { anyInterpreter } from '../support/interpreters.js';
import type { Place } from '../support/leftovers.js';

export const BIN: string = join(ROOT, 'bin', 'sock-python.js');

export interface CommandOptions {
  /** Standard input, all at once; absent: the null device. */
  readonly input?: string | Buffer;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Programs that start this one, like `setpriv`. */
  readonly prefix?: readonly string[];
}

export interface CommandResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One started command. */
export class Started {
  readonly child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #stdout = '';
  #stderr = '';
  #wake: () => void = () => {};

  constructor(child: ChildProcess) {
    this.child = child;
    this.#exited = once(child, 'close');
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#wake();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#wake();
    });
    child.once('close', () => this.#wake());
  }

  get stdout(): string {
    return this.#stdout;
  }

  /** Resolves when a stream has said it; fails if the command ends before. */
  async said(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(stream === 'stdout' ? this.#stdout : this.#stderr);
      if (match !== null) return match;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`it ended without ${pattern}:\n${this.#stdout}\n${this.#stderr}`);
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async result(): Promise<CommandResult> {
    await this.#exited;
    return { status: this.child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }
}

/** Commands in the place of the running test. */
export class CommandLine {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  /** Starts a command; its standard input stays open if `input` is absent and `keepsInput` is set. */
  begin(args: readonly string[], options: CommandOptions & { readonly keepsInput?: boolean } = {}): Started {
    const { input, env = {}, cwd = this.#place.work, prefix = [] } = options;
    // Without the dashes Node 20 takes a program's own --env-file for one of its own.
    const [program = process.execPath, ...rest] = [...prefix, process.execPath, '--', BIN, ...args];
    const wantsInput = input !== undefined || options.keepsInput === true;
    const child = spawn(program, rest, {
      cwd,
      env: this.#place.env({ SOCK_PYTHON_SESSION: undefined, VIRTUAL_ENV: undefined, ...env }),
      stdio: [wantsInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    if (input !== undefined) {
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    }
    return new Started(child);
  }

  /** Runs a command to its end. */
  async run(args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return await this.begin(args, options).result();
  }

  /** A session in the foreground, ready to be used; whoever starts it ends it. */
  async serve(args: readonly string[] = [], options: CommandOptions = {}): Promise<Started> {
    const server = this.begin(['serve', '--python', anyInterpreter().path, ...args], options);
    await server.said(/serving on (\S+?)(,|\n)/, 'stderr');
    return server;
  }
}

/** Reads a stream to its end. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
