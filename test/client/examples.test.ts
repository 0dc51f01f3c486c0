/** Every example, run for real. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/index.js';
import { ROOT } from '../structure/sources.js';
import { anyInterpreter } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { realServer } from '../support/real_server.js';
import { hasTool } from '../support/tools.js';

const place = usePlace();
const example = (name: string): string => join(ROOT, 'examples', name);

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

async function run(command: string, arguments_: readonly string[], input = ''): Promise<Ended> {
  const child = spawn(command, arguments_, { cwd: place.work, env: place.env({ TERM: 'dumb' }) });
  const status = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { status: await status, out, err };
}

describe.skipIf(!hasTool('jq') || !(hasTool('socat') || hasTool('nc')))('bash and jq', () => {
  const runSh = (code: string, name = ''): Promise<Ended> =>
    run('bash', [example('bash/run.sh'), 'session.sock', name], code);

  test('run.sh shows output as it was made, and ends as the snippet did', async () => {
    await using _server = await realServer(place);
    expect(await runSh('x = 6\nprint("é")\nget(x * 7)')).toEqual({ status: 0, out: 'é\n42', err: '' });
    expect(await runSh('import os; os.write(1, b"raw\\n"); get(x)')).toEqual({ status: 0, out: 'raw\n6', err: '' });
    const raised = await runSh('get("before")\n1/0', 'my file.py');
    expect(raised).toMatchObject({ status: 10, out: 'before' });
    expect(raised.err).toMatch(/File "my file\.py", line 2.*ZeroDivisionError: division by zero/s);
    expect(await runSh('raise SystemExit("no")')).toMatchObject({ status: 1, out: '' });
  });

  test('control.sh answers while a snippet runs', async () => {
    await using server = await realServer(place);
    await using session = await connect(server.address);
    const endless = session.run('print("on")\nwhile True: pass');
    for await (const event of endless) if (event.event === 'stdout') break;
    const controlSh = (op: string): Promise<Ended> => run('bash', [example('bash/control.sh'), 'session.sock', op]);
    expect(JSON.parse((await controlSh('status')).out)).toMatchObject({ state: 'busy' });
    expect(JSON.parse((await controlSh('interrupt')).out)).toMatchObject({ outcome: 'interrupted' });
    expect((await endless.result).status).toBe('interrupted');
    expect(await controlSh('nonsense')).toMatchObject({ status: 1, err: expect.stringContaining('unknown_op') });
  });

  test.skipIf(!hasTool('nc'))('the one line of the README answers', async () => {
    await using _server = await realServer(place);
    const line = readFileSync(example('README.md'), 'utf8').match(/^ {4}(nc -U .*)$/m)?.[1] ?? '';
    expect(await run('bash', ['-c', line])).toEqual({ status: 0, out: '42\n', err: '' });
  });
});

test('the Python example follows, interrupts, and keeps its names', async () => {
  await using _server = await realServer(place);
  const { status, out, err } = await run(anyInterpreter().path, ['-B', example('python/stream.py'), 'session.sock']);
  expect(err).toBe('');
  expect(out).toContain("output: 42 exception: ''\n");
  expect(out).toContain("get '4'\n");
  expect(out).toContain('ended: interrupted - namespace kept: True\nx is still 6\n');
  expect(status).toBe(0);
});

test.skipIf(!hasTool('vim'))('the Vim example shows output and a traceback with true line numbers', async () => {
  await using _server = await realServer(place);
  writeFileSync(place.path('code.py'), 'import os\nprint("from vim")\nget(6 * 7)\n1/0\n');
  const script = `
    set nocompatible
    source ${example('vim/sock_python.vim')}
    edit code.py
    2,$SockPython
    let output = bufnr('sock-python output')
    while output < 0 || join(getbufline(output, 1, '$'), "\\n") !~ '-- run'
      sleep 5m
      let output = bufnr('sock-python output')
    endwhile
    call writefile(getbufline(output, 1, '$'), 'shown')
    qall!
  `;
  writeFileSync(place.path('script.vim'), script);
  const { status, err } = await run('vim', ['-N', '-u', 'NONE', '-i', 'NONE', '-n', '-es', '-S', 'script.vim']);
  expect([status, err]).toEqual([0, '']);
  const shown = readFileSync(place.path('shown'), 'utf8');
  expect(shown).toMatch(
    /^from vim\n42\nTraceback.*code\.py", line 4, in <module>\n.*ZeroDivisionError.*\n-- run 1: error/s,
  );
});

test.skipIf(!hasTool('emacs'))('the Emacs example shows output and a traceback with true line numbers', async () => {
  await using _server = await realServer(place);
  writeFileSync(place.path('code.py'), 'import os\nprint("from emacs é")\nget(6 * 7)\n1/0\n');
  const program = `
    (progn
      (setq create-lockfiles nil)
      (load "${example('emacs/sock-python.el')}" nil t)
      (let ((ended nil))
        (add-hook 'sock-python-done-functions (lambda (_event) (setq ended t)))
        (find-file "code.py")
        (forward-line 1)
        (sock-python-send-region (point) (point-max))
        (while (not ended) (accept-process-output nil 1))
        (with-current-buffer "*sock-python*" (princ (buffer-string)))))
  `;
  const { status, out } = await run('emacs', ['-Q', '--batch', '--eval', program]);
  expect(out).toMatch(
    /^from emacs é\n42\nTraceback.*code\.py", line 4, in <module>\n.*ZeroDivisionError.*\n-- run 1: error/s,
  );
  expect(status).toBe(0);
});
