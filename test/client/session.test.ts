import { describe, expect, test } from 'vitest';
import { connect } from '../../src/client/session.js';
import { SockPythonError } from '../../src/protocol/errors.js';
import type { RunEvent } from '../../src/protocol/messages.js';
import { usePlace } from '../support/leftovers.js';
import { answering, done, type Script, scriptedPeer } from '../support/scripted_peer.js';

const place = usePlace();
const hello = answering({});

/** Greets, and does the rest as told. */
function greeting(script: Script): Script {
  return (message, connection) => {
    hello(message.op === 'hello' ? message : { op: 'other' }, connection);
    if (message.op !== 'hello') script(message, connection);
  };
}

async function events(from: AsyncIterable<RunEvent>): Promise<string[]> {
  const found: string[] = [];
  for await (const event of from) found.push(event.event);
  return found;
}

async function failure(promise: Promise<unknown>): Promise<SockPythonError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SockPythonError);
  return error as SockPythonError;
}

describe('a run', () => {
  test('gives its result without anybody iterating', async () => {
    const script = answering({
      a: [
        { event: 'started', generation: 1 },
        { event: 'get', text: '15' },
        { event: 'stdout', text: 'printed\n' },
        { event: 'get', text: '13' },
        { event: 'stderr', text: new Uint8Array([0xc3]) },
        { event: 'stderr', text: new Uint8Array([0xa9, 0xff]) },
        done({ value: { type: 'int', repr: '5' } }),
      ],
    });
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const run = session.run('a', { value: 'repr' });
    expect(await run.result).toEqual({
      run: 1,
      status: 'ok',
      output: '1513',
      outputs: ['15', '13'],
      stdout: 'printed\n',
      stderr: 'é\ufffd',
      value: { type: 'int', repr: '5' },
      exception: '',
      ms: 1,
      kept: true,
      outputComplete: true,
      gaps: [],
    });
    expect(run.number).toBe(1);
    expect(await events(run)).toEqual(['started', 'get', 'stdout', 'get', 'stderr', 'stderr', 'done']);
  });

  test('tells an exception, a loss and a gap as parts of its result', async () => {
    const exception = { type: 'ValueError', message: 'no', frames: [], traceback: 'Traceback\nValueError: no\n' };
    const lost = { message: 'the kernel was killed', names: ['a'] };
    const script = answering({
      error: [
        { event: 'started', generation: 2, lost },
        { event: 'gap', events: 3, bytes: 99 },
        done({ status: 'error', exception }),
      ],
      lost: [done({ status: 'lost', kept: false, reason: { message: 'segfault', signal: 'SIGSEGV' } })],
      exit: [done({ status: 'exit', code: 3 })],
    });
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const raised = await session.run('error').result;
    expect(raised).toMatchObject({ status: 'error', exception: exception.traceback, error: exception, lost });
    expect(raised).toMatchObject({ gaps: [{ events: 3, bytes: 99 }], outputComplete: false });
    const died = await session.run('lost').result;
    expect(died).toMatchObject({ status: 'lost', kept: false, exception: 'KernelLost: signal SIGSEGV: segfault' });
    expect(died.error).toBeUndefined();
    expect(await session.run('exit').result).toMatchObject({ code: 3, exception: 'SystemExit: 3' });
  });

  test('counts the events that it knows, gaps included', async () => {
    const script = answering({
      a: [{ event: 'started', generation: 1 }, { event: 'gap', events: 7, bytes: 9 }, done()],
    });
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const run = session.run('a');
    await run.result;
    expect(run.known).toBe(9);
  });

  test('goes its way beside many others on one connection', async () => {
    const asked: [number, string][] = [];
    const script = greeting(({ op, id, code }, connection) => {
      if (op !== 'run') return;
      asked.push([Number(id), String(code)]);
      if (asked.length < 50) return;
      // All in flight; the answers go back in the opposite order.
      for (const [askedId, text] of asked.reverse()) connection.send({ id: askedId, event: 'get', run: askedId, text });
      for (const [askedId] of asked) connection.send({ id: askedId, run: askedId, ...done() });
    });
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const runs = Array.from({ length: 50 }, (_, index) => session.run(`code ${index}`).result);
    const outputs = (await Promise.all(runs)).map(({ output }) => output);
    expect(outputs).toEqual(Array.from({ length: 50 }, (_, index) => `code ${index}`));
    expect(peer.connections).toHaveLength(1);
  });

  test('hands each event to onEvent as it comes, and keeps nothing without collect', async () => {
    const script = answering({ a: [{ event: 'started', generation: 1 }, { event: 'get', text: 'x' }, done()] });
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const seen: string[] = [];
    const run = session.run('a', { collect: false, onEvent: ({ event }) => void seen.push(event) });
    expect(await run.result).toMatchObject({ status: 'ok', output: '', outputs: [] });
    expect(seen).toEqual(['started', 'get', 'done']);
    expect(() => run[Symbol.asyncIterator]()).toThrow(TypeError);
    expect(await events(session.run('a', { collect: false }))).toEqual(['started', 'get', 'done']);
  });

  test('rejects with what onEvent threw, and leaves the connection and other runs alone', async () => {
    await using peer = await scriptedPeer(place.path('s'), answering({}));
    await using session = await connect(peer.address);
    const broken = session.run('a', {
      onEvent: () => {
        throw new RangeError('mine');
      },
    });
    await expect(broken.result).rejects.toThrow(RangeError);
    expect((await session.run('b').result).status).toBe('ok');
  });

  test('rejects with what the server refused it with', async () => {
    const script = greeting(({ id }, connection) =>
      connection.send({ id, error: { code: 'overloaded', message: 'the queue is full', details: { queue: 100 } } }),
    );
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const run = session.run('a');
    expect(await failure(run.result)).toMatchObject({ code: 'overloaded', details: { queue: 100 } });
    await expect(events(run)).rejects.toMatchObject({ code: 'overloaded' });
    await expect(run.interrupt()).rejects.toMatchObject({ code: 'overloaded' });
  });

  test('is interrupted by its signal, once its number is known, and tells how it ended', async () => {
    const script = greeting(({ op, id, run }, connection) => {
      if (op !== 'interrupt') return;
      connection.send({ id: 2, run, ...done({ status: 'interrupted' }) });
      connection.send({ id, reply: { run, outcome: 'interrupted', kept: true, ms: 1 } });
    });
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const controller = new AbortController();
    const run = session.run('while True: pass', { signal: controller.signal });
    await peer.next(({ op }) => op === 'run');
    controller.abort();
    peer.connections[0]?.send({ event: 'queued', id: run.id, run: 7, position: 1 });
    expect(await peer.next(({ op }) => op === 'interrupt')).toMatchObject({ run: 7 });
    expect((await run.result).status).toBe('interrupted');
  });

  test('is not sent at all under a signal that is aborted already', async () => {
    await using peer = await scriptedPeer(place.path('s'), hello);
    await using session = await connect(peer.address);
    expect(() => session.run('a', { signal: AbortSignal.abort(new Error('no')) })).toThrow('no');
    expect(peer.connections[0]?.received).toHaveLength(1);
  });

  test('answers input under its number', async () => {
    const script = greeting(({ op, id, run }, connection) => {
      if (op === 'run') connection.send({ event: 'input', id, run: 3, prompt: '? ', password: false });
      else if (op === 'input') {
        connection.send({ id, reply: {} });
        connection.send({ id: 2, run, ...done() });
      }
    });
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const run = session.run('input()', { stdin: 'ask' });
    for await (const event of run) if (event.event === 'input') await run.input('yes');
    expect(await peer.next(({ op }) => op === 'input')).toMatchObject({ run: 3, text: 'yes' });
  });
});

