/**
 * What our own client measures, in a process of its own: `client.mjs TASK SOCKET COUNT WARMUP`; prints one JSON
 * object.
 */
import { connect } from '../dist/index.js';
import { median, milliseconds, percentile } from './numbers.mjs';

/** After this long, the next kernel stands ready. */
const STANDBY_MS = 1000;
const TASKS = { roundtrip, print, status, interrupt, restart, stream, answer };

const [, , task, address, count, warmup] = process.argv;

/** Opens a kept connection for as long as the work takes. */
async function withSession(work) {
  const session = await connect(address);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** The three short snippets in turn, with what `get` must have made of them. */
function snippet(number) {
  if (number % 3 === 0) return [`x = ${number}`, ''];
  if (number % 3 === 1) return [`get(x + ${number})`, String(2 * number - 1)];
  return ['x += 1', ''];
}

/** Microseconds for a snippet on a kept connection. */
function roundtrip(sampleCount, warmupCount) {
  return withSession(async (session) => {
    const times = [];
    for (let number = 0; number < warmupCount + sampleCount; number += 1) {
      const [code, expected] = snippet(number);
      const start = process.hrtime.bigint();
      const result = await session.run(code).result;
      times.push(Number(process.hrtime.bigint() - start) / 1e3);
      if (result.status !== 'ok' || result.output !== expected)
        throw new Error(`${code} gave ${JSON.stringify(result)}`);
    }
    return summary(times.slice(warmupCount));
  });
}

/** Prints at full speed, and decodes it, until somebody interrupts. */
function print() {
  return withSession(async (session) => {
    let characters = 0;
    const onEvent = (event) => {
      if (event.event === 'stdout') characters += event.text.length;
    };
    const code = "line = 'x' * 1023\nwhile True: print(line)";
    const ms = await milliseconds(() => session.run(code, { collect: false, onEvent }).result);
    return { megabytesPerSecond: characters / 1e3 / ms };
  });
}

/** Milliseconds for STATUS while another program's snippet runs, which is interrupted in the end. */
function status(sampleCount) {
  return withSession(async (session) => {
    while ((await session.status()).state !== 'busy');
    const times = await repeat(sampleCount, () => session.status());
    await session.interrupt();
    return summary(times);
  });
}

/** Milliseconds from asking to `done` of an endless loop. */
function interrupt(sampleCount) {
  return withSession(async (session) => {
    const times = [];
    for (let number = 0; number < sampleCount; number += 1) {
      const run = session.run('while True: pass');
      await startOf(run);
      times.push(await milliseconds(() => Promise.all([session.interrupt(), run.result])));
    }
    return summary(times);
  });
}

/** Milliseconds that RESTART takes, each time with the next kernel standing ready. */
function restart(sampleCount) {
  return withSession(async (session) => {
    const times = [];
    for (let count = 0; count < sampleCount; count += 1) {
      await new Promise((resolve) => setTimeout(resolve, STANDBY_MS));
      times.push(await milliseconds(() => session.restart()));
      const { output } = await session.run('get(1)').result;
      if (output !== '1') throw new Error(`the fresh kernel answered ${JSON.stringify(output)}`);
    }
    return summary(times);
  });
}

/** Milliseconds for `count` lines of 1 KB, decoded and counted. */
function stream(lineCount) {
  return withSession(async (session) => {
    let characters = 0;
    const onEvent = (event) => {
      if (event.event === 'stdout') characters += event.text.length;
    };
    const code = `line = 'x' * 1023\nfor _ in range(${lineCount}): print(line)`;
    const ms = await milliseconds(() => session.run(code, { collect: false, onEvent }).result);
    if (characters !== lineCount * 1024) throw new Error(`${characters} characters came, not ${lineCount * 1024}`);
    return { ms };
  });
}

/** One snippet; says which processes served it. */
function answer() {
  return withSession(async (session) => {
    const { output } = await session.run('get(6 * 7)').result;
    const { kernelPid, serverPid, python, pythonPath } = await session.status();
    return { output, kernelPid, serverPid, python, pythonPath };
  });
}

async function startOf(run) {
  for await (const event of run) if (event.event === 'started') return;
}

async function repeat(count, action) {
  const times = [];
  for (let number = 0; number < count; number += 1) times.push(await milliseconds(action));
  return times;
}

function summary(times) {
  return { p50: median(times), p99: percentile(times, 0.99) };
}

process.stdout.write(`${JSON.stringify(await TASKS[task](Number(count), Number(warmup)))}\n`);
