import { describe, expect, test } from 'vitest';
import { gone, run, startRun, until, useServers } from '../server/kit/servers.js';
import { ENDLESS_C_CALL } from '../server/kit/snippets.js';
import { interpreters } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';

usePlace();
const servers = useServers();

interface Death {
  readonly name: string;
  readonly code: string;
  readonly reason: { readonly message: RegExp | string; readonly signal?: string; readonly code?: number };
}

const DEATHS: readonly Death[] = [
  {
    name: 'reads at address zero',
    code: 'import ctypes; ctypes.string_at(0)',
    reason: { signal: 'SIGSEGV', message: /died of a segmentation fault \(SIGSEGV\)/ },
  },
  {
    name: 'kills itself',
    code: 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)',
    reason: { signal: 'SIGKILL', message: /killed from outside by SIGKILL/ },
  },
  { name: 'leaves by _exit', code: 'import os; os._exit(3)', reason: { code: 3, message: /exited with code 3/ } },
  {
    name: 'leaves by _exit with 0',
    code: 'import os; os._exit(0)',
    reason: { code: 0, message: /ended by itself with exit code 0/ },
  },
  {
    name: 'aborts',
    code: 'import os; os.abort()',
    reason: { signal: 'SIGABRT', message: /died of an abort \(SIGABRT\)/ },
  },
  {
    name: 'runs another program',
    code: "import os; os.execvp('sleep', ['sleep', '1000'])",
    reason: { message: /channel was closed from within/ },
  },
  {
    name: 'runs another program that ends',
    code: "import os; os.execvp('true', ['true'])",
    reason: { message: /exit code 0|channel was closed/ },
  },
  {
    name: 'closes all its files',
    code: 'import os; os.closerange(0, 70000)\nwhile True: pass',
    reason: { message: /channel/ },
  },
  {
    name: 'overflows its C stack',
    code: 'import ctypes\nf = ctypes.CFUNCTYPE(None)\ng = f(lambda: g())\nimport sys; sys.setrecursionlimit(10**9)\ng()',
    reason: { signal: 'SIGSEGV', message: /segmentation fault/ },
  },
  {
    name: 'is terminated',
    code: 'import os; os.kill(os.getpid(), 15)',
    reason: { signal: 'SIGTERM', message: /SIGTERM/ },
  },
];

describe.each(DEATHS)('a kernel that $name', ({ code, reason }) => {
  test('ends its run as lost with the reason, and the next run works in a fresh one', async () => {
    const server = await servers.start();
    const [client, bystander] = [await servers.client(server), await servers.client(server, 'lines')];
    await run(client, 'precious = 1');
    const pid = server.kernelPid as number;
    const done = await run(client, `import os, sys\nprint('printed')\nos.write(2, b'written')\nget('got')\n${code}`);
    expect(done).toMatchObject({ status: 'lost', kept: false, outputComplete: true });
    const { message, ...rest } = reason;
    expect(done.reason).toMatchObject(rest);
    expect(done.reason?.message).toMatch(message);
    const number = done.run as number;
    expect(client.textOf(number)).toBe('printed\n');
    expect(client.textOf(number, 'stderr')).toContain('written');
    expect(client.textOf(number, 'get')).toBe('got');
    const { reply } = await bystander.ask({ op: 'status', id: 's' });
    expect(reply?.lastDeath).toMatchObject({ generation: 1, run: number, reason: { message: done.reason?.message } });
    const after = await run(client, "get('precious' in globals())");
    expect(client.textOf(after.run as number, 'get')).toBe('False');
    expect(client.started(after.run as number)).toMatchObject({ generation: 2 });
    expect(client.started(after.run as number)?.lost?.message).toContain(done.reason?.message as string);
    expect(client.started((await run(client, '1')).run as number)?.lost).toBe(undefined);
    expect(server.status()).toMatchObject({ generation: 2, counts: { deaths: 1 } });
    await gone([pid]);
  });
});