describe('a loss of the namespace', () => {
  const lost = { event: 'lost', run: 0, generation: 1, message: 'restarted by another', names: ['a'] };

  test('is told once, ahead of how it ended the run, and confuses nobody', async () => {
    const script = greeting(({ op, id }, connection) => {
      if (op === 'watch') connection.send({ id, reply: { run: 4, at: 2 } });
      connection.send(lost);
      if (op === 'attach') {
        connection.send({ run: 4, ...done({ status: 'lost', kept: false }) });
        connection.send({ id, reply: { run: 4 } });
      }
      if (op === 'run') connection.send({ id, run: 5, ...done({ status: 'lost', kept: false }) });
    });
    await using peer = await scriptedPeer(place.path('s'), script);
    const seen: string[] = [];
    const session = await connect(peer.address, { onLost: ({ message }) => void seen.push(message) });
    const run = session.run('a');
    await run.result.then(({ status }) => seen.push(status));
    expect(seen).toEqual([lost.message, 'lost']);
    expect(await events(run)).toEqual(['done']);
    const attached = await session.attach('current');
    expect(await events(attached)).toEqual(['done']);
    expect([attached.number, attached.known]).toEqual([4, 1]);
    for await (const event of await session.watch()) {
      expect(event).toEqual(lost);
      break;
    }
    expect(seen).toHaveLength(2);
    session.destroy();
  });
});

