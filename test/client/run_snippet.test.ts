import { describe, expect, test } from 'vitest';
import { runClassic } from '../../src/client/classic.js';
import { runSnippet } from '../../src/client/run_snippet.js';
import { proveToken } from '../../src/transport/proof.js';
import { usePlace } from '../support/leftovers.js';
import { answering, done, type Script, scriptedPeer } from '../support/scripted_peer.js';

const place = usePlace();

/** An original server's one reply, then it closes. */
function classic(reply: object): Script {
  return (_message, connection) => {
    connection.send(reply);
    connection.socket.end();
  };
}

describe('runSnippet', () => {
  test('connects, runs, and leaves no connection behind', async () => {
    const script = answering({ a: [{ event: 'get', text: '42' }, done()] });
    await using peer = await scriptedPeer(place.path('s'), script);
    expect(await runSnippet(peer.address, 'a', { name: 'file.py', line: 3, timeoutMs: 1000 })).toMatchObject({
      output: '42',
      status: 'ok',
      exception: '',
    });
    expect(await peer.next(({ op }) => op === 'run')).toEqual({
      op: 'run',
      id: 2,
      code: 'a',
      name: 'file.py',
      line: 3,
      timeoutMs: 1000,
    });
    await new Promise((resolve) => peer.connections[0]?.socket.once('close', resolve));
  });

  test('sends token and code over TCP only to a server that proved itself', async () => {
    const token = 'a-token';
    const answers = answering({});
    const honest: Script = (message, connection) => {
      if (message.nonce === undefined) return answers(message, connection);
      const proof = proveToken(token, String(message.nonce));
      connection.send({ id: message.id, reply: { protocol: 1, server: { name: 's', version: '0' }, proof } });
    };
    await using peer = await scriptedPeer(0, honest);
    expect((await runSnippet(peer.address, 'a', { token })).status).toBe('ok');
    await using liar = await scriptedPeer(0, answers);
    await expect(runSnippet(liar.address, 'a', { token })).rejects.toMatchObject({ code: 'unauthorized' });
    expect(liar.connections[0]?.bytes().includes(token)).toBe(false);
  });

  test('tells that nobody is there', async () => {
    await expect(runSnippet(place.path('nobody'), 'a')).rejects.toMatchObject({ code: 'no_server' });
  });

  test('gives up on a server that never greets', async () => {
    await using peer = await scriptedPeer(place.path('s'));
    await expect(runSnippet(peer.address, 'a', { connectTimeoutMs: 20 })).rejects.toMatchObject({ code: 'no_server' });
  });
});

describe('towards an original sock_python server', () => {
  const traceback = 'Snippet, line 1, in <module>:\n    1/0\nZeroDivisionError: division by zero';

  test('runClassic sends one frame of JSON and nothing else', async () => {
    const reply = { captured: 'heyho\n', exception: '' };
    await using peer = await scriptedPeer(place.path('s'), classic(reply));
    expect(await runClassic(peer.address, "get('é')")).toEqual({ output: 'heyho\n', exception: '' });
    const bytes = peer.connections[0]?.bytes();
    expect(bytes?.readUInt32BE(0)).toBe((bytes?.length ?? 0) - 4);
    expect(JSON.parse(bytes?.subarray(4).toString() ?? '')).toEqual({ snippet: "get('é')" });
    expect(peer.connections).toHaveLength(1);
  });

  test('runSnippet gives the same shape of result', async () => {
    await using peer = await scriptedPeer(place.path('s'), classic({ captured: 'a', exception: traceback }));
    expect(await runSnippet(peer.address, '1/0', { classic: true })).toMatchObject({
      run: null,
      status: 'error',
      output: 'a',
      outputs: ['a'],
      exception: traceback,
    });
  });

  test('0.0.0.0 is dialled as 127.0.0.1, and the caller is told', async () => {
    await using peer = await scriptedPeer(0, classic({ captured: '', exception: '' }));
    const warnings: string[] = [];
    const onWarning = (text: string): void => void warnings.push(text);
    await runSnippet(`0.0.0.0:${peer.port}`, 'a', { classic: true, onWarning });
    expect(warnings).toEqual([expect.stringContaining(`0.0.0.0:${peer.port}`)]);
    await expect(runSnippet(`0.0.0.0:${peer.port}`, 'a')).rejects.toMatchObject({ code: 'not_loopback' });
  });

  test('options that the dialect cannot carry are refused before anything is sent', async () => {
    await using peer = await scriptedPeer(place.path('s'));
    for (const option of [{ timeoutMs: 1 }, { value: 'repr' }, { token: 't' }, { onEvent: () => {} }] as const) {
      await expect(runSnippet(peer.address, 'a', { classic: true, ...option })).rejects.toMatchObject({
        code: 'bad_request',
        message: expect.stringContaining(Object.keys(option)[0] ?? ''),
      });
    }
    expect(peer.connections).toHaveLength(0);
  });

  test('a close without an answer, and an answer without sense, are errors', async () => {
    await using silent = await scriptedPeer(place.path('a'), (_message, connection) => void connection.socket.end());
    await expect(runClassic(silent.address, 'a')).rejects.toMatchObject({ code: 'connection_lost' });
    await using odd = await scriptedPeer(place.path('b'), classic({ captured: 1 }));
    await expect(runClassic(odd.address, 'a')).rejects.toMatchObject({ code: 'bad_request' });
    await using list = await scriptedPeer(place.path('c'), classic([]));
    await expect(runClassic(list.address, 'a')).rejects.toMatchObject({ code: 'bad_request' });
  });

  test('an aborted signal drops the connection', async () => {
    await using peer = await scriptedPeer(place.path('s'));
    const controller = new AbortController();
    const running = runSnippet(peer.address, 'a', { classic: true, signal: controller.signal });
    await peer.next();
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });
});
