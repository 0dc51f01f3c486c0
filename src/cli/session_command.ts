/** What `attach`, `wait`, `runs`, `history`, `watch` and `cancel` have in common: `-a`, a native session, and its end. */
import { connect, type Session } from '../client/session.js';
import { UsageError } from './failure.js';
import { CLIENT } from './identity.js';
import type { Io } from './io.js';
import { explainRun } from './run_operand.js';
import { explainConnect, findTarget, givenAddress, type TargetFlags } from './target.js';

const HELLO_MS = 10_000;

/**
 * Connects to the session that the flags name, hands it over, and closes it.
 * @throws what finding and connecting throw; UsageError for an original server, which knows none of these commands.
 */
export async function withSession(
  command: string,
  flags: TargetFlags,
  io: Io,
  use: (session: Session) => Promise<void>,
): Promise<void> {
  const target = findTarget(givenAddress([], flags), flags, io);
  if (target.classic) throw new UsageError(`an original sock_python server knows no ${command}`);
  const { address, token } = target;
  let session: Session;
  try {
    session = await connect(address, {
      timeoutMs: HELLO_MS,
      client: CLIENT,
      ...(token === undefined ? {} : { token }),
    });
  } catch (error) {
    throw explainConnect(error, target);
  }
  try {
    await use(session);
  } catch (error) {
    throw explainRun(error);
  } finally {
    session.destroy();
  }
}
