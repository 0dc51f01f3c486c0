import { describe, expect, test } from 'vitest';
import { checkAddress, formatAddress, isLoopbackIp, parseAddress } from '../../src/protocol/address.js';
import { SockPythonError } from '../../src/protocol/errors.js';

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof SockPythonError) return error.code;
    throw error;
  }
  return 'none';
}

const unix = (path: string) => ({ kind: 'unix', path });
const tcp = (host: string, port: number) => ({ kind: 'tcp', host, port });

describe('an address', () => {
  test.each([
    ['session.sock', unix('session.sock')],
    ['./status', unix('./status')],
    ['/run/user/0/a.sock', unix('/run/user/0/a.sock')],
    ['a:b', unix('a:b')],
    ['a:1x', unix('a:1x')],
    ['dir/a:1', unix('dir/a:1')],
    ['/tmp/host:9887', unix('/tmp/host:9887')],
    ['./a:1', unix('./a:1')],
    ['9887', unix('9887')],
    [' ', unix(' ')],
    ['unix:a:1', unix('a:1')],
    ['unix:status', unix('status')],
    ['unix:unix:x', unix('unix:x')],
    ['unix:tcp:1', unix('tcp:1')],
    [':9887', tcp('127.0.0.1', 9887)],
    [':0', tcp('127.0.0.1', 0)],
    ['localhost:1', tcp('127.0.0.1', 1)],
    ['LocalHost:1', tcp('127.0.0.1', 1)],
    ['127.0.0.1:65535', tcp('127.0.0.1', 65535)],
    ['127.8.9.10:1', tcp('127.8.9.10', 1)],
    ['[::1]:0', tcp('::1', 0)],
    ['[::1]:9887', tcp('::1', 9887)],
    ['tcp::9887', tcp('127.0.0.1', 9887)],
    ['tcp:localhost:9887', tcp('127.0.0.1', 9887)],
    ['tcp:[::1]:1', tcp('::1', 1)],
    ['my-host.example:80', tcp('my-host.example', 80)],
    ['0.0.0.0:1', tcp('0.0.0.0', 1)],
    ['host:007', tcp('host', 7)],
  ])('%j', (text, address) => {
    expect(parseAddress(text)).toEqual(address);
    expect(parseAddress(formatAddress(parseAddress(text)))).toEqual(address);
  });

  test.each([
    '',
    'unix:',
    'tcp:',
    'tcp:9887',
    'tcp:host',
    'tcp:a/b:1',
    'tcp:host:x',
    ':65536',
    ':99999999999999999999',
    '::1',
    '::1:9887',
    'a:b:1',
    '[::1:1',
    '[]:1',
    '[127.0.0.1]:1',
    '[::1%lo]:1',
    'user@host:1',
    'ho st:1',
    '-x:1',
    'a\0b',
    'unix:a\0b',
  ])('%j is none', (text) => {
    expect(codeOf(() => parseAddress(text))).toBe('bad_address');
  });
});

describe('what can be told without a resolver', () => {
  test.each([
    '0.0.0.0:1',
    '192.168.1.5:1',
    '8.8.8.8:53',
    '[::]:1',
    '[fe80::1]:1',
    '[::ffff:10.0.0.1]:1',
    '128.0.0.1:1',
  ])('%s is not on this machine', (text) => {
    expect(codeOf(() => checkAddress(parseAddress(text)))).toBe('not_loopback');
    expect(() => checkAddress(parseAddress(text))).toThrow('ssh');
  });

  test.each([':1', '127.255.255.254:1', '[::1]:1', 'some-name:1', 'a.sock'])('%s may be', (text) => {
    checkAddress(parseAddress(text));
  });

  test('a path of 107 bytes is taken, one of 108 is refused with what to do', () => {
    checkAddress({ kind: 'unix', path: 'x'.repeat(107) });
    expect(codeOf(() => checkAddress({ kind: 'unix', path: 'x'.repeat(108) }))).toBe('bad_address');
    expect(() => checkAddress({ kind: 'unix', path: 'é'.repeat(54) })).toThrow('108 bytes');
    expect(() => checkAddress({ kind: 'unix', path: 'é'.repeat(54) })).toThrow('shorter');
  });

  test.each([
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['::1', true],
    ['0:0:0:0:0:0:0:1', true],
    ['127.0.0.256', false],
    ['127.0.0', false],
    ['127.0.0.1.', false],
    ['1127.0.0.1', false],
    ['127.0.0.1.evil.example', false],
    ['localhost', false],
    ['::', false],
    ['0.0.0.0', false],
    ['', false],
  ])('%j is a loopback address: %s', (host, expected) => {
    expect(isLoopbackIp(host)).toBe(expected);
  });
});
