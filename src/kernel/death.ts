/** Says in one exact sentence how a kernel ended. */
import type { EndReason } from '../protocol/messages.js';
import type { ProcessExit } from './launcher.js';

const SIGNAL_WORDS: Readonly<Record<string, string>> = {
  SIGSEGV: 'a segmentation fault',
  SIGBUS: 'a bus error',
  SIGFPE: 'an arithmetic fault',
  SIGILL: 'an illegal instruction',
  SIGABRT: 'an abort',
};

const IDLE_WORDS =
  'killed by SIGKILL while nothing ran: from outside, or by the system, which ran out of memory meanwhile';

export interface ExitCircumstances {
  /** Why we ended it, if we did. */
  readonly ours: string | null;
  /** Has the system killed somebody for want of memory, during the run or, if none was on, since the last one? */
  readonly memoryRanOut: boolean;
  /** No run was on, so the process took no more memory at that time than before. */
  readonly isIdle: boolean;
}

/** The cause that we know because it was ours, or the one that the operating system tells. */
export function explainExit(exit: ProcessExit, { ours, memoryRanOut, isIdle }: ExitCircumstances): EndReason {
  const code = exit.code === null ? {} : { code: exit.code };
  const signal = exit.signal === null ? {} : { signal: exit.signal };
  if (ours === null && memoryRanOut && exit.signal === 'SIGKILL') {
    if (isIdle) return { ...signal, message: IDLE_WORDS };
    return { ...signal, oom: true, message: 'killed by the system, which had run out of memory (SIGKILL)' };
  }
  return { ...code, ...signal, message: ours ?? sentence(exit) };
}

function sentence({ code, signal }: ProcessExit): string {
  if (signal !== null) {
    const words = SIGNAL_WORDS[signal];
    return words === undefined ? `killed from outside by ${signal}` : `died of ${words} (${signal})`;
  }
  return code === 0 ? 'the process ended by itself with exit code 0' : `the process exited with code ${code}`;
}
