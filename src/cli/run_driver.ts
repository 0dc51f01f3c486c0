/**
 * A run on the command line from its start to the exit code.
 *
 *     events ──▶ view                         done ──────────▶ its exit code
 *     input  ──▶ standard input ──▶ run       Ctrl+C twice,
 *     Ctrl+C ──▶ interrupt ──▶ run            --wait over,   ──▶ left behind (12)
 *                                             still running
 *                                             nobody reads   ──▶ 141
 */
import type { Run } from '../client/run.js';
import { asSockPythonError, SockPythonError } from '../protocol/errors.js';
import type { DoneEvent } from '../protocol/messages.js';
import { EXIT, exitCodeOfDone } from './exit_codes.js';
import type { Io } from './io.js';
import type { Output } from './output.js';
import type { RunView } from './run_view.js';
import { onInterrupt } from './signals.js';
import { StdinLines } from './stdin_lines.js';
import { escapeControls } from './text.js';

export interface DriveOptions {
  readonly run: Run;
  readonly view: RunView;
  readonly output: Output;
  readonly io: Io;
  /** Answer `input` events from standard input. */
  readonly answersInput: boolean;
  /** Stop waiting after so long. */
  readonly waitMs?: number;
  /** What Ctrl+C does: break the run (and leave it at the second), or leave at once. */
  readonly onCtrlC: 'interrupt' | 'leave';
  /** Whether the run goes on when this command ends before it; else the server then ends the run. */
  readonly isLeftRunning: boolean;
}

/** Shows a run to its end, or until it is left; resolves to the exit code. */
export async function driveRun(options: DriveOptions): Promise<number> {
  return await new RunDriver(options).drive();
}

class RunDriver {
  readonly #options: DriveOptions;
  readonly #lines: StdinLines;
  readonly #left: Promise<number>;
  #leave: (exitCode: number) => void = () => {};
  /** Left behind, or at its end: there is nothing more to tell. */
  #hasLeft = false;

  constructor(options: DriveOptions) {
    this.#options = options;
    this.#lines = new StdinLines(options.io.stdin);
    this.#left = new Promise((resolve) => {
      this.#leave = (exitCode) => {
        this.#hasLeft = true;
        resolve(exitCode);
      };
    });
  }

  async drive(): Promise<number> {
    const { output, waitMs } = this.#options;
    const forget = onInterrupt((count) => this.#onCtrlC(count));
    const timer = waitMs === undefined ? undefined : setTimeout(() => this.#goes('the wait is over'), waitMs);
    void output.broken.then((exitCode) => this.#leave(exitCode));
    try {
      return await Promise.race([this.#follow(), this.#left]);
    } finally {
      this.#hasLeft = true;
      clearTimeout(timer);
      forget();
      this.#lines.stop();
    }
  }

  async #follow(): Promise<number> {
    const { run, view } = this.#options;
    let done: DoneEvent | undefined;
    try {
      for await (const event of run) {
        if (this.#hasLeft) return await this.#left;
        // Before the prompt is shown: a terminal must have stopped showing what is typed when a password is asked for.
        if (event.event === 'input' && this.#options.answersInput) void this.#answer(event.password);
        await view.show(event);
        if (event.event === 'done') done = event;
        if (event.event === 'timeout' && event.outcome === 'still_running') this.#goes('it could not be stopped');
      }
      // Without a `done` the connection ended, and the result says how.
      return exitCodeOfDone(done ?? (await run.result));
    } catch (error) {
      throw this.#options.isLeftRunning ? withWayBack(error, run) : error;
    }
  }

  async #answer(isPassword: boolean): Promise<void> {
    const { run } = this.#options;
    try {
      const line = await (isPassword ? this.#lines.nextSecret() : this.#lines.nextLine());
      if (this.#hasLeft) return;
      await (line === null ? run.endInput() : run.input(line));
    } catch {
      // The run ended, or somebody else answered first; what comes next tells.
    }
  }

  #onCtrlC(count: number): void {
    if (this.#options.onCtrlC === 'leave') this.#leave(EXIT.leftWatching);
    else if (count === 1) void this.#interrupt();
    else this.#goes('you left');
  }

  async #interrupt(): Promise<void> {
    const { run, output } = this.#options;
    try {
      const { outcome, stack = '' } = await run.interrupt();
      if (outcome !== 'still_running' || this.#hasLeft) return;
      const where = stack === '' ? '' : `\n${escapeControls(stack.trimEnd())}`;
      output.notice(`run ${run.number} still runs; Ctrl+C again leaves it behind${where}`);
    } catch (error) {
      if (!this.#hasLeft) output.notice(`could not interrupt: ${asSockPythonError(error).message}`);
    }
  }

  /** The run is left behind, and its number told. */
  #goes(why: string): void {
    if (this.#hasLeft) return;
    const { run, output, isLeftRunning } = this.#options;
    const name = run.number === null ? 'the run' : `run ${run.number}`;
    const fate = isLeftRunning ? 'goes on' : 'is told to end (--on-disconnect cancel)';
    const follow = run.number === null || !isLeftRunning ? '' : `; follow it with: sock-python attach ${run.number}`;
    output.notice(`${why}, and ${name} ${fate}${follow}`);
    this.#leave(EXIT.stillRunning);
  }
}

/** A connection that was lost takes nothing of the run with it: the rest is to be had, and no byte of it twice. */
function withWayBack(error: unknown, { number, known }: Run): unknown {
  if (number === null || !(error instanceof SockPythonError) || error.code !== 'connection_lost') return error;
  const words = `${error.message}; if the session lives, run ${number} goes on`;
  return new SockPythonError('connection_lost', `${words}: sock-python attach ${number} --since ${known}`, {
    details: { run: number, since: known },
    cause: error,
  });
}
