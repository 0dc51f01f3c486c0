/** Did the system kill somebody because memory ran out? */
import { readFileSync } from 'node:fs';

/** How often it has done so since the boot; 0 where it does not tell. */
export function oomKillCount(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
