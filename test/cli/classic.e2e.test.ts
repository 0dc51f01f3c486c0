/** Towards an original server: its session file has only an address, and nothing but its dialect is sent. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { anyInterpreter } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { CommandLine } from './command.js';

/** As strict as the original: it ends at any message that it does not know, and notes what it was sent. */
const ORIGINAL = `
import contextlib, io, json, socket, struct, sys, traceback
server = socket.socket(socket.AF_UNIX)
server.bind('original.sock')
server.listen()
json.dump({'address': 'original.sock'}, open('.sock_python.json', 'w'))
print('ready', flush=True)
seen, names = open('seen', 'a'), {}
while True:
    connection, _ = server.accept()
    size, = struct.unpack('>I', connection.recv(4, socket.MSG_WAITALL))
    message = json.loads(connection.recv(size, socket.MSG_WAITALL))
    print(json.dumps(message), file=seen, flush=True)
    if 'snippet' in message:
        out = []
        names['get'] = lambda value: out.append(str(value))
        error = ''
        try:
            exec(message['snippet'], names)
        except Exception as e:
            error = 'Snippet, line 1, in <module>:\\n' + type(e).__name__ + ': ' + str(e)
        reply = {'captured': ''.join(out), 'exception': error}
    else:
        reply = {'ack': message['control'], 'response': '{"pid": 42}' if message['control'] == 'status' else ''}
    data = json.dumps(reply).encode()
    connection.sendall(struct.pack('>I', len(data)) + data)
    connection.close()
    if message.get('control') == 'stop':
        break
`;

const place = usePlace();
const line = new CommandLine(place);
let ended: Promise<unknown>;
let stop: () => void;

beforeEach(async () => {
  const child = spawn(anyInterpreter().path, ['-c', `${ORIGINAL}\nimport os; os.unlink('original.sock')`], {
    cwd: place.work,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  ended = once(child, 'exit');
  stop = () => child.kill();
  await once(createInterface(child.stdout), 'line');
});
afterEach(async () => {
  await line.run(['stop']);
  stop();
  await ended;
});

const seen = (): string[] => readFileSync(place.path('seen'), 'utf8').trimEnd().split('\n');

test('snippets, status and stop work, and nothing else is sent', async () => {
  expect(await line.run([], { input: 'x = 1; get(15); get(13)' })).toEqual({ status: 0, stdout: '1513', stderr: '' });
  expect(await line.run(['run', '-c', 'get(x)'])).toMatchObject({ status: 0, stdout: '1' });
  expect(await line.run([], { input: '1/0' })).toEqual({
    status: 10,
    stdout: '',
    stderr: 'Snippet, line 1, in <module>:\nZeroDivisionError: division by zero\n',
  });
  expect(await line.run(['run', '--json', '-c', 'get(x)'])).toMatchObject({
    stdout: '{"captured":"1","exception":""}\n',
  });
  expect(await line.run(['status'])).toMatchObject({ status: 0, stdout: 'pid: 42\n' });
  expect(await line.run(['stop'])).toMatchObject({ status: 0, stdout: 'stopped\n' });
  await ended;
  expect(seen().map((text) => Object.keys(JSON.parse(text))[0])).toEqual([
    ...['snippet', 'snippet', 'snippet', 'snippet', 'control', 'control'],
  ]);
});

test('--classic says so where no session file does', async () => {
  const result = await line.run(['--classic', '-f', '-', 'original.sock'], { input: 'get(1)' });
  expect(result).toEqual({ status: 0, stdout: '1', stderr: '' });
});

test('what it does not know is refused here, before anything is sent', async () => {
  writeFileSync(place.path('seen'), '');
  const lines = [
    ['interrupt'],
    ['runs'],
    ['attach', '1'],
    ['run', '--timeout', '1', '-c', '1'],
    ['run', '--value', '-c', '1'],
    ['run', '--detach', '-c', '1'],
    ['run', '--key', 'k', '-c', '1'],
    ['run', '--on-disconnect', 'cancel', '-c', '1'],
    ['run', '--no-history', '-c', '1'],
    ['wait'],
    ['history', '--py'],
  ];
  for (const args of lines)
    expect(await line.run(args)).toMatchObject({ status: 2, stderr: expect.stringContaining('original') });
  expect(readFileSync(place.path('seen'), 'utf8')).toBe('');
});

test('its session file is not taken over while its socket is there', async () => {
  const result = await line.run(['serve', '--python', anyInterpreter().path]);
  expect(result).toMatchObject({ status: 1, stderr: expect.stringContaining('is in use') });
});
