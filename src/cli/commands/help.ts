/** `help`: the commands in one page; `help COMMAND` is `COMMAND --help`. */
import { UsageError } from '../failure.js';
import type { Io } from '../io.js';
import { COMMANDS, type CommandName } from '../operands.js';
import { nearest } from '../text.js';

const SUMMARIES: Readonly<Record<CommandName, string>> = {
  serve: 'serve a session here, until Ctrl+C',
  start: 'start one in the background, unless it runs',
  run: 'run a file, standard input or -c CODE, and show its output as it comes',
  status: 'tell how the session is',
  stop: 'end the session',
  restart: 'replace its kernel by a fresh one',
  interrupt: 'break the running snippet',
  attach: 'follow a run, whoever started it',
  wait: 'wait until a run has ended',
  runs: 'list the newest runs',
  history: 'list, or export, what the session ran, oldest first',
  watch: 'show everything that happens in the session',
  cancel: 'withdraw a queued run, or interrupt a running one',
  help: 'this page, or that of a command',
};

const HEAD = `Usage: sock-python [ADDRESS | HOST PORT] < snippet.py
       sock-python -s [ADDRESS | HOST PORT]
       sock-python COMMAND [options]

Keeps a Python namespace alive behind a socket. Without a command, all of standard input is sent
as one snippet; what it hands to get() and prints is shown, and a traceback if it raises (exit 10).
ADDRESS is the path of a UNIX socket, or HOST:PORT on this machine; without one the session file
(.sock_python.json, -f FILE or $SOCK_PYTHON_SESSION) says where the session is.
`;

const TAIL = `
Each command tells its options with --help. Exit codes: 0 ok, 1 failure, 2 usage, 3 no server,
4 not authorized, 10 raised, 11 interrupted, 12 still runs, 13 time limit, 14 kernel died,
15 cancelled or queue full, 20 server failed.
`;

/** Without a command to hand over to, prints the page; else gives the command that is to print its own. */
export function helpCommand(args: readonly string[], io: Pick<Io, 'stdout'>): CommandName | undefined {
  const [word] = args.filter((arg) => !arg.startsWith('-'));
  if (word === undefined || word === 'help') {
    io.stdout.write(helpPage());
    return undefined;
  }
  const command = COMMANDS.find((name) => name === word);
  if (command !== undefined) return command;
  const meant = nearest(word, COMMANDS);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new UsageError(`there is no command ${JSON.stringify(word)}${hint}`);
}

/** The page of all commands. */
export function helpPage(): string {
  const width = Math.max(...COMMANDS.map((name) => name.length));
  const lines = COMMANDS.map((name) => `  ${name.padEnd(width)}  ${SUMMARIES[name]}`);
  return `${HEAD}\nCommands:\n${lines.join('\n')}\n${TAIL}`;
}
