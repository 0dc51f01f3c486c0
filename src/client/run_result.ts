/** What became of a run, folded from its events. */
import { TextDecoder } from 'node:util';
import { classicException } from '../protocol/classic.js';
import type {
  DoneEvent,
  DoneStatus,
  EndReason,
  GapEvent,
  LossNotice,
  PythonException,
  ResultValue,
  RunEvent,
} from '../protocol/messages.js';

/** Output that the server had to drop past its cap, told where it happened. */
export interface Gap {
  readonly events: number;
  readonly bytes: number;
}

export interface RunResult {
  /** The run's number; null from an original sock_python, which has none. */
  readonly run: number | null;
  readonly status: DoneStatus;
  /** The texts of all `get()` calls with nothing between them. */
  readonly output: string;
  /** The same texts, one by one. An original sock_python gives only their concatenation. */
  readonly outputs: readonly string[];
  /** What was printed; bytes that are not UTF-8 as U+FFFD (the events have them as they were). */
  readonly stdout: string;
  readonly stderr: string;
  /** Of the last expression, if it was asked for. */
  readonly value?: ResultValue;
  /** Empty if nothing was raised; else the traceback, or one line that says why the run ended. */
  readonly exception: string;
  /** The same as data, when Python raised something. */
  readonly error?: PythonException;
  /** Time that the run took, without its wait in the queue. */
  readonly ms: number;
  /** Is the namespace still there? */
  readonly kept: boolean;
  /** False if output may be missing at the end, or was dropped (see `gaps`). */
  readonly outputComplete: boolean;
  /** Of SystemExit. */
  readonly code?: number | string | null;
  /** Why the run ended otherwise than by its own code. */
  readonly reason?: EndReason;
  /** What an earlier death of the kernel took away; told once, to the first run after it. */
  readonly lost?: LossNotice;
  readonly gaps: readonly Gap[];
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The result of a run whose events these are, up to and with `done`. */
export function toRunResult(events: readonly RunEvent[], done: DoneEvent): RunResult {
  const outputs: string[] = [];
  const gaps: Gap[] = [];
  let stdout = '';
  let stderr = '';
  let lost: LossNotice | undefined;
  const decoders = new Decoders();
  for (const event of events) {
    switch (event.event) {
      case 'get':
        outputs.push(event.text);
        break;
      case 'stdout':
        stdout += decoders.text('stdout', event.text);
        break;
      case 'stderr':
        stderr += decoders.text('stderr', event.text);
        break;
      case 'gap':
        gaps.push(toGap(event));
        break;
      case 'started':
        lost = event.lost;
        break;
      // The rest carries no output. `display` is for those who read the events.
      default:
    }
  }
  const result: Mutable<RunResult> = {
    run: done.run,
    status: done.status,
    output: outputs.length === 1 ? (outputs[0] ?? '') : outputs.join(''),
    outputs,
    stdout: stdout + decoders.rest('stdout'),
    stderr: stderr + decoders.rest('stderr'),
    exception: exceptionText(done),
    ms: done.ms,
    kept: done.kept,
    outputComplete: done.outputComplete && gaps.length === 0,
    gaps,
  };
  addOptional(result, done);
  if (lost !== undefined) result.lost = lost;
  return result;
}

function addOptional(result: Mutable<RunResult>, done: DoneEvent): void {
  if (done.value !== undefined) result.value = done.value;
  if (done.exception !== undefined) result.error = done.exception;
  if (done.code !== undefined) result.code = done.code;
  if (done.reason !== undefined) result.reason = done.reason;
}

/** A caller that looks at nothing but `exception` must see that a run was lost, too. */
function exceptionText(done: DoneEvent): string {
  if (done.status === 'ok') return '';
  return done.exception?.traceback ?? classicException(done);
}

function toGap({ events, bytes }: GapEvent): Gap {
  return { events, bytes };
}

/** Bytes of one stream may be cut within a character, so each stream's decoder lives as long as the run. */
class Decoders {
  #stdout: TextDecoder | undefined;
  #stderr: TextDecoder | undefined;

  text(stream: 'stdout' | 'stderr', text: string | Uint8Array): string {
    if (typeof text === 'string') return this.rest(stream) + text;
    const decoder =
      (stream === 'stdout' ? this.#stdout : this.#stderr) ?? new TextDecoder('utf-8', { ignoreBOM: true });
    if (stream === 'stdout') this.#stdout = decoder;
    else this.#stderr = decoder;
    return decoder.decode(text, { stream: true });
  }

  /** What of a cut character is left over when text follows it, or nothing. */
  rest(stream: 'stdout' | 'stderr'): string {
    return (stream === 'stdout' ? this.#stdout : this.#stderr)?.decode() ?? '';
  }
}
