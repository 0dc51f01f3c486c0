/** Where a session listens, and how that is written. Nothing here asks a resolver or a file system. */
import { SockPythonError } from './errors.js';
import { LIMITS } from './limits.js';

export type Address = UnixAddress | TcpAddress;

export interface UnixAddress {
  readonly kind: 'unix';
  readonly path: string;
}
export interface TcpAddress {
  readonly kind: 'tcp';
  /** A name or a numeric address, without brackets. */
  readonly host: string;
  /** 0 … 65535; 0 asks for any free one. */
  readonly port: number;
}

const TCP_FORM = /^([^/]*):(\d+)$/;
const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/**
 * Reads an address: `[^/]*:digits` is TCP, everything else a path; `unix:` and `tcp:` remove doubt. The empty host
 * and `localhost` mean 127.0.0.1.
 * @throws bad_address when it can be neither.
 */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) return unixAddress(text.slice(5), text);
  if (text.startsWith('tcp:')) return tcpAddress(text.slice(4), text);
  return TCP_FORM.test(text) ? tcpAddress(text, text) : unixAddress(text, text);
}

/** The shortest text that `parseAddress` reads as this address. */
export function formatAddress(address: Address): string {
  if (address.kind === 'tcp') {
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    return `${host}:${address.port}`;
  }
  const { path } = address;
  const doubtful = TCP_FORM.test(path) || path.startsWith('unix:') || path.startsWith('tcp:');
  return doubtful ? `unix:${path}` : path;
}

/** Whether a numeric host is this machine's own: 127.0.0.0/8 or ::1. */
export function isLoopbackIp(host: string): boolean {
  return IPV4.test(host) ? host.startsWith('127.') : host === '::1' || host === '0:0:0:0:0:0:0:1';
}

/** Whether a host is a numeric address, so that no resolver needs to be asked. */
export function isNumericHost(host: string): boolean {
  return IPV4.test(host) || host.includes(':');
}

/**
 * What can be told of an address without asking anybody; `listen` and `dial` do it too.
 * @throws bad_address for a path that the system would cut, not_loopback for a numeric host elsewhere.
 */
export function checkAddress(address: Address): void {
  if (address.kind === 'tcp') {
    if (isNumericHost(address.host) && !isLoopbackIp(address.host)) throw notLoopback(address.host);
    return;
  }
  const lengthBytes = Buffer.byteLength(address.path);
  if (lengthBytes > LIMITS.socketPathBytes) {
    throw new SockPythonError(
      'bad_address',
      `the socket's path has ${lengthBytes} bytes, the system takes ${LIMITS.socketPathBytes}: ` +
        `use a shorter one, or a relative path (${address.path})`,
    );
  }
}

/** The refusal of every interface but loopback, with the way that remains. */
export function notLoopback(host: string): SockPythonError {
  return new SockPythonError(
    'not_loopback',
    `${host} is not a loopback address: only UNIX sockets, 127.0.0.1 and [::1] are used. ` +
      'To reach a session from another machine, forward its socket with ssh (ssh -L local.sock:remote.sock HOST).',
  );
}

function unixAddress(path: string, text: string): UnixAddress {
  if (path === '') throw badAddress(text, 'it names no path');
  if (path.includes('\0')) throw badAddress(text, 'a path cannot hold a zero byte');
  return { kind: 'unix', path };
}

function tcpAddress(hostAndPort: string, text: string): TcpAddress {
  const [, host, digits] = TCP_FORM.exec(hostAndPort) ?? [];
  if (host === undefined || digits === undefined) throw badAddress(text, 'TCP is written HOST:PORT');
  const port = Number(digits);
  if (port > 65535) throw badAddress(text, `port ${digits} is over 65535`);
  return { kind: 'tcp', host: tcpHost(host, text), port };
}

function tcpHost(host: string, text: string): string {
  if (host === '' || host.toLowerCase() === 'localhost') return '127.0.0.1';
  const inner = /^\[([0-9A-Fa-f:.]+)\]$/.exec(host)?.[1];
  if (inner?.includes(':')) return inner.toLowerCase();
  if (host.includes(':')) throw badAddress(text, 'an IPv6 host is written in brackets, as in [::1]:9887');
  if (!HOST_NAME.test(host)) throw badAddress(text, `${JSON.stringify(host)} is no host name`);
  return host;
}

function badAddress(text: string, why: string): SockPythonError {
  return new SockPythonError('bad_address', `${JSON.stringify(text)} cannot be used as an address: ${why}`);
}
