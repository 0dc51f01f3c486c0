/** The Python client and a real server: its functions, its command line, and its session file. */
import { execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { formatAddress, type RunningServer } from '../../src/index.js';
import { ROOT } from '../structure/sources.js';
import { anyInterpreter } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { realServer } from '../support/real_server.js';

const place = usePlace();
const PYTHON_FOLDER = join(ROOT, 'python');

/** Runs a program that has the client's names, and `ADDRESS` and `TOKEN`; gives what it prints as JSON. */
async function program(server: RunningServer, code: string): Promise<unknown> {
  const head = 'import json, sys\nfrom sock_client import *\nADDRESS, TOKEN = sys.argv[1:]\n';
  const arguments_ = ['-B', '-c', head + code, formatAddress(server.address), server.token ?? ''];
  const env = place.env({ PYTHONPATH: PYTHON_FOLDER });
  const { stdout } = await promisify(execFile)(anyInterpreter().path, arguments_, { env });
  return JSON.parse(stdout);
}

async function commandLine(
  arguments_: readonly string[],
  input: string,
): Promise<readonly [number | null, string, string]> {
  const child = spawn(anyInterpreter().path, ['-B', join(PYTHON_FOLDER, 'sock_client.py'), ...arguments_], {
    cwd: place.work,
    env: place.env(),
  });
  const status = new Promise<number | null>((resolve) => child.once('close', resolve));
  child.stdin.end(input);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return [await status, out, err];
}

test('run_snippet gives the same texts in the classic and in the native dialect', async () => {
  await using server = await realServer(place);
  const snippets = [
    "get('hey'); get(1 << 20); get(None)",
    '1/0',
    "get('before')\nraise ValueError('after')",
    'def g(n):\n    if n:\n        return g(n - 1)\n    raise KeyError("deep")\ng(2)',
    "import json\njson.loads('{')",
    'x = (',
    'if True:\nx',
    'raise RuntimeError',
    'raise SystemExit(3)',
    'raise KeyboardInterrupt',
    'try:\n    1/0\nexcept Exception as e:\n    raise ValueError("outer") from e',
  ];
  const code = `print(json.dumps([[run_snippet(ADDRESS, s), run_snippet(ADDRESS, s, token=TOKEN)] for s in ${JSON.stringify(snippets)}]))`;
  const pairs = (await program(server, code)) as [unknown, unknown][];
  expect(pairs.map(([, native]) => native)).toEqual(pairs.map(([classic]) => classic));
  expect(pairs[0]?.[0]).toEqual(['hey1048576None', '']);
  expect(pairs[1]?.[0]).toEqual(['', 'Snippet, line 1, in <module>:\n    1/0\nZeroDivisionError: division by zero']);
});

test('stream gives events as they come, and control reaches a run that is on', async () => {
  await using server = await realServer(place);
  const code = `
seen = []
for event in stream(ADDRESS, 'print("on")\\nget(arguments)\\nwhile True: pass', arguments=[2**60, b"\\xff"]):
    seen.append(event["event"])
    if event["event"] == "get":
        seen.append(event["text"])
        status = control(ADDRESS, Action.STATUS, token=TOKEN)
        outcome = control(ADDRESS, Action.INTERRUPT, run=event["run"])["outcome"]
print(json.dumps([[name for name in seen if name != "queued"], event["status"], status["state"], outcome]))
`;
  expect(await program(server, code)).toEqual([
    ['started', 'stdout', 'get', "[1152921504606846976, b'\\xff']", 'done'],
    'interrupted',
    'busy',
    'interrupted',
  ]);
});

test('control restarts and stops in either dialect', async () => {
  await using server = await realServer(place);
  const code = `print(json.dumps([
    control(ADDRESS, Action.RESTART), control(ADDRESS, Action.RESTART, token=TOKEN)["generation"],
    control(ADDRESS, Action.STATUS)["pid"] > 0, control(ADDRESS, Action.STOP)]))`;
  expect(await program(server, code)).toEqual([{}, 3, true, {}]);
  await server.closed;
});

test('over TCP, the token opens the session after the server has proved itself', async () => {
  await using server = await realServer(place, { address: '127.0.0.1:0' });
  const code = `
try: refused = run_snippet(ADDRESS, "get(1)")
except SockPythonError as error: refused = error.code
try: wrong = run_snippet(ADDRESS, "get(1)", token="x" * 64)
except SockPythonError as error: wrong = error.code
print(json.dumps([refused, wrong, run_snippet(ADDRESS, "get(1)", token=TOKEN)]))
`;
  const [refused, wrong, answer] = (await program(server, code)) as [string, string, unknown];
  expect(['connection_lost', 'bad_request']).toContain(refused);
  expect(wrong).toBe('unauthorized');
  expect(answer).toEqual(['1', '']);
});

test('the command line runs standard input as the session file says', async () => {
  await using server = await realServer(place, { address: '127.0.0.1:0' });
  const { token, address } = server;
  const content = { address: formatAddress(address), token, protocol: 1 };
  writeFileSync(place.path('.sock_python.json'), JSON.stringify(content), { mode: 0o600 });
  expect(await commandLine([], 'get(15); get(13); print("not shown")')).toEqual([0, '15 13', '']);
  const [status, out, err] = await commandLine(['-p'], 'print("shown")\n1/0');
  expect([status, out]).toEqual([10, 'shown\n']);
  expect(err).toMatch(/^Traceback.*ZeroDivisionError: division by zero\n$/s);
  expect((await commandLine([], 'raise SystemExit(7)'))[0]).toBe(7);
});
