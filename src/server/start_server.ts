/** Starts a server and takes it down again. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Home, type Leftover } from '../kernel/home.js';
import { LocalLauncher } from '../kernel/local_launcher.js';
import { Supervisor } from '../kernel/supervisor.js';
import { type Address, formatAddress, parseAddress } from '../protocol/address.js';
import { asSockPythonError, SockPythonError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import type { StatusReply } from '../protocol/messages.js';
import { type Listener, listen } from '../transport/listen.js';
import { randomToken } from '../transport/proof.js';
import type { Socket } from '../transport/socket.js';
import { VERSION } from '../version.js';
import { makeLogger } from './log.js';
import { RunStore } from './run_store.js';
import { ServerCore } from './server_core.js';
import type { RunningServer, ServerEnd, ServerOptions } from './server_options.js';
import { Session } from './session.js';
import { makeStatus } from './status.js';
import { Transcript } from './transcript.js';

/** Our own file for Python, beside the compiled code in a package as in a checkout. */
const KERNEL_FILE = fileURLToPath(new URL('../../python/session_kernel.py', import.meta.url));

/**
 * Starts a kernel and listens.
 * @throws kernel_failed_to_start, address_in_use, bad_address, not_loopback, untrusted; nothing is left then.
 */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const home = Home.create(options.runtimeDir);
  let server: Server | null = null;
  try {
    server = new Server(options, home);
    await server.start();
    return server;
  } catch (error) {
    await server?.destroy('it failed to start');
    home.remove();
    throw asSockPythonError(error);
  }
}

class Server implements RunningServer {
  readonly token: string | null;
  readonly session: string;
  readonly started: number = Date.now();
  readonly closed: Promise<ServerEnd>;
  readonly #options: ServerOptions;
  readonly #home: Home;
  readonly #core: ServerCore;
  #idle: NodeJS.Timeout | null = null;
  #listener: Listener | null = null;
  #transcript: Transcript | null = null;
  #tellClosed: (end: ServerEnd) => void = () => {};
  #ending: Promise<void> | null = null;

  constructor(options: ServerOptions, home: Home) {
    this.#options = options;
    this.#home = home;
    this.session = randomBytes(8).toString('hex');
    this.token = options.token === false ? null : (options.token ?? randomToken());
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    this.#core = this.#assemble();
    this.#core.checkIdle = () => this.#checkIdle();
  }

