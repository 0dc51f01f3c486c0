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
    ['last death', lastDeath === null ? 'none' : deathText(lastDeath)],
    ['limits', limitsText(status.limits)],
    ['folder', status.cwd],
    ['session', status.session],
  ];
  return rows.map(([name, value]) => `${name}: ${escapeLine(value)}`).join('\n');
}

function deathText({ generation, at, run, reason }: NonNullable<StatusReply['lastDeath']>): string {
  const during = run === null ? '' : ` in run ${run}`;
  return `generation ${generation}${during}, ${new Date(at).toISOString()}: ${reason.message}`;
}

/** Those that can be set; --json has all of them. */
function limitsText({ timeoutMs, queueCount, maxFrameBytes, idleExitMs }: StatusReply['limits']): string {
  const span = (ms: number | null | undefined): string => (typeof ms === 'number' ? formatSpan(ms) : 'none');
  const frame = typeof maxFrameBytes === 'number' ? formatBytes(maxFrameBytes) : 'none';
  return `time ${span(timeoutMs)}, queue ${queueCount ?? 'none'}, frame ${frame}, idle exit ${span(idleExitMs)}`;
}
