/** Reading a run to its end, as another program would. */
import { type Address, connect, type RunEvent, type Session } from '../../../src/index.js';

/** Reads a run from event `since` on to its end; with `answers`, an empty line is the answer to all that it asks. */
export async function followRun(
  session: Session,
  number: number,
  { since = 0, answers = false }: { readonly since?: number; readonly answers?: boolean } = {},
): Promise<RunEvent[]> {
  const run = await session.attach(number, { since });
  const events: RunEvent[] = [];
  for await (const event of run) {
    events.push(event);
    if (event.event === 'input' && answers) await session.input(number, { text: '' });
  }
  return events;
}

/** The same over a connection of its own. */
export async function followAt(
  { address, token = null }: { readonly address: Address | string; readonly token?: string | null },
  number: number,
  options: { readonly since?: number; readonly answers?: boolean } = {},
): Promise<RunEvent[]> {
  await using session = await connect(address, token === null ? {} : { token });
  return await followRun(session, number, options);
}

/** Events as every observer gets them: the submitter's also name its request. */
export function withoutIds(events: readonly RunEvent[]): RunEvent[] {
  return events.map(({ id: _id, ...event }) => event);
}