  get address(): Address {
    if (this.#listener === null) throw new SockPythonError('internal', 'the server does not listen');
    return this.#listener.address;
  }

  get kernelPid(): number | null {
    return this.#core.session.kernel?.pid ?? null;
  }

  get python(): { readonly version: string; readonly path: string } {
    const hello = this.#core.session.kernel?.hello;
    return { version: hello?.python ?? '', path: hello?.executable ?? this.#options.python ?? '' };
  }

  async start(): Promise<void> {
    const { supervisor, session } = this.#core;
    this.#claim();
    const kernel = supervisor.start();
    const onConnection = (socket: Socket): void => this.#core.accept(socket);
    const listening = listen(this.#wanted(), onConnection, (socket) => this.#claim(socket)).then((listener) => {
      this.#listener = listener;
    });
    const [started, listened] = await Promise.allSettled([kernel, listening]);
    for (const part of [listened, started]) if (part.status === 'rejected') throw part.reason;
    this.#core.addressText = formatAddress(this.address);
    const init = await session.initDone();
    if (init !== null && init.status !== 'ok') {
      const words = `the start-up file ended with ${init.status}: ${init.exception ?? ''}`.trimEnd();
      throw new SockPythonError('kernel_failed_to_start', words);
    }
    // Before this there was nothing to be idle.
    const { idleExitMs } = this.#options;
    if (idleExitMs !== undefined && this.#ending === null)
      this.#idle = setTimeout(() => this.#onIdleTime(), idleExitMs);
  }

  status(): StatusReply {
    return makeStatus(this.#core);
  }

  close(reason = 'closed by its owner'): Promise<void> {
    this.#ending ??= this.#end(reason, LIMITS.leaveGraceMs);
    return this.#ending;
  }

  destroy(reason = 'closed by its owner, at once'): Promise<void> {
    if (this.#ending === null) this.#ending = this.#end(reason, 0);
    else this.#core.supervisor.kill(reason);
    return this.#ending;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Whoever finds this process dead shall know what else to take away. */
  #claim(socket?: Leftover): void {
    const { sessionFile } = this.#options;
    const wanted = this.#wanted();
    this.#home.claim({
      leftovers: [...(socket === undefined ? [] : [socket]), { path: this.#spillDirectory, inode: null }],
      ...(wanted.kind === 'unix' && { socketFolder: dirname(resolve(wanted.path)) }),
      sessionFile: sessionFile === undefined ? null : { path: sessionFile, started: this.started },
    });
  }

  get #spillDirectory(): string {
    const { stateDir } = this.#options;
    return stateDir === undefined ? this.#home.file('logs') : join(stateDir, this.session);
  }

  #wanted(): Address {
    const { address } = this.#options;
    if (address === undefined) return { kind: 'unix', path: this.#home.file('session.sock') };
    return typeof address === 'string' ? parseAddress(address) : address;
  }

  #assemble(): ServerCore {
    const options = this.#options;
    const log = makeLogger(options.onLog);
    const store = new RunStore({
      ...options,
      spillDirectory: this.#spillDirectory,
      onSpillFailed: (run, error) => log('error', `the log of run ${run} cannot be kept on disk: ${error.message}`),
    });
    this.#transcript = options.transcript === undefined ? null : new Transcript(options.transcript, log);
    const session = new Session({
      store,
      log,
      queueCount: options.queueCount ?? LIMITS.queueCount,
      timeoutMs: options.timeoutMs,
      init: options.init,
      onOvertime: (run) => core.onOvertime(run),
      onIdle: () => core.checkIdle(),
    });
    const launcher = new LocalLauncher({
      python: options.python ?? 'python3',
      pythonArgs: options.pythonArgs ?? [],
      kernelFile: KERNEL_FILE,
      cwd: options.cwd,
      env: options.env,
    });
    const supervisor = new Supervisor({
      launcher,
      home: this.#home,
      helloMs: options.helloMs,
      budget: options.budget,
      standby: options.standby ?? false,
      business: () => session.business,
      listener: {
        onReady: (kernel, generation) => session.onReady(kernel, generation),
        onEvent: (run, payload) => session.onEvent(run, payload),
        onDone: (run, payload) => session.onDone(run, payload),
        onTaken: (run) => core.ladder.onTaken(run),
        onDeath: (reason, planned) => session.onDeath(reason, planned),
        onDead: (error) => session.onDead(error),
      },
    });
    session.use(supervisor);
    if (this.#transcript !== null) {
      session.watchers.add((run) => this.#transcript?.follow(run));
      this.#transcript.followSession(session);
    }
    const core: ServerCore = new ServerCore({
      options,
      session,
      supervisor,
      launcherName: launcher.name,
      log,
      token: this.token,
      tokenRequired: this.token !== null && (options.requireToken === true || this.#wanted().kind === 'tcp'),
      version: VERSION,
      sessionId: this.session,
      onStop: async (why) => {
        await this.#unlist();
        setImmediate(() => void this.close(why));
      },
    });
    return core;
  }

  async #end(reason: string, graceMs: number): Promise<void> {
    const { session, supervisor, log } = this.#core;
    log('info', `ending: ${reason}`);
    if (this.#idle !== null) clearTimeout(this.#idle);
    session.close(reason, false);
    if (graceMs === 0) supervisor.kill(reason);
    await supervisor.stop(graceMs, reason);
    await this.#unlist();
    await this.#core.endConnections(graceMs);
    session.store.remove();
    session.stream.remove();
    session.losses.remove();
    this.#transcript?.close();
    try {
      rmSync(this.#spillDirectory, { recursive: true, force: true });
    } catch (error) {
      log('warning', `the directory of the logs cannot be removed: ${(error as Error).message}`);
    }
    this.#home.remove();
    this.#tellClosed({ reason, failed: false });
  }

  /** From now on nobody finds it. */
  async #unlist(): Promise<void> {
    this.#options.onUnlisted?.();
    await this.#listener?.close();
  }

  /** The clock of idleness starts anew with whatever happens. */
  #checkIdle(): void {
    this.#idle?.refresh();
  }

  #onIdleTime(): void {
    const { session, connectionCount } = this.#core;
    const idle = session.current === null && session.queueLength === 0 && connectionCount === 0;
    if (idle) void this.close('nothing was asked of it for too long');
    else this.#idle?.refresh();
  }
}
