import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dial } from '../../src/transport/dial.js';
import { type Listener, listen } from '../../src/transport/listen.js';
import type { Socket } from '../../src/transport/socket.js';
import { usePlace } from '../support/leftovers.js';
import { greeter, leaveDeadSocket, refusal, unix, whoLivesAt } from './helpers.js';

const place = usePlace();

describe('a UNIX listener', () => {
  test('answers at its path, is 0600, tells its absolute path and leaves nothing', async () => {
    const path = place.path('a.sock');
    const listener = await listen(unix(path), greeter('me'));
    expect(listener.address).toEqual(unix(path));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await whoLivesAt(unix(path))).toBe('me');
    expect(readdirSync(place.work)).toEqual(['a.sock']);
    await listener.close();
    await listener.close();
    expect(readdirSync(place.work)).toEqual([]);
    expect((await refusal(dial(unix(path)))).code).toBe('no_server');
  });

  test('leaves the umask of its process as it was', async () => {
    const before = process.umask(0o027);
    try {
      await (await listen(unix(place.path('a.sock')), greeter(''))).close();
      expect(process.umask()).toBe(0o027);
    } finally {
      process.umask(before);
    }
  });

  test('keeps its connections when it closes', async () => {
    const path = place.path('a.sock');
    const accepted: Socket[] = [];
    const listener = await listen(unix(path), (socket) => accepted.push(socket));
    const socket = await dial(unix(path));
    socket.write('x');
    while (accepted.length === 0) await new Promise(setImmediate);
    await listener.close();
    accepted[0]?.end('still here');
    expect(String((await once(socket, 'data'))[0])).toBe('still here');
    socket.end();
    await once(socket, 'close');
  });

  test('lets a client that has ended its side read the answer', async () => {
    const path = place.path('a.sock');
    const listener = await listen(unix(path), (socket) =>
      socket.on('data', () => {}).on('end', () => socket.end('late')),
    );
    const socket = await dial(unix(path));
    socket.end('question');
    expect(String((await once(socket, 'data'))[0])).toBe('late');
    await listener.close();
  });

  test('survives a client that resets its connection', async () => {
    const path = place.path('a.sock');
    const listener = await listen(unix(path), (socket) => void socket.write(Buffer.alloc(1 << 20)));
    const socket = await dial(unix(path));
    socket.destroy();
    await once(socket, 'close');
    (await dial(unix(path))).destroy();
    await listener.close();
  });
});

