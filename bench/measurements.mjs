/**
 * Each measurement takes `{python, directory, rounds, short, cores}` (`cores` if all is pinned to one of them) and returns rows for the table. What a number is held
 * against is measured in the same rounds as the number itself.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '../dist/index.js';
import { interleave, milliseconds } from './numbers.mjs';
import { memoryMb, run, startService } from './processes.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const BASELINE = here('baseline.py');
const CLIENT = here('client.mjs');
let serviceCount = 0;

export const MEASUREMENTS = { roundtrip, stream, start, memory, status, interrupt, restart };

function socketIn(directory) {
  serviceCount += 1;
  return join(directory, `${serviceCount}.sock`);
}

/** Starts our server, does the work, and ends it; `ask` runs a task of `client.mjs` against it. */
async function withServer({ python, directory, serverWords = [] }, work, [node, ...before] = [process.execPath]) {
  const socket = socketIn(directory);
  const server = await startService(node, [...before, here('server.mjs'), socket, python, ...serverWords]);
  const ask = async (task, ...words) =>
    JSON.parse(await run(node, [...before, CLIENT, task, socket, ...words.map(String)]));
  try {
    return await work({ ask, pid: server.pid, socket });
  } finally {
    await server.stop();
  }
}

function atMost(limit, value) {
  return { target: `≤ ${limit}`, met: value <= limit };
}

/** Varying short snippets: our kept connection against the plainest in-process server with a connection a snippet. */
async function roundtrip(context) {
  const { python, directory, rounds, short } = context;
  const [count, warmup] = short ? ['300', '60'] : ['3000', '6000'];
  const socket = socketIn(directory);
  const baseline = await startService(python, [BASELINE, 'serve', socket], { kill: true });
  const inPython = async (...words) => JSON.parse(await run(python, [BASELINE, ...words, count, '300'])).p50;
  try {
    return await withServer(context, async ({ ask }) => {
      const times = await interleave(rounds, {
        baseline: () => inPython('client', socket),
        ours: async () => (await ask('roundtrip', count, warmup)).p50,
        pingpong: () => inPython('pingpong'),
      });
      const ratio = times.ours / times.baseline;
      return [
        { what: 'round trip: in-process Python server, connect per snippet', value: times.baseline, unit: 'µs' },
        { what: 'round trip: ours, kept connection', value: times.ours, unit: 'µs', ratio, ...atMost(1.7, ratio) },
        { what: 'beside: Python to Python, 200 bytes', value: times.pingpong, unit: 'µs' },
        ...(await ipykernel(context, times.baseline)),
      ];
    });
  } finally {
    await baseline.stop();
  }
}

/** Only where this interpreter has jupyter_client and ipykernel. */
async function ipykernel({ python, directory, short }, baseline) {
  const what = 'beside: ipykernel by jupyter_client';
  try {
    await run(python, ['-c', 'import ipykernel, jupyter_client']);
  } catch {
    return [{ what, note: 'not installed' }];
  }
  const env = { ...process.env, JUPYTER_RUNTIME_DIR: directory, IPYTHONDIR: directory };
  const { p50 } = JSON.parse(await run(python, [BASELINE, 'ipykernel', short ? '30' : '300', '30'], { env }));
  return [{ what, value: p50, unit: 'µs', ratio: p50 / baseline }];
}

/** 1 KB lines to a client that decodes them, against a bare pipe that Node reads. */
async function stream(context) {
  const lineCount = context.short ? 10_000 : 100_000;
  const megabytes = (lineCount * 1024) / 1e6;
  const pipeline = '"$1" "$2" lines "$3" | "$4" "$5"';
  const words = [context.python, BASELINE, String(lineCount), process.execPath, here('read_pipe.mjs')];
  return withServer(context, async ({ ask, pid }) => {
    const times = await interleave(context.short ? 1 : 5, {
      pipe: async () => JSON.parse(await run('sh', ['-c', pipeline, 'sh', ...words])).ms,
      ours: async () => (await ask('stream', lineCount)).ms,
    });
    const ratio = times.pipe / times.ours;
    const peak = memoryMb(pid, 'VmHWM');
    const size = `${megabytes.toFixed(0)} MB of 1 KB lines`;
    return [
      { what: `${size}: a bare pipe`, value: (megabytes / times.pipe) * 1e3, unit: 'MB/s' },
      {
        what: `${size}: ours`,
        value: (megabytes / times.ours) * 1e3,
        unit: 'MB/s',
        ratio,
        target: '≥ 0.5',
        met: ratio >= 0.5,
      },
      { what: 'server memory at its most meanwhile', value: peak, unit: 'MB', ...atMost(120, peak) },
    ];
  });
}

