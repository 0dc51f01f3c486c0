/** Every option of every command, once: what it is called, whether it takes a value, and what it means. */

/** Flags as commander reads them, and the line of help. */
export const OPTIONS = {
  session: {
    flags: '-f, --session <file>',
    help: 'session file (default: $SOCK_PYTHON_SESSION, else .sock_python.json; - for none)',
  },
  address: {
    flags: '-a, --address <address>',
    help: 'where the session listens, instead of what the session file says',
  },
  classic: { flags: '--classic', help: 'speak to an original sock_python server' },
  json: { flags: '--json', help: 'print JSON, one object a line' },
  verbosity: {
    flags: '-v, --verbosity <level>',
    help: 'debug, info, warn, warning, error or critical (default: info)',
  },
  // Servers.
  serve: { flags: '-s, --serve', help: 'serve a session instead of sending a snippet' },
  python: {
    flags: '--python <path>',
    help: 'the Python to run (default: $VIRTUAL_ENV, a .venv of yours, python3, python)',
  },
  cwd: { flags: '--cwd <folder>', help: "the kernel's working directory" },
  env: { flags: '-e, --env <name[=value]>', help: "set a variable of the kernel's environment; repeatable" },
  envFile: { flags: '--env-file <file>', help: 'set variables from the lines NAME=value of a file; repeatable' },
  init: { flags: '--init <file>', help: 'Python file to run at the start and after each restart' },
  serveTimeout: { flags: '--timeout <seconds>', help: 'time limit of runs that name none (default: none)' },
  queue: { flags: '--queue <count>', help: 'how many runs may wait' },
  maxFrame: { flags: '--max-frame <size>', help: 'largest message taken, in bytes or like 128M' },
  standby: {
    flags: '--standby <count>',
    help: 'kernels that stand ready, so that a restart takes milliseconds: 0 or 1 (default: 1)',
  },
  restartBudget: {
    flags: '--restart-budget <count/seconds>',
    help: 'kernels that may die right after their start, in so long, before no more are tried (default: 5/30)',
  },
  transcript: { flags: '--transcript <file>', help: 'append code and output to a file as the session goes' },
  keepRuns: { flags: '--keep-runs <count>', help: 'how many ended runs are kept (default: 1000)' },
  keepBytes: { flags: '--keep-bytes <size>', help: 'what they may take in memory (default: 64M)' },
  keepAge: { flags: '--keep-age <seconds>', help: 'how long they are kept (default: without end)' },
  spillRun: { flags: '--spill-run <size>', help: 'what output of one run may take on disk (default: 256M)' },
  spillSession: { flags: '--spill-session <size>', help: 'what that of all may take (default: 1G)' },
  idleExit: { flags: '--idle-exit <seconds>', help: 'end when nothing happened for so long' },
  requireToken: { flags: '--require-token', help: 'ask for the token on a UNIX socket, too' },
  noToken: { flags: '--no-token', help: 'take anybody who can connect (for original clients on single-user machines)' },
  readyFd: { flags: '--ready-fd <number>', help: 'file descriptor on which the start is told (used by start)' },
  // Runs.
  code: { flags: '-c, --code <code>', help: 'the snippet itself' },
  timeout: { flags: '--timeout <seconds>', help: 'stop the run after so long, by interrupting it' },
  wait: { flags: '--wait <seconds>', help: 'stop waiting after so long; the run goes on' },
  killLate: { flags: '--kill', help: 'with --timeout: end the kernel if interrupting does not help' },
  value: { flags: '--value', help: 'print the repr of a last expression' },
  quiet: { flags: '--quiet', help: 'of the output, print only what get() was given' },
  sep: {
    flags: '--sep <text>',
    help: 'what stands between the texts of two get() calls (default: a space where none is)',
  },
  detach: { flags: '--detach', help: 'leave the run to itself once it has a number, and print that' },
  key: { flags: '--key <text>', help: 'run it once under this key: a retry is shown the first run, not run again' },
  onDisconnect: {
    flags: '--on-disconnect <keep|cancel>',
    help: 'what becomes of the run when this command ends before it (default: keep)',
  },
  noHistory: { flags: '--no-history', help: 'leave the run out of history and transcript' },
  start: { flags: '--start', help: 'start a session in the background if none is running' },
  // Control.
  run: { flags: '--run <number>', help: 'only if this run is on (default: the running one)' },
  grace: { flags: '--grace <seconds>', help: 'how long to wait for the running snippet to end' },
  kill: { flags: '--kill', help: 'end the kernel, and start a fresh one, if the run does not end' },
  drain: { flags: '--drain', help: 'let the running snippet and the queue finish first' },
  limit: { flags: '--limit <count>', help: 'at most so many, the latest' },
  state: { flags: '--state <state>', help: 'queued, running or done' },
  all: { flags: '--all', help: 'those that were to be kept out of the history, too' },
  withCode: { flags: '--with-code', help: "give each run's code, too" },
  withText: { flags: '--code', help: "print each run's code, too" },
  script: { flags: '--py', help: 'print the runs that ended well as a Python script that runs' },
  notebook: { flags: '--ipynb', help: 'print them as a Jupyter notebook, with their output' },
  since: { flags: '--since <count>', help: 'leave out the first events' },
} as const;

export type OptionName = keyof typeof OPTIONS;

const FLAG = /(-{1,2}[A-Za-z][A-Za-z-]*)/g;

/** The flags after which a value stands, for finding the first operand of a line whose command is not known yet. */
export const VALUE_FLAGS: ReadonlySet<string> = new Set(
  Object.values(OPTIONS)
    .filter(({ flags }) => flags.includes('<'))
    .flatMap(({ flags }) => flags.slice(0, flags.indexOf('<')).match(FLAG) ?? []),
);
