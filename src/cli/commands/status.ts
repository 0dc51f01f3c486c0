/** `status`: how the session is, also while a snippet runs. */
import type { StatusReply } from '../../protocol/messages.js';
import { runControl } from '../control_command.js';
import type { Io } from '../io.js';
import { escapeLine, formatBytes, formatSpan, plural } from '../text.js';

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const command = {
    action: 'status',
    description: 'Tell how a session is; the answer never waits behind a snippet.',
    options: [],
    show: (reply: StatusReply) => ({ text: statusText(reply) }),
  } as const;
  await runControl(command, args, io);
}

/** One `name: value` a line. */
export function statusText(status: StatusReply): string {
  const { counts, memory, run, lastDeath, server } = status;
  const rows: readonly (readonly [string, string])[] = [
    ['state', status.state],
    ['address', status.address],
    [
      'run',
      run === null ? 'none' : `${run.run}${run.name === null ? '' : ` (${run.name})`}, for ${formatSpan(run.ms)}`,
    ],
    ['queue', plural(status.queue, 'run')],
    ['python', `${status.python ?? 'none'}${status.pythonPath === null ? '' : ` at ${status.pythonPath}`}`],
    ['kernel', `pid ${status.kernelPid ?? 'none'}, generation ${status.generation}, ${status.launcher}`],
    ['server', `pid ${status.serverPid}, ${server.name} ${server.version}, protocol ${status.protocol}`],
    ['uptime', formatSpan(status.uptimeMs)],
    [
      'counts',
      `${plural(counts.runs, 'run')}, ${plural(counts.connections, 'connection')}, ${plural(counts.deaths, 'death')}`,
    ],
    [
      'memory',
      `kernel ${memory.kernelBytes === null ? 'unknown' : formatBytes(memory.kernelBytes)}, server ${formatBytes(memory.serverBytes)}`,
    ],
    ...(status.error === undefined ? [] : [['error', errorText(status.error)] as const]),
    ['last death', lastDeath === null ? 'none' : deathText(lastDeath)],
    ['limits', limitsText(status.limits)],
    ['keeps', keptText(status.limits)],
    ['kernels', kernelsText(status.limits)],
    ['folder', status.cwd],
    ['session', status.session],
  ];
  return rows.map(([name, value]) => `${name}: ${escapeLine(value)}`).join('\n');
}

/** Python's own words, where it did not start, are in the details. */
function errorText({ message, details }: NonNullable<StatusReply['error']>): string {
  const words = typeof details === 'string' && details.trim() !== '' ? `: ${details.trim()}` : '';
  return `${message}${words}; sock-python restart tries again`;
}

function deathText({ generation, at, run, reason }: NonNullable<StatusReply['lastDeath']>): string {
  const during = run === null ? '' : ` in run ${run}`;
  return `generation ${generation}${during}, ${new Date(at).toISOString()}: ${reason.message}`;
}

// Of the limits those that can be set; --json has all of them. A server of another version may lack some.

type Limit = number | null | undefined;
const span = (ms: Limit): string => (typeof ms === 'number' ? formatSpan(ms) : 'none');
const size = (bytes: Limit): string => (typeof bytes === 'number' ? formatBytes(bytes) : 'none');

function limitsText({ timeoutMs, queueCount, maxFrameBytes, idleExitMs }: StatusReply['limits']): string {
  const times = `time ${span(timeoutMs)}, idle exit ${span(idleExitMs)}`;
  return `${times}, queue ${queueCount ?? 'none'}, frame ${size(maxFrameBytes)}`;
}

function keptText(limits: StatusReply['limits']): string {
  const { keptRunCount, keptBytes, keptMs, runSpillBytes, sessionSpillBytes } = limits;
  const age = typeof keptMs === 'number' ? `for ${formatSpan(keptMs)}` : 'of any age';
  const memory = `${plural(keptRunCount ?? 0, 'ended run')} ${age}, ${size(keptBytes)} of them in memory`;
  return `${memory}, on disk ${size(runSpillBytes)} a run and ${size(sessionSpillBytes)} in all`;
}

function kernelsText({ standbyCount, restartBudgetCount, restartBudgetMs }: StatusReply['limits']): string {
  const standby = standbyCount === 1 ? 'one is held ready' : 'none is held ready';
  return `${standby}, given up after ${plural(restartBudgetCount ?? 0, 'early death')} in ${span(restartBudgetMs)}`;
}
