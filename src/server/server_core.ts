/**
 * A server's parts, put together: the session, its kernels, the connections, and what control may do to them.
 *
 *   listener ─▶ Connection ─▶ hello · requests · classic ─▶ Session ─▶ Supervisor ─▶ Kernel
 */
import type { ControlTarget, EndOptions, InterruptOptions } from '../control/target.js';
import type { Supervisor } from '../kernel/supervisor.js';
import { isClassicRequest } from '../protocol/classic.js';
import { asSockPythonError, SockPythonError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import type { HelloReply, InterruptReply, RestartReply } from '../protocol/messages.js';
import { parseRequest, requestIdOf } from '../protocol/validate.js';
import type { Socket } from '../transport/socket.js';
import { handleClassic } from './classic.js';
import { Connection, type ConnectionHost } from './connection.js';
import { handleHello } from './hello.js';
import { Ladder } from './ladder.js';
import type { Logger } from './log.js';
import { overtime } from './overtime.js';
import { handleRequest } from './requests.js';
import type { Run } from './run.js';
import type { ServerOptions } from './server_options.js';
import type { Session } from './session.js';
import { makeStatus } from './status.js';
import { followLosses } from './watcher.js';

export interface ServerParts {
  readonly options: ServerOptions;
  readonly session: Session;
  readonly supervisor: Supervisor;
  readonly launcherName: string;
  readonly log: Logger;
  readonly token: string | null;
  readonly tokenRequired: boolean;
  readonly version: string;
  readonly sessionId: string;
  /** Takes the address away, so that who is answered finds nothing there, and ends the server after the answer. */
  readonly onStop: (why: string) => Promise<void>;
}

export class ServerCore implements ConnectionHost {
  readonly options: ServerOptions;
  readonly session: Session;
  readonly supervisor: Supervisor;
  readonly ladder: Ladder;
  readonly log: Logger;
  readonly token: string | null;
  readonly tokenRequired: boolean;
  readonly version: string;
  readonly sessionId: string;
  readonly launcherName: string;
  readonly maxFrameBytes: number;
  readonly bornAt: number = performance.now();
  /** Set once it listens. */
  addressText = '';
  readonly #onStop: (why: string) => Promise<void>;
  readonly #connections = new Set<Connection>();

  constructor(parts: ServerParts) {
    this.options = parts.options;
    this.session = parts.session;
    this.supervisor = parts.supervisor;
    this.launcherName = parts.launcherName;
    this.log = parts.log;
    this.token = parts.token;
    this.tokenRequired = parts.tokenRequired;
    this.version = parts.version;
    this.sessionId = parts.sessionId;
    this.maxFrameBytes = parts.options.maxFrameBytes ?? LIMITS.maxFrameBytes;
    this.ladder = new Ladder(parts.session);
    this.#onStop = parts.onStop;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Takes a fresh connection, or turns it away when there are too many. */
  accept(socket: Socket): void {
    const waiting = this.tokenRequired ? [...this.#connections].filter((one) => !one.authorized).length : 0;
    if (this.#connections.size >= LIMITS.connectionCount || waiting >= LIMITS.unprovenConnectionCount) {
      this.log('warning', 'a connection was turned away: there are too many');
      socket.destroy();
      return;
    }
    this.#connections.add(new Connection(socket, this));
  }

  onMessage(connection: Connection, message: unknown): void {
    if (isClassicRequest(message)) return handleClassic(this, connection, message);
    let request: ReturnType<typeof parseRequest>;
    try {
      request = parseRequest(message);
    } catch (error) {
      return this.#refuse(connection, requestIdOf(message), error);
    }
    try {
      if (request.op === 'hello') {
        handleHello(this, connection, request);
        return this.#takeAsNative(connection);
      }
      if (connection.authorized) {
        this.#takeAsNative(connection);
        return handleRequest(this, connection, request);
      }
    } catch (error) {
      // Its id is in use: the open request keeps it, so this answer must not end that one.
      return connection.send({ id: request.id, error: asSockPythonError(error).toBody() });
    }
    const words = 'this server asks for its token first: it stands in the session file';
    this.#refuse(connection, request.id, new SockPythonError('unauthorized', words));
  }

  onClose(connection: Connection): void {
    for (const held of connection.held) held.close();
    this.#connections.delete(connection);
    this.checkIdle();
  }

  /** Told whenever a run or a connection ends; the owner of the server decides what idleness means. */
  checkIdle: () => void = () => {};

  /** What an authorized client's hello is told. */
  introduce(): Pick<HelloReply, 'session' | 'kernel'> {
    const { session, supervisor } = this;
    const kernel = {
      state: session.state,
      pid: session.kernel?.pid ?? null,
      python: session.kernel?.hello.python ?? null,
      generation: supervisor.generation,
    };
    return { session: this.sessionId, kernel };
  }

  /** Control on behalf of one client, whose name the ended runs are told. */
  targetFor(connection: Connection): ControlTarget {
    const who = connection.client;
    return {
      status: () => makeStatus(this),
      interrupt: (options) => this.#interrupt(options, `interrupted by ${who}`),
      restart: (options) => this.#restart(options, `restarted by ${who}`),
      stop: (options) => this.#stop(options, `stopped by ${who}`),
    };
  }

  onOvertime(run: Run): void {
    void overtime(this.ladder, run, run.submission.timeoutMs ?? this.options.timeoutMs ?? 0);
  }

  /** Ends every connection once it has all its answers, and drops those that last longer than `graceMs`. */
  async endConnections(graceMs: number): Promise<void> {
    const open = [...this.#connections].filter((connection) => !connection.closed);
    const closed = open.map((connection) => new Promise<void>((resolve) => connection.onceClosed(resolve)));
    for (const connection of open) connection.endWhenAnswered();
    const late = setTimeout(() => {
      for (const connection of open) connection.destroy();
    }, graceMs);
    await Promise.all(closed);
    clearTimeout(late);
  }

  async #interrupt(options: InterruptOptions, why: string): Promise<InterruptReply> {
    const run = options.run === undefined ? this.session.current : (this.session.store.get(options.run) ?? null);
    if (run === null && options.run !== undefined) {
      throw new SockPythonError('not_found', `there is no run ${options.run}, or it is no longer kept`);
    }
    const kept = this.session.kernel !== null;
    if (run === null) return { run: null, outcome: 'not_running', kept, ms: 0 };
    return this.ladder.end(run, { graceMs: options.graceMs, kill: options.kill, cause: 'interrupt', why });
  }

  async #restart({ drain = false, graceMs = LIMITS.leaveGraceMs }: EndOptions, why: string): Promise<RestartReply> {
    const begun = performance.now();
    if (drain) await this.session.drained();
    this.session.cancelQueue(why);
    await this.supervisor.restart(graceMs, why);
    const init = await this.session.initDone();
    const { generation } = this.supervisor;
    const reply = { generation, pid: this.session.kernel?.pid ?? 0, ms: performance.now() - begun };
    return init === null ? reply : { ...reply, init };
  }

  async #stop({ drain = false, graceMs = LIMITS.leaveGraceMs }: EndOptions, why: string): Promise<object> {
    this.session.close(why, drain);
    if (drain) await this.session.drained();
    await this.supervisor.stop(graceMs, why);
    this.session.cancelQueue(why);
    await this.#onStop(why);
    return {};
  }

  #takeAsNative(connection: Connection): void {
    if (connection.isNative || !connection.authorized) return;
    connection.isNative = true;
    followLosses(this, connection);
  }

  #refuse(connection: Connection, id: ReturnType<typeof requestIdOf>, error: unknown): void {
    connection.send({ id, error: asSockPythonError(error).toBody() });
    if (!connection.authorized) connection.end();
  }
}
