/** Medians, percentiles and the interleaving of measurements. */

/** The value that `part` (0 … 1) of the values lie below. */
export function percentile(values, part) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

export function median(values) {
  return percentile(values, 0.5);
}

/**
 * Runs each of the named measurements once a round, in turn forwards and backwards, so that what slows the machine
 * for a while slows them all; returns the median for each name.
 */
export async function interleave(roundCount, measurements) {
  const values = Object.fromEntries(Object.keys(measurements).map((name) => [name, []]));
  for (let round = 0; round < roundCount; round += 1) {
    const names = Object.keys(measurements);
    if (round % 2 === 1) names.reverse();
    for (const name of names) values[name].push(await measurements[name]());
  }
  return Object.fromEntries(Object.entries(values).map(([name, all]) => [name, median(all)]));
}

export function milliseconds(action) {
  const start = performance.now();
  return Promise.resolve(action()).then(() => performance.now() - start);
}
