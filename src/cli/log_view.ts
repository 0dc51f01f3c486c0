/** A server's log on stderr: a line of text or of JSON for each entry from a level on. */
import type { LogEntry, LogLevel } from '../server/log.js';
import { UsageError } from './failure.js';
import type { Io } from './io.js';
import { escapeLine } from './text.js';

const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const satisfies readonly LogLevel[];

/** @throws UsageError for a word that is no level. `warn` is `warning`. */
export function parseLevel(text: string): LogLevel {
  const word = text === 'warn' ? 'warning' : text;
  const level = LEVELS.find((known) => known === word);
  if (level === undefined) {
    throw new UsageError(
      `--verbosity takes debug, info, warn, warning, error or critical, not ${JSON.stringify(text)}`,
    );
  }
  return level;
}

export interface LogViewOptions {
  /** The least level that is shown. */
  readonly level: LogLevel;
  readonly json: boolean;
}

export type LogView = (entry: LogEntry) => void;

/** Writes entries to stderr. */
export function makeLogView({ level, json }: LogViewOptions, io: Pick<Io, 'stderr'>): LogView {
  const least = LEVELS.indexOf(level);
  return (entry) => {
    if (LEVELS.indexOf(entry.level) < least) return;
    io.stderr.write(json ? `${JSON.stringify(entry)}\n` : textLine(entry));
  };
}

function textLine({ level, message, time: _time, ...fields }: LogEntry): string {
  const rest = Object.entries(fields).map(([name, value]) => ` ${name}=${escapeLine(valueText(value))}`);
  return `sock-python: ${level === 'info' ? '' : `${level}: `}${escapeLine(message)}${rest.join('')}\n`;
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
}
