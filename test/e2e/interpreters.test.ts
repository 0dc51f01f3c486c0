import { describe, expect, test } from 'vitest';
import { runSnippet } from '../../src/client/run_snippet.js';
import { connect } from '../../src/client/session.js';
import { useServers } from '../server/kit/servers.js';
import { interpreters } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';

usePlace();
const servers = useServers();

describe.each(interpreters())('a whole session under CPython $version', ({ path, version }) => {
  test('state, output, errors, await, input, interrupt, restart, status, stop', async () => {
    const server = await servers.start({ python: path });
    expect(server.python.version).toBe(version);
    await using session = await connect(server.address);
    await session.run('import sys, asyncio\nx = 40').result;
    const result = await session.run("get(x + 2)\nprint('out')\nprint('err', file=sys.stderr)\nx * 2", {
      value: 'repr',
    }).result;
    expect(result).toMatchObject({
      status: 'ok',
      output: '42',
      stdout: 'out\n',
      stderr: 'err\n',
      value: { repr: '80' },
    });
    const failed = await runSnippet(server.address, 'def f():\n  return 1/0\nf()');
    expect(failed.status).toBe('error');
    expect(failed.exception).toContain('ZeroDivisionError: division by zero');
    expect(failed.exception).toContain('return 1/0');
    expect((await session.run("get(await asyncio.sleep(0, 'slept'))").result).output).toBe('slept');
    const looping = session.run('while True: pass');
    for await (const { event } of looping) if (event === 'started') break;
    expect(await session.interrupt()).toMatchObject({ kept: true });
    expect((await looping.result).status).toBe('interrupted');
    expect((await session.run('get(x)').result).output).toBe('40');
    expect(await session.status()).toMatchObject({ state: 'idle', python: version, generation: 1 });
    expect((await session.restart()).generation).toBe(2);
    expect((await session.run("get('x' in globals())").result).output).toBe('False');
    await session.stop();
    await server.closed;
  });
});
