/**
 * The session: one namespace, its runs, who waits and who is next.
 *
 *   submit ─▶ queue ─▶ kernel ─▶ events ─▶ the run's log ─▶ observers
 *
 * One run at a time. Every run ends with exactly one `done`, whatever happens to the kernel.
 */

import type { Kernel } from '../kernel/kernel.js';
import type { Supervisor } from '../kernel/supervisor.js';
import { SockPythonError } from '../protocol/errors.js';
import type { DoneEvent, DoneStatus, EndReason, KernelState, LossNotice } from '../protocol/messages.js';
import { endEvent, isInputEvent, lostEvent, queuedEvent, startedEvent, withStatus } from './events.js';
import { KeyRegistry } from './key_registry.js';
import type { Logger } from './log.js';
import type { Run } from './run.js';
import type { RunLog } from './run_log.js';
import { RunQueue } from './run_queue.js';
import type { RunStore } from './run_store.js';
import { kernelOptions, type Submission } from './submission.js';

/** A kernel's end, as STATUS tells it. */
export interface Death {
  readonly generation: number;
  readonly at: number;
  readonly run: number | null;
  readonly reason: EndReason;
}

export interface SessionOptions {
  readonly store: RunStore;
  readonly log: Logger;
  readonly queueCount: number;
  /** Time limit of runs that name none. */
  readonly timeoutMs?: number | undefined;
  /** Run first in every kernel. */
  readonly init?: { readonly name: string; readonly code: string } | undefined;
  /** The time limit of this run is over. */
  readonly onOvertime: (run: Run) => void;
  /** Told when nothing runs nor waits any more. */
  readonly onIdle?: (() => void) | undefined;
}

/** A run's `started` waits this long for company before it is sent alone. */
const ANNOUNCE_MS = 2;

