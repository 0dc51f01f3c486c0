import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { leftovers, usePlace } from './leftovers.js';

describe('usePlace', () => {
  const place = usePlace();

  test('gives each test folders of its own, also by environment', () => {
    writeFileSync(place.path('kept.txt'), 'removed with the test');
    expect(process.env.TMPDIR).toBe(place.tmp);
    expect(existsSync(place.runtime)).toBe(true);
  });

  test('starts from empty folders', () => {
    expect(existsSync(place.path('kept.txt'))).toBe(false);
  });

  test('takes a child that has ended for gone', async () => {
    const child = spawn('cat', { env: place.env(), stdio: ['pipe', 'ignore', 'ignore'] });
    child.stdin.end();
    await once(child, 'exit');
  });
});

describe('leftovers', () => {
  const place = usePlace();

  test('names a file, a socket and a process that were left, and ends the process', async () => {
    const root = place.path('another');
    for (const folder of ['work', 'tmp', 'runtime']) mkdirSync(join(root, folder), { recursive: true });
    mkdirSync(join(root, 'runtime', 'sock-python'));
    writeFileSync(join(root, 'work', 'mine.txt'), '');
    writeFileSync(join(root, 'tmp', 'forgotten'), '');
    const server = createServer().listen(join(root, 'work', 's.sock'));
    await once(server, 'listening');
    const child = spawn('cat', { env: { ...process.env, TMPDIR: root }, stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    const exited = once(child, 'exit');

    const left = await leftovers(root, 0);

    expect(left.sort()).toEqual(['file tmp/forgotten', `process ${child.pid}: cat `, 'socket work/s.sock']);
    await exited;
    server.close();
    await once(server, 'close');
  });
});
