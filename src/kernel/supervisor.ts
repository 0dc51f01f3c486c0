/**
 * Keeps one kernel alive for a session, generation after generation.
 *
 *   starting ─▶ ready ─▶ restarting ─▶ ready …      dead: the restart budget is spent; restart() revives
 *                 └──▶ stopping
 *
 * A kernel that dies is replaced at once. A kernel that cannot even stay up while nothing runs is replaced only
 * as often as the budget allows, so that a broken start-up does not spin.
 */
import { asSockPythonError, SockPythonError } from '../protocol/errors.js';
import { LIMITS } from '../protocol/limits.js';
import type { EndReason } from '../protocol/messages.js';
import type { Home } from './home.js';
import { Kernel, type KernelListener } from './kernel.js';
import type { Launcher } from './launcher.js';
import { Standby } from './standby.js';

export type SupervisorState = 'starting' | 'ready' | 'restarting' | 'dead' | 'stopping';

/** Hears of the kernels' lives beside what the kernel itself tells. */
export interface SupervisorListener extends Omit<KernelListener, 'onDeath'> {
  /** The kernel is gone; `planned` if that was asked of the supervisor. */
  onDeath(reason: EndReason, planned: boolean): void;
  /** A kernel of this generation is ready; called before anything is sent to it. */
  onReady(kernel: Kernel, generation: number): void;
  /** No kernel will come back by itself. */
  onDead(error: SockPythonError): void;
}

export interface SupervisorOptions {
  readonly launcher: Launcher;
  readonly home: Home;
  readonly listener: SupervisorListener;
  readonly helloMs?: number | undefined;
  readonly fenceMs?: number | undefined;
  /** Keep a kernel ready for the next generation. */
  readonly standby?: boolean | undefined;
  /** Kernels that may die with no run on within `windowMs` before the session is dead. */
  readonly budget?: { readonly deathCount: number; readonly windowMs: number } | undefined;
  /**
   * What the kernel is at: a client's run, whose doing its death is then; the start-up file, whose death costs of the
   * budget; or nothing.
   */
  readonly business: () => 'none' | 'start-up' | 'run';
}

/** The next kernel is made ready when this one has had time to begin its work. */
const STANDBY_DELAY_MS = 300;
const BUDGET = { deathCount: LIMITS.restartBudgetCount, windowMs: LIMITS.restartBudgetMs } as const;
/** A kernel that lived longer than this was well. */
const WELL_MS = 1000;

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #standby: Standby | null;
  #state: SupervisorState = 'starting';
  #generation = 0;
  #launches = 0;
  #kernel: Kernel | null = null;
  #error: SockPythonError | null = null;
  #deaths: number[] = [];
  readonly #stopping = new AbortController();
  #change: Promise<void> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    const start = (): Promise<Kernel> => this.#launch();
    this.#standby = options.standby === true ? new Standby({ start, delayMs: STANDBY_DELAY_MS }) : null;
  }

  get state(): SupervisorState {
    return this.#state;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Null while none is ready. */
  get kernel(): Kernel | null {
    return this.#kernel;
  }

  /** Why the session is dead. */
  get error(): SockPythonError | null {
    return this.#error;
  }

  /** Starts the first kernel. @throws kernel_failed_to_start */
  start(): Promise<void> {
    return this.#serially(() => this.#raise('starting'));
  }

  /** A fresh kernel in place of this one; the old one is gone before the new one is ready. */
  restart(graceMs: number, why: string): Promise<void> {
    // From this moment on nothing starts in the old kernel.
    if (this.#state === 'ready') this.#state = 'restarting';
    return this.#serially(async () => {
      if (this.#state === 'stopping') throw new SockPythonError('shutting_down', 'the server is about to end');
      this.#state = 'restarting';
      this.#deaths = [];
      await this.#dismiss(graceMs, why);
      await this.#raise('restarting');
    });
  }

  /** Ends the kernel, for good. */
  stop(graceMs: number, why: string): Promise<void> {
    this.#state = 'stopping';
    this.#stopping.abort();
    return this.#serially(async () => {
      await Promise.all([this.#dismiss(graceMs, why), this.#standby?.close()]);
    });
  }

  /** Ends the kernel now; the death is told to the listener, and a fresh one comes. */
  kill(why: string): void {
    this.#kernel?.kill(why);
  }

  #serially(step: () => Promise<void>): Promise<void> {
    const next = this.#change.then(step, step);
    this.#change = next.catch(() => {});
    return next;
  }

  async #dismiss(graceMs: number, why: string): Promise<void> {
    const kernel = this.#kernel;
    if (kernel === null) return;
    if (this.#options.business() !== 'none') kernel.kill(why);
    await kernel.leave(graceMs, why);
  }

  async #raise(state: 'starting' | 'restarting'): Promise<void> {
    if (this.#state === 'stopping') return;
    this.#state = state;
    try {
      this.#install((await this.#standby?.take()) ?? (await this.#launch()));
    } catch (error) {
      this.#fail(asSockPythonError(error));
      throw error;
    }
  }

  /** Raises a kernel after a death, as often as the budget allows. */
  async #recover(): Promise<void> {
    for (;;) {
      if (this.#state !== 'restarting') return;
      try {
        return this.#install((await this.#standby?.take()) ?? (await this.#launch()));
      } catch (error) {
        if (this.#budgetSpent()) return this.#fail(asSockPythonError(error));
      }
    }
  }

  #launch(): Promise<Kernel> {
    const { launcher, home, helloMs, fenceMs } = this.#options;
    this.#launches += 1;
    const { signal } = this.#stopping;
    const limits = { signal, ...(helloMs !== undefined && { helloMs }), ...(fenceMs !== undefined && { fenceMs }) };
    return Kernel.start({ launcher, home, name: `k${this.#launches}`, ...limits });
  }

  #install(kernel: Kernel): void {
    const { listener } = this.#options;
    const born = performance.now();
    this.#kernel = kernel;
    this.#generation += 1;
    this.#error = null;
    kernel.attach({
      onEvent: (run, payload) => listener.onEvent(run, payload),
      onDone: (run, payload) => listener.onDone(run, payload),
      onTaken: (run) => listener.onTaken(run),
      onDeath: (reason) => this.#onDeath(reason, born),
    });
    // Stopping may have begun while the kernel was on its way.
    if (this.#isStopping()) return kernel.kill('the server is about to end');
    this.#state = 'ready';
    listener.onReady(kernel, this.#generation);
    this.#standby?.prepare();
  }

  #isStopping(): boolean {
    return this.#state === 'stopping';
  }

  #onDeath(reason: EndReason, born: number): void {
    const business = this.#options.business();
    const planned = this.#state !== 'ready';
    this.#kernel = null;
    if (!planned) this.#state = 'restarting';
    this.#options.listener.onDeath(reason, planned);
    if (planned) return;
    const wasWell = business === 'none' && performance.now() - born >= WELL_MS;
    if (business !== 'run' && !wasWell && this.#budgetSpent()) {
      this.#fail(new SockPythonError('kernel_failed_to_start', `kernels keep dying: ${reason.message}`));
      return;
    }
    void this.#serially(() => this.#recover());
  }

  #budgetSpent(): boolean {
    const { deathCount, windowMs } = this.#options.budget ?? BUDGET;
    const now = performance.now();
    this.#deaths = [...this.#deaths.filter((at) => now - at < windowMs), now];
    return this.#deaths.length >= deathCount;
  }

  #fail(error: SockPythonError): void {
    if (this.#isStopping()) return;
    this.#state = 'dead';
    this.#error = error;
    this.#options.listener.onDead(error);
  }
}
