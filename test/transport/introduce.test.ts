import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/protocol/address.js';
import { NativeConnection } from '../../src/transport/native_connection.js';
import { proveToken } from '../../src/transport/proof.js';
import { usePlace } from '../support/leftovers.js';
import { answering, scriptedPeer } from '../support/scripted_peer.js';
import { refusal } from './helpers.js';

const place = usePlace();
const SERVER = { protocol: 1, server: { name: 'scripted', version: '0' } };

describe('hello', () => {
  test('on a UNIX socket is said once, without a token', async () => {
    await using peer = await scriptedPeer(place.path('a.sock'), answering({}));
    const client = { name: 'me', version: '1' };
    const connection = await NativeConnection.open(parseAddress(peer.address), { client });
    expect(connection.hello).toEqual(SERVER);
    await connection.close();
    expect(peer.connections[0]?.received).toEqual([{ op: 'hello', id: 1, protocol: 1, client }]);
  });

  test('on a UNIX socket carries the token at once', async () => {
    await using peer = await scriptedPeer(place.path('a.sock'), answering({}));
    const connection = await NativeConnection.open(parseAddress(peer.address), { token: 'secret' });
    await connection.close();
    expect(peer.connections[0]?.received).toEqual([{ op: 'hello', id: 1, protocol: 1, token: 'secret' }]);
  });

  test('over TCP carries the token only after the server has proved that it knows it', async () => {
    await using peer = await scriptedPeer(0, ({ id, nonce }, connection) => {
      const proof = nonce === undefined ? {} : { proof: proveToken('secret', String(nonce)) };
      connection.send({ id, reply: { ...SERVER, ...proof } });
    });
    const connection = await NativeConnection.open(parseAddress(peer.address), { token: 'secret' });
    await connection.close();
    const [first, second] = peer.connections[0]?.received ?? [];
    expect(first).toEqual({ op: 'hello', id: 1, protocol: 1, nonce: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(second).toEqual({ op: 'hello', id: 2, protocol: 1, token: 'secret' });
  });

  test.each([undefined, '', 'f'.repeat(64), proveToken('other', 'x'), 5])(
    'over TCP is broken off at the proof %j, and the token never sent',
    async (proof) => {
      await using peer = await scriptedPeer(0, ({ id }, connection) => {
        connection.send({ id, reply: { ...SERVER, ...(proof === undefined ? {} : { proof }) } });
      });
      const error = await refusal(NativeConnection.open(parseAddress(peer.address), { token: 'secret' }));
      expect(error.code).toBe('unauthorized');
      expect(peer.connections[0]?.bytes().includes('secret')).toBe(false);
      expect(peer.connections[0]?.received).toHaveLength(1);
    },
  );

  test.each([
    ['unauthorized', { error: { code: 'unauthorized', message: 'no' } }],
    ['shutting_down', { error: { code: 'shutting_down', message: 'no' } }],
    ['internal', { error: { code: 'from_the_future', message: 'no' } }],
    ['unsupported_version', { reply: { ...SERVER, protocol: 2 } }],
    ['bad_request', { reply: 'hi' }],
  ])('that is answered %s rejects with it', async (code, answer) => {
    await using peer = await scriptedPeer(place.path('a.sock'), ({ id }, connection) =>
      connection.send({ id, ...answer }),
    );
    expect((await refusal(NativeConnection.open(parseAddress(peer.address)))).code).toBe(code);
  });

  test('to something else than a server rejects', async () => {
    await using peer = await scriptedPeer(place.path('a.sock'), (_message, { socket }) =>
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    expect((await refusal(NativeConnection.open(parseAddress(peer.address)))).code).toBe('too_large');
  });

  test('to a server that hangs up rejects with connection_lost', async () => {
    await using peer = await scriptedPeer(place.path('a.sock'), (_message, connection) => connection.destroy());
    expect((await refusal(NativeConnection.open(parseAddress(peer.address)))).code).toBe('connection_lost');
  });

  test('to a server that says nothing ends after the time given', async () => {
    await using peer = await scriptedPeer(place.path('a.sock'));
    const error = await refusal(NativeConnection.open(parseAddress(peer.address), { timeoutMs: 50 }));
    expect(error.code).toBe('no_server');
    expect(error.message).toContain('50 ms');
  });

  test('is given up by a signal, with its reason', async () => {
    await using peer = await scriptedPeer(place.path('a.sock'));
    const abort = new AbortController();
    const opening = NativeConnection.open(parseAddress(peer.address), { signal: abort.signal });
    const reason = new Error('enough');
    await peer.next();
    abort.abort(reason);
    await expect(opening).rejects.toBe(reason);
  });

  test('to nobody rejects with no_server', async () => {
    expect((await refusal(NativeConnection.open(parseAddress(place.path('none'))))).code).toBe('no_server');
  });
});
