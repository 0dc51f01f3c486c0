import { describe, expect, test } from 'vitest';
import { Action } from '../../src/control/action.js';
import { control } from '../../src/control/control.js';
import { type ControlTarget, dispatchControl } from '../../src/control/target.js';
import type { InterruptReply, StatusReply } from '../../src/protocol/messages.js';
import { usePlace } from '../support/leftovers.js';
import { type Message, type Script, scriptedPeer } from '../support/scripted_peer.js';

const place = usePlace();

const replies: Readonly<Record<string, object>> = {
  hello: { protocol: 1, server: { name: 'scripted', version: '0' } },
  status: { state: 'idle', kernelPid: 12 },
  stop: {},
  restart: { generation: 2, pid: 13, ms: 40 },
  interrupt: { run: 3, outcome: 'interrupted', kept: true, ms: 1 },
};
const answer: Script = ({ op, id }, connection) => connection.send({ id, reply: replies[String(op)] });

/** The one request that came after the greeting, without its id. */
function asked(connection: { readonly received: readonly Message[] } | undefined): object {
  const { id: _id, ...rest } = connection?.received[1] ?? {};
  return rest;
}

describe('control', () => {
  test('asks each action once and gives its typed reply', async () => {
    await using peer = await scriptedPeer(place.path('s'), answer);
    const status: StatusReply = await control(peer.address, Action.STATUS);
    expect(status.kernelPid).toBe(12);
    expect(await control(peer.address, Action.STOP, { drain: true, graceMs: 5 })).toEqual({});
    expect((await control(peer.address, Action.RESTART)).generation).toBe(2);
    const interrupt: InterruptReply = await control(peer.address, Action.INTERRUPT, { run: 3, kill: true });
    expect(interrupt.outcome).toBe('interrupted');
    const [first, second, third, fourth] = peer.connections;
    expect(asked(first)).toEqual({ op: 'status' });
    expect(asked(second)).toEqual({ op: 'stop', drain: true, graceMs: 5 });
    expect(asked(third)).toEqual({ op: 'restart' });
    expect(asked(fourth)).toEqual({ op: 'interrupt', run: 3, kill: true });
  });

  test('refuses an option that the action does not have, before it connects', async () => {
    await using peer = await scriptedPeer(place.path('s'), answer);
    await expect(control(peer.address, Action.STATUS, { kill: true })).rejects.toMatchObject({ code: 'bad_request' });
    expect(peer.connections).toHaveLength(0);
  });

  test("passes the server's error on, and a loss", async () => {
    const refuse: Script = ({ op, id }, connection) => {
      if (op === 'hello') return answer({ op, id }, connection);
      if (op === 'stop') return connection.destroy();
      connection.send({ id, error: { code: 'kernel_failed_to_start', message: 'no python', details: 'why' } });
    };
    await using peer = await scriptedPeer(place.path('s'), refuse);
    await expect(control(peer.address, Action.RESTART)).rejects.toMatchObject({
      code: 'kernel_failed_to_start',
      details: 'why',
    });
    await expect(control(peer.address, Action.STOP)).rejects.toMatchObject({ code: 'connection_lost' });
  });

  test('can be aborted while it waits', async () => {
    const greetOnly: Script = (message, connection) => message.op === 'hello' && answer(message, connection);
    await using peer = await scriptedPeer(place.path('s'), greetOnly);
    const controller = new AbortController();
    const waiting = control(peer.address, Action.STOP, { drain: true, signal: controller.signal });
    await peer.next(({ op }) => op === 'stop');
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('control of an original sock_python server', () => {
  const original: Script = ({ control: word }, connection) => {
    connection.send({ ack: word, response: word === 'status' ? '{"pid": 77}' : '' });
    connection.socket.end();
  };

  test('sends the one word and reads the answer', async () => {
    await using peer = await scriptedPeer(place.path('s'), original);
    expect(await control(peer.address, Action.STATUS, { classic: true })).toEqual({ pid: 77 });
    expect(await control(peer.address, Action.STOP, { classic: true })).toEqual({});
    expect(await control(peer.address, Action.RESTART, { classic: true })).toEqual({});
    expect(peer.connections.map(({ received }) => received)).toEqual([
      [{ control: 'status' }],
      [{ control: 'stop' }],
      [{ control: 'restart' }],
    ]);
  });

  test('never sends what that server would die of', async () => {
    await using peer = await scriptedPeer(place.path('s'), original);
    const interrupt = Action.INTERRUPT as unknown as typeof Action.STOP;
    await expect(control(peer.address, interrupt, { classic: true })).rejects.toMatchObject({ code: 'bad_request' });
    await expect(control(peer.address, Action.STOP, { classic: true, drain: true })).rejects.toMatchObject({
      code: 'bad_request',
    });
    expect(peer.connections).toHaveLength(0);
  });

  test('an answer that makes no sense is an error', async () => {
    const odd: Script = (_message, connection) => connection.send({ ack: 'status', response: '[1]' });
    await using peer = await scriptedPeer(place.path('s'), odd);
    await expect(control(peer.address, Action.STATUS, { classic: true })).rejects.toMatchObject({
      code: 'bad_request',
    });
    await expect(control(peer.address, Action.STOP, { classic: true })).rejects.toMatchObject({ code: 'bad_request' });
  });
});

test('dispatchControl hands each request to its method and its reply back', async () => {
  const calls: unknown[] = [];
  const note = <T>(name: string, reply: T) => {
    return (options?: unknown): T => {
      calls.push([name, options]);
      return reply;
    };
  };
  const target = {
    status: note('status', { state: 'idle' } as StatusReply),
    stop: note('stop', Promise.resolve({})),
    restart: note('restart', Promise.resolve({ generation: 2, pid: 3, ms: 4 })),
    interrupt: note('interrupt', Promise.resolve(replies.interrupt as InterruptReply)),
  } satisfies ControlTarget;
  expect(await dispatchControl(target, { op: 'status', id: 1 })).toEqual({ state: 'idle' });
  expect(await dispatchControl(target, { op: 'stop', id: 2, drain: true })).toEqual({});
  expect(await dispatchControl(target, { op: 'restart', id: 3, graceMs: 9 })).toMatchObject({ generation: 2 });
  expect(await dispatchControl(target, { op: 'interrupt', id: 4, run: 5 })).toMatchObject({ run: 3 });
  expect(calls).toEqual([
    ['status', undefined],
    ['stop', expect.objectContaining({ drain: true })],
    ['restart', expect.objectContaining({ graceMs: 9 })],
    ['interrupt', expect.objectContaining({ run: 5 })],
  ]);
});
