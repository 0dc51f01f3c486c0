/** Standard input for snippets that ask for it: read only when asked, one line at a time. */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Io } from './io.js';

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const ERASE: ReadonlySet<string> = new Set(['\u007f', '\b']);

/** Lines of a stream; the caller calls `stop` when no more are wanted, else the process would wait for input. */
export class StdinLines {
  readonly #stdin: Io['stdin'];
  readonly #decoder = new StringDecoder('utf8');
  #text = '';
  #isEnded = false;
  #isListening = false;
  #wake: (() => void) | undefined;

  constructor(stdin: Io['stdin']) {
    this.#stdin = stdin;
  }

  /** The next line with its newline, the rest without one, then null. */
  async nextLine(): Promise<string | null> {
    this.#listen();
    for (;;) {
      const end = this.#text.indexOf('\n') + 1;
      if (end > 0 || this.#isEnded) {
        const line = end > 0 ? this.#text.slice(0, end) : this.#text;
        this.#text = this.#text.slice(line.length);
        this.#stdin.pause();
        return line === '' ? null : line;
      }
      await this.#more();
    }
  }

  /** A line that a terminal does not show while it is typed; elsewhere like any other. */
  async nextSecret(): Promise<string | null> {
    const terminal = this.#stdin as Readable & { isTTY?: boolean; setRawMode?: (raw: boolean) => void };
    if (terminal.isTTY !== true || terminal.setRawMode === undefined) return await this.nextLine();
    terminal.setRawMode(true);
    try {
      return await this.#typed();
    } finally {
      terminal.setRawMode(false);
    }
  }

  /** Lets go of the stream. Idempotent. */
  stop(): void {
    if (!this.#isListening) return;
    this.#stdin.destroy();
    this.#isEnded = true;
    this.#wake?.();
  }

  async #typed(): Promise<string | null> {
    this.#listen();
    let line = '';
    for (;;) {
      while (this.#text === '' && !this.#isEnded) await this.#more();
      const [char = ''] = this.#text;
      this.#text = this.#text.slice(char.length);
      if (char === CTRL_C) process.kill(process.pid, 'SIGINT');
      else if (ERASE.has(char)) line = line.slice(0, -1);
      else if (char === '\r' || char === '\n') return `${line}\n`;
      else if (char === '' || (char === CTRL_D && line === '')) return null;
      else if (char !== CTRL_D) line += char;
    }
  }

  #listen(): void {
    if (this.#isListening) {
      if (!this.#isEnded) this.#stdin.resume();
      return;
    }
    this.#isListening = true;
    const end = (): void => {
      this.#text += this.#decoder.end();
      this.#isEnded = true;
      this.#wake?.();
    };
    this.#stdin.on('data', (chunk: Buffer | string) => {
      this.#text += typeof chunk === 'string' ? chunk : this.#decoder.write(chunk);
      this.#wake?.();
    });
    this.#stdin.on('end', end).on('error', end);
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** All of standard input as bytes. */
export async function readAllBytes(stdin: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer));
  return Buffer.concat(chunks);
}
