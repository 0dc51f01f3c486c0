/** What a server says of itself while it works. */

export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | 'critical';

export interface LogEntry {
  readonly level: LogLevel;
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly [field: string]: unknown;
}

export type Logger = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;

/** A logger that hands entries to `onLog`, or to nobody. */
export function makeLogger(onLog: ((entry: LogEntry) => void) | undefined): Logger {
  if (onLog === undefined) return () => {};
  return (level, message, fields) => onLog({ ...fields, level, message, time: Date.now() });
}
