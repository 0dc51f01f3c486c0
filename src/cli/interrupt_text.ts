/** What came of an interrupt, in words and as an exit code. */
import { assertNever } from '../protocol/assert_never.js';
import type { InterruptReply } from '../protocol/messages.js';
import { EXIT } from './exit_codes.js';
import { escapeControls, formatSpan } from './text.js';

export interface InterruptOutcomeText {
  readonly text: string;
  readonly exitCode?: number;
}

export function interruptText({ run, outcome, kept, ms, stack }: InterruptReply): InterruptOutcomeText {
  const name = run === null ? 'the run' : `run ${run}`;
  const fate = kept ? '' : '; the namespace is gone';
  const after = formatSpan(ms);
  switch (outcome) {
    case 'interrupted':
      return { text: `interrupted ${name} after ${after}${fate}` };
    case 'forced':
      return { text: `interrupted ${name} by force after ${after}${fate}` };
    case 'killed':
      return { text: `killed the kernel in ${name} after ${after}; a fresh one has taken its place${fate}` };
    case 'cancelled':
      return { text: `cancelled ${name} before it began` };
    case 'not_running':
      return { text: run === null ? 'nothing runs' : `run ${run} does not run (any more)` };
    case 'still_running': {
      const where = stack === undefined || stack === '' ? '' : `\n${escapeControls(stack.trimEnd())}`;
      return { text: `${name} still runs after ${after}; --kill ends its kernel${where}`, exitCode: EXIT.stillRunning };
    }
    default:
      return assertNever(outcome);
  }
}