describe('waiting and history', () => {
  test('wait gives how the run stands', async () => {
    const summary = { run: 3, state: 'running', status: null };
    const script = greeting(({ id }, connection) => connection.send({ id, reply: summary }));
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    expect(await session.wait('current')).toEqual(summary);
    expect(await session.wait(3, { waitMs: 5 })).toEqual(summary);
    const asked = peer.connections[0]?.received.slice(1).map(({ id: _id, ...message }) => message);
    expect(asked).toEqual([
      { op: 'wait', run: 'current' },
      { op: 'wait', run: 3, waitMs: 5 },
    ]);
  });

  test('history has the runs that have ended, oldest first, with their code', async () => {
    const script = greeting(({ id }, connection) => connection.send({ id, reply: [{ run: 2 }, { run: 1 }] }));
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    expect(await session.history({ limit: 7 })).toEqual([{ run: 1 }, { run: 2 }]);
    await session.history();
    const [seven, all] = peer.connections[0]?.received.slice(1) ?? [];
    expect(seven).toMatchObject({ op: 'runs', state: 'done', code: true, limit: 7 });
    expect(all?.limit).toBeGreaterThan(1_000_000);
  });
});

describe('a connection that is lost', () => {
  test('rejects every waiter with one and the same error', async () => {
    let count = 0;
    const script = greeting((_message, connection) => {
      count++;
      if (count === 4) connection.destroy();
    });
    await using peer = await scriptedPeer(place.path('s'), script);
    const session = await connect(peer.address);
    const run = session.run('a');
    const waiting = [
      run.result,
      events(run),
      run.whenNumbered(),
      session.run('b').result,
      session.status(),
      session.runs(),
    ];
    const errors = await Promise.all(waiting.map(failure));
    expect(errors[0]?.code).toBe('connection_lost');
    expect(new Set(errors).size).toBe(1);
    await expect(session.status()).rejects.toMatchObject({ code: 'connection_lost' });
    await session.close();
  });

  test('breaks nothing when nobody waits', async () => {
    const script = greeting((_message, connection) => connection.destroy());
    await using peer = await scriptedPeer(place.path('s'), script);
    const session = await connect(peer.address);
    session.run('a');
    await session.closed;
    // An unhandled rejection would fail the test run.
    await new Promise((resolve) => setImmediate(resolve));
    session.destroy();
  });

  test('can be lost on purpose', async () => {
    await using peer = await scriptedPeer(place.path('s'), hello);
    const session = await connect(peer.address);
    const { result } = session.run('a');
    session.destroy(new Error('enough'));
    const error = await failure(result);
    expect(error.code).toBe('connection_lost');
    expect(error.message).toContain('enough');
    expect(() => session.run('b')).toThrow(SockPythonError);
    await session.close();
  });
});

