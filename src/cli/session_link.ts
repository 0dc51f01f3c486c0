/** The command line's connections to a session: one that carries events, and another, made when something is said. */

import type { Requester } from '../client/run.js';
import { NativeConnection } from '../transport/native_connection.js';
import { CLIENT } from './identity.js';
import { explainConnect, type Target } from './target.js';

/** A server that does not greet within this is as good as none. */
const HELLO_MS = 10_000;

/**
 * Connects. The caller destroys the connection.
 * @throws no_server, unauthorized, … in words that name the session file.
 */
export async function openConnection(target: Target): Promise<NativeConnection> {
  const { address, token } = target;
  try {
    return await NativeConnection.open(address, {
      timeoutMs: HELLO_MS,
      client: CLIENT,
      ...(token === undefined ? {} : { token }),
    });
  } catch (error) {
    throw explainConnect(error, target);
  }
}

/** Requests over a connection of their own, made with the first: what is said never waits behind unread output. */
export class SideLine implements Requester {
  readonly #target: Target;
  #connection: Promise<NativeConnection> | undefined;

  constructor(target: Target) {
    this.#target = target;
  }

  request(...args: Parameters<Requester['request']>): ReturnType<Requester['request']> {
    this.#connection ??= openConnection(this.#target);
    const done = this.#connection.then((connection) => connection.request(...args).done);
    return { id: 0, done };
  }

  destroy(): void {
    this.#connection?.then(
      (connection) => connection.destroy(),
      () => {},
    );
  }
}
