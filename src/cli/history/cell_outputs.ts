/** What a run gave, folded from its events into the outputs of a notebook's cell (nbformat 4.5). */
import { TextDecoder } from 'node:util';
import { encodeJson } from '../../protocol/json.js';
import type { DisplayEvent, DoneEvent, RunEvent } from '../../protocol/messages.js';
import { plural } from '../text.js';

/** Lines with their ends, as notebooks have texts. */
type Lines = readonly string[];
type Bundle = Readonly<Record<string, unknown>>;

export type CellOutput =
  | { readonly output_type: 'stream'; readonly name: 'stdout' | 'stderr'; readonly text: Lines }
  | { readonly output_type: 'display_data'; readonly data: Bundle; readonly metadata: Bundle }
  | {
      readonly output_type: 'execute_result';
      readonly execution_count: number;
      readonly data: Bundle;
      readonly metadata: Bundle;
    };

/** A cell with more would keep most programs from opening the notebook. */
const MAX_CELL_CHARS = 4_194_304;
const MIME = /^[A-Za-z0-9]+\/[A-Za-z0-9.+-]+$/;
const JSON_MIME = /^application\/(.*\+)?json$/;

type Item =
  | { readonly kind: 'stream'; readonly name: 'stdout' | 'stderr'; text: string }
  | { readonly kind: 'data'; data: Bundle; metadata: Bundle; readonly ref: string | undefined }
  | { readonly kind: 'result'; readonly data: Bundle };

export class CellOutputs {
  readonly #run: number;
  readonly #items: Item[] = [];
  readonly #decoders: Readonly<Record<'stdout' | 'stderr', TextDecoder>> = {
    stdout: new TextDecoder('utf-8', { ignoreBOM: true }),
    stderr: new TextDecoder('utf-8', { ignoreBOM: true }),
  };
  #roomChars = MAX_CELL_CHARS;
  #leftOutCount = 0;

  constructor(run: number) {
    this.#run = run;
  }

  take(event: RunEvent): void {
    switch (event.event) {
      case 'stdout':
      case 'stderr':
        return this.#stream(event.event, event.text);
      case 'get':
        return this.#add(event.text.length, { kind: 'data', data: plain(event.text), metadata: {}, ref: undefined });
      case 'display':
        return this.#display(event);
      case 'input':
        return this.#stream('stdout', `${event.prompt}\n`);
      case 'gap':
        return this.#stream('stderr', `[${plural(event.bytes, 'byte')} of output were dropped here]\n`);
      case 'done':
        return this.#value(event);
      default:
    }
  }

  /** All of them, in their order. */
  finish(): readonly CellOutput[] {
    for (const name of ['stdout', 'stderr'] as const) this.#stream(name, this.#decoders[name].decode());
    if (this.#leftOutCount > 0) {
      const text = `[${plural(this.#leftOutCount, 'output')} more: sock-python attach ${this.#run}]\n`;
      this.#items.push({ kind: 'stream', name: 'stderr', text });
    }
    return this.#items.map((item) => toOutput(item, this.#run));
  }

  #stream(name: 'stdout' | 'stderr', text: string | Uint8Array): void {
    // Bytes may be cut within a character.
    const decoded = typeof text === 'string' ? text : this.#decoders[name].decode(text, { stream: true });
    if (decoded === '') return;
    const last = this.#items.at(-1);
    if (last?.kind !== 'stream' || last.name !== name || this.#leftOutCount > 0) {
      return this.#add(decoded.length, { kind: 'stream', name, text: decoded });
    }
    if (!this.#hasRoom(decoded.length)) return;
    last.text += decoded;
  }

  #display({ data, metadata = {}, ref }: DisplayEvent): void {
    const bundle = toBundle(data);
    const chars = JSON.stringify(bundle).length;
    const meta = JSON.parse(encodeJson(metadata)) as Bundle;
    const earlier = this.#items.find((item) => item.kind === 'data' && ref !== undefined && item.ref === ref);
    if (earlier?.kind !== 'data') return this.#add(chars, { kind: 'data', data: bundle, metadata: meta, ref });
    if (!this.#hasRoom(chars)) return;
    earlier.data = bundle;
    earlier.metadata = meta;
  }

  #value({ value }: DoneEvent): void {
    if (value === undefined || value.type === 'NoneType') return;
    const text = value.repr ?? encodeJson(value.data ?? null);
    this.#add(text.length, { kind: 'result', data: plain(text) });
  }

  #add(chars: number, item: Item): void {
    if (this.#hasRoom(chars)) this.#items.push(item);
  }

  /** Once something was left out, all that follows is: what is there has no holes. */
  #hasRoom(chars: number): boolean {
    const fits = this.#leftOutCount === 0 && chars <= this.#roomChars;
    if (fits) this.#roomChars -= chars;
    else this.#leftOutCount += 1;
    return fits;
  }
}

function toOutput(item: Item, run: number): CellOutput {
  switch (item.kind) {
    case 'stream':
      return { output_type: 'stream', name: item.name, text: toLines(item.text) };
    case 'data':
      return { output_type: 'display_data', data: item.data, metadata: item.metadata };
    case 'result':
      return { output_type: 'execute_result', execution_count: run, data: item.data, metadata: {} };
  }
}

function plain(text: string): Bundle {
  return { 'text/plain': toLines(text) };
}

/** Text as lines, JSON as what it says, bytes in base64; what is no mime type is left out. */
function toBundle(data: DisplayEvent['data']): Bundle {
  const bundle: Record<string, unknown> = {};
  for (const [mime, item] of Object.entries(data)) {
    if (!MIME.test(mime)) continue;
    if (typeof item !== 'string') bundle[mime] = toLines(Buffer.from(item).toString('base64'));
    else bundle[mime] = JSON_MIME.test(mime) ? parsed(item) : toLines(item);
  }
  return bundle;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A text as notebooks have it: its lines, each with its end. */
export function toLines(text: string): Lines {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}
