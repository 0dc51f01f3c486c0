/** What a server can be told, and what it tells. */
import type { Address } from '../protocol/address.js';
import type { StatusReply } from '../protocol/messages.js';
import type { LogEntry } from './log.js';

export interface ServerOptions {
  /** Where to listen; absent: a fresh UNIX socket in a private directory. */
  readonly address?: string | Address | undefined;
  /** Directory (0700, own) for the private things of servers; absent: the system's temporary one. */
  readonly runtimeDir?: string | undefined;
  /** Directory for logs that outgrow memory; absent: beside the private things. */
  readonly stateDir?: string | undefined;
  /**
   * File of the owner's that tells where the server is. The owner writes and removes it; should this process be killed,
   * the next to sweep does, if `pid` and `started` in it are this server's.
   */
  readonly sessionFile?: string | undefined;
  /** The interpreter, as a path or a name on PATH; `python3` if absent. */
  readonly python?: string | undefined;
  readonly pythonArgs?: readonly string[] | undefined;
  /** Working directory of the kernel. */
  readonly cwd?: string | undefined;
  /** The kernel's whole environment; absent: this process's own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Run first in every kernel. */
  readonly init?: { readonly name: string; readonly code: string } | undefined;
  /** Time limit of runs that name none; absent: none. */
  readonly timeoutMs?: number | undefined;
  /** Runs that may wait. */
  readonly queueCount?: number | undefined;
  /** Largest message taken from a client. */
  readonly maxFrameBytes?: number | undefined;
  /** End by itself after so long with no run and no client. */
  readonly idleExitMs?: number | undefined;
  /** The token; absent: a random one; false: none, and whoever can connect may run code. */
  readonly token?: string | false | undefined;
  /** Ask for the token on a UNIX socket too. */
  readonly requireToken?: boolean | undefined;
  /** Keep a kernel ready for the next generation: RESTART and recovery take a few ms, for some 13 MB of memory. */
  readonly standby?: boolean | undefined;
  /** File that code and output are appended to as the session goes. */
  readonly transcript?: string | undefined;
  /** Finished runs are kept up to this number, this size in memory and this age. */
  readonly keptRunCount?: number | undefined;
  readonly keptBytes?: number | undefined;
  readonly keptMs?: number | undefined;
  /** What logs may take on disk, for one run and for the session. */
  readonly runSpillBytes?: number | undefined;
  readonly sessionSpillBytes?: number | undefined;
  /** Kernels that may die early before the session is dead. */
  readonly budget?: { readonly deathCount: number; readonly windowMs: number } | undefined;
  /** How long Python may take to say hello. */
  readonly helloMs?: number | undefined;
  /** The server is about to end and listens no more: time to take back what tells of it. May be called again. */
  readonly onUnlisted?: (() => void) | undefined;
  readonly onLog?: ((entry: LogEntry) => void) | undefined;
}

/** How a server ended. */
export interface ServerEnd {
  readonly reason: string;
  readonly failed: boolean;
}

/** A server that listens. Its owner closes it. */
export interface RunningServer {
  /** The effective address: a real port, a numeric host, an absolute path. */
  readonly address: Address;
  readonly token: string | null;
  /** The session's own id. */
  readonly session: string;
  readonly kernelPid: number | null;
  readonly python: { readonly version: string; readonly path: string };
  /** Milliseconds since 1970. */
  readonly started: number;
  /** Settles when nothing is left of it. */
  readonly closed: Promise<ServerEnd>;
  status(): StatusReply;
  /** Ends gracefully: queued runs are cancelled, the running one is lost, every answer goes out. Idempotent. */
  close(reason?: string): Promise<void>;
  /** Ends at once. Idempotent. */
  destroy(reason?: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
