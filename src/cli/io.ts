/** What a command touches of its process, so that tests can stand in for it. */
import type { Readable, Writable } from 'node:stream';

export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Effective user id; -1 where the system has none. */
  readonly uid: number;
  /** The status that the process will end with, once nothing is left to do. */
  setExitCode(code: number): void;
}

/** The real process. */
export function processIo(): Io {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    uid: process.geteuid?.() ?? -1,
    setExitCode: (code) => {
      process.exitCode = code;
    },
  };
}
