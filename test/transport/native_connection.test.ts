import { describe, expect, test } from 'vitest';
import { parseAddress } from '../../src/protocol/address.js';
import { SockPythonError } from '../../src/protocol/errors.js';
import type { RunEvent } from '../../src/protocol/messages.js';
import { NativeConnection } from '../../src/transport/native_connection.js';
import { usePlace } from '../support/leftovers.js';
import { done, type Message, type PeerConnection, type Script, scriptedPeer } from '../support/scripted_peer.js';

import { refusal } from './helpers.js';

const place = usePlace();
const SERVER = { protocol: 1, server: { name: 'scripted', version: '0' } };

/** Greets, and leaves the rest to `script`. */
function greeting(script: Script): Script {
  return (message, connection) => {
    if (message.op === 'hello') connection.send({ id: message.id, reply: SERVER });
    else script(message, connection);
  };
}

async function opened(script: Script) {
  const peer = await scriptedPeer(place.path('a.sock'), greeting(script));
  const connection = await NativeConnection.open(parseAddress(peer.address));
  return { peer, connection };
}

describe('requests', () => {
  test('are answered each by its id, in whatever order', async () => {
    const waiting: Message[] = [];
    const { peer, connection } = await opened((message, { send }) => {
      waiting.push(message);
      if (waiting.length === 3) for (const { id, op } of waiting.reverse()) send({ id, reply: `${op}` });
    });
    const [a, b, c] = [
      connection.request({ op: 'ping' }),
      connection.request({ op: 'status' }),
      connection.request({ op: 'runs', limit: 1 }),
    ];
    expect(await Promise.all([a.done, b.done, c.done])).toEqual(['ping', 'status', 'runs']);
    expect(new Set([a.id, b.id, c.id]).size).toBe(3);
    await connection.close();
    await peer.close();
  });

  test('that are refused reject with code, message and details', async () => {
    const { peer, connection } = await opened(({ id }, { send }) =>
      send({ id, error: { code: 'overloaded', message: 'full', details: { queue: 100 } } }),
    );
    const error = await refusal(connection.request({ op: 'run', code: 'x' }).done);
    expect(error).toMatchObject({ code: 'overloaded', message: 'full', details: { queue: 100 } });
    await connection.close();
    await peer.close();
  });

  test('that cannot be carried are refused at once, and leave nothing waiting', async () => {
    const { peer, connection } = await opened(({ id }, { send }) => send({ id, reply: 'fine' }));
    const odd = { at: new Date() } as never;
    expect(() => connection.request({ op: 'run', code: 'x', arguments: odd })).toThrow('Date');
    expect(await connection.request({ op: 'ping' }).done).toBe('fine');
    await connection.close();
    await peer.close();
  });

  test('a run is answered by its done, which its events include', async () => {
    const { peer, connection } = await opened(({ id, code }, { send }) => {
      const run = Number(code);
      for (const event of [{ event: 'get', text: `${code}` }, done()]) send({ ...event, run, id });
    });
    const events: RunEvent[][] = [[], []];
    const runs = ['5', '6'].map((code, at) =>
      connection.request({ op: 'run', code }, (event) => void events[at]?.push(event)),
    );
    const answers = await Promise.all(runs.map((pending) => pending.done));
    expect(answers).toEqual([expect.objectContaining({ event: 'done', run: 5 }), expect.objectContaining({ run: 6 })]);
    expect(events.map((list) => list.map(({ event, run }) => `${event} ${run}`))).toEqual([
      ['get 5', 'done 5'],
      ['get 6', 'done 6'],
    ]);
    await connection.close();
    await peer.close();
  });

  test.each([true, false])('attach gets its events until its reply (with its id: %s)', async (tagged) => {
    const { peer, connection } = await opened(({ id }, { send }) => {
      const tag = tagged ? { id } : {};
      for (const run of tagged ? [5] : [5, 6]) send({ event: 'get', run, text: 'x', ...tag });
      send({ ...done(), run: 5, ...tag });
      send({ id, reply: { run: 5 } });
      send({ event: 'get', run: 5, text: 'late', ...tag });
    });
    const events: RunEvent[] = [];
    const attached = connection.request({ op: 'attach', run: 5 }, (event) => void events.push(event));
    expect(await attached.done).toEqual({ run: 5 });
    await connection.close();
    expect(events.map(({ event, run }) => `${event} ${run}`)).toEqual(['get 5', 'done 5']);
    await peer.close();
  });

  test.each([true, false])('watch gets every event after its reply too (with its id: %s)', async (tagged) => {
    const { peer, connection } = await opened(({ id }, { send }) => {
      const tag = tagged ? { id } : {};
      send({ id, reply: { run: null, at: 0 } });
      for (const run of [0, 1, 2]) send({ event: 'get', run, text: 'x', ...tag });
      send({ ...done(), run: 2, ...tag });
    });
    const events: RunEvent[] = [];
    const all = new Promise<void>((resolve) => {
      const watching = connection.request({ op: 'watch' }, (event) => {
        events.push(event);
        if (event.event === 'done') resolve();
      });
      watching.done.then((reply) => expect(reply).toEqual({ run: null, at: 0 }));
    });
    await all;
    expect(events.map(({ run }) => run)).toEqual([0, 1, 2, 2]);
    await connection.close();
    await peer.close();
  });

  test('answers and events that nobody asked for harm nobody', async () => {
    const { peer, connection } = await opened(({ id }, { send }) => {
      send({ id: 999, reply: 1 });
      send({ id: 'x', reply: 1 });
      send({ event: 'get', run: 1, id: 999, text: '' });
      send({ event: 'get', run: 1, text: '' });
      send({ event: 'from_the_future', run: 1, id });
      send({ id, reply: 'fine' });
      send({ id, reply: 'twice' });
    });
    expect(await connection.request({ op: 'ping' }).done).toBe('fine');
    expect(await connection.request({ op: 'ping' }).done).toBe('fine');
    await connection.close();
    await peer.close();
  });
});

