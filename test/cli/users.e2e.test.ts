/** Two users on one machine: nobody's code goes to a stranger, and nobody gets in. Needs root, to become others. */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { anyInterpreter } from '../support/interpreters.js';
import { openToOthers, usePlace } from '../support/leftovers.js';
import { findTool } from '../support/tools.js';
import { CommandLine, type Started } from './command.js';

const STRANGER = 54_321;
const setpriv = findTool('setpriv') ?? '';
const asStranger = [setpriv, `--reuid=${STRANGER}`, `--regid=${STRANGER}`, '--clear-groups'];
const [program = '', ...switches] = asStranger;
const canSwitch =
  process.geteuid?.() === 0 &&
  setpriv !== '' &&
  spawnSync(program, [...switches, process.execPath, '-e', '']).status === 0;

describe.skipIf(!canSwitch)('another user', () => {
  const place = usePlace();
  const line = new CommandLine(place);
  let server: Started;

  beforeEach(async () => {
    openToOthers(place);
    mkdirSync(place.path('theirs'));
    chownSync(place.path('theirs'), STRANGER, STRANGER);
    server = await line.serve([':0']);
  });
  afterEach(async () => {
    server.signal('SIGTERM');
    await server.result();
  });

  const stranger = (args: readonly string[], input = 'get(1)') =>
    line.run(args, { input, prefix: asStranger, cwd: place.path('theirs'), env: { HOME: place.path('theirs') } });

  test('cannot read the session file', async () => {
    const result = await stranger(['-f', place.path('.sock_python.json')]);
    expect(result).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('you may not read it') });
  });

  test('does not follow it, even where it can be read', async () => {
    chmodSync(place.path('.sock_python.json'), 0o644);
    const result = await stranger(['-f', place.path('.sock_python.json')]);
    expect(result).toMatchObject({ status: 1, stderr: expect.stringContaining('it belongs to user 0, not to you') });
  });

  test("does not get in over the port without the token, and does not send code to a port of root's by mistake", async () => {
    const [, address = ''] = await server.said(/serving on (\S+),/, 'stderr');
    expect(await stranger([address])).toMatchObject({ status: 4, stdout: '' });
  });

  test('cannot open a UNIX socket of ours', async () => {
    const own = await line.serve(['-f', 'unix.json', 's.sock']);
    expect(await stranger([place.path('s.sock')])).toMatchObject({ status: 4, stdout: '' });
    own.signal('SIGTERM');
    await own.result();
  });

  test('whose session file lies in our folder is not followed, replaced or taken for ours', async () => {
    copyFileSync(place.path('.sock_python.json'), place.path('planted.json'));
    chownSync(place.path('planted.json'), STRANGER, STRANGER);
    const reason = `it belongs to user ${STRANGER}, not to you (0)`;
    expect(await line.run(['-f', 'planted.json'], { input: '' })).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(reason),
    });
    const before = readFileSync(place.path('planted.json'), 'utf8');
    for (const command of ['serve', 'start']) {
      expect(await line.run([command, '-f', 'planted.json'])).toMatchObject({ status: 1 });
    }
    expect(readFileSync(place.path('planted.json'), 'utf8')).toBe(before);
  });

  test('whose server our own file names gets nothing, be it by socket or by port', async () => {
    const theirs = line.begin(['serve', '--python', anyInterpreter().path, place.path('theirs/s.sock')], {
      prefix: asStranger,
      cwd: place.path('theirs'),
      env: { HOME: place.path('theirs'), XDG_RUNTIME_DIR: '', TMPDIR: place.path('theirs') },
    });
    await theirs.said(/serving on/, 'stderr');
    const cloned = { address: place.path('theirs/s.sock'), token: 'known', protocol: 1 };
    writeFileSync(place.path('cloned.json'), JSON.stringify(cloned), { mode: 0o644 });
    const result = await line.run(['-f', 'cloned.json'], { input: 'secret = 1' });
    expect(result).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`a socket of user ${STRANGER}, not yours`),
    });
    theirs.signal('SIGTERM');
    expect((await theirs.result()).status).toBe(0);
  });
});
