import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { unlinkSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Address, parseAddress } from '../../src/protocol/address.js';
import { dial } from '../../src/transport/dial.js';
import { listen } from '../../src/transport/listen.js';
import { usePlace } from '../support/leftovers.js';
import { greeter, leaveDeadSocket, refusal, unix, whoLivesAt } from './helpers.js';

const place = usePlace();

describe('a TCP listener', () => {
  test.each(['127.0.0.1:0', 'localhost:0', ':0', '[::1]:0', 'tcp::0'])('%s tells its real port', async (text) => {
    const listener = await listen(parseAddress(text), greeter('me'));
    const { address } = listener;
    expect(address.kind === 'tcp' && address.port > 0 && ['127.0.0.1', '::1'].includes(address.host)).toBe(true);
    expect(await whoLivesAt(address)).toBe('me');
    await listener.close();
    expect((await refusal(dial(address))).code).toBe('no_server');
  });

  test.each(['0.0.0.0:0', '[::]:0', '192.0.2.1:0', '[fe80::1]:0'])(
    '%s is refused, and nothing is bound',
    async (text) => {
      expect((await refusal(listen(parseAddress(text), greeter('')))).code).toBe('not_loopback');
      expect((await refusal(dial({ ...parseAddress(text), port: 9 } as Address))).code).toBe('not_loopback');
    },
  );

  test('a name that nobody knows is refused', async () => {
    const address = parseAddress('no-such-host.invalid:1');
    expect((await refusal(listen(address, greeter('')))).code).toBe('bad_address');
    expect((await refusal(dial(address))).code).toBe('bad_address');
  });

  test('a port that is taken is refused', async () => {
    const first = await listen(parseAddress(':0'), greeter('first'));
    expect((await refusal(listen(first.address, greeter('second')))).code).toBe('address_in_use');
    expect(await whoLivesAt(first.address)).toBe('first');
    await first.close();
  });
});

describe('dialling', () => {
  test('where nothing is', async () => {
    expect((await refusal(dial(unix(place.path('none'))))).code).toBe('no_server');
    expect((await refusal(dial(unix(place.path('none/none'))))).code).toBe('no_server');
    writeFileSync(place.path('file'), '');
    expect((await refusal(dial(unix(place.path('file'))))).code).toBe('no_server');
    expect((await refusal(dial(unix(place.work)))).code).toBe('no_server');
  });

  test('a dead socket says that nobody listens', async () => {
    const path = place.path('a.sock');
    await leaveDeadSocket(path);
    const error = await refusal(dial(unix(path)));
    expect(error.code).toBe('no_server');
    expect(error.message).toContain('nobody listens');
    unlinkSync(path);
  });

  test('is given up by a signal, before and meanwhile, with its reason', async () => {
    const reason = new Error('enough');
    await expect(dial(unix(place.path('x')), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const listener = await listen(unix(place.path('a.sock')), greeter(''));
    const abort = new AbortController();
    const dialling = dial(unix(place.path('a.sock')), { signal: abort.signal });
    abort.abort(reason);
    await expect(dialling).rejects.toBe(reason);
    await listener.close();
  });

  test('is given up after the time given', async () => {
    // A stopped process whose queue is full: the system leaves further connections unanswered.
    const script = `
      const server = require('net').createServer();
      server.listen({port: 0, host: '127.0.0.1', backlog: 1}, () => process.stdout.write(String(server.address().port)))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const port = Number((await once(child.stdout, 'data'))[0]);
    child.kill('SIGSTOP');
    const waiting = Array.from({ length: 8 }, () => createConnection(port, '127.0.0.1').on('error', () => {}));
    try {
      await Promise.all(waiting.slice(0, 2).map((socket) => once(socket, 'connect')));
      const error = await refusal(dial({ kind: 'tcp', host: '127.0.0.1', port }, { timeoutMs: 100 }));
      expect(error.code).toBe('no_server');
      expect(error.message).toContain('100 ms');
    } finally {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'close');
    }
  });
});
