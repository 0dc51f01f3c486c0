/** What this process holds in memory, garbage taken away. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes on the heap and in buffers. */
export async function heldBytes(): Promise<number> {
  collect();
  // Buffers are swept after the collection that found them unused, and counted by the next.
  await new Promise(setImmediate);
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
