/** `restart`: a fresh kernel at the same address. */
import type { RestartReply } from '../../protocol/messages.js';
import { runControl } from '../control_command.js';
import { EXIT, exitCodeOfDone } from '../exit_codes.js';
import type { Io } from '../io.js';
import { escapeControls, formatSpan } from '../text.js';

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const command = {
    action: 'restart',
    description: 'Replace the kernel by a fresh one; the address stays.',
    options: ['drain', 'grace'],
    show,
  } as const;
  await runControl(command, args, io);
}

/** A kernel whose start-up file failed is no success, though it may be there. */
function show({ generation, pid, ms, init }: RestartReply): { readonly text: string; readonly exitCode?: number } {
  const text = `restarted: generation ${generation}, kernel pid ${pid === 0 ? 'none' : pid}, after ${formatSpan(ms)}`;
  if (init === undefined || init.status === 'ok') return { text };
  const words = init.exception === undefined ? '' : `\n${escapeControls(init.exception.trimEnd())}`;
  return {
    text: `${text}; the start-up file ended with ${init.status}${words}`,
    exitCode: exitCodeOfDone(init) || EXIT.failure,
  };
}
