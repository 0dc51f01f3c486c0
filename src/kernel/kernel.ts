/**
 * One Python process, from its launch to its end.
 *
 *   launch ─▶ it dials home ─▶ hello ─▶ ready ─▶ run · interrupt · input · request ─▶ leave or kill ─▶ death
 *
 * Its events come out as they will go to clients: encoded once, by the kernel, and not decoded here.
 */
import { randomBytes } from 'node:crypto';
import { SockPythonError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import type { EndReason, StdinMode, Value, ValueMode } from '../protocol/messages.js';
import { decodeMessagePack, encodeMessagePack } from '../protocol/msgpack.js';
import { listen } from '../transport/listen.js';
import type { Socket } from '../transport/socket.js';
import { childrenSince } from './children.js';
import { explainExit } from './death.js';
import { readFaultStack } from './fault_stack.js';
import { Fence } from './fence.js';
import { awaitHello, type KernelHello, receiveHello } from './hello.js';
import type { Home } from './home.js';
import { FROM_KERNEL, kernelFrame, kernelTextFrame, TO_KERNEL } from './kernel_frame.js';
import type { LaunchedProcess, Launcher } from './launcher.js';
import { NameList } from './name_list.js';
import { OomWatch } from './oom.js';
import { signalProcess } from './process_group.js';

/** Who hears what a kernel does. Payloads are native events in MessagePack, without an `id`. */
export interface KernelListener {
  onEvent(run: number, payload: Buffer): void;
  onDone(run: number, payload: Buffer): void;
  /** The handler in the kernel has taken an interrupt for this run. */
  onTaken(run: number): void;
  /** After everything that the process wrote has been handed out. */
  onDeath(reason: EndReason): void;
}

export interface KernelStart {
  readonly launcher: Launcher;
  readonly home: Home;
  /** Tells the kernels of one home apart. */
  readonly name: string;
  readonly helloMs?: number;
  readonly fenceMs?: number;
  /** Gives up waiting for the hello. */
  readonly signal?: AbortSignal;
}

/** What a run may ask for beyond its code. */
export interface KernelRunOptions {
  readonly name?: string | undefined;
  readonly line?: number | undefined;
  readonly value?: ValueMode | undefined;
  readonly arguments?: Value | undefined;
  readonly argv?: readonly string[] | undefined;
  readonly stdin?: StdinMode | undefined;
}

interface KernelParts {
  readonly options: KernelStart;
  readonly launched: LaunchedProcess;
  readonly socket: Socket;
  readonly fence: Fence;
  readonly fault: string;
  readonly hello: KernelHello;
}

interface Waiter {
  resolve(value: unknown): void;
  reject(error: SockPythonError): void;
}

/** How long a request waits for its answer before the kernel is reminded. */
const ALARM_MS = 100;
/** How long the channel of a dead kernel may stay open in processes that left its group. */
const CLOSE_MS = 500;
/** How long a kernel that closed its channel may take to end by itself. */
const HANG_UP_MS = 200;

export class Kernel {
  readonly hello: KernelHello;
  /** Settles when the process is gone and `onDeath` was told. */
  readonly ended: Promise<void>;
  readonly #process: LaunchedProcess;
  readonly #socket: Socket;
  readonly #fence: Fence;
  readonly #waiters = new Map<number, Waiter>();
  readonly #names = new NameList();
  #listener: KernelListener | null = null;
  #nextRequest = 1;
  #killedBy: string | null = null;
  readonly #faultFile: string;
  readonly #memory = new OomWatch();
  #again: NodeJS.Timeout | null = null;

  /**
   * Starts a kernel and waits for its hello.
   * @throws kernel_failed_to_start with Python's own words in `details.output`.
   */
  static async start(options: KernelStart): Promise<Kernel> {
    const { launcher, home, name } = options;
    const files = { socket: home.file(`${name}.sock`), out: home.file(`${name}.out`), err: home.file(`${name}.err`) };
    const fault = home.file(`${name}.fault`);
    const secret = randomBytes(24).toString('hex');
    let arrive: (kernel: Kernel) => void = () => {};
    const arrived = new Promise<Kernel>((resolve) => {
      arrive = resolve;
    });
    let launched: LaunchedProcess | null = null;
    const listener = await listen({ kind: 'unix', path: files.socket }, (socket) => {
      if (launched === null) return void socket.destroy();
      receiveHello(socket, secret, (hello, reader) => {
        const fence = new Fence(files.out, files.err, options.fenceMs ?? LIMITS.fenceMs);
        const kernel = new Kernel({ options, launched: launched as LaunchedProcess, socket, fence, fault, hello });
        reader.maxFrameBytes = LIMITS.maxFrameCeilingBytes;
        arrive(kernel);
        return kernel;
      });
    });
    const bootstrap = kernelFrame(TO_KERNEL.bootstrap, 0, encodeMessagePack({ ...files, fault, secret, lease: true }));
    launched = launcher.launch({ bootstrap });
    const patience = { patienceMs: options.helloMs ?? LIMITS.kernelHelloMs, signal: options.signal };
    return awaitHello(arrived, launched, listener, patience);
  }

  private constructor(parts: KernelParts) {
    this.hello = parts.hello;
    this.#process = parts.launched;
    this.#socket = parts.socket;
    this.#fence = parts.fence;
    this.#faultFile = parts.fault;
    this.#fence.onBytes = (payload) => this.#listener?.onEvent(this.#fence.run, payload);
    parts.options.launcher.learn(parts.hello.executable);
    this.ended = this.#awaitEnd();
  }

  /** The names of the namespace after the last run that changed their number. */
  get names(): readonly string[] {
    return this.#names.toArray();
  }

  get pid(): number {
    return this.#process.pid ?? this.hello.pid;
  }

  /** From now on this one hears what the kernel does. */
  attach(listener: KernelListener): void {
    this.#listener = listener;
  }

  run(run: number, code: string, options?: KernelRunOptions): void {
    this.#fence.run = run;
    this.#memory.renew();
    if (options === undefined) this.#write(kernelTextFrame(TO_KERNEL.run, run, code));
    else this.#write(kernelFrame(TO_KERNEL.runWith, run, encodeMessagePack({ code, ...options })));
  }

  /** Level 1 does what Ctrl+C would; level 2 raises at every line until the run ends. */
  interrupt(run: number, level: 1 | 2): void {
    this.#write(kernelFrame(TO_KERNEL.interrupt, run, Buffer.from([level])));
  }

  /** SIGINT from outside, for a kernel whose own signal has been put out of action. */
  signalInterrupt(): void {
    this.#process.signal('SIGINT');
  }

  /** SIGINT to the processes that were started in the last `ageMs`. */
  interruptChildren(ageMs: number): void {
    for (const pid of childrenSince(this.pid, ageMs)) signalProcess(pid, 'SIGINT');
  }

  input(run: number, answer: { readonly text: string } | { readonly eof: true }): void {
    this.#write(kernelFrame(TO_KERNEL.input, run, encodeMessagePack(answer)));
  }

  /** Asks something that is answered also while a snippet runs. @throws kernel_lost if it dies first. */
  request(op: string, fields: Record<string, unknown> = {}): Promise<unknown> {
    const id = this.#nextRequest++;
    // Should its own signal have been lost, another one makes it look.
    const alarm = setTimeout(() => this.#process.signal('SIGURG'), ALARM_MS);
    const answered = new Promise((resolve, reject) => {
      this.#waiters.set(id, { resolve, reject });
      this.#write(kernelFrame(TO_KERNEL.request, 0, encodeMessagePack({ id, op, ...fields })));
    });
    return answered.finally(() => clearTimeout(alarm));
  }

  /** Lets it run its exit handlers and go; kills it when it takes longer than `graceMs`. */
  async leave(graceMs: number, why: string): Promise<void> {
    this.#killedBy ??= why;
    this.#socket.end();
    const timer = setTimeout(() => this.kill(why), graceMs);
    await this.ended;
    clearTimeout(timer);
  }

  /** Ends it and its process group now. */
  kill(why: string): void {
    this.#killedBy ??= why;
    this.#process.kill();
  }

  #write(frame: Buffer): void {
    if (!this.#socket.destroyed && this.#socket.writable) this.#socket.write(frame);
  }

  /** Takes one frame. @throws SockPythonError when it is none that a kernel sends. */
  onFrame(kind: number, run: number, payload: Buffer): void {
    switch (kind) {
      case FROM_KERNEL.event:
        this.#listener?.onEvent(run, payload);
        return;
      case FROM_KERNEL.done:
        this.#fence.settle();
        this.#finish(run, payload);
        return;
      case FROM_KERNEL.doneFenced: {
        const length = payload[0] ?? 0;
        const done = payload.subarray(1 + length);
        this.#fence.hold(payload.subarray(1, 1 + length), (seen) =>
          this.#finish(run, seen ? done : withoutProof(done)),
        );
        return;
      }
      case FROM_KERNEL.reply:
        this.#answer(payload);
        return;
      case FROM_KERNEL.again:
        this.#nudge(run, payload[0] ?? 0);
        return;
      case FROM_KERNEL.names:
        this.#names.update(payload);
        return;
      case FROM_KERNEL.taken:
        this.#listener?.onTaken(run);
        return;
      default:
        throw new SockPythonError('bad_request', `a kernel sends no frame of kind ${kind}`);
    }
  }

  /** What it sends cannot be understood: it cannot be trusted any longer. */
  onGarbage(error: SockPythonError): void {
    this.kill(`its channel was broken (${error.message}), so it was killed`);
  }

  #finish(run: number, payload: Buffer): void {
    this.#fence.run = 0;
    this.#memory.renew();
    this.#listener?.onDone(run, payload);
  }

  #answer(payload: Buffer): void {
    const message = decodeMessagePack(payload) as { id: number; reply?: unknown; error?: { message: string } };
    const waiter = this.#waiters.get(message.id);
    this.#waiters.delete(message.id);
    if (message.error === undefined) waiter?.resolve(message.reply);
    else waiter?.reject(new SockPythonError('internal', message.error.message));
  }

  #nudge(run: number, ms: number): void {
    if (this.#again !== null) clearTimeout(this.#again);
    this.#again = setTimeout(() => this.#write(kernelFrame(TO_KERNEL.nudge, run)), ms).unref();
  }

  async #awaitEnd(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    let hangUp: NodeJS.Timeout | undefined;
    // The channel of a kernel that runs another program ends while the process goes on: nobody hears it any more.
    this.#socket.once('end', () => {
      this.#socket.end();
      hangUp = setTimeout(
        () => this.kill('its channel was closed from within (exec, or a close of all files)'),
        HANG_UP_MS,
      );
    });
    const exit = await this.#process.exited;
    const circumstances = { isIdle: this.#fence.run === 0, memoryRanOut: this.#memory.hasSeenKill };
    clearTimeout(hangUp);
    this.#process.kill();
    const late = setTimeout(() => this.#socket.destroy(), CLOSE_MS);
    await closed;
    clearTimeout(late);
    if (this.#again !== null) clearTimeout(this.#again);
    this.#fence.drainAndClose();
    this.#process.release();
    const stack = readFaultStack(this.#faultFile);
    const reason = explainExit(exit, { ours: this.#killedBy, ...circumstances });
    for (const waiter of this.#waiters.values()) waiter.reject(new SockPythonError('kernel_lost', reason.message));
    this.#waiters.clear();
    this.#listener?.onDeath(stack === '' ? reason : { ...reason, stack });
  }
}

/** The same end, saying that the end of the output could not be proved. */
function withoutProof(done: Buffer): Buffer {
  return encodeMessagePack({ ...(decodeMessagePack(done) as object), outputComplete: false });
}