describe('close', () => {
  test('waits for what is open, and takes nothing new', async () => {
    await using peer = await scriptedPeer(place.path('s'), hello);
    const session = await connect(peer.address);
    const { id, result } = session.run('a');
    const closing = session.close();
    expect(() => session.run('b')).toThrow('closed by its own program');
    await expect(session.status()).rejects.toMatchObject({ code: 'connection_lost' });
    await peer.next(({ op }) => op === 'run');
    peer.connections[0]?.send({ id, run: 1, ...done() });
    expect((await result).status).toBe('ok');
    await closing;
    expect(await session.closed).toBeUndefined();
  });

  test('does not wait for a run that could not be sent', async () => {
    await using peer = await scriptedPeer(place.path('s'), hello);
    const session = await connect(peer.address);
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => session.run('a', { arguments: cycle as never })).toThrow(SockPythonError);
    await session.close();
  });

  test('is what leaving an `await using` block does', async () => {
    await using peer = await scriptedPeer(place.path('s'), hello);
    let closed: Promise<unknown>;
    {
      await using session = await connect(peer.address);
      closed = session.closed;
    }
    expect(await closed).toBeUndefined();
  });
});

describe('attach and watch', () => {
  test('attach follows a run over a connection of its own, from where it is asked to', async () => {
    const script = greeting(({ op, id }, connection) => {
      if (op !== 'attach') return;
      connection.send({ event: 'get', run: 9, text: 'late' });
      connection.send({ run: 9, ...done() });
      connection.send({ id, reply: { run: 9, state: 'done' } });
    });
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const run = await session.attach('last', { since: 4 });
    expect(await events(run)).toEqual(['get', 'done']);
    expect(await run.result).toMatchObject({ run: 9, output: 'late' });
    expect(run.known).toBe(6);
    expect(await peer.next(({ op }) => op === 'attach')).toMatchObject({ run: 'last', since: 4 });
    expect(peer.connections).toHaveLength(2);
  });

  test('attach rejects through its result when there is no such run', async () => {
    const script = greeting(({ id }, connection) =>
      connection.send({ id, error: { code: 'not_found', message: 'there is no run 5' } }),
    );
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const run = await session.attach(5);
    expect((await failure(run.result)).code).toBe('not_found');
  });

  test('watch gives the events of all runs until it is left', async () => {
    const script = greeting(({ op, id }, connection) => {
      if (op !== 'watch') return;
      connection.send({ id, reply: { run: 4, at: 2 } });
      connection.send({ event: 'get', run: 4, text: 'a' });
      connection.send({ event: 'stdout', run: 0, text: 'b' });
      connection.send({ event: 'started', run: 5, generation: 1, code: 'c' });
    });
    await using peer = await scriptedPeer(place.path('s'), script);
    await using session = await connect(peer.address);
    const watch = await session.watch();
    expect(watch.start).toEqual({ run: 4, at: 2 });
    const seen: unknown[] = [];
    for await (const event of watch) {
      seen.push([event.run, event.event]);
      if (seen.length === 3) break;
    }
    expect(seen).toEqual([
      [4, 'get'],
      [0, 'stdout'],
      [5, 'started'],
    ]);
  });

  test('close ends a watch', async () => {
    const script = greeting(
      ({ op, id }, connection) => op === 'watch' && connection.send({ id, reply: { run: null, at: 0 } }),
    );
    await using peer = await scriptedPeer(place.path('s'), script);
    const session = await connect(peer.address);
    const seen = events(await session.watch());
    await session.close();
    expect(await seen).toEqual([]);
  });
});
