/** On a terminal (a pseudo-terminal of Python's): hints, prompts, passwords, Ctrl+C and Ctrl+D as keys. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { anyInterpreter } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { CommandLine, type Started } from './command.js';

const TERMINAL = 'import os, pty, sys; status = pty.spawn(sys.argv[1:]); sys.exit(status >> 8 or status & 127)';
const CTRL_C = '\u0003';
const CTRL_D = '\u0004';

const place = usePlace();
const line = new CommandLine(place);
let server: Started;

beforeEach(async () => {
  server = await line.serve();
});
afterEach(async () => {
  server.signal('SIGTERM');
  await server.result();
});

function onTerminal(...args: string[]): Started {
  return line.begin(args, { prefix: [anyInterpreter().path, '-c', TERMINAL], keepsInput: true });
}
const type = (command: Started, text: string): unknown => command.child.stdin?.write(text);

test('the bare form says what to type and how to end, and its output ends with its line', async () => {
  const command = onTerminal();
  await command.said(/type a snippet of Python, then Ctrl\+D/);
  type(command, `get(6 * 7)\n${CTRL_D}`);
  const { status, stdout } = await command.result();
  expect(status).toBe(0);
  expect(stdout).toMatch(/\n42\r\n$/);
  expect(stdout.match(/sock-python:/g)).toHaveLength(1);
});

test('a traceback begins on a line of its own', async () => {
  const command = onTerminal('run', '-c', 'get("before"); 1/0');
  expect(await command.result()).toMatchObject({ status: 10, stdout: expect.stringMatching(/^before\r\nTraceback/) });
});

test('input asks on the terminal', async () => {
  const command = onTerminal('run', '-c', 'name = input("Name: "); get(f"<{name}>")');
  await command.said(/Name: /);
  type(command, 'Ada\n');
  expect(await command.result()).toMatchObject({ status: 0, stdout: expect.stringMatching(/<Ada>\r\n$/) });
});

test('Ctrl+D answers input with the end of the file', async () => {
  const command = onTerminal('run', '-c', 'input("Name: ")');
  await command.said(/Name: /);
  type(command, CTRL_D);
  expect(await command.result()).toMatchObject({ status: 10, stdout: expect.stringContaining('EOFError') });
});

test('a password is not shown while it is typed', async () => {
  const command = onTerminal('run', '-c', 'import getpass; get(len(getpass.getpass("Secret: ")))');
  await command.said(/Secret: /);
  type(command, 'hushhush\r');
  const { status, stdout } = await command.result();
  expect(status).toBe(0);
  expect(stdout).toMatch(/8\r\n$/);
  expect(stdout).not.toContain('hush');
});

test.each([
  ['a busy loop', 'print("on")\nwhile True: pass'],
  ['a question', 'print("on")\ninput()'],
  ['a question for a password', 'import getpass\nprint("on")\ngetpass.getpass()'],
])('Ctrl+C interrupts %s', async (_name, code) => {
  const command = onTerminal('run', '-c', code);
  await command.said(/on\r\n/);
  if (code.includes('getpass')) await command.said(/Password: /);
  type(command, CTRL_C);
  expect(await command.result()).toMatchObject({ status: 11, stdout: expect.stringContaining('KeyboardInterrupt') });
});

test('a run that has to wait says so, and a detached one how to follow it', async () => {
  const first = onTerminal('run', '-c', 'print("on")\nwhile True: pass');
  await first.said(/on\r\n/);
  const second = onTerminal('run', '-c', 'get("second")');
  await second.said(/sock-python: run 2 waits, at place 1 of the queue\r\n/);
  const third = await onTerminal('run', '--detach', '-c', 'get("third")').result();
  expect(third).toMatchObject({ status: 0, stdout: '3\r\nsock-python: run 3 goes on: sock-python attach 3\r\n' });
  const waiting = onTerminal('wait', '3');
  type(first, CTRL_C);
  expect(await first.result()).toMatchObject({ status: 11 });
  expect(await second.result()).toMatchObject({ status: 0, stdout: expect.stringMatching(/second\r\n$/) });
  expect(await waiting.result()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^run 3 ended: ok/) });
});

test.each(['wait', 'watch', 'attach'])('Ctrl+C leaves %s with 130, and the run goes on', async (command) => {
  const running = onTerminal('run', '-c', 'print("on")\nwhile True: pass');
  await running.said(/on\r\n/);
  const leaving = onTerminal(command);
  if (command === 'wait') await connected(2);
  else await leaving.said(/on/);
  type(leaving, CTRL_C);
  expect((await leaving.result()).status).toBe(130);
  expect(JSON.parse((await line.run(['status', '--json'])).stdout)).toMatchObject({ state: 'busy' });
  type(running, CTRL_C);
  expect((await running.result()).status).toBe(11);
});

/** Until so many clients are there, beside the one that asks. */
async function connected(count: number): Promise<void> {
  while (JSON.parse((await line.run(['status', '--json'])).stdout).counts.connections <= count);
}
