/** `restart`: a fresh kernel at the same address. */
import type { RestartReply } from '../../protocol/messages.js';
import { runControl } from '../control_command.js';
import type { Io } from '../io.js';
import { formatSpan } from '../text.js';

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const command = {
    action: 'restart',
    description: 'Replace the kernel by a fresh one; the address stays.',
    options: ['drain', 'grace'],
    show: ({ generation, pid, ms }: RestartReply) => ({
      text: `restarted: generation ${generation}, kernel pid ${pid}, after ${formatSpan(ms)}`,
    }),
  } as const;
  await runControl(command, args, io);
}
