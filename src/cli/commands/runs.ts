/** `runs`: the newest runs that the server remembers. */
import { encodeJson } from '../../protocol/json.js';
import type { RunSummary } from '../../protocol/messages.js';
import type { Io } from '../io.js';
import { parseArguments } from '../program.js';
import { withSession } from '../session_command.js';
import type { TargetFlags } from '../target.js';
import { escapeControls, escapeLine, formatMoment, formatSpan } from '../text.js';
import { parseChoice, parseCount } from '../values.js';

interface RunsFlags extends TargetFlags {
  readonly limit?: string;
  readonly state?: string;
  readonly all?: boolean;
  readonly withCode?: boolean;
  readonly json?: boolean;
}

export async function runCommand(args: readonly string[], io: Io): Promise<void> {
  const { flags } = parseArguments<RunsFlags>(
    {
      name: 'runs',
      description: 'List the newest runs.',
      options: ['session', 'address', 'limit', 'state', 'all', 'withCode', 'json'],
    },
    args,
    io,
  );
  const options = {
    ...(flags.limit === undefined ? {} : { limit: parseCount('--limit', flags.limit, 1) }),
    ...(flags.state === undefined ? {} : { state: parseChoice('--state', flags.state, ['queued', 'running', 'done']) }),
    ...(flags.all === true ? { quiet: true } : {}),
    ...(flags.withCode === true ? { code: true } : {}),
  };
  await withSession('runs', flags, io, async (session) => {
    const runs = await session.runs(options);
    io.stdout.write(flags.json === true ? jsonLines(runs) : runsText(runs));
  });
}

function jsonLines(runs: readonly RunSummary[]): string {
  return runs.map((run) => `${encodeJson(run)}\n`).join('');
}

const HEADINGS = ['RUN', 'STATE', 'STARTED', 'TIME', 'EVENTS', 'NAME'] as const;

/** A table; the code of a run, if it was asked for, stands below its row. */
export function runsText(runs: readonly RunSummary[]): string {
  const rows = runs.map((run) => [
    String(run.run),
    run.status ?? run.state,
    run.started === null ? '-' : formatMoment(run.started),
    run.ms === null ? '-' : formatSpan(run.ms),
    String(run.events),
    run.name === null ? '-' : escapeLine(run.name),
  ]);
  const widths = HEADINGS.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd();
  const body = rows.map((row, at) => `${line(row)}\n${codeText(runs[at]?.code)}`);
  return `${line(HEADINGS)}\n${body.join('')}`;
}

function codeText(code: string | undefined): string {
  if (code === undefined) return '';
  return `${escapeControls(code).trimEnd().replace(/^/gm, '    ')}\n`;
}
