/** The limits of a session: what the command line makes of them, and that STATUS tells those in force. */
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/cli/failure.js';
import { type LimitFlags, serveLimits } from '../../src/cli/serve_limits.js';
import { usePlace } from '../support/leftovers.js';
import { CommandLine } from './command.js';

const place = usePlace();
const line = new CommandLine(place);
const MIB = 1_048_576;

describe('the limits of a server', () => {
  test.each<[LimitFlags, object]>([
    [{}, { standby: true, runSpillBytes: 256 * MIB, sessionSpillBytes: 1024 * MIB, keptMs: undefined }],
    [{ standby: '0' }, { standby: false }],
    [{ standby: '1' }, { standby: true }],
    [
      { keepRuns: '1', keepBytes: '0', keepAge: '0.5' },
      { keptRunCount: 1, keptBytes: 0, keptMs: 500 },
    ],
    [
      { keepRuns: '5000', keepBytes: '2G' },
      { keptRunCount: 5000, keptBytes: 2048 * MIB },
    ],
    [{ spillRun: '1M' }, { runSpillBytes: MIB, sessionSpillBytes: 1024 * MIB }],
    [{ spillRun: '2G' }, { runSpillBytes: 2048 * MIB, sessionSpillBytes: 2048 * MIB }],
    [{ spillSession: '10M' }, { runSpillBytes: 10 * MIB, sessionSpillBytes: 10 * MIB }],
    [
      { spillRun: '2M', spillSession: '3M' },
      { runSpillBytes: 2 * MIB, sessionSpillBytes: 3 * MIB },
    ],
    [{ restartBudget: '3/1.5' }, { budget: { deathCount: 3, windowMs: 1500 } }],
  ])('%j', (flags, limits) => {
    expect(serveLimits(flags)).toMatchObject(limits);
  });

  test.each<[LimitFlags, string]>([
    [{ standby: '2' }, '--standby takes 0 or 1, not "2"'],
    [{ keepRuns: '0' }, '--keep-runs takes a whole number from 1 on, not "0"'],
    [{ keepBytes: '1T' }, '--keep-bytes takes 0 to 1099511627776 bytes'],
    [{ keepAge: '0' }, '--keep-age takes a number of seconds above 0'],
    [{ spillRun: '1000K' }, '--spill-run takes 1048576 to '],
    [{ spillSession: 'much' }, '--spill-session takes 1048576 to '],
    [{ spillRun: '3M', spillSession: '2M' }, '--spill-run 3M is more than --spill-session 2M'],
    [{ restartBudget: '5' }, '--restart-budget takes COUNT/SECONDS like 5/30, not "5"'],
    [{ restartBudget: '5/' }, '--restart-budget takes COUNT/SECONDS'],
    [{ restartBudget: '1/2/3' }, '--restart-budget takes COUNT/SECONDS'],
    [{ restartBudget: '0/30' }, 'the count of --restart-budget takes a whole number from 1 on, not "0"'],
    [{ restartBudget: '5/soon' }, 'the time of --restart-budget takes a number of seconds'],
  ])('%j is a mistake', (flags, words) => {
    expect(() => serveLimits(flags)).toThrow(UsageError);
    expect(() => serveLimits(flags)).toThrow(words);
  });
});

test('STATUS tells those in force, in JSON and in words', async () => {
  const flags = '--timeout 60 --queue 7 --max-frame 1M --idle-exit 3600 --standby 0 --restart-budget 2/10';
  const kept = '--keep-runs 3 --keep-bytes 2M --keep-age 90 --spill-run 4M --spill-session 8M';
  const server = await line.serve([...flags.split(' '), ...kept.split(' ')]);
  expect(JSON.parse((await line.run(['status', '--json'])).stdout).limits).toMatchObject({
    timeoutMs: 60_000,
    queueCount: 7,
    maxFrameBytes: MIB,
    idleExitMs: 3_600_000,
    standbyCount: 0,
    restartBudgetCount: 2,
    restartBudgetMs: 10_000,
    keptRunCount: 3,
    keptBytes: 2 * MIB,
    keptMs: 90_000,
    runSpillBytes: 4 * MIB,
    sessionSpillBytes: 8 * MIB,
  });
  const { stdout } = await line.run(['status']);
  expect(stdout).toContain('\nlimits: time 60.0 s, idle exit 60 min, queue 7, frame 1.0 MiB\n');
  expect(stdout).toContain(
    '\nkeeps: 3 ended runs for 90.0 s, 2.0 MiB of them in memory, on disk 4.0 MiB a run and 8.0 MiB in all\n',
  );
  expect(stdout).toContain('\nkernels: none is held ready, given up after 2 early deaths in 10.0 s\n');
  server.signal('SIGTERM');
  await server.result();
});

test('without options they are those of the manual', async () => {
  const server = await line.serve();
  expect(JSON.parse((await line.run(['status', '--json'])).stdout).limits).toMatchObject({
    timeoutMs: null,
    queueCount: 100,
    standbyCount: 1,
    restartBudgetCount: 5,
    restartBudgetMs: 30_000,
    keptRunCount: 1000,
    keptBytes: 64 * MIB,
    keptMs: null,
    runSpillBytes: 256 * MIB,
    sessionSpillBytes: 1024 * MIB,
  });
  const { stdout } = await line.run(['status']);
  expect(stdout).toContain('\nkeeps: 1000 ended runs of any age, 64.0 MiB of them in memory, on disk 256.0 MiB a run');
  expect(stdout).toContain('\nkernels: one is held ready, given up after 5 early deaths in 30.0 s\n');
  server.signal('SIGTERM');
  await server.result();
});

test('output of a run past its limit on disk is told as a gap, with its head and its tail kept', async () => {
  const server = await line.serve(['--spill-run', '1M']);
  await line.run(['run', '--detach', '-c', 'for i in range(60000): print(f"{i:099}")']);
  await line.run(['wait']);
  const { status, stdout, stderr } = await line.run(['attach', '1']);
  expect(status).toBe(0);
  expect(stderr).toMatch(/^sock-python: \d+ events \(\d+ bytes\) of output were dropped here\n$/);
  expect(stdout.startsWith(`${'0'.padStart(99, '0')}\n`)).toBe(true);
  expect(stdout.endsWith(`${'59999'.padStart(99, '0')}\n`)).toBe(true);
  expect(stdout.length).toBeLessThan(4 * MIB);
  server.signal('SIGTERM');
  await server.result();
});
