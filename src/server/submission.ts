/** What is asked of a run, whichever dialect it came in. */
import type { OnDisconnect, OnTimeout, StdinMode, Value, ValueMode } from '../protocol/messages.js';

export interface Submission {
  readonly code: string;
  readonly name?: string | undefined;
  readonly line?: number | undefined;
  readonly value?: ValueMode | undefined;
  readonly arguments?: Value | undefined;
  readonly argv?: readonly string[] | undefined;
  readonly stdin?: StdinMode | undefined;
  readonly timeoutMs?: number | undefined;
  readonly onTimeout?: OnTimeout | undefined;
  readonly onDisconnect?: OnDisconnect | undefined;
  readonly quiet?: boolean | undefined;
  /** The same key never runs twice. */
  readonly key?: string | undefined;
}

/** What the kernel must be told beside the code; undefined if nothing, which is the short way. */
export function kernelOptions(submission: Submission): Record<string, unknown> | undefined {
  const { name, line, value, argv, stdin } = submission;
  const plain = name === undefined && line === undefined && argv === undefined;
  const bare = (value === undefined || value === 'none') && (stdin === undefined || stdin === 'none');
  if (plain && bare && submission.arguments === undefined) return undefined;
  return { name, line, value, argv, stdin, arguments: submission.arguments };
}
