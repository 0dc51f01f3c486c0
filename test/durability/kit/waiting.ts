/** Waiting for what no answer tells. */
import type { RunEvent, Session } from '../../../src/index.js';

const DEADLINE_MS = 20_000;
const LOOK_MS = 5;

/** Looks again and again until it holds. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs: number = DEADLINE_MS,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Joins the session; what it returns resolves to the next event of this name, whoever's run it is. */
export async function expectEvent(session: Session, name: RunEvent['event']): Promise<() => Promise<RunEvent>> {
  const watch = await session.watch();
  return async () => {
    for await (const event of watch) if (event.event === name) return event;
    throw new Error(`the session ended without ${name}`);
  };
}

/** All of them, to the end. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