describe('a place that is taken', () => {
  test('by a living server is refused, and the server goes on', async () => {
    const path = place.path('a.sock');
    const first = await listen(unix(path), greeter('first'));
    const error = await refusal(listen(unix(path), greeter('second')));
    expect(error.code).toBe('address_in_use');
    expect(await whoLivesAt(unix(path))).toBe('first');
    expect(readdirSync(place.work)).toEqual(['a.sock']);
    await first.close();
  });

  test('by a living server that accepts nobody is refused all the same', async () => {
    const path = place.path('a.sock');
    const script = `
      require('net').createServer().listen({path: ${JSON.stringify(path)}, backlog: 1}, () => process.stdout.write('up'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGSTOP');
    const waiting = Array.from({ length: 4 }, () => createConnection(path).on('error', () => {}));
    try {
      expect((await refusal(listen(unix(path), greeter('second')))).code).toBe('address_in_use');
      expect(existsSync(path)).toBe(true);
    } finally {
      for (const socket of waiting) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'close');
      unlinkSync(path);
    }
  });

  test('by a dead socket is taken over', async () => {
    const path = place.path('a.sock');
    await leaveDeadSocket(path);
    const listener = await listen(unix(path), greeter('heir'));
    expect(await whoLivesAt(unix(path))).toBe('heir');
    expect(readdirSync(place.work)).toEqual(['a.sock']);
    await listener.close();
  });

  test.each(['file', 'folder', 'link to a file', 'link to nothing', 'link to a dead socket'])(
    'by a %s is refused and left alone',
    async (kind) => {
      const path = place.path('a.sock');
      const target = place.path('target');
      if (kind === 'file') writeFileSync(path, 'mine');
      if (kind === 'folder') mkdirSync(path);
      if (kind === 'link to a file') writeFileSync(target, 'mine');
      if (kind === 'link to a dead socket') await leaveDeadSocket(target);
      if (kind.startsWith('link')) symlinkSync(target, path);
      const before = lstatSync(path);
      const error = await refusal(listen(unix(path), greeter('second')));
      expect(error.code).toBe('bad_address');
      expect(error.message).toContain('not a socket');
      expect(lstatSync(path).ino).toBe(before.ino);
      if (kind === 'link to a dead socket') unlinkSync(target);
    },
  );

  test('by a link to a living server is refused, and the server goes on', async () => {
    const first = await listen(unix(place.path('a.sock')), greeter('first'));
    symlinkSync(place.path('a.sock'), place.path('link'));
    expect((await refusal(listen(unix(place.path('link')), greeter('second')))).code).toBe('bad_address');
    expect(await whoLivesAt(unix(place.path('link')))).toBe('first');
    await first.close();
  });

  test.runIf(process.getuid?.() === 0)("by another user's dead socket is refused and left alone", async () => {
    const path = place.path('a.sock');
    await leaveDeadSocket(path);
    chownSync(path, 65534, 65534);
    const error = await refusal(listen(unix(path), greeter('second')));
    expect(error.code).toBe('untrusted');
    expect(lstatSync(path).isSocket()).toBe(true);
    unlinkSync(path);
  });
});

describe('a place that cannot be', () => {
  test('in a folder that is missing', async () => {
    const error = await refusal(listen(unix(place.path('no/a.sock')), greeter('')));
    expect(error.code).toBe('bad_address');
    expect(error.message).toContain(`${place.path('no')} does not exist`);
  });

  test('in a folder that is a file', async () => {
    writeFileSync(place.path('file'), '');
    const error = await refusal(listen(unix(place.path('file/a.sock')), greeter('')));
    expect(error.message).toContain(`${place.path('file')} is not a folder`);
  });

  test('with a path of 108 bytes', async () => {
    const path = place.path('x').padEnd(108, 'x');
    const error = await refusal(listen(unix(path), greeter('')));
    expect(error.code).toBe('bad_address');
    expect(error.message).toContain('108 bytes');
    expect(readdirSync(place.work)).toEqual([]);
    expect((await refusal(dial(unix(path)))).code).toBe('bad_address');
  });

  test('but a path of just 107 bytes can, with a short name in a deep folder too', async () => {
    for (const nameBytes of [1, 30]) {
      const folder = place.path('f').padEnd(107 - 1 - nameBytes, 'f');
      mkdirSync(folder);
      const path = join(folder, 'n'.repeat(nameBytes));
      expect(Buffer.byteLength(path)).toBe(107);
      const listener = await listen(unix(path), greeter('deep'));
      expect(await whoLivesAt(unix(path))).toBe('deep');
      expect(readdirSync(folder)).toEqual(['n'.repeat(nameBytes)]);
      await listener.close();
      expect(readdirSync(folder)).toEqual([]);
    }
  });
});

describe('closing', () => {
  test('leaves a newer socket at the place alone', async () => {
    const path = place.path('a.sock');
    const first = await listen(unix(path), greeter('first'));
    unlinkSync(path);
    const second = await listen(unix(path), greeter('second'));
    await first.close();
    expect(await whoLivesAt(unix(path))).toBe('second');
    await second.close();
    expect(existsSync(path)).toBe(false);
  });

  test('leaves a file that somebody put there alone', async () => {
    const path = place.path('a.sock');
    const listener = await listen(unix(path), greeter(''));
    unlinkSync(path);
    writeFileSync(path, 'mine');
    await listener.close();
    expect(existsSync(path)).toBe(true);
  });
});

describe('races', () => {
  async function race(path: string, count: number): Promise<void> {
    const outcomes = await Promise.allSettled(
      Array.from({ length: count }, (_, index) => listen(unix(path), greeter(`racer ${index}`))),
    );
    const winners = outcomes.flatMap((outcome, index) =>
      outcome.status === 'fulfilled' ? [{ index, listener: outcome.value as Listener }] : [],
    );
    const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
    expect(codes).toEqual(Array(count - 1).fill('address_in_use'));
    expect(await whoLivesAt(unix(path))).toBe(`racer ${winners[0]?.index}`);
    expect(readdirSync(place.work)).toEqual(['a.sock']);
    await winners[0]?.listener.close();
    expect(readdirSync(place.work)).toEqual([]);
  }

  test('for a free place: one wins', async () => {
    for (let round = 0; round < 10; round++) await race(place.path('a.sock'), 8);
  });

  test('for a dead socket: one wins', async () => {
    for (let round = 0; round < 3; round++) {
      await leaveDeadSocket(place.path('a.sock'));
      await race(place.path('a.sock'), 8);
    }
  });
});