export class Session {
  readonly store: RunStore;
  /** What belongs to no run: late threads, background tasks, children between runs. */
  readonly stream: RunLog;
  /** The deaths and restarts that took the namespace away; every client of the native protocol follows it. */
  readonly losses: RunLog;
  /** Told of every run as it is submitted. */
  readonly watchers: Set<(run: Run) => void> = new Set();
  readonly #options: SessionOptions;
  readonly #queue: RunQueue;
  readonly #keys: KeyRegistry = new KeyRegistry();
  #supervisor: Supervisor | null = null;
  #kernel: Kernel | null = null;
  #current: Run | null = null;
  #init: Run | null = null;
  #loss: LossNotice | null = null;
  #closing: string | null = null;
  #overtime: NodeJS.Timeout | null = null;
  readonly #announce: NodeJS.Timeout;
  readonly #drainers: (() => void)[] = [];
  deaths = 0;
  lastDeath: Death | null = null;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.store = options.store;
    this.stream = options.store.createStream();
    this.losses = options.store.createLosses();
    this.#queue = new RunQueue(options.queueCount);
    this.#announce = setTimeout(() => this.#current?.log.announce(), ANNOUNCE_MS).unref();
  }

  /** The kernels come from here; to be called once, before it starts. */
  use(supervisor: Supervisor): void {
    this.#supervisor = supervisor;
  }

  get current(): Run | null {
    return this.#current;
  }

  /** What the kernel is at: a client's run, the start-up file, or nothing. */
  get business(): 'none' | 'start-up' | 'run' {
    if (this.#current === null) return 'none';
    return this.#current === this.#init ? 'start-up' : 'run';
  }

  get queueLength(): number {
    return this.#queue.length;
  }

  /** The runs that wait, in their order. */
  get waiting(): readonly Run[] {
    return this.#queue.list();
  }

  get kernel(): Kernel | null {
    return this.#kernel;
  }

  /** The kernel that runs may start in; one that was asked to leave takes none. */
  get #readyKernel(): Kernel | null {
    return this.#supervisor?.state === 'ready' ? this.#kernel : null;
  }

  get state(): KernelState {
    const state = this.#supervisor?.state ?? 'starting';
    if (this.#closing !== null) return 'stopping';
    return state === 'ready' ? (this.#current === null ? 'idle' : 'busy') : state;
  }

  /**
   * Takes a snippet, or finds the run that its key stands for. It does not start before `pump()`, so that the submitter can observe it from its first event.
   * @throws overloaded, shutting_down, kernel_failed_to_start; nothing was run then.
   */
  submit(submission: Submission, owner: object | null): Run {
    const known = this.#keys.find(submission, this.store);
    if (known !== null) return known;
    if (this.#closing !== null) throw new SockPythonError('shutting_down', this.#closing);
    const dead = this.#supervisor?.error;
    if (dead) throw dead;
    const waits = this.#current !== null || this.#readyKernel === null || this.#queue.length > 0;
    if (waits) this.#queue.checkRoom(owner);
    const run = this.store.create(submission);
    this.#keys.add(run);
    const position = this.#queue.add(run, owner);
    if (waits) run.log.append(queuedEvent(run.number, position));
    for (const watcher of this.watchers) watcher(run);
    return run;
  }

  /** Starts the next run if nothing stands in its way. */
  pump(): void {
    const kernel = this.#readyKernel;
    if (this.#current !== null || kernel === null) return;
    const run = this.#queue.shift();
    if (run !== undefined) this.#start(run, kernel);
  }

  /** Resolves when nothing runs nor waits. */
  drained(): Promise<void> {
    if (this.#current === null && this.#queue.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drainers.push(resolve));
  }

  /** How the start-up file of this kernel ended; null if there is none. */
  async initDone(): Promise<{ readonly status: DoneStatus; readonly exception?: string } | null> {
    const run = this.#init;
    if (run === null) return null;
    const { status, exception, reason } = await new Promise<DoneEvent>((resolve) => run.whenDone(resolve));
    const words = exception?.traceback ?? reason?.message;
    return words === undefined ? { status } : { status, exception: words };
  }

  /** Takes a waiting run out of the queue and ends it. False if it does not wait. */
  withdraw(run: Run, message: string): boolean {
    if (!this.#queue.remove(run)) return false;
    this.#finish(run, endEvent(run.number, { status: 'cancelled', ms: 0, kept: true, reason: { message } }));
    return true;
  }

  /** Takes nothing new; `drain` lets what is there finish. */
  close(message: string, drain: boolean): void {
    this.#closing = message;
    if (!drain) this.cancelQueue(message);
  }

  /** Ends all that wait. */
  cancelQueue(message: string): void {
    for (const run of this.#queue.clear()) {
      this.#finish(run, endEvent(run.number, { status: 'cancelled', ms: 0, kept: false, reason: { message } }));
    }
  }

  // What the kernels tell. ------------------------------------------------------------------------------------

  onReady(kernel: Kernel, generation: number): void {
    this.#kernel = kernel;
    this.#options.log('info', `kernel ${generation} is ready`, { pid: kernel.pid, python: kernel.hello.python });
    const { init } = this.#options;
    if (init === undefined) return this.pump();
    this.#init = this.store.create({ ...init, quiet: true });
    for (const watcher of this.watchers) watcher(this.#init);
    this.#start(this.#init, kernel);
  }

  onEvent(run: number, payload: Buffer): void {
    const current = this.#current;
    if (current === null || current.number !== run) return this.stream.append(payload);
    if (isInputEvent(payload)) current.asking = true;
    current.log.append(payload);
  }

  onDone(number: number, payload: Buffer): void {
    const run = this.#current;
    if (run === null || run.number !== number) return;
    this.#finish(run, run.endCause === 'timeout' ? this.#blameLimit(run, payload) : payload);
    this.pump();
  }

  onDeath(reason: EndReason, planned: boolean): void {
    const run = this.#current;
    const generation = this.#supervisor?.generation ?? 0;
    const names = this.#kernel?.names ?? [];
    this.#kernel = null;
    if (!planned) {
      this.deaths += 1;
      this.lastDeath = { generation, at: Date.now(), run: run?.number ?? null, reason };
    }
    const loss = { message: reason.message, names };
    this.#loss = this.#loss === null ? loss : bothLosses(this.#loss, loss);
    // Ahead of the run's own end: whoever hears of that knows already what it means for the session.
    if (this.#supervisor?.state !== 'stopping') this.losses.append(lostEvent(generation, loss));
    this.#options.log(planned ? 'info' : 'warning', `kernel ${generation} is gone: ${reason.message}`);
    if (run === null) return;
    const status = run.killCause === 'timeout' ? 'timeout' : 'lost';
    const ms = performance.now() - run.startedAt;
    this.#finish(run, endEvent(run.number, { status, ms, kept: false, reason }));
  }

  onDead(error: SockPythonError): void {
    this.#options.log('error', error.message);
    this.cancelQueue(error.message);
  }

  // -----------------------------------------------------------------------------------------------------------

  #start(run: Run, kernel: Kernel): void {
    const { submission } = run;
    this.#current = run;
    run.state = 'running';
    run.started = Date.now();
    run.startedAt = performance.now();
    run.generation = this.#supervisor?.generation ?? 0;
    run.log.appendQuietly(startedEvent(run.number, run.generation, this.#loss));
    this.#loss = null;
    kernel.run(run.number, submission.code, kernelOptions(submission));
    this.#announce.refresh();
    const limit = submission.timeoutMs ?? this.#options.timeoutMs;
    if (limit !== undefined) this.#overtime = setTimeout(() => this.#options.onOvertime(run), limit);
  }

  #finish(run: Run, done: Buffer): void {
    if (this.#current === run) {
      this.#current = null;
      if (this.#overtime !== null) clearTimeout(this.#overtime);
      this.#overtime = null;
    }
    run.finish(done);
    this.store.retire(run);
    if (this.#current === null && this.#queue.length === 0) this.#whenIdle();
  }

  #whenIdle(): void {
    if (this.#drainers.length > 0) for (const resolve of this.#drainers.splice(0)) resolve();
    this.#options.onIdle?.();
  }

  /** An interrupt that the time limit sent ends the run as `timeout`; any other end stands as it is. */
  #blameLimit(run: Run, payload: Buffer): Buffer {
    const limit = run.submission.timeoutMs ?? this.#options.timeoutMs;
    return withStatus(payload, 'interrupted', 'timeout', `stopped by its time limit of ${limit} ms`);
  }
}

/** Two deaths of which no run has been told yet. */
function bothLosses(first: LossNotice, then: LossNotice): LossNotice {
  const names = [...new Set([...first.names, ...then.names])];
  return { message: then.names.length > 0 ? `${first.message}; then ${then.message}` : first.message, names };
}
