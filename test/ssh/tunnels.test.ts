/** Sessions of another machine, through a real ssh: the commands of docs/security.md, and a tunnel that drops. */
import { lstatSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import type { SessionRecord } from '../../src/cli/session_file.js';
import { connect, type RunEvent, type RunningServer, runSnippet } from '../../src/index.js';
import { CommandLine } from '../cli/command.js';
import { followAt, followRun, withoutIds } from '../durability/kit/following.js';
import { eventsOf } from '../durability/kit/json_events.js';
import { expectSameTexts, mixedProduction, textsOf } from '../durability/kit/production.js';
import { usePlace } from '../support/leftovers.js';
import { realServer } from '../support/real_server.js';
import { hasTool } from '../support/tools.js';
import { freePort, Sshd } from './kit/sshd.js';
import { copySession } from './kit/there.js';

const place = usePlace();
const line = new CommandLine(place);
const isPossible = ['sshd', 'ssh', 'ssh-keygen'].every(hasTool);

/** Some 6 MB, which stop half way until somebody answers. */
const { code, texts } = mixedProduction(40_000, 20_000);
/** How many events a reader has when its tunnel drops: in the flow, long before the half. */
const DROP_AT_COUNT = 5000;

let there = '';
let here = '';
beforeEach(() => {
  there = place.path('there.sock');
  here = place.path('here.sock');
});

describe.skipIf(!isPossible)('socket to socket', () => {
  test('commands and programs use the session there as if it were here', async () => {
    await using _server = await realServer(place, { address: there });
    await using sshd = await Sshd.start(place);
    await using _tunnel = await sshd.tunnel(`${here}:${there}`);
    expect(lstatSync(here).mode & 0o777).toBe(0o600);
    expect(await line.run([here], { input: 'x = 6; get(x)' })).toEqual({ status: 0, stdout: '6', stderr: '' });
    expect(await line.run(['run', '-a', here, '-c', 'print(x * 7)'])).toMatchObject({ status: 0, stdout: '42\n' });
    expect(await runSnippet(here, 'get(x); 1/0')).toMatchObject({ output: '6', status: 'error' });
    expect((await line.run(['status', here])).stdout).toContain(`address: ${there}`);
  });

  test('a tunnel that drops in the middle of a run costs a program nothing', async () => {
    await using server = await realServer(place, { address: there });
    await using sshd = await Sshd.start(place);
    const first: RunEvent[] = [];
    const tunnel = await sshd.tunnel(`${here}:${there}`);
    const lost = await connect(here);
    const run = lost.run(code, {
      stdin: 'ask',
      onEvent: (event) => {
        first.push(event);
        if (first.length === DROP_AT_COUNT) void tunnel.kill();
      },
    });
    await expect(run.result).rejects.toMatchObject({ code: 'connection_lost' });
    expect(run.known).toBe(first.length);
    await using _second = await sshd.tunnel(`${here}:${there}`);
    await using session = await connect(here);
    const rest = await followRun(session, run.number as number, { since: run.known, answers: true });
    await expectWhole(server, run.number as number, first, rest);
  });

  test('a tunnel that drops in the middle of a run costs a command nothing', async () => {
    await using server = await realServer(place, { address: there });
    await using sshd = await Sshd.start(place);
    const tunnel = await sshd.tunnel(`${here}:${there}`);
    const command = line.begin(['run', '--json', '-a', here, '-c', code], { keepsInput: true });
    await command.said(/0003000e/);
    await tunnel.kill();
    const { status, stdout, stderr } = await command.result();
    expect({ status, stderr }).toEqual({ status: 3, stderr: '' });
    const { first, since } = cutOff(stdout);
    await using _second = await sshd.tunnel(`${here}:${there}`);
    const attached = line.begin(['attach', '1', '--json', '-a', here, '--since', since]);
    await followAt(server, 1, { answers: true });
    const result = await attached.result();
    expect(result).toMatchObject({ status: 0, stderr: '' });
    await expectWhole(server, 1, first, eventsOf(result.stdout));
  });
});

describe.skipIf(!isPossible)('socket to port', () => {
  test('asks for the token, which a copy of the session file holds', async () => {
    const server = await line.serve(['--require-token', there]);
    await using sshd = await Sshd.start(place);
    const port = await freePort();
    const { token } = copySession(place, 'here.json') as SessionRecord & { token: string };
    {
      await using _tunnel = await sshd.tunnel(`127.0.0.1:${port}:${there}`);
      const address = `127.0.0.1:${port}`;
      const refused = await line.run(['run', '-f', '-', '-a', address, '-c', 'get(1)']);
      expect(refused).toMatchObject({ status: 4, stdout: '' });
      await expect(runSnippet(address, 'get(1)')).rejects.toMatchObject({ code: 'unauthorized' });
      await expect(runSnippet(address, 'get(1)', { token: 'x'.repeat(64) })).rejects.toMatchObject({
        code: 'unauthorized',
      });
      const withToken = ['-f', 'here.json', '-a', address];
      expect(await line.run(['run', ...withToken, '-c', 'x = 2; get(x)'])).toMatchObject({ status: 0, stdout: '2' });
      expect(await runSnippet(address, 'get(x + 1)', { token })).toMatchObject({ output: '3' });
      // Whoever would rather have the address in the file may write it there.
      copySession(place, 'port.json', { address });
      expect(await line.run(['-f', 'port.json'], { input: 'get(x + 2)' })).toMatchObject({ status: 0, stdout: '4' });
      // Nothing but the token's owner has run anything.
      expect((await line.run(['runs', '--json'])).stdout.trimEnd().split('\n')).toHaveLength(3);
    }
    server.signal('SIGTERM');
    expect((await server.result()).status).toBe(0);
  });

  test('a tunnel that drops in the middle of a run costs nothing', async () => {
    await using server = await realServer(place, { address: there, requireToken: true });
    const token = server.token as string;
    await using sshd = await Sshd.start(place);
    const port = await freePort();
    const forward = `127.0.0.1:${port}:${there}`;
    const first: RunEvent[] = [];
    const tunnel = await sshd.tunnel(forward);
    const lost = await connect(`127.0.0.1:${port}`, { token });
    const run = lost.run(code, {
      stdin: 'ask',
      onEvent: (event) => {
        first.push(event);
        if (first.length === DROP_AT_COUNT) void tunnel.kill();
      },
    });
    await expect(run.result).rejects.toMatchObject({ code: 'connection_lost' });
    await using _second = await sshd.tunnel(forward);
    await using session = await connect(`127.0.0.1:${port}`, { token });
    const rest = await followRun(session, run.number as number, { since: run.known, answers: true });
    await expectWhole(server, run.number as number, first, rest);
  });
});

/** What a command has shown before its connection ended, and how it says to go on. */
function cutOff(stdout: string): { readonly first: readonly RunEvent[]; readonly since: string } {
  const lines = stdout.trimEnd().split('\n');
  const { error } = JSON.parse(lines.at(-1) ?? '');
  expect(error).toMatchObject({ code: 'connection_lost', details: { run: 1, since: lines.length - 1 } });
  const since = /sock-python attach 1 --since (\d+)$/.exec(error.message)?.[1] ?? '';
  return { first: eventsOf(`${lines.slice(0, -1).join('\n')}\n`), since };
}

/** Two stretches are together what the server has, event for event, and what was produced, byte for byte. */
async function expectWhole(
  server: RunningServer,
  number: number,
  first: readonly RunEvent[],
  rest: readonly RunEvent[],
): Promise<void> {
  const all = await followAt(server, number);
  const plain = withoutIds([...first, ...rest]);
  expect(plain.length).toBe(all.length);
  expect(JSON.stringify(plain) === JSON.stringify(withoutIds(all))).toBe(true);
  expectSameTexts(textsOf(plain), texts);
  expect(plain.at(-1)).toMatchObject({ event: 'done', status: 'ok', outputComplete: true });
}
