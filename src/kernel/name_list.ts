/** The names of a namespace as the kernel told them: a dead one cannot be asked. */
import { decodeMessagePack } from '../protocol/msgpack.js';

/** So many are remembered for the notice of a loss. */
const NAMES_COUNT = 1000;

export class NameList {
  readonly #names = new Set<string>();

  /** Takes `{came, went}`. */
  update(payload: Buffer): void {
    const { came, went } = decodeMessagePack(payload) as { came: readonly string[]; went: readonly string[] };
    for (const name of went) this.#names.delete(name);
    for (const name of came) if (this.#names.size < NAMES_COUNT) this.#names.add(name);
  }

  toArray(): readonly string[] {
    return [...this.#names];
  }
}
