/** What a command prints under `--json`, as events. */

import type { RunEvent } from '../../../src/index.js';
import { decodeJson } from '../../../src/protocol/json.js';

/** The whole lines; a command that was killed may have left one cut short. */
export function eventsOf(stdout: string): RunEvent[] {
  return stdout
    .slice(0, stdout.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => decodeJson(line) as RunEvent);
}