describe('a loss of the namespace', () => {
  const lost = { event: 'lost', run: 0, generation: 1, message: 'restarted', names: ['a'] };

  test('is told to the connection, and to no request but a watch', async () => {
    const script: Script = ({ id, op }, { send }) => {
      if (op === 'status') {
        send(lost);
        for (const to of [2, 3, 4]) send({ ...done(), run: 7, id: to });
        send({ id, reply: 'fine' });
      }
    };
    await using peer = await scriptedPeer(place.path('a.sock'), greeting(script));
    const losses: unknown[] = [];
    const connection = await NativeConnection.open(parseAddress(peer.address), {
      onLost: (event) => losses.push(event),
    });
    const seen: string[] = [];
    const note =
      (name: string) =>
      ({ event }: RunEvent): void =>
        void seen.push(`${name} ${event}`);
    const waiting = [
      connection.request({ op: 'run', code: 'x' }, note('run')),
      connection.request({ op: 'attach', run: 'current' }, note('current')),
      connection.request({ op: 'attach', run: 7 }, note('seven')),
      connection.request({ op: 'watch' }, note('watch')),
    ];
    for (const { done: answer } of waiting) answer.catch(() => {});
    await connection.request({ op: 'status' }).done;
    expect(losses).toEqual([lost]);
    expect(seen).toEqual(['watch lost', 'run done', 'current done', 'seven done']);
    connection.destroy();
  });

  test('harms nobody who did not ask to be told', async () => {
    const { peer, connection } = await opened(({ id }, { send }) => {
      send(lost);
      send({ id, reply: 'fine' });
    });
    expect(await connection.request({ op: 'ping' }).done).toBe('fine');
    await connection.close();
    await peer.close();
  });
});

describe('the end of a connection', () => {
  /** Two requests that wait, and how they end. */
  async function bothLost(
    end: (far: PeerConnection, connection: NativeConnection) => void,
  ): Promise<{ error: SockPythonError; connection: NativeConnection }> {
    const { peer, connection } = await opened(() => {});
    const pending = [connection.request({ op: 'ping' }).done, connection.request({ op: 'run', code: 'x' }).done];
    await peer.next(({ op }) => op === 'run');
    end(peer.connections[0] as PeerConnection, connection);
    const [first, second] = await Promise.all(pending.map((each) => refusal(each)));
    expect(first).toBe(second);
    await peer.close();
    return { error: first as SockPythonError, connection };
  }

  test('rejects everyone who waits with one and the same error', async () => {
    const { error, connection } = await bothLost((far) => far.destroy());
    expect(error.code).toBe('connection_lost');
    await connection.closed;
    expect(await refusal(connection.request({ op: 'ping' }).done)).toBe(error);
  });

  test('by something malformed tells what it was', async () => {
    const { error, connection } = await bothLost((far) => far.socket.write(Buffer.from([0, 0, 0, 1, 0xc1])));
    expect(error.code).toBe('connection_lost');
    expect(error.message).toContain('0xc1');
    expect((await connection.closed)?.code).toBe('bad_request');
  });

  test('by an error without an id tells that error', async () => {
    const { error } = await bothLost((far) =>
      far.send({ id: null, error: { code: 'too_large', message: 'too much' } }),
    );
    expect(error.message).toContain('too much');
    expect(error.cause).toMatchObject({ code: 'too_large' });
  });

  test('by destroy rejects at once with its reason as the cause', async () => {
    const reason = new SockPythonError('shutting_down', 'mine');
    const { error, connection } = await bothLost((_far, near) => near.destroy(reason));
    expect(error.cause).toBe(reason);
    connection.destroy();
    expect(await connection.closed).toBe(reason);
  });

  test('by close waits for what was asked', async () => {
    await using peer = await scriptedPeer(place.path('a.sock'));
    const opening = NativeConnection.open(parseAddress(peer.address));
    const { id } = await peer.next();
    peer.connections[0]?.send({ id, reply: SERVER });
    const connection = await opening;
    // This peer keeps its side open until it has answered.
    peer.connections[0]?.socket.removeAllListeners('end');
    const pending = connection.request({ op: 'ping' });
    const closing = connection.close();
    const asked = await peer.next();
    peer.connections[0]?.send({ id: asked.id, reply: 'late' });
    peer.connections[0]?.socket.end();
    expect(await pending.done).toBe('late');
    await closing;
    expect(await connection.closed).toBeUndefined();
  });

  test('a large request is sent whole before close', async () => {
    const { peer, connection } = await opened(({ id, code }, { send }) => send({ id, reply: String(code).length }));
    const pending = connection.request({ op: 'run', code: 'x'.repeat(5_000_000) });
    const closing = connection.close();
    const late = await refusal(connection.request({ op: 'ping' }).done);
    expect(late).toMatchObject({ code: 'connection_lost', message: expect.stringContaining('nothing was sent') });
    expect(await pending.done).toBe(5_000_000);
    await closing;
    await peer.close();
  });
});
