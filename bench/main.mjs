/**
 * The numbers of the project, each as a ratio to something measured in the same run on the same core.
 * `npm run bench -- --help` tells the options.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MEASUREMENTS } from './measurements.mjs';
import { printTable } from './table.mjs';

const OPTIONS = {
  only: { type: 'string', multiple: true },
  python: { type: 'string', default: 'python3' },
  rounds: { type: 'string', default: '7' },
  short: { type: 'boolean', default: false },
  'no-pin': { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
};
const HELP = `Usage: npm run bench -- [options]
  --only NAME     one of ${Object.keys(MEASUREMENTS).join(', ')}; may be repeated
  --python PATH   the interpreter of the kernel and of the baselines (${OPTIONS.python.default})
  --rounds N      interleaved rounds, of which the median counts (${OPTIONS.rounds.default})
  --short         small counts: shows that everything runs, the numbers mean little
  --check         exit with 1 when a target is missed
  --no-pin        do not pin everything to one core
  --json          one JSON object instead of a table
`;
const PINNED = 'SOCK_PYTHON_BENCH_PINNED';
const CORES = 'SOCK_PYTHON_BENCH_CORES';

/** Starts this program again on one core (its children inherit it); undefined where that cannot be done. */
function pinned() {
  if (process.env[PINNED] !== undefined) return undefined;
  const [, cores = '0'] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  const first = String(Number.parseInt(cores, 10));
  const again = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const { status, error } = spawnSync('taskset', ['-c', first, process.execPath, ...again], {
    stdio: 'inherit',
    env: { ...process.env, [PINNED]: first, [CORES]: cores },
  });
  return error === undefined ? (status ?? 1) : undefined;
}

function interpreter(path) {
  const program = 'import sys; print(sys.executable); print(sys.implementation.name, sys.version.split()[0])';
  const { stdout, status } = spawnSync(path, ['-c', program], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${path} is no working Python`);
  const [executable, version] = stdout.trim().split('\n');
  return { executable, version };
}

/** Each chosen measurement's rows; a measurement that cannot run here says so in its own row. */
async function measure(names, context) {
  const rows = [];
  for (const name of names) {
    process.stderr.write(`measuring ${name} …\n`);
    rows.push(...(await MEASUREMENTS[name](context)));
  }
  return rows;
}

async function main() {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) return void process.stdout.write(HELP);
  const names = values.only ?? Object.keys(MEASUREMENTS);
  const unknown = names.find((name) => !(name in MEASUREMENTS));
  if (unknown !== undefined) throw new Error(`no measurement is named ${unknown}\n${HELP}`);
  const status = values['no-pin'] ? undefined : pinned();
  if (status !== undefined) {
    process.exitCode = status;
    return;
  }
  const { executable, version } = interpreter(values.python);
  const directory = mkdtempSync(join(tmpdir(), 'sp-bench-'));
  const context = {
    python: executable,
    directory,
    rounds: values.short ? 1 : Number(values.rounds),
    short: values.short,
    cores: process.env[CORES],
  };
  // Other work on the machine shows in the numbers: a load above a fraction of one makes them worth little.
  const [load = 0] = loadavg();
  try {
    const rows = await measure(names, context);
    report({ rows, version, executable, json: values.json, load });
    if (values.check && rows.some(({ met }) => met === false)) process.exitCode = 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function report({ rows, version, executable, json, load }) {
  const core = process.env[PINNED];
  const machine = {
    python: `${version} (${executable})`,
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    'load before': load.toFixed(1),
    pinned: core === undefined ? `no, ${availableParallelism()} cores` : `to core ${core}`,
  };
  if (json) process.stdout.write(`${JSON.stringify({ ...machine, rows }, undefined, 2)}\n`);
  else printTable(machine, rows);
}

await main();
