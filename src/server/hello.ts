/** `hello`: versions, and who may speak. */
import { SockPythonError } from '../protocol/errors.js';
import { PROTOCOL_VERSION } from '../protocol/limits.js';
import type { HelloReply, HelloRequest } from '../protocol/messages.js';
import { proveToken, sameSecret } from '../transport/proof.js';
import type { Connection } from './connection.js';
import { OPS } from './requests.js';
import type { ServerCore } from './server_core.js';
import { limitsInForce } from './status.js';

/** Answers a hello. A wrong token, or none where one is needed, ends the connection after the answer. */
export function handleHello(core: ServerCore, connection: Connection, request: HelloRequest): void {
  connection.begin(request.id);
  try {
    connection.reply(request.id, answer(core, connection, request));
  } catch (error) {
    connection.fail(request.id, error);
    if (!connection.authorized) connection.end();
  }
}

function answer(core: ServerCore, connection: Connection, request: HelloRequest): HelloReply {
  const { protocol, token, nonce, client } = request;
  if (protocol !== PROTOCOL_VERSION) {
    throw new SockPythonError(
      'unsupported_version',
      `the client speaks version ${protocol} of the protocol, this server (${core.version}) version ${PROTOCOL_VERSION}`,
      { details: { min: PROTOCOL_VERSION, max: PROTOCOL_VERSION } },
    );
  }
  if (client !== undefined) connection.client = `${client.name} ${client.version}`;
  const base: HelloReply = { protocol: PROTOCOL_VERSION, server: { name: 'sock-python', version: core.version } };
  if (token !== undefined && core.token !== null && !sameSecret(core.token, token)) {
    throw new SockPythonError('unauthorized', 'that is not the token of this server');
  }
  if (token !== undefined) connection.authorize();
  const proof = nonce === undefined || core.token === null ? {} : { proof: proveToken(core.token, nonce) };
  if (connection.authorized) return { ...base, ...proof, ...core.introduce(), ops: OPS, limits: limitsOf(core) };
  if (nonce === undefined) {
    throw new SockPythonError('unauthorized', 'this server asks for its token first: it stands in the session file');
  }
  return { ...base, ...proof };
}

/** Those that are on. */
function limitsOf({ options }: ServerCore): NonNullable<HelloReply['limits']> {
  return Object.fromEntries(
    Object.entries(limitsInForce(options)).flatMap(([name, n]) => (n === null ? [] : [[name, n]])),
  );
}
