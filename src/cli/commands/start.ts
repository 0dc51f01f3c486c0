/** `start`: a session in the background, unless one is running; prints where. */
import { ensureRunning, type RunningSession } from '../ensure_running.js';
import type { Io } from '../io.js';
import { parseServe, serverOptions } from '../serve_plan.js';

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const plan = parseServe('start', args, io);
  // What is wrong with the options is told here, by the program that was typed.
  serverOptions(plan, io);
  const session = await ensureRunning(plan, args, io);
  io.stdout.write(plan.json ? `${JSON.stringify(toJson(session))}\n` : `${session.address}\n`);
  if (!plan.json) io.stderr.write(`sock-python: ${inWords(session)}\n`);
}

/** One line for people, on stderr. */
export function inWords({ isNew, pid, session, python }: RunningSession): string {
  const what = isNew ? 'started a session' : 'a session is running already';
  const details = [
    ...(pid === null ? [] : [`pid ${pid}`]),
    ...(python === null ? [] : [`Python ${python.version} at ${python.path}`]),
    ...(session === null ? [] : [`session file ${session}`]),
  ];
  return details.length === 0 ? what : `${what} (${details.join(', ')})`;
}

function toJson({ isNew, ...session }: RunningSession): object {
  return { started: isNew, ...session };
}
