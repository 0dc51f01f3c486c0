/** The dialect of the original sock_python: what its clients send, and the texts that they expect. */
import { assertNever } from './assert_never.js';
import type { ErrorBody } from './errors.js';

import type { DoneEvent, EndReason, PythonException, TracebackFrame } from './messages.js';

export type ClassicControl = 'stop' | 'restart' | 'status';
export type ClassicRequest = { readonly snippet: string } | { readonly control: ClassicControl };

const SNIPPET_FILE = /^<snippet \d+>$/;
/** Where a syntax error's message ends with the snippet's name and line. */
const SNIPPET_PLACE = /\(<snippet \d+>, line (\d+)\)$/;
const CONTROLS: ReadonlySet<unknown> = new Set<ClassicControl>(['stop', 'restart', 'status']);

/** Whether a message is meant for this dialect, sensible or not: it has `snippet` or `control`, and no `op`. */
export function isClassicRequest(message: unknown): boolean {
  if (typeof message !== 'object' || message === null || Object.hasOwn(message, 'op')) return false;
  return Object.hasOwn(message, 'snippet') || Object.hasOwn(message, 'control');
}

/** The request in a message of this dialect; null if it makes no sense, which is closed without a reply. */
export function parseClassicRequest(message: unknown): ClassicRequest | null {
  if (!isClassicRequest(message)) return null;
  const { snippet, control } = message as { readonly snippet?: unknown; readonly control?: unknown };
  if (control === undefined) return typeof snippet === 'string' ? { snippet } : null;
  return snippet === undefined && isClassicControl(control) ? { control } : null;
}

function isClassicControl(value: unknown): value is ClassicControl {
  return CONTROLS.has(value);
}

/** The `exception` of a reply: empty after a good end, else a traceback in the original's form, or why there is none. */
export function classicException(done: DoneEvent): string {
  switch (done.status) {
    case 'ok':
      return '';
    case 'error':
      return done.exception ? classicTraceback(done.exception) : 'Exception: ';
    case 'exit':
      return `SystemExit: ${done.code ?? ''}`;
    case 'interrupted':
      return 'KeyboardInterrupt: ';
    case 'timeout':
      return `Timeout: ${done.reason?.message ?? ''}`;
    case 'cancelled':
      return `Cancelled: ${done.reason?.message ?? ''}`;
    case 'lost':
      return `KernelLost: ${lossText(done.reason)}`;
    default:
      return assertNever(done.status);
  }
}

/** The `exception` of a reply to a snippet that was never run, as in `Overloaded: the queue is full`. */
export function classicError(error: ErrorBody): string {
  const name = error.code.replace(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase());
  return `${name}: ${error.message}`;
}

function lossText(reason: EndReason | undefined): string {
  const { signal, message } = reason ?? { message: '' };
  return signal === undefined || message.startsWith('signal ') ? message : `signal ${signal}: ${message}`;
}

function classicTraceback(exception: PythonException): string {
  const name = exception.type.slice(exception.type.lastIndexOf('.') + 1);
  const isSyntaxError = exception.frames.length === 0;
  const message = isSyntaxError ? exception.message.replace(SNIPPET_PLACE, '(Snippet, line $1)') : exception.message;
  return [...exception.frames.map(classicFrame), `${name}: ${message}`].join('\n');
}

function classicFrame(frame: TracebackFrame): string {
  const isSnippet = SNIPPET_FILE.test(frame.file);
  const source = frame.source ?? '';
  const place = isSnippet ? 'Snippet' : `File ${frame.file}`;
  const entry = `${place}, line ${frame.line}, in ${frame.name}:\n    ${isSnippet ? source.trimEnd() : source.trim()}`;
  const { column, endColumn } = frame;
  if (column === undefined || endColumn === undefined || column === 0 || endColumn <= column) return entry;
  // The original counts from the line as it stands in the file, although it shows a file's line without indent.
  return `${entry}\n    ${' '.repeat(column)}${'^'.repeat(endColumn - column)}`;
}
