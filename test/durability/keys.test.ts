/** A run with a key is run once, however often and by whomever it is asked for. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { connect, type RunEvent, type RunningServer, runSnippet } from '../../src/index.js';
import { usePlace } from '../support/leftovers.js';
import { realServer } from '../support/real_server.js';
import { withoutIds } from './kit/following.js';
import { collect, expectEvent } from './kit/waiting.js';

const place = usePlace();

/** Leaves a mark outside for each time that it is run. */
const marking = (code: string): string => `open(${JSON.stringify(place.path('marks'))}, 'a').write('x')\n${code}`;
const markCount = (): number => (existsSync(place.path('marks')) ? readFileSync(place.path('marks')).length : 0);

describe('the same key twice', () => {
  test('one after the other gives the same events, from a program that has lost its connection', async () => {
    await using server = await realServer(place);
    const code = marking("print('out')\nget('got')\nraise ValueError('no')");
    const first = await collected(server, code);
    const second = await collected(server, code);
    expect(withoutIds(second)).toEqual(withoutIds(first));
    expect(second.at(-1)).toMatchObject({ event: 'done', run: 1, status: 'error' });
    expect(markCount()).toBe(1);
    expect((await runSnippet(server.address, 'get(1)')).run).toBe(2);
  });

  test('at once, from ten connections, is one run that all follow', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    const code = marking("print('before')\ninput()\nprint('after')");
    const asked = await expectEvent(session, 'input');
    const all = Array.from({ length: 10 }, () => collected(server, code, { stdin: 'ask' }));
    await asked();
    await session.input(1, { text: '' });
    const [first, ...others] = (await Promise.all(all)).map(withoutIds);
    for (const other of others) expect(other).toEqual(first);
    expect(first?.at(-1)).toMatchObject({ event: 'done', run: 1, status: 'ok' });
    expect(markCount()).toBe(1);
    expect(server.status().counts.runs).toBe(1);
  });

  test('while the run still waits in the queue', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    const asked = await expectEvent(session, 'input');
    const busy = session.run('input()', { stdin: 'ask' });
    await asked();
    const runs = [1, 2].map(() => session.run(marking('get(1)'), { key: 'k' }));
    expect(await Promise.all(runs.map((run) => run.whenNumbered()))).toEqual([2, 2]);
    await busy.input('');
    for (const run of runs) expect(await run.result).toMatchObject({ run: 2, status: 'ok', output: '1' });
    expect(markCount()).toBe(1);
  });

  test('with other code is refused, and nothing is run', async () => {
    await using server = await realServer(place);
    await runSnippet(server.address, 'get(1)', { key: 'k' });
    const other = runSnippet(server.address, marking('get(2)'), { key: 'k' });
    await expect(other).rejects.toMatchObject({
      code: 'bad_request',
      message: expect.stringContaining('"k" was used for other'),
    });
    expect(markCount()).toBe(0);
    expect(server.status().counts.runs).toBe(1);
  });

  test('is another run for another key', async () => {
    await using server = await realServer(place);
    for (const key of ['a', 'b', 'a']) await runSnippet(server.address, marking('1'), { key });
    expect(markCount()).toBe(2);
  });

  test('of a run that died is told the death: it is never run again', async () => {
    await using server = await realServer(place);
    const code = marking("print('last words', flush=True)\nimport os; os._exit(3)");
    const first = await runSnippet(server.address, code, { key: 'k' });
    expect(first).toMatchObject({ status: 'lost', kept: false, reason: { code: 3 } });
    expect(await runSnippet(server.address, code, { key: 'k' })).toMatchObject({
      run: first.run,
      status: 'lost',
      stdout: 'last words\n',
      reason: first.reason,
    });
    expect(markCount()).toBe(1);
  });

  test('outlives a restart of the kernel', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    await session.run(marking('get(1)'), { key: 'k' }).result;
    await session.restart();
    expect(await session.run(marking('get(1)'), { key: 'k' }).result).toMatchObject({ run: 1, output: '1' });
    expect(markCount()).toBe(1);
  });

  test('of a run whose output was dropped is told how that ended, not run again', async () => {
    await using server = await realServer(place, { keptRunCount: 1 });
    const code = marking('1/0');
    expect((await runSnippet(server.address, code, { key: 'k' })).status).toBe('error');
    await runSnippet(server.address, 'get(2)');
    await expect(runSnippet(server.address, code, { key: 'k' })).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringMatching(/run 1 .*ended error.*no longer kept/),
      details: { run: 1, status: 'error' },
    });
    expect(markCount()).toBe(1);
    expect(server.status().counts.runs).toBe(2);
  });
});

/** The events of a run with the key `k`, over a connection of its own. */
async function collected(
  server: RunningServer,
  code: string,
  options: { readonly stdin?: 'ask' } = {},
): Promise<RunEvent[]> {
  await using session = await connect(server.address);
  return await collect(session.run(code, { ...options, key: 'k' }));
}