/** From the start of a server's process to the answer of its first snippet. */
async function start(context) {
  const { python, rounds } = context;
  const times = await interleave(rounds, {
    python: () => milliseconds(() => run(python, ['-c', 'pass'])),
    node: () => milliseconds(() => run(process.execPath, ['-e', '0'])),
    ours: () => firstAnswer(context),
  });
  const floor = times.python + times.node;
  const ratio = times.ours / floor;
  return [
    { what: 'python3 -c pass, and node -e 0', value: floor, unit: 'ms' },
    { what: 'start of a server to its first answer', value: times.ours, unit: 'ms', ratio, ...atMost(2.5, ratio) },
  ];
}

async function firstAnswer({ python, directory }) {
  const socket = socketIn(directory);
  const begin = performance.now();
  const server = await startService(process.execPath, [here('server.mjs'), socket, python]);
  try {
    const session = await connect(socket);
    const { output } = await session.run('get(6 * 7)').result;
    const ms = performance.now() - begin;
    await session.close();
    if (output !== '42') throw new Error(`the first answer was ${output}`);
    return ms;
  } finally {
    await server.stop();
  }
}

async function memory(context) {
  return withServer(context, async ({ ask, pid }) => {
    const { kernelPid } = await ask('answer');
    const kernel = memoryMb(kernelPid, 'VmRSS');
    return [
      { what: 'kernel memory, idle', value: kernel, unit: 'MB', ...atMost(18, kernel) },
      { what: 'beside: server memory, idle', value: memoryMb(pid, 'VmRSS'), unit: 'MB' },
    ];
  });
}

/** How long an answer takes is asked with all cores; on one, four busy processes wait for each other's time slices. */
async function status(context) {
  const { cores, short } = context;
  const count = short ? 100 : 1000;
  const work = async ({ ask }) => {
    const [times, { megabytesPerSecond }] = await Promise.all([ask('status', count), ask('print')]);
    return { ...times, what: `STATUS while another client gets ${megabytesPerSecond.toFixed(0)} MB/s` };
  };
  const free = await withServer(context, work, cores && ['taskset', '-c', cores, process.execPath]);
  const rows = [
    { what: `${free.what}, all cores, median`, value: free.p50, unit: 'ms' },
    { what: `${free.what}, all cores, 99 of 100`, value: free.p99, unit: 'ms', ...atMost(5, free.p99) },
  ];
  if (cores === undefined) return rows;
  const pinned = await withServer(context, work);
  return [...rows, { what: `beside: ${pinned.what}, one core, 99 of 100`, value: pinned.p99, unit: 'ms' }];
}

async function interrupt(context) {
  return withServer(context, async ({ ask }) => {
    const { p50, p99 } = await ask('interrupt', context.short ? 20 : 200);
    return [
      { what: 'interrupt of `while True: pass`, median', value: p50, unit: 'ms', ...atMost(2, p50) },
      { what: 'interrupt of `while True: pass`, 99 of 100', value: p99, unit: 'ms' },
    ];
  });
}

async function restart(context) {
  return withServer({ ...context, serverWords: ['standby'] }, async ({ ask }) => {
    const { p50 } = await ask('restart', context.short ? 2 : 15);
    return [{ what: 'RESTART, with a kernel that stands ready, median', value: p50, unit: 'ms', ...atMost(10, p50) }];
  });
}
