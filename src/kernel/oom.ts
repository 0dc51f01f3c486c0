/** Did the system kill somebody because memory ran out? It tells how often, but not everybody whom. */
import { readFileSync } from 'node:fs';

/** A look costs some 40 µs, so one is not taken for every short run. */
const LOOK_MS = 20;

export class OomWatch {
  #killCount: number = oomKillCount();
  #lookedAt: number = performance.now();

  /** From now on what happened before counts no more. */
  renew(): void {
    const now = performance.now();
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    this.#killCount = oomKillCount();
  }

  /** Has the system killed somebody since? */
  get hasSeenKill(): boolean {
    return oomKillCount() > this.#killCount;
  }
}

/** How often it has done so since the boot; 0 where it does not tell. */
function oomKillCount(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
