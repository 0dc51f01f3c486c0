/**
 * Short texts that come in every message (keys, names of events) as strings made once. Making them anew each time
 * would cost more than the rest of a small message, in time and in garbage.
 */

/** Longer texts are not looked for. */
export const WORD_BYTES = 20;
const SLOT_COUNT = 1024;
const WORDS = [
  'ok',
  'error',
  'exit',
  'done',
  'get',
  'started',
  'stdout',
  'stderr',
  'queued',
  'run',
  'attach',
  'status',
];

/** Each slot holds the last word that fell into it, so that no flood of words can make it grow. */
export class WordCache {
  readonly #slots: (string | undefined)[] = new Array(SLOT_COUNT);

  constructor() {
    for (const word of WORDS) this.#slots[slotOf(Buffer.from(word), 0, word.length)] = word;
  }

  /** The word in these bytes if it is known; 1 to WORD_BYTES bytes. */
  find(bytes: Buffer, start: number, lengthBytes: number): string | undefined {
    const word = this.#slots[slotOf(bytes, start, lengthBytes)];
    if (word === undefined || word.length !== lengthBytes) return undefined;
    for (let at = 0; at < lengthBytes; at++) if (word.charCodeAt(at) !== bytes[start + at]) return undefined;
    return word;
  }

  /** Keeps a word for the next time, if it is of ASCII (then its bytes are its characters). */
  keep(word: string, bytes: Buffer, start: number, lengthBytes: number): void {
    if (word.length === lengthBytes) this.#slots[slotOf(bytes, start, lengthBytes)] = word;
  }
}

function slotOf(bytes: Buffer, start: number, lengthBytes: number): number {
  const first = bytes[start] as number;
  const middle = bytes[start + (lengthBytes >> 1)] as number;
  const last = bytes[start + lengthBytes - 1] as number;
  return (first * 31 + middle * 7 + last * 131 + lengthBytes * 61) & (SLOT_COUNT - 1);
}
