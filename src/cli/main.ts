/**
 * The command line. Only what every command needs is loaded here; each command's own file comes with its first use.
 *
 *     argv ── route ──▶ command ── its file ──▶ process.exitCode
 */
import { VERSION } from '../version.js';
import { HelpShown, reportFailure } from './failure.js';
import { type Io, processIo } from './io.js';
import { type CommandName, type Route, route } from './operands.js';
import { watchStreams } from './output.js';

type CommandFile = { readonly runCommand: (args: readonly string[], io: Io) => Promise<void> };

const FILES: Readonly<Record<Exclude<CommandName, 'help'>, () => Promise<CommandFile>>> = {
  serve: () => import('./commands/serve.js'),
  start: () => import('./commands/start.js'),
  run: () => import('./commands/run.js'),
  status: () => import('./commands/status.js'),
  stop: () => import('./commands/stop.js'),
  restart: () => import('./commands/restart.js'),
  interrupt: () => import('./commands/interrupt.js'),
  attach: () => import('./commands/attach.js'),
  wait: () => import('./commands/wait.js'),
  runs: () => import('./commands/runs.js'),
  history: () => import('./commands/history.js'),
  watch: () => import('./commands/watch.js'),
  cancel: () => import('./commands/cancel.js'),
};

/** Runs one command line. The exit status is set, and the process ends when nothing is left to do. Never rejects. */
export async function main(argv: readonly string[], io: Io = processIo()): Promise<void> {
  watchStreams(io);
  try {
    await dispatch(route(argv), io);
  } catch (thrown) {
    if (!(thrown instanceof HelpShown)) reportFailure(thrown, io, wantsJson(argv));
  }
}

async function dispatch({ command, args }: Route, io: Io): Promise<void> {
  switch (command) {
    case 'version':
      io.stdout.write(`sock-python ${VERSION}\n`);
      return;
    case 'help':
      return await help(args, io);
    case 'bare': {
      const { bareCommand } = await import('./commands/run.js');
      return await bareCommand(args, io);
    }
    default: {
      const { runCommand } = await FILES[command]();
      return await runCommand(args, io);
    }
  }
}

async function help(args: readonly string[], io: Io): Promise<void> {
  const { helpCommand } = await import('./commands/help.js');
  const other = helpCommand(args, io);
  if (other !== undefined) await dispatch({ command: other, args: ['--help'] }, io);
}

/** Before its `--`, and before what `run` hands to the snippet, as far as that can be told when parsing has failed. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).includes('--json');
}
