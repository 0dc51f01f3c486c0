/** What happens when a run reaches its time limit: what was asked for, and the run is told which. */

import { timeoutEvent } from './events.js';
import type { Ladder } from './ladder.js';
import type { Run } from './run.js';

export async function overtime(ladder: Ladder, run: Run, timeoutMs: number): Promise<void> {
  const { onTimeout = 'interrupt' } = run.submission;
  if (onTimeout === 'detach') {
    run.log.append(timeoutEvent(run.number, timeoutMs, 'detached', ''));
    return;
  }
  const why = `stopped by its time limit of ${timeoutMs} ms`;
  const reply = await ladder.end(run, { kill: onTimeout === 'kill', cause: 'timeout', why });
  if (reply.outcome !== 'still_running' || run.state === 'done') return;
  run.log.append(timeoutEvent(run.number, timeoutMs, 'still_running', reply.stack ?? ''));
}
