/**
 * A kernel that stands ready, so that RESTART and recovery need not wait for Python to start. It never runs user
 * code before it takes over.
 */
import type { Kernel } from './kernel.js';

export interface StandbyOptions {
  /** Starts a kernel. */
  readonly start: () => Promise<Kernel>;
  /** How long after the last change the next one is started: the session's own work goes first. */
  readonly delayMs: number;
}

export class Standby {
  readonly #options: StandbyOptions;
  #kernel: Kernel | null = null;
  #starting: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: StandbyOptions) {
    this.#options = options;
  }

  /** The one that stands ready, if there is one. */
  get kernel(): Kernel | null {
    return this.#kernel;
  }

  /** Has one made ready in a while, unless there is one. */
  prepare(): void {
    if (this.#closed || this.#timer !== null || this.#starting !== null || this.#kernel !== null) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#starting = this.#start();
    }, this.#options.delayMs);
    this.#timer.unref();
  }

  /** Takes the one that stands ready, or waits for the one on its way; null if there is none. */
  async take(): Promise<Kernel | null> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#starting !== null) await this.#starting;
    const kernel = this.#kernel;
    this.#kernel = null;
    return kernel;
  }

  /** Ends it, for good. */
  async close(): Promise<void> {
    this.#closed = true;
    const kernel = await this.take();
    kernel?.kill('the server is about to end');
    await kernel?.ended;
  }

  async #start(): Promise<void> {
    try {
      const kernel = await this.#options.start();
      this.#kernel = kernel;
      void kernel.ended.then(() => {
        if (this.#kernel === kernel) this.#kernel = null;
      });
    } catch {
      // Whoever needs a kernel next starts one, and tells why if that fails too.
    } finally {
      this.#starting = null;
    }
  }
}
