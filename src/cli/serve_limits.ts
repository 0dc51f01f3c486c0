/** The limits that `serve` and `start` take, as what they mean to a server. */
import { LIMITS } from '../protocol/limits.js';
import type { ServerOptions } from '../server/server_options.js';
import { UsageError } from './failure.js';
import { parseCount, parseSeconds, parseSize } from './values.js';

export interface LimitFlags {
  readonly timeout?: string;
  readonly queue?: string;
  readonly maxFrame?: string;
  readonly idleExit?: string;
  readonly standby?: string;
  readonly keepRuns?: string;
  readonly keepBytes?: string;
  readonly keepAge?: string;
  readonly spillRun?: string;
  readonly spillSession?: string;
  readonly restartBudget?: string;
}

const MIN_FRAME_BYTES = 4096;
/** What memory holds of each run anyway, and goes to disk in parts of about a quarter. */
const MIN_SPILL_BYTES = LIMITS.logMemoryBytes;
const MAX_BYTES = 2 ** 40;

type Limits = Pick<
  ServerOptions,
  | 'timeoutMs'
  | 'queueCount'
  | 'maxFrameBytes'
  | 'idleExitMs'
  | 'standby'
  | 'keptRunCount'
  | 'keptBytes'
  | 'keptMs'
  | 'runSpillBytes'
  | 'sessionSpillBytes'
  | 'budget'
>;

/** @throws UsageError for a value that cannot be kept to. */
export function serveLimits(flags: LimitFlags): Limits {
  const frame = { leastBytes: MIN_FRAME_BYTES, mostBytes: LIMITS.maxFrameCeilingBytes };
  const { timeout, queue, maxFrame, idleExit, keepRuns, keepBytes, keepAge } = flags;
  return {
    timeoutMs: given(timeout, (text) => parseSeconds('--timeout', text)),
    queueCount: given(queue, (text) => parseCount('--queue', text)),
    maxFrameBytes: given(maxFrame, (text) => parseSize('--max-frame', text, frame)),
    idleExitMs: given(idleExit, (text) => parseSeconds('--idle-exit', text)),
    standby: flags.standby === undefined || parseStandby(flags.standby),
    // The newest run is kept in any case.
    keptRunCount: given(keepRuns, (text) => parseCount('--keep-runs', text, 1)),
    keptBytes: given(keepBytes, (text) => parseSize('--keep-bytes', text, { leastBytes: 0, mostBytes: MAX_BYTES })),
    keptMs: given(keepAge, (text) => parseSeconds('--keep-age', text)),
    ...spillLimits(flags),
    budget: given(flags.restartBudget, parseBudget),
  };
}

function given<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text);
}

function parseStandby(text: string): boolean {
  if (text === '0' || text === '1') return text === '1';
  throw new UsageError(`--standby takes 0 or 1, not ${JSON.stringify(text)}`);
}

/** One run cannot have more than the session has. */
function spillLimits({ spillRun, spillSession }: LimitFlags): Pick<Limits, 'runSpillBytes' | 'sessionSpillBytes'> {
  const bounds = { leastBytes: MIN_SPILL_BYTES, mostBytes: MAX_BYTES };
  const ofRun = given(spillRun, (text) => parseSize('--spill-run', text, bounds));
  const ofSession = given(spillSession, (text) => parseSize('--spill-session', text, bounds));
  const sessionSpillBytes = ofSession ?? Math.max(LIMITS.sessionSpillBytes, ofRun ?? 0);
  const runSpillBytes = ofRun ?? Math.min(LIMITS.runSpillBytes, sessionSpillBytes);
  if (runSpillBytes > sessionSpillBytes) {
    throw new UsageError(`--spill-run ${spillRun} is more than --spill-session ${spillSession}`);
  }
  return { runSpillBytes, sessionSpillBytes };
}

function parseBudget(text: string): NonNullable<ServerOptions['budget']> {
  const [, count = '', seconds = ''] = /^([^/]*)\/([^/]*)$/.exec(text) ?? [];
  if (count === '' || seconds === '') {
    throw new UsageError(`--restart-budget takes COUNT/SECONDS like 5/30, not ${JSON.stringify(text)}`);
  }
  const deathCount = parseCount('the count of --restart-budget', count, 1);
  return { deathCount, windowMs: parseSeconds('the time of --restart-budget', seconds) };
}
