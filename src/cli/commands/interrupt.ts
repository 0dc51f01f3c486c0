/** `interrupt`: breaks the running snippet; the namespace is kept. */
import { runControl } from '../control_command.js';
import { interruptText } from '../interrupt_text.js';
import type { Io } from '../io.js';

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const command = {
    action: 'interrupt',
    description: 'Break the running snippet and keep the namespace.',
    options: ['run', 'grace', 'kill'],
    show: interruptText,
  } as const;
  await runControl(command, args, io);
}