test('a segmentation fault comes with the Python stack where it happened', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const done = await run(client, 'import ctypes\ndef culprit(): ctypes.string_at(0)\nculprit()');
  expect((done.reason as { stack?: string }).stack).toContain('culprit');
});

test('a kernel killed while nothing runs is replaced, and the next run is told', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  await run(client, 'precious = 1');
  const pid = server.kernelPid as number;
  process.kill(pid, 'SIGKILL');
  await until('the death was noticed', () => server.status().counts.deaths === 1);
  const done = await run(client, 'get(1)');
  expect(done.status).toBe('ok');
  expect(client.started(done.run as number)).toMatchObject({
    generation: 2,
    lost: { message: expect.stringContaining('SIGKILL') },
  });
});

test('queued runs survive the death of the one before them', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  client.send({ op: 'run', id: 1, code: 'import os; os._exit(3)' });
  for (let id = 2; id <= 5; id++) client.send({ op: 'run', id, code: `get(${id})` });
  expect(await client.answer(1)).toMatchObject({ status: 'lost' });
  for (let id = 2; id <= 5; id++) {
    const done = await client.answer(id);
    expect(done.status).toBe('ok');
    expect(client.textOf(done.run as number, 'get')).toBe(String(id));
  }
  expect(server.status().generation).toBe(2);
});

test('a snippet cannot deny the session: thirty deaths in a row, and it lives', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  for (let count = 0; count < 30; count++) {
    expect((await run(client, 'import os; os._exit(1)')).status).toBe('lost');
  }
  expect((await run(client, 'get(1)')).status).toBe('ok');
  expect(server.status()).toMatchObject({ generation: 31, counts: { deaths: 30 } });
});

test('megabytes that were written just before a death are all there', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const code =
    "import os\nfor i in range(3000): print('p' * 999)\nfor i in range(60): os.write(1, b'w' * 1000)\nos._exit(4)";
  const done = await run(client, code);
  expect(done.reason?.code).toBe(4);
  const text = client.textOf(done.run as number);
  expect(text.replaceAll('w', '').length).toBe(3_000_000);
  expect(text.replaceAll(/[^w]/g, '').length).toBe(60_000);
});

test('children in the group die with the kernel; one that left it holds nothing up', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const code = [
    'import subprocess, os',
    "child = subprocess.Popen(['sleep', '1000'])",
    "stray = subprocess.Popen(['sleep', '1000'], start_new_session=True)",
    'get(child.pid); get(stray.pid)',
  ].join('\n');
  await run(client, code);
  const [child, stray] = client.received.filter(({ event }) => event === 'get').map(({ text }) => Number(text));
  try {
    expect((await run(client, 'os._exit(5)')).reason?.code).toBe(5);
    await gone([child as number]);
    expect((await run(client, 'get(1)')).status).toBe('ok');
  } finally {
    process.kill(stray as number, 'SIGKILL');
  }
});

test('a stack request is answered with an error when the kernel dies under it', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const { done } = await startRun(client, ENDLESS_C_CALL);
  const asked = client.ask({ op: 'stack', id: 's' });
  await client.ask({ op: 'ping', id: 'p' });
  process.kill(server.kernelPid as number, 'SIGKILL');
  expect((await asked).error?.code).toBe('kernel_lost');
  expect((await done).status).toBe('lost');
});

describe.each(interpreters())('under CPython $version', ({ path }) => {
  test('a segmentation fault and an exit are told, and the session goes on', async () => {
    const server = await servers.start({ python: path });
    const client = await servers.client(server);
    expect((await run(client, 'import ctypes; ctypes.string_at(0)')).reason?.signal).toBe('SIGSEGV');
    expect((await run(client, 'import os; os._exit(3)')).reason?.code).toBe(3);
    expect((await run(client, 'get(1)')).status).toBe('ok');
  });
});
