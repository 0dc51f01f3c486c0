/** `wait`: how a run ended or, when that is not awaited, where it stands. */
import type { WaitReply, WaitRequest } from '../protocol/messages.js';
import type { Connection, Held } from './connection.js';
import type { Run } from './run.js';

/** Answers at the run's end, or after `waitMs`. A connection that closes before is forgotten. */
export async function wait(connection: Connection, run: Run, request: WaitRequest): Promise<void> {
  await endOf(connection, run, request.waitMs);
  const { done } = run;
  const summary = run.summary(false);
  const reply: WaitReply = done === null ? summary : { ...summary, done };
  connection.reply(request.id, reply);
}

/** Resolves when the run has ended or `waitMs` are over; never, once the connection is closed. */
function endOf(connection: Connection, run: Run, waitMs: number | undefined): Promise<void> {
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
      connection.held.delete(waiter);
      resolve();
    };
    connection.held.add(waiter);
    if (waitMs !== undefined) timer = setTimeout(settle, waitMs);
    forget = run.whenDone(settle);
  });
}
