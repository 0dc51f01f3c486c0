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

/** The cause that we know because it was ours, or the one that the operating system tells. */
export function explainExit(exit: ProcessExit, ours: string | null): EndReason {
  const code = exit.code === null ? {} : { code: exit.code };
  const signal = exit.signal === null ? {} : { signal: exit.signal };
  return { ...code, ...signal, message: ours ?? sentence(exit) };
}

function sentence({ code, signal }: ProcessExit): string {
  if (signal !== null) {
    const words = SIGNAL_WORDS[signal];
    return words === undefined ? `killed from outside by ${signal}` : `died of ${words} (${signal})`;
  }
  return code === 0 ? 'the process ended by itself with exit code 0' : `the process exited with code ${code}`;
}
