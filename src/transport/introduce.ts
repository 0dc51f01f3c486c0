/** The hello of a client: on TCP the server proves that it knows the token, before it is sent anything of worth. */
import type { Address } from '../protocol/address.js';
import { SockPythonError } from '../protocol/errors.js';
import { isMap } from '../protocol/fields.js';
import { PROTOCOL_VERSION } from '../protocol/limits.js';
import type { HelloReply } from '../protocol/messages.js';
import type { NativeConnection, NativeConnectionOptions } from './native_connection.js';
import { randomToken, verifyProof } from './proof.js';

/**
 * Says hello over a fresh connection.
 * @throws unauthorized if the server cannot prove itself, or refuses the token; what else it answers.
 */
export async function introduce(
  connection: Pick<NativeConnection, 'request'>,
  address: Address,
  { token, client }: NativeConnectionOptions,
): Promise<HelloReply> {
  const base = { op: 'hello', protocol: PROTOCOL_VERSION } as const;
  const whole = { ...base, ...(token === undefined ? {} : { token }), ...(client ? { client } : {}) };
  if (address.kind === 'unix' || token === undefined) return helloReply(await connection.request(whole).done);
  const nonce = randomToken();
  const { proof } = helloReply(await connection.request({ ...base, nonce }).done);
  if (!verifyProof(token, nonce, proof)) {
    throw new SockPythonError(
      'unauthorized',
      'the server at this port could not prove that it knows the token: it is not the one that is meant; nothing was sent',
    );
  }
  return helloReply(await connection.request(whole).done);
}

function helloReply(reply: unknown): HelloReply {
  if (isMap(reply) && typeof reply.protocol === 'number') {
    if (reply.protocol === PROTOCOL_VERSION) return reply as unknown as HelloReply;
    const text = `the server speaks version ${reply.protocol} of the protocol, this client ${PROTOCOL_VERSION}`;
    throw new SockPythonError('unsupported_version', text);
  }
  throw new SockPythonError('bad_request', 'the server answered hello with something else');
}
