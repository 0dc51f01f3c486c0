/**
 * Listens where only this machine can reach, and takes an address over from the dead but never from the living.
 *
 * A UNIX socket is bound under a random name beside its place, made 0600, and then linked into the place, which
 * fails if anything is there: as atomic as binding. It also keeps libuv from unlinking the place when the listener
 * closes, whoever's socket stands there by then.
 */
import { createServer, type Server } from 'node:net';
import { dirname, resolve } from 'node:path';
import { type Address, checkAddress, formatAddress, type TcpAddress, type UnixAddress } from '../protocol/address.js';
import { SockPythonError } from '../protocol/errors.js';
import { toLoopback } from './loopback.js';
import { ignoreError, type Socket } from './socket.js';
import { type Claim, claimPlace } from './socket_place.js';

export interface Listener {
  /** Where it listens in fact: an absolute path, or a numeric host and the real port. */
  readonly address: Address;
  /** Takes no more connections and removes the socket if it is still ours; those that are open stay. Idempotent. */
  close(): Promise<void>;
}

/** Told of a UNIX socket before it gets its place, so that the caller can write down what is to go with it. */
export type BeforePlacing = (place: { readonly path: string; readonly inode: number }) => void;

/**
 * Listens at an address. Each socket comes with an `error` listener on it, half-open allowed, and is the caller's.
 * @throws address_in_use when somebody lives there, bad_address when the place cannot hold a socket, untrusted when a
 * dead socket there belongs to somebody else, not_loopback.
 */
export async function listen(
  address: Address,
  onConnection: (socket: Socket) => void,
  beforePlacing?: BeforePlacing,
): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', ignoreError);
    onConnection(socket);
  });
  return address.kind === 'tcp' ? listenTcp(server, address) : listenUnix(server, address, beforePlacing);
}

async function listenTcp(server: Server, address: TcpAddress): Promise<Listener> {
  const { host, port } = await toLoopback(address);
  await listening(server, () => server.listen({ host, port, exclusive: true }), { kind: 'tcp', host, port });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new SockPythonError('internal', 'no port was bound');
  return { address: { kind: 'tcp', host, port: bound.port }, close: () => closeServer(server) };
}

async function listenUnix(server: Server, address: UnixAddress, beforePlacing?: BeforePlacing): Promise<Listener> {
  const effective: UnixAddress = { kind: 'unix', path: resolve(address.path) };
  checkAddress(effective);
  let claim: Claim;
  try {
    claim = await claimPlace(
      effective.path,
      (path) => listening(server, () => listenPrivately(server, path), effective),
      (inode) => beforePlacing?.({ path: effective.path, inode }),
    );
  } catch (error) {
    await closeServer(server);
    throw error;
  }
  return {
    address: effective,
    close: () => {
      claim.release();
      return closeServer(server);
    },
  };
}

/** Without write permission nobody else can connect, from the socket's first moment. */
function listenPrivately(server: Server, path: string): void {
  const before = setUmask(0o177);
  try {
    server.listen({ path, exclusive: true });
  } finally {
    if (before !== undefined) setUmask(before);
  }
}

/** Worker threads may not set the process's umask; the socket's random name has to guard it until it is 0600 there. */
function setUmask(mask: number): number | undefined {
  try {
    return process.umask(mask);
  } catch {
    return undefined;
  }
}

function listening(server: Server, start: () => void, address: Address): Promise<void> {
  return new Promise((fulfil, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      server.off('listening', onListening);
      reject(listenError(cause, address));
    };
    const onListening = (): void => {
      server.off('error', onError);
      // A connection that fails while being accepted is nobody's yet, and no reason to end.
      server.on('error', ignoreError);
      fulfil();
    };
    server.once('error', onError).once('listening', onListening);
    start();
  });
}

function listenError(cause: NodeJS.ErrnoException, address: Address): SockPythonError {
  const place = formatAddress(address);
  if (cause.code === 'EADDRINUSE') return new SockPythonError('address_in_use', `${place} is taken`, { cause });
  const folder = address.kind === 'unix' ? ` in ${dirname(address.path)}` : '';
  return new SockPythonError('bad_address', `cannot listen at ${place}${folder}: ${cause.message}`, { cause });
}

/** Resolves once the listener is closed; it does not wait for connections to end. */
async function closeServer(server: Server): Promise<void> {
  if (server.listening) server.close();
}
