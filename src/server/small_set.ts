/**
 * A set that has one or two members at most times and is changed all the time. A Set makes a new table every few
 * changes, which costs more than looking through a short list.
 */
export class SmallSet<Item> implements Iterable<Item> {
  readonly #items: Item[] = [];

  get size(): number {
    return this.#items.length;
  }

  has(item: Item): boolean {
    return this.#items.includes(item);
  }

  /** Adds what is not there yet. */
  add(item: Item): void {
    if (!this.#items.includes(item)) this.#items.push(item);
  }

  /** Takes it out; the order of the others may change. */
  delete(item: Item): void {
    const at = this.#items.indexOf(item);
    if (at < 0) return;
    const last = this.#items.pop() as Item;
    if (at < this.#items.length) this.#items[at] = last;
  }

  [Symbol.iterator](): Iterator<Item> {
    return [...this.#items].values();
  }
}
