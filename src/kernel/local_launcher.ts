/** Starts kernels as children of this process. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { LaunchedProcess, Launcher, LaunchOptions, ProcessExit } from './launcher.js';
import { killGroup } from './process_group.js';

export interface LocalLauncherOptions {
  /** The interpreter: a path, or a name looked up on PATH. */
  readonly python: string;
  /** Options of the interpreter itself, before our code. */
  readonly pythonArgs: readonly string[];
  /** Absolute path of `session_kernel.py`. */
  readonly kernelFile: string;
  readonly cwd?: string | undefined;
  /** The whole environment; inherited if absent. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

const STARTUP_OUTPUT_BYTES = 65_536;

/**
 * Runs the kernel's file through its .pyc cache, and leaves neither its folder nor its name in the session. The cache
 * is written whatever the user wants of his own files: without it every start would compile, for time and memory.
 */
const BOOT = [
  'import sys',
  'from _frozen_importlib_external import SourceFileLoader as L',
  'p=sys.argv[1]',
  'm=type(sys)("session_kernel")',
  'm.__file__=p',
  'd=sys.dont_write_bytecode',
  'sys.dont_write_bytecode=False',
  'c=L("session_kernel",p).get_code("session_kernel")',
  'sys.dont_write_bytecode=d',
  'exec(c,m.__dict__)',
  'm.main()',
].join(';');

export class LocalLauncher implements Launcher {
  readonly name: string = 'local';
  readonly #options: LocalLauncherOptions;
  #executable: string;

  constructor(options: LocalLauncherOptions) {
    this.#options = options;
    this.#executable = options.python;
  }

  learn(executable: string): void {
    this.#executable = executable;
  }

  launch({ bootstrap }: LaunchOptions): LaunchedProcess {
    const { pythonArgs, kernelFile, cwd, env } = this.#options;
    const child = spawn(this.#executable, [...pythonArgs, '-c', BOOT, kernelFile], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      detached: true,
      cwd,
      env,
    });
    return new LocalProcess(child, bootstrap);
  }
}

class LocalProcess implements LaunchedProcess {
  readonly pid: number | null;
  readonly exited: Promise<ProcessExit>;
  readonly #child: ChildProcess;
  readonly #startup: Buffer[] = [];
  #startupBytes = 0;

  constructor(child: ChildProcess, bootstrap: Buffer) {
    this.#child = child;
    this.pid = child.pid ?? null;
    this.exited = new Promise((resolve, reject) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', reject);
    });
    this.exited.catch(() => {});
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('error', () => {});
      stream?.on('data', (bytes: Buffer) => this.#keep(bytes));
    }
    const lease = child.stdio[3] as Writable | null | undefined;
    lease?.on('error', () => {});
    lease?.write(bootstrap);
  }

  startupOutput(): string {
    return Buffer.concat(this.#startup).toString('utf8').trimEnd();
  }

  kill(): void {
    if (this.pid === null) return;
    killGroup(this.pid);
    this.#child.kill('SIGKILL');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  release(): void {
    for (const stream of this.#child.stdio) stream?.destroy();
  }

  #keep(bytes: Buffer): void {
    if (this.#startupBytes >= STARTUP_OUTPUT_BYTES) return;
    this.#startup.push(bytes);
    this.#startupBytes += bytes.length;
  }
}
