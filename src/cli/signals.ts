/** Signals that ask a program to end. */

const END_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Calls back for each of them, telling the first from the rest; the result gives the signals back their meaning. */
export function onEndSignals(callback: (signal: string, isFirst: boolean) => void): () => void {
  let count = 0;
  const listener = (signal: NodeJS.Signals): void => {
    count += 1;
    callback(signal, count === 1);
  };
  for (const signal of END_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of END_SIGNALS) process.off(signal, listener);
  };
}

/** Calls back for each Ctrl+C, numbered from 1, instead of ending the program; the result undoes that. */
export function onInterrupt(callback: (count: number) => void): () => void {
  let count = 0;
  const listener = (): void => {
    count += 1;
    callback(count);
  };
  process.on('SIGINT', listener);
  return () => {
    process.off('SIGINT', listener);
  };
}
