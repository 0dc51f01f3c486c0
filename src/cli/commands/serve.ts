/** `serve`: a session in the foreground, until it is told to end. */
import { removeIfEmpty, temporaryBase } from '../../kernel/home.js';
import { formatAddress } from '../../protocol/address.js';
import { PROTOCOL_VERSION } from '../../protocol/limits.js';
import type { LogEntry } from '../../server/log.js';
import type { RunningServer } from '../../server/server_options.js';
import { startServer } from '../../server/start_server.js';
import { VERSION } from '../../version.js';
import { isExposedToGit } from '../background.js';
import { EXIT } from '../exit_codes.js';
import type { Io } from '../io.js';
import { type LogView, makeLogView } from '../log_view.js';
import type { PythonChoice } from '../python_choice.js';
import { failureReport, ReadyPipe } from '../ready_report.js';
import { parseServe, type ServePlan, serverOptions } from '../serve_plan.js';
import type { SessionRecord } from '../session_file.js';
import { assertFree, type PublishedSession, publishSession } from '../session_publish.js';
import { onEndSignals } from '../signals.js';
import { sweepDeadServers } from '../sweep.js';

/** Serves until a signal, a STOP, idleness or a failure ends it. */
export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const plan = parseServe('serve', args, io);
  const pipe = new ReadyPipe(plan.readyFd);
  try {
    await new Serving(plan, pipe, io).run();
  } catch (thrown) {
    pipe.tell(failureReport(thrown));
    throw thrown;
  }
}

/** One server with its session file, from start to end. */
class Serving {
  readonly #plan: ServePlan;
  readonly #pipe: ReadyPipe;
  readonly #view: LogView;
  readonly #io: Io;
  #server: RunningServer | undefined;
  #published: PublishedSession | undefined;
  /** A signal came before there was a server to end. */
  #isUnwanted = false;
  #hasCrashed = false;

  constructor(plan: ServePlan, pipe: ReadyPipe, io: Io) {
    this.#plan = plan;
    this.#pipe = pipe;
    this.#view = makeLogView({ level: plan.level, json: plan.json }, io);
    this.#io = io;
  }

  async run(): Promise<void> {
    const { path } = this.#plan.session;
    const { options, python } = serverOptions(this.#plan, this.#io);
    for (const text of python.passedOver) this.#log('warning', `passed over ${text}`);
    if (path !== null) await assertFree(path, this.#io);
    for (const home of sweepDeadServers(this.#io)) {
      this.#log('debug', `removed ${home}, which a dead server left`);
    }
    const forget = onEndSignals((signal, isFirst) => this.#onSignal(signal, isFirst));
    const onCrash = (error: unknown): void => this.#onCrash(error);
    process.on('uncaughtException', onCrash);
    try {
      this.#server = await startServer({
        ...options,
        onLog: (entry) => this.#onLog(entry),
        onUnlisted: () => this.#published?.remove(),
      });
      await this.#serve(this.#server, path, python);
    } finally {
      // Spilled output was kept in the user's temporary directory, unless the system has a better place.
      if (options.stateDir === temporaryBase()) removeIfEmpty(options.stateDir);
      forget();
      process.off('uncaughtException', onCrash);
    }
  }

  async #serve(server: RunningServer, path: string | null, python: PythonChoice): Promise<void> {
    try {
      if (path !== null) this.#published = await publishSession(path, recordOf(server), this.#io);
      await this.#announce(server, python);
      this.#pipe.tell({
        ready: true,
        address: formatAddress(server.address),
        pid: process.pid,
        session: path,
        python: server.python,
      });
      if (this.#isUnwanted) void server.close('ended by a signal');
      const { failed, reason } = await server.closed;
      if (failed) this.#log('critical', `the server failed: ${reason}`);
      this.#io.setExitCode(failed || this.#hasCrashed ? EXIT.serverFailed : EXIT.ok);
    } finally {
      this.#published?.remove();
      await server.destroy('it could not go on');
    }
  }

  async #announce(server: RunningServer, { path, reason }: PythonChoice): Promise<void> {
    const { session, hasToken } = this.#plan;
    this.#log('info', `Python ${server.python.version} (${path}), chosen by ${reason}`);
    if (!hasToken) {
      this.#log('warning', 'serving without a token: whoever can connect can run code as you');
    }
    if (session.path !== null && hasToken && (await isExposedToGit(session.path))) {
      this.#log('warning', `${session.path} holds the token and git does not ignore it: add it to .gitignore`);
    }
    const file = session.path === null ? '' : `, session file ${session.path}`;
    this.#log('info', `serving on ${formatAddress(server.address)}${file}`);
  }

  /** The session file goes first: while it stands, the server that it names must answer. */
  #onSignal(signal: string, isFirst: boolean): void {
    this.#published?.remove();
    if (this.#server === undefined) {
      // The kernel dies with us; only a start that hangs is left this way.
      if (!isFirst) process.exit(EXIT.leftWatching);
      this.#isUnwanted = true;
    } else if (isFirst) void this.#server.close(`ended by ${signal}`);
    else void this.#server.destroy(`ended by a second ${signal}`);
  }

  /** A defect of ours ends the server, but leaves nothing behind. */
  #onCrash(error: unknown): void {
    this.#hasCrashed = true;
    this.#published?.remove();
    this.#log('critical', error instanceof Error ? (error.stack ?? error.message) : String(error));
    if (this.#server === undefined) process.exit(EXIT.serverFailed);
    void this.#server.destroy('it met a defect of its own');
  }

  #onLog(entry: LogEntry): void {
    this.#view(entry);
    // A restart brings another kernel, whose pid the file tells.
    if ('pid' in entry) this.#refresh();
  }

  #refresh(): void {
    if (this.#server !== undefined) this.#published?.update(recordOf(this.#server));
  }

  #log(level: LogEntry['level'], message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#view({ ...fields, level, message, time: Date.now() });
  }
}

function recordOf(server: RunningServer): SessionRecord {
  return {
    address: formatAddress(server.address),
    pid: process.pid,
    kernelPid: server.kernelPid,
    token: server.token,
    protocol: PROTOCOL_VERSION,
    server: { name: 'sock-python', version: VERSION },
    python: server.python,
    started: server.started,
  };
}
