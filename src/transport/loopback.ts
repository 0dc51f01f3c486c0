/** Turns a TCP host into a numeric loopback address, or refuses it. */
import { lookup } from 'node:dns/promises';
import { checkAddress, isLoopbackIp, isNumericHost, notLoopback, type TcpAddress } from '../protocol/address.js';
import { SockPythonError } from '../protocol/errors.js';

/**
 * The same address with a numeric host. A name is taken only if every address that it has is loopback; `localhost` is
 * 127.0.0.1 without asking.
 * @throws not_loopback, bad_address for a name that nobody knows.
 */
export async function toLoopback(address: TcpAddress): Promise<TcpAddress> {
  checkAddress(address);
  const { host } = address;
  if (host === '' || host.toLowerCase() === 'localhost') return { ...address, host: '127.0.0.1' };
  if (isNumericHost(host)) return address;
  const found = await lookup(host, { all: true }).catch((cause: unknown) => {
    throw new SockPythonError('bad_address', `the host ${host} is not known here`, { cause });
  });
  const stranger = found.find((entry) => !isLoopbackIp(entry.address));
  if (stranger) throw notLoopback(`${host} (${stranger.address})`);
  const [first] = found;
  if (!first) throw new SockPythonError('bad_address', `the host ${host} has no address`);
  return { ...address, host: first.address };
}
