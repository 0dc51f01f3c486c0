/**
 * A launcher starts a kernel somewhere. Whoever supervises the kernel never knows which launcher it has: the
 * kernel dials home in every case.
 */

/** How the process ended. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A Python process on its way to a hello. */
export interface LaunchedProcess {
  /** Null if it could not be started at all. */
  readonly pid: number | null;
  /** Settles once, when the process is gone; rejects if it could not be started. */
  readonly exited: Promise<ProcessExit>;
  /** What it wrote before its streams were taken over: the words of a failed start (bounded). */
  startupOutput(): string;
  /** Ends the process and its group at once. */
  kill(): void;
  /** Sends one signal to the process alone. */
  signal(signal: NodeJS.Signals): void;
  /** Gives up the lease and all ends held here; to be called after the exit. */
  release(): void;
}

export interface LaunchOptions {
  /** The one frame that tells the kernel where home is; never in argv nor in the environment. */
  readonly bootstrap: Buffer;
}

export interface Launcher {
  readonly name: string;
  launch(options: LaunchOptions): LaunchedProcess;
  /** Told the real interpreter after a hello, so that later starts need not go through a shim. */
  learn(executable: string): void;
}
