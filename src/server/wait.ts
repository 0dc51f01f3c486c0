/** `wait`: how a run ended or, when that is not awaited, where it stands. */
import type { WaitReply, WaitRequest } from '../protocol/messages.js';
import type { Connection } from './connection.js';
import type { Run } from './run.js';
import type { Held, ServerCore } from './server_core.js';

/** Answers at the run's end, or after `waitMs`. A connection that closes before is forgotten. */
export async function wait(core: ServerCore, connection: Connection, run: Run, request: WaitRequest): Promise<void> {
  await endOf(core, connection, run, request.waitMs);
  const { done } = run;
  const summary = run.summary(false);
  const reply: WaitReply = done === null ? summary : { ...summary, done };
  connection.reply(request.id, reply);
}

/** Resolves when the run has ended or `waitMs` are over; never, once the connection is closed. */
function endOf(core: ServerCore, connection: Connection, run: Run, waitMs: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    let forget = (): void => {};
    const waiter: Held = {
      close: () => {
        clearTimeout(timer);
        forget();
      },
    };
    const settle = (): void => {
      waiter.close();
      core.release(connection, waiter);
      resolve();
    };
    core.hold(connection, waiter);
    if (waitMs !== undefined) timer = setTimeout(settle, waitMs);
    forget = run.whenDone(settle);
  });
}
