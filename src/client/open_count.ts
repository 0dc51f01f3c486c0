/** Counts what is open, and tells when nothing is. */
export class OpenCount {
  #count = 0;
  #onNone: (() => void) | undefined;
  #none: Promise<void> | undefined;

  add(): void {
    this.#count++;
  }

  /** One less; bound, so that it can be handed over as it is. */
  readonly remove: () => void = () => {
    this.#count--;
    if (this.#count === 0) this.#onNone?.();
  };

  /** Resolves the next time, or at once, that nothing is open. To be asked when no more is added. */
  whenNone(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    this.#none ??= new Promise((resolve) => {
      this.#onNone = resolve;
    });
    return this.#none;
  }
}
