/** How a kernel dies, and what its users are told: by the command that was on, by the next one, by status. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { connect, runSnippet, type StatusReply } from '../../src/index.js';
import { CommandLine } from '../cli/command.js';
import { anyInterpreter } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { useSessions } from './kit/sessions.js';
import { canLimitMemory, makeMemoryGroup } from './kit/system.js';
import { eventually } from './kit/waiting.js';

const place = usePlace();
const line = new CommandLine(place);
const sessions = useSessions(place);
const isMemoryLimitable = canLimitMemory();
const MEGABYTE = 1_048_576;

interface Death {
  readonly name: string;
  readonly code: string;
  /** The exact sentence, but for the pid. */
  readonly message: string;
  readonly fields: object;
  /** Python's stack is known, and names where. */
  readonly hasStack?: boolean;
}

const DEATHS: readonly Death[] = [
  {
    name: 'reads where nothing is',
    code: 'import ctypes\ndef culprit(): ctypes.string_at(0)\nculprit()',
    message: 'died of a segmentation fault (SIGSEGV)',
    fields: { signal: 'SIGSEGV' },
    hasStack: true,
  },
  {
    name: 'overflows its stack deep in C code',
    code: 'import ctypes\ndef culprit(): ctypes.CDLL(None).regcomp(bytes(256), b"(" * 1_000_000, 1)\nculprit()',
    message: 'died of a segmentation fault (SIGSEGV)',
    fields: { signal: 'SIGSEGV' },
    hasStack: true,
  },
  {
    name: 'aborts',
    code: 'import os\ndef culprit(): os.abort()\nculprit()',
    message: 'died of an abort (SIGABRT)',
    fields: { signal: 'SIGABRT' },
    hasStack: true,
  },
  {
    name: 'leaves without a word',
    code: 'import os; os._exit(3)',
    message: 'the process exited with code 3',
    fields: { code: 3 },
  },
  {
    name: 'becomes another program',
    code: "import os; os.execvp('sleep', ['sleep', '1000'])",
    message: 'its channel was closed from within (exec, or a close of all files)',
    fields: { signal: 'SIGKILL' },
  },
  {
    name: 'kills itself as the system would',
    code: 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)',
    message: 'killed from outside by SIGKILL',
    fields: { signal: 'SIGKILL' },
  },
];

async function status(): Promise<StatusReply> {
  return JSON.parse((await line.run(['status', '--json'])).stdout) as StatusReply;
}

describe.each(DEATHS)('a kernel that $name', ({ code, message, fields, hasStack = false }) => {
  test('is explained to the command, to the next one, and in status; and the session goes on', async () => {
    const { address } = await sessions.serve();
    await line.run(['run', '-c', 'precious = other = 1']);
    const before = await status();
    const killed = await line.run(['run', '-c', `print("last words")\n${code}`]);
    expect(killed).toMatchObject({ status: 14, stdout: 'last words\n' });
    const [first, ...stack] = killed.stderr.trimEnd().split('\n');
    expect(first).toBe(`sock-python: run 2 was lost: ${message}; the namespace is gone`);
    expect(stack.join('\n').includes('in culprit')).toBe(hasStack);
    await eventually('a fresh kernel is there', async () => (await status()).state === 'idle');
    const after = await status();
    expect(after).toMatchObject({
      generation: before.generation + 1,
      counts: { deaths: 1 },
      lastDeath: { generation: 1, run: 2, reason: { message, ...fields } },
    });
    expect(after.lastDeath?.reason.stack?.includes('culprit') ?? false).toBe(hasStack);
    expect(after.kernelPid).not.toBe(before.kernelPid);
    const next = await line.run(['run', '-c', "get('precious' in globals())"]);
    expect(next).toMatchObject({ status: 0, stdout: 'False' });
    expect(next.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(next.stderr).toMatch(/^sock-python: the session lost its namespace before this run: /);
    expect(next.stderr).toContain(message);
    expect(next.stderr).toMatch(/gone: .*\bprecious\b/);
    expect(await line.run(['run', '-c', '1'])).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(await runSnippet(address, 'get(1)')).toMatchObject({ status: 'ok', run: 5 });
  });
});

describe('a kernel that is killed from outside', () => {
  test('during a run ends that run, and says so', async () => {
    const { record } = await sessions.serve();
    const command = line.begin(['run', '-c', 'print("on")\nwhile True: pass']);
    await command.said(/on/);
    process.kill(record.kernelPid as number, 'SIGKILL');
    const { status: exitCode, stderr } = await command.result();
    expect(exitCode).toBe(14);
    expect(stderr).toBe('sock-python: run 1 was lost: killed from outside by SIGKILL; the namespace is gone\n');
  });

  test('while nothing runs is replaced, and the next command is told', async () => {
    const { record } = await sessions.serve();
    await line.run(['run', '-c', 'precious = 1']);
    process.kill(record.kernelPid as number, 'SIGTERM');
    await eventually('a fresh kernel is there', async () => (await status()).generation === 2);
    const { status: exitCode, stderr } = await line.run(['run', '-c', 'pass']);
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^sock-python: the session lost its namespace .*SIGTERM; gone: precious\n$/);
  });
});

