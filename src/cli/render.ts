/**
 * Text output of a run: which bytes go to which stream, and what stands at the seams. Pure.
 *
 * get() texts and printed text go to stdout in the order made. Where two get() texts follow each other, and neither
 * side of the seam is white space or empty, a separator goes between (`get(15); get(13)` shows `15 13`). Between a
 * get() text that does not end its line and printed text goes a newline.
 */
import type { RunEvent } from '../protocol/messages.js';

/** One write to one stream. */
export interface Piece {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string | Uint8Array;
}

export interface TextRendererOptions {
  /** Default: one space. */
  readonly separator?: string | undefined;
  /** Leave out everything but get(). */
  readonly quiet?: boolean;
}

const ENDS_IN_SPACE = /\s$/;
const STARTS_WITH_SPACE = /^\s/;

/** Turns the events of one run into text; keeps what the seams depend on. */
export class TextRenderer {
  readonly #separator: string;
  readonly #quiet: boolean;
  /** The last get() text, while nothing was printed after it. */
  #lastGet: string | undefined;
  /** Was the text that stdout ends with handed to get()? */
  #isAfterGet = false;
  /** Does the text on stdout end within a line? */
  #isMidLine = false;

  constructor(options: TextRendererOptions = {}) {
    this.#separator = options.separator ?? ' ';
    this.#quiet = options.quiet ?? false;
  }

  /** Whether what went to stdout so far does not end with a newline. */
  get isMidLine(): boolean {
    return this.#isMidLine;
  }

  /** What an event adds; nothing for those that carry no output. */
  render(event: RunEvent): readonly Piece[] {
    switch (event.event) {
      case 'get':
        return this.#get(event.text);
      case 'stdout':
        return this.#quiet ? [] : this.#printed(event.text);
      case 'stderr':
        return this.#quiet || event.text.length === 0 ? [] : [{ stream: 'stderr', text: event.text }];
      case 'display':
        return this.#quiet ? [] : this.#printed(plainText(event.data));
      // The rest tells about the run and prints nothing.
      default:
        return [];
    }
  }

  /** What `input` asks; with only get() wanted it is no part of stdout. */
  prompt(text: string): readonly Piece[] {
    if (this.#quiet && text !== '') return [{ stream: 'stderr', text }];
    return this.#printed(text);
  }

  /** A line of its own on stdout, like the repr of a value. */
  line(text: string): readonly Piece[] {
    const seam = this.#isMidLine ? this.#out('\n') : [];
    this.#lastGet = undefined;
    this.#isAfterGet = false;
    return [...seam, ...this.#out(text)];
  }

  /** What makes the text end with its line, as a terminal wants it. */
  finish(): readonly Piece[] {
    return this.#isMidLine ? this.#out('\n') : [];
  }

  #get(text: string): readonly Piece[] {
    const before = this.#lastGet;
    this.#lastGet = text;
    if (text !== '') this.#isAfterGet = true;
    const isSeam =
      before !== undefined &&
      before !== '' &&
      text !== '' &&
      !ENDS_IN_SPACE.test(before) &&
      !STARTS_WITH_SPACE.test(text);
    return this.#out(isSeam ? this.#separator + text : text);
  }

  #printed(text: string | Uint8Array): readonly Piece[] {
    if (text.length === 0) return [];
    const seam = this.#isAfterGet && this.#isMidLine ? this.#out('\n') : [];
    this.#lastGet = undefined;
    this.#isAfterGet = false;
    return [...seam, ...this.#out(text)];
  }

  #out(text: string | Uint8Array): readonly Piece[] {
    if (text.length === 0) return [];
    this.#isMidLine = typeof text === 'string' ? !text.endsWith('\n') : text.at(-1) !== 0x0a;
    return [{ stream: 'stdout', text }];
  }
}

/** What can be shown of rich output in a line of text. */
function plainText(data: { readonly [mime: string]: string | Uint8Array }): string {
  const plain = data['text/plain'];
  if (typeof plain === 'string') return plain.endsWith('\n') ? plain : `${plain}\n`;
  return `[${Object.keys(data).join(', ')}]\n`;
}
