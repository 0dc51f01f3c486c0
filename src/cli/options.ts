/** Every option of every command, once: what it is called, whether it takes a value, and what it means. */

/** Flags as commander reads them, and the line of help. */
export const OPTIONS = {
  session: ['-f, --session <file>', 'session file (default: $SOCK_PYTHON_SESSION, else .sock_python.json; - for none)'],
  address: ['-a, --address <address>', 'where the session listens, instead of what the session file says'],
  classic: ['--classic', 'speak to an original sock_python server'],
  json: ['--json', 'print JSON, one object a line'],
  verbosity: ['-v, --verbosity <level>', 'debug, info, warn, warning, error or critical (default: info)'],
  // Servers.
  serve: ['-s, --serve', 'serve a session instead of sending a snippet'],
  python: ['--python <path>', 'the Python to run (default: $VIRTUAL_ENV, a .venv of yours, python3, python)'],
  cwd: ['--cwd <folder>', "the kernel's working directory"],
  env: ['-e, --env <name[=value]>', "set a variable of the kernel's environment; repeatable"],
  envFile: ['--env-file <file>', 'set variables from the lines NAME=value of a file; repeatable'],
  init: ['--init <file>', 'Python file to run at the start and after each restart'],
  serveTimeout: ['--timeout <seconds>', 'time limit of runs that name none (default: none)'],
  queue: ['--queue <count>', 'how many runs may wait'],
  maxFrame: ['--max-frame <size>', 'largest message taken, in bytes or like 128M'],
  idleExit: ['--idle-exit <seconds>', 'end when nothing happened for so long'],
  requireToken: ['--require-token', 'ask for the token on a UNIX socket, too'],
  noToken: ['--no-token', 'take anybody who can connect (for original clients on single-user machines)'],
  readyFd: ['--ready-fd <number>', 'file descriptor on which the start is told (used by start)'],
  // Runs.
  code: ['-c, --code <code>', 'the snippet itself'],
  timeout: ['--timeout <seconds>', 'stop the run after so long, by interrupting it'],
  wait: ['--wait <seconds>', 'stop waiting after so long; the run goes on'],
  killLate: ['--kill', 'with --timeout: end the kernel if interrupting does not help'],
  value: ['--value', 'print the repr of a last expression'],
  quiet: ['--quiet', 'of the output, print only what get() was given'],
  sep: ['--sep <text>', 'what stands between the texts of two get() calls (default: a space where none is)'],
  start: ['--start', 'start a session in the background if none is running'],
  // Control.
  run: ['--run <number>', 'only if this run is on (default: the running one)'],
  grace: ['--grace <seconds>', 'how long to wait for the running snippet to end'],
  kill: ['--kill', 'end the kernel, and start a fresh one, if the run does not end'],
  drain: ['--drain', 'let the running snippet and the queue finish first'],
  limit: ['--limit <count>', 'at most so many, the latest'],
  state: ['--state <state>', 'queued, running or done'],
  withCode: ['--with-code', "give each run's code, too"],
  since: ['--since <count>', 'leave out the first events'],
} as const satisfies Readonly<Record<string, readonly [flags: string, help: string]>>;

export type OptionName = keyof typeof OPTIONS;

const FLAG = /(-{1,2}[A-Za-z][A-Za-z-]*)/g;

/** The flags after which a value stands, for finding the first operand of a line whose command is not known yet. */
export const VALUE_FLAGS: ReadonlySet<string> = new Set(
  Object.entries(OPTIONS)
    .filter(([, [flags]]) => flags.includes('<'))
    .flatMap(([, [flags]]) => flags.slice(0, flags.indexOf('<')).match(FLAG) ?? []),
);
