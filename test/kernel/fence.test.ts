import { describe, expect, test } from 'vitest';
import { run, useServers } from '../server/kit/servers.js';
import { interpreters } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';

usePlace();
const servers = useServers();

/** How many runs prove it; `FENCE_RUNS` sets another number. */
const RUN_COUNT = Number(process.env.FENCE_RUNS ?? 1000);

const SETUP = `
import os, subprocess, sys, ctypes
libc = ctypes.CDLL(None)
def on_python(n): print(f'<{n}>'); print(f'<{n}>', file=sys.stderr)
def on_fds(n): os.write(1, f'<{n}>'.encode()); os.write(2, f'<{n}>'.encode())
def on_stdio(n): libc.printf(f'<{n}>'.encode())
def on_child(n): subprocess.run(['sh', '-c', f"printf '<{n}>'; printf '<{n}>' >&2"])
def on_system(n): os.system(f"echo '<{n}>'; echo '<{n}>' >&2")
def on_burst(n): os.write(1, b'b' * 20000); os.write(1, f'<{n}>'.encode()); os.write(2, f'<{n}>'.encode())
def on_fork(n):
  pid = os.fork()
  if pid == 0: os.write(1, f'<{n}>'.encode()); os._exit(0)
  os.waitpid(pid, 0)
`;

/** Each way past Python, and whether it writes to stderr too. Processes are dear: they come less often. */
const WAYS: readonly (readonly [string, boolean])[] = [
  ['on_python', true],
  ['on_fds', true],
  ['on_stdio', false],
  ['on_burst', true],
  ['on_python', true],
  ['on_fds', true],
  ['on_burst', true],
  ['on_stdio', false],
  ['on_fds', true],
  ['on_child', true],
  ['on_burst', true],
  ['on_fork', false],
  ['on_system', true],
];

/** Keeps the server's loop busy two milliseconds of every three, so that it reads late. */
function keepBusy(): { stop(): void } {
  let on = true;
  const turn = (): void => {
    const until = performance.now() + 2;
    while (performance.now() < until);
    if (on) setTimeout(turn, 1);
  };
  turn();
  return {
    stop: () => {
      on = false;
    },
  };
}

test(`done comes after all output, ${RUN_COUNT} times of ${RUN_COUNT}, with a busy server`, {
  timeout: 300_000,
}, async () => {
  const server = await servers.start();
  const client = await servers.client(server, 'msgpack-frames', { keepBytes: false });
  await run(client, SETUP);
  const busy = keepBusy();
  try {
    const wrong: string[] = [];
    for (let count = 0; count < RUN_COUNT; count++) {
      const [way, onStderr] = WAYS[count % WAYS.length] as (typeof WAYS)[number];
      client.received.length = 0;
      const done = await run(client, `${way}(${count})`);
      const number = done.run as number;
      const mark = `<${count}>`;
      const isWhole =
        done.status === 'ok' &&
        done.outputComplete === true &&
        client.textOf(number).includes(mark) &&
        (!onStderr || client.textOf(number, 'stderr').includes(mark)) &&
        client.received.at(-1)?.event === 'done';
      if (!isWhole) wrong.push(`${way} ${count}: ${JSON.stringify(client.received).slice(0, 300)}`);
    }
    expect(wrong).toEqual([]);
  } finally {
    busy.stop();
  }
});

describe.each(interpreters())('under CPython $version', ({ path }) => {
  test('output on every path is there before done, and in its order', async () => {
    const server = await servers.start({ python: path });
    const client = await servers.client(server);
    await run(client, SETUP);
    const busy = keepBusy();
    for (let count = 0; count < 2 * WAYS.length; count++) {
      const [way, onStderr] = WAYS[count % WAYS.length] as (typeof WAYS)[number];
      const done = await run(client, `${way}(${count})`);
      expect(done, way).toMatchObject({ status: 'ok', outputComplete: true });
      expect(client.textOf(done.run as number), way).toContain(`<${count}>`);
      if (onStderr) expect(client.textOf(done.run as number, 'stderr'), way).toContain(`<${count}>`);
    }
    busy.stop();
  });
});

test('output that looks like a fence comes through as it was written', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const pieces = [
    '\\0F',
    '\\0F0123456789ab',
    '\\0',
    'x\\0Fzz',
    '\\0F0123456789abc',
    '\\0F\\0F\\0F',
    '\\0F01234',
    'end\\0',
  ];
  for (const piece of pieces) {
    const done = await run(client, `import os; os.write(1, b'${piece}')`);
    expect(done.outputComplete).toBe(true);
    const plain = piece.replaceAll('\\0', '\0');
    expect(JSON.stringify(client.textOf(done.run as number))).toBe(JSON.stringify(plain));
  }
});

test('characters that are cut in the pipe come through whole', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const code =
    "import os\ndata = 'é😀漢'.encode() * 30000\nfor at in range(0, len(data), 7): os.write(1, data[at:at + 7])";
  const done = await run(client, code);
  expect(client.textOf(done.run as number) === 'é😀漢'.repeat(30_000)).toBe(true);
  const raw = client.received.filter(({ event }) => event === 'stdout');
  expect(raw.every(({ text }) => typeof text === 'string')).toBe(true);
});

test('a child that lives on and holds the pipes keeps no run open', async () => {
  const server = await servers.start();
  const [client, watcher] = [await servers.client(server), await servers.client(server)];
  await watcher.ask({ op: 'watch', id: 'w' });
  const code = [
    'import subprocess',
    "child = subprocess.Popen(['sh', '-c', 'read line; echo late'], stdin=subprocess.PIPE)",
    "print('started')",
  ].join('\n');
  expect(await run(client, code)).toMatchObject({ status: 'ok', outputComplete: true });
  await run(client, '1');
  await run(client, "x = child.communicate(b'go\\n')");
  const late = await watcher.next(({ text }) => text === 'late\n');
  expect(late).toMatchObject({ event: 'stdout', raw: true });
});

test.each([
  ['closes file descriptor 1', 'import os; os.close(1)'],
  ['points file descriptor 1 elsewhere', 'import os; os.dup2(os.open(os.devnull, os.O_WRONLY), 1)'],
  ['closes sys.stdout', 'import sys; sys.stdout.close()'],
  ['takes sys.stdout away', 'import sys; sys.stdout = None'],
])('a snippet that %s still ends, and so do the next ones', async (_name, code) => {
  const server = await servers.start();
  const client = await servers.client(server);
  const first = await run(client, code);
  expect(first).toMatchObject({ event: 'done', kept: true });
  const next = await run(client, 'get(1)');
  expect(next.status).toBe('ok');
  expect(client.textOf(next.run as number, 'get')).toBe('1');
  expect(server.status().generation).toBe(1);
});

test('5 MB of output and an exception reach a reader that takes them slowly', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  client.socket.pause();
  client.send({
    op: 'run',
    id: 1,
    code: "import os\nfor i in range(5): print('p' * 999_999)\nos.write(1, b'w' * 70_000)\n1/0",
  });
  const other = await servers.client(server);
  await other.ask({ op: 'ping', id: 0 });
  await other.ask({ op: 'attach', id: 1, run: 1 }).catch(() => {});
  // A sip at a time.
  const sipping = setInterval(() => {
    client.socket.resume();
    setImmediate(() => client.socket.pause());
  }, 1);
  const done = await client.answer(1);
  clearInterval(sipping);
  expect(done).toMatchObject({ status: 'error', exception: { type: 'ZeroDivisionError' }, outputComplete: true });
  expect(client.textOf(1).length).toBe(5_070_000);
});