describe.skipIf(!isMemoryLimitable)('memory that runs out', () => {
  /** Takes memory until the system says no; the pages are written to, so that they count. */
  const DEVOUR = "hoard = []\nwhile True: hoard.append(bytearray(b'x') * 1_000_000)";

  test('is told as what it was', async () => {
    const { record, address } = await sessions.serve();
    using group = makeMemoryGroup(64 * MEGABYTE);
    group.add(record.kernelPid as number);
    const { status: exitCode, stdout, stderr } = await line.run(['run', '-c', `print("last words")\n${DEVOUR}`]);
    expect(group.killCount).toBe(1);
    expect({ exitCode, stdout }).toEqual({ exitCode: 14, stdout: 'last words\n' });
    const message = 'killed by the system, which had run out of memory (SIGKILL)';
    expect(stderr).toBe(`sock-python: run 1 was lost: ${message}; the namespace is gone\n`);
    await using session = await connect(address);
    expect((await session.status()).lastDeath).toMatchObject({ reason: { oom: true, signal: 'SIGKILL', message } });
    expect((await session.run('get(1)').result).output).toBe('1');
  });

  test('of a child of the run is the affair of the run', async () => {
    const { record, address } = await sessions.serve();
    using group = makeMemoryGroup(64 * MEGABYTE);
    group.add(record.kernelPid as number);
    const code = `import subprocess, sys\nget(subprocess.run([sys.executable, '-c', arguments]).returncode)`;
    expect(await runSnippet(address, code, { arguments: DEVOUR })).toMatchObject({ status: 'ok', output: '-9' });
    await line.run(['stop']);
  });

  test('elsewhere is not blamed for what somebody else did to the kernel', async () => {
    const { record } = await sessions.serve();
    await devourElsewhere();
    const command = line.begin(['run', '-c', 'print("on")\nwhile True: pass']);
    await command.said(/on/);
    process.kill(record.kernelPid as number, 'SIGKILL');
    expect((await command.result()).stderr).toContain('run 1 was lost: killed from outside by SIGKILL;');
    // With nothing on there is no telling who it was, and that is what is said.
    const { kernelPid } = await status();
    await line.run(['run', '-c', 'pass']);
    await devourElsewhere();
    process.kill(kernelPid as number, 'SIGKILL');
    await eventually('a fresh kernel is there', async () => (await status()).generation === 3);
    const { reason } = (await status()).lastDeath ?? {};
    expect(reason).toEqual({
      signal: 'SIGKILL',
      message: 'killed by SIGKILL while nothing ran: from outside, or by the system, which ran out of memory meanwhile',
    });
  });

  /** Lets the system kill a process that has nothing to do with any session. */
  async function devourElsewhere(): Promise<void> {
    using group = makeMemoryGroup(32 * MEGABYTE);
    const code = `import sys\nsys.stdin.readline()\n${DEVOUR}`;
    const child = spawn(anyInterpreter().path, ['-c', code], { stdio: ['pipe', 'ignore', 'ignore'] });
    const exit = once(child, 'exit');
    group.add(child.pid as number);
    child.stdin.end('\n');
    expect(await exit).toEqual([null, 'SIGKILL']);
  }
});
