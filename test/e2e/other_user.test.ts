import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RawClient } from '../server/kit/raw_client.js';
import { isAlive, run, useServers } from '../server/kit/servers.js';
import { openToOthers, usePlace } from '../support/leftovers.js';
import { findTool } from '../support/tools.js';
import { useChildServers } from './kit/child_server.js';

const place = usePlace();
const servers = useServers();
const children = useChildServers();

const setpriv = findTool('setpriv');
const possible = process.getuid?.() === 0 && setpriv !== undefined;
const STRANGER = '64123';

/** Gives the test's folders to another user. */
function chownAll(uid: number): void {
  for (const folder of ['', 'work', 'tmp', 'runtime', 'state', 'home']) {
    chownSync(join(dirname(place.tmp), folder), uid, uid);
  }
}

/** Runs Python as another user; resolves to its exit code and what it printed. The server goes on meanwhile. */
function asStranger(
  code: string,
  ...args: string[]
): Promise<{ readonly status: number | null; readonly text: string }> {
  const identity = ['--reuid', STRANGER, '--regid', STRANGER, '--clear-groups'];
  const child = spawn(setpriv ?? '', [...identity, '/usr/bin/python3', '-c', code, ...args], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (part) => (text += part));
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, text })));
}

const CONNECT = 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); print("in")';

describe.skipIf(!possible)('another user of this machine', () => {
  test('cannot connect to the socket, though the folder is open', async () => {
    openToOthers(place);
    const server = await servers.start({ address: place.path('s.sock') });
    const { text } = await asStranger(CONNECT, place.path('s.sock'));
    expect(text).toContain('PermissionError');
    expect(server.status().counts.connections).toBe(0);
    const open = await asStranger('import os, sys; print(os.stat(sys.argv[1]).st_mode & 0o777)', place.path('s.sock'));
    expect(open.text.trim()).toBe(String(0o600));
  });

  test('cannot even look into a private folder', async () => {
    chmodSync(dirname(place.tmp), 0o755);
    chmodSync(place.tmp, 0o777);
    const server = await servers.start();
    const path = server.address.kind === 'unix' ? server.address.path : '';
    expect((await asStranger('import os, sys; print(os.listdir(sys.argv[1]))', dirname(path))).text).toContain(
      'PermissionError',
    );
    expect((await asStranger(CONNECT, path)).text).toContain('PermissionError');
    chmodSync(place.tmp, 0o700);
  });

  test('gets nothing over TCP without the token', async () => {
    const server = await servers.start({ address: '127.0.0.1:0' });
    const port = server.address.kind === 'tcp' ? server.address.port : 0;
    const code = [
      'import socket, sys',
      "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))",
      's.sendall(b\'{"op": "run", "id": 1, "code": "get(1)"}\\n\')',
      'print(s.makefile().read())',
    ].join('\n');
    const { text } = await asStranger(code, String(port));
    expect(text).toContain('unauthorized');
    expect(server.status().counts.runs).toBe(0);
  });

  test('has his dead socket left alone', async () => {
    openToOthers(place);
    chmodSync(place.work, 0o1777);
    const bind = 'import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])';
    expect((await asStranger(bind, place.path('his.sock'))).status).toBe(0);
    await expect(servers.start({ address: place.path('his.sock') })).rejects.toMatchObject({ code: 'untrusted' });
    expect(statSync(place.path('his.sock')).uid).toBe(Number(STRANGER));
    execFileSync('rm', [place.path('his.sock')]);
  });

  test('cannot read a token from the kernel or its files', async () => {
    const server = await servers.start({ address: '127.0.0.1:0' });
    const code =
      'import sys\nfor f in ("environ", "maps"):\n  try: open(f"/proc/{sys.argv[1]}/{f}").read(); print("read", f)\n  except PermissionError: print("no")';
    expect((await asStranger(code, String(server.kernelPid))).text).not.toContain('read');
  });

  test('may be what a child of a kernel becomes: beyond the reach of its server, and no reason to end it', async () => {
    chownAll(Number(STRANGER));
    const setUserId = place.path('set-user-id');
    copyFileSync('/usr/bin/python3', setUserId);
    chmodSync(setUserId, 0o4755);
    const server = await children.start({ python: '/usr/bin/python3' }, Number(STRANGER));
    const client = await RawClient.open(server.address);
    const become = "import os, time\nos.setresuid(0, 0, 0)\nprint('become', flush=True)\ntime.sleep(1000)";
    const code = `import os\npid = os.fork()\nif pid == 0: os.execv(${JSON.stringify(setUserId)}, ['python3', '-c', ${JSON.stringify(become)}])\nget(pid)`;
    client.send({ op: 'run', id: 1, code: `${code}\ninput()`, stdin: 'ask' });
    await client.next(({ text }) => String(text).startsWith('become'));
    const child = Number((await client.event('get')).text);
    try {
      expect(statSync(`/proc/${child}`).uid).toBe(0);
      const question = await client.event('input');
      await client.ask({ op: 'input', id: 2, run: question.run, text: '' });
      await client.answer(1);
      expect((await run(client, 'os._exit(3)')).reason?.code).toBe(3);
      expect((await run(client, 'get(1)')).status).toBe('ok');
      expect(isAlive(child)).toBe(true);
    } finally {
      process.kill(child, 'SIGKILL');
    }
    const exit = once(server.process, 'exit');
    expect((await client.ask({ op: 'stop', id: 3 })).reply).toBeDefined();
    client.destroy();
    await exit;
  });
});
