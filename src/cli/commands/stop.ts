/** `stop`: ends the server and its kernel. */
import { runControl } from '../control_command.js';
import type { Io } from '../io.js';

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const command = {
    action: 'stop',
    description: 'End a session: server, kernel, socket and session file.',
    options: ['drain', 'grace'],
    show: () => ({ text: 'stopped' }),
  } as const;
  await runControl(command, args, io);
}
