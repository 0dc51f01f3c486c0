import { expect, test } from 'vitest';
import { usePlace } from '../support/leftovers.js';
import { run, useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

test('a run asks, is answered, and asks again', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  client.send({ op: 'run', id: 1, code: "get(input('first? '))\nget(input('second? '))", stdin: 'ask' });
  for (const [prompt, text] of [
    ['first? ', 'eins'],
    ['second? ', 'zwei é😀'],
  ] as const) {
    const question = await client.event('input');
    expect(question).toMatchObject({ id: 1, prompt, password: false });
    expect((await client.ask({ op: 'input', id: 'in', run: question.run, text })).reply).toBeDefined();
  }
  await client.answer(1);
  expect(client.textOf(1, 'get')).toBe('einszwei é😀');
});

test('the end of input is an EOFError, once', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  client.send({ op: 'run', id: 1, code: "try: input()\nexcept EOFError: get('end')\nget(input())", stdin: 'ask' });
  const question = await client.event('input');
  await client.ask({ op: 'input', id: 2, run: question.run, eof: true });
  await client.event('input');
  await client.ask({ op: 'input', id: 3, run: question.run, text: 'more' });
  await client.answer(1);
  expect(client.textOf(1, 'get')).toBe('endmore');
});

test('what was not asked for is refused, and who comes second is told', async () => {
  const server = await servers.start();
  const [client, other] = [await servers.client(server), await servers.client(server)];
  expect((await client.ask({ op: 'input', id: 'a', run: 1, text: '' })).error?.code).toBe('not_found');
  client.send({ op: 'run', id: 1, code: 'get(input())\nimport time; time.sleep(0.2)', stdin: 'ask' });
  const question = await client.event('input');
  expect((await other.ask({ op: 'input', id: 'b', run: question.run, text: 'from other' })).reply).toBeDefined();
  const second = await client.ask({ op: 'input', id: 'c', run: question.run, text: 'late' });
  expect(second.error).toMatchObject({ code: 'not_found', message: expect.stringContaining('input') });
  await client.answer(1);
  expect(client.textOf(1, 'get')).toBe('from other');
  expect((await client.ask({ op: 'input', id: 'd', run: question.run, text: '' })).error?.code).toBe('not_found');
});

test.each([
  [{}, 'EOFError'],
  [{ stdin: 'none' }, 'EOFError'],
])('a run whose submitter gives no input (%j) has none', async (options, type) => {
  const server = await servers.start();
  const client = await servers.client(server);
  expect(await run(client, 'input()', options)).toMatchObject({ status: 'error', exception: { type } });
});

test('text that comes with the run is read line by line, to its end', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  const code = 'import sys\nget(input())\nget(sys.stdin.read())\ninput()';
  const done = await run(client, code, { stdin: { text: 'one\ntwo\nthree' } });
  expect(done).toMatchObject({ status: 'error', exception: { type: 'EOFError' } });
  expect(client.textOf(done.run as number, 'get')).toBe('onetwo\nthree');
});

test("a password is asked for as such, and its text is in nobody's log", async () => {
  const server = await servers.start();
  const [client, other] = [await servers.client(server), await servers.client(server)];
  client.send({ op: 'run', id: 1, code: "import getpass\nlength = len(getpass.getpass('key: '))", stdin: 'ask' });
  const question = await client.event('input');
  expect(question).toMatchObject({ prompt: 'key: ', password: true });
  await client.ask({ op: 'input', id: 2, run: question.run, text: 'very secret' });
  expect((await client.answer(1)).status).toBe('ok');
  await other.ask({ op: 'attach', id: 3, run: 1 });
  await other.ask({ op: 'runs', id: 4, code: true });
  expect(other.bytes().toString('latin1')).not.toContain('very secret');
});

test('a run that waits for input can be interrupted, timed out and restarted', async () => {
  const server = await servers.start();
  const client = await servers.client(server);
  client.send({ op: 'run', id: 1, code: 'input()', stdin: 'ask' });
  await client.event('input');
  expect((await client.ask({ op: 'interrupt', id: 'i' })).reply).toMatchObject({ outcome: 'interrupted' });
  expect(await client.answer(1)).toMatchObject({ status: 'interrupted', kept: true });
  expect((await run(client, 'input()', { stdin: 'ask', timeoutMs: 50 })).status).toBe('timeout');
  client.send({ op: 'run', id: 3, code: 'input()', stdin: 'ask' });
  const question = await client.event('input', 3);
  await client.ask({ op: 'restart', id: 'r' });
  expect(await client.answer(3)).toMatchObject({ status: 'lost' });
  expect((await client.ask({ op: 'input', id: 'x', run: question.run, text: '' })).error?.code).toBe('not_found');
});

test('a client that lets go while a run asks leaves the question open for others', async () => {
  const server = await servers.start();
  const [asker, other] = [await servers.client(server), await servers.client(server)];
  asker.send({ op: 'run', id: 1, code: 'get(input())', stdin: 'ask' });
  const question = await asker.event('input');
  asker.destroy();
  const attached = other.ask({ op: 'attach', id: 'at', run: question.run });
  await other.event('input');
  await other.ask({ op: 'input', id: 'in', run: question.run, text: 'heir' });
  expect((await attached).reply).toMatchObject({ status: 'ok' });
  expect(other.textOf(1, 'get')).toBe('heir');
});
