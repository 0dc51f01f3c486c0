/** The processes that a run has started: descendants of the kernel that are younger than the run. */
import { readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;
/** Start times are told in ticks of 10 ms: a child of the run's first moment may seem this much older. */
const SLACK_TICKS = 2;

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly startTicks: number;
}

/** Pids of the kernel's descendants that were born in the last `ageMs`; empty where the system does not tell. */
export function childrenSince(kernelPid: number, ageMs: number): number[] {
  const all = processes();
  const born = upTicks() - (ageMs / 1000) * TICKS_PER_SECOND - SLACK_TICKS;
  const family = new Set([kernelPid]);
  // Parents may be listed behind their children: go round until nobody joins.
  for (let before = 0; before !== family.size; ) {
    before = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all
    .filter(({ pid, startTicks }) => pid !== kernelPid && family.has(pid) && startTicks >= born)
    .map(({ pid }) => pid);
}

function processes(): ProcessStat[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? readStat(Number(name)) : []));
  } catch {
    return [];
  }
}

function readStat(pid: number): ProcessStat[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return [{ pid, parent: Number(fields[1]), startTicks: Number(fields[19]) }];
  } catch {
    return [];
  }
}

function upTicks(): number {
  return Number(readFileSync('/proc/uptime', 'latin1').split(' ')[0]) * TICKS_PER_SECOND;
}
