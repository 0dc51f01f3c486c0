/** One table of argument lines pins what the command line understands. */
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/cli/failure.js';
import { addressOperand, COMMANDS, route } from '../../src/cli/operands.js';
import { parseBare, parseRun, type RunPlan } from '../../src/cli/run_plan.js';
import { parseServe } from '../../src/cli/serve_plan.js';
import { type Address, formatAddress } from '../../src/protocol/address.js';
import { SockPythonError } from '../../src/protocol/errors.js';
import { usePlace } from '../support/leftovers.js';
import { fakeIo } from './fake_io.js';

const CWD = '/here';

/** What a line comes to, in one word or two: `serve /here/x.sock`, `run file a.py`, or `error: …`. */
function interpret(line: string): string {
  const argv = line.split(' ').filter((word) => word !== '');
  const io = fakeIo({ cwd: CWD });
  try {
    const { command, args } = route(argv);
    switch (command) {
      case 'bare':
        return inWords('bare', parseBare(args, io));
      case 'run':
        return inWords('run', parseRun(args, io));
      case 'serve':
      case 'start': {
        const { address, session } = parseServe(command, args, io);
        return `${command} ${place(address)} in ${session.path ?? 'no file'}`;
      }
      default:
        return [command, ...args].join(' ');
    }
  } catch (error) {
    if (error instanceof UsageError) return `usage: ${error.message}`;
    if (error instanceof SockPythonError) return `${error.code}`;
    throw error;
  }
}

function inWords(command: string, { source, address, argv, target, ...plan }: RunPlan): string {
  const what =
    source.kind === 'code' ? `code ${source.code}` : source.kind === 'file' ? `file ${source.path}` : 'stdin';
  const rest = argv === undefined ? '' : ` argv ${argv.join(',')}`;
  const key = plan.key === undefined ? '' : ` key ${plan.key}`;
  const fate = `${key}${plan.detach ? ' detached' : ''}${plan.onDisconnect === 'cancel' ? ' cancels' : ''}${plan.hidden ? ' hidden' : ''}`;
  const file = target.session === undefined ? '' : ` by ${target.session}`;
  return `${command} ${what} to ${place(address)}${file}${rest}${fate}`;
}

function place(address: Address | undefined): string {
  return address === undefined ? '-' : formatAddress(address);
}

const TABLE: readonly (readonly [line: string, meaning: string])[] = [
  // The bare form: one snippet from standard input.
  ['', 'bare stdin to -'],
  ['session.sock', 'bare stdin to session.sock'],
  ['./status', 'bare stdin to ./status'],
  ['unix:status', 'bare stdin to status'],
  ['tcp:localhost:9887', 'bare stdin to 127.0.0.1:9887'],
  [':9887', 'bare stdin to 127.0.0.1:9887'],
  ['localhost:9887', 'bare stdin to 127.0.0.1:9887'],
  ['localhost 9887', 'bare stdin to 127.0.0.1:9887'],
  ['::1 9887', 'bare stdin to [::1]:9887'],
  ['[::1]:9887', 'bare stdin to [::1]:9887'],
  ['-f my.json', 'bare stdin to - by my.json'],
  ['-f status', 'bare stdin to - by status'],
  ['--session=my.json session.sock', 'bare stdin to session.sock by my.json'],
  ['session.sock -f my.json --quiet', 'bare stdin to session.sock by my.json'],
  ['a:b/c:12', 'bare stdin to a:b/c:12'],
  ['0.0.0.0:9887', 'not_loopback'],
  ['10.1.2.3 9887', 'not_loopback'],
  ['9887', 'usage: "9887" is no address: write :9887 for the port, ./9887 for a socket'],
  ['statsu', 'usage: "statsu" is neither a command nor a socket here: did you mean status?'],
  ['qwertz', 'usage: "qwertz" is neither a command nor a socket here: write ./qwertz for a socket'],
  ['rnu file.py', 'usage: cannot make an address of "rnu" "file.py": did you mean the command run?'],
  ['a.sock b.sock', 'usage: cannot make an address of "a.sock" "b.sock": expected one ADDRESS, or HOST PORT'],
  ['a.sock -a b.sock', 'usage: two addresses: a.sock and -a b.sock'],
  ['-c 1', "usage: unknown option '-c'"],
  ['--timeout', "usage: option '--timeout <seconds>' argument missing"],
  ['--timeout 0 a.sock', 'usage: --timeout takes a number of seconds above 0 (at most 24 days), not "0"'],
  ['--kill a.sock', 'usage: --kill needs a --timeout to follow'],
  // Serving, also as the original has it.
  ['-s', 'serve - in /here/.sock_python.json'],
  ['--serve session.sock', 'serve /here/session.sock in /here/.sock_python.json'],
  ['-sf my.json session.sock', 'serve /here/session.sock in /here/my.json'],
  ['session.sock -s', 'serve /here/session.sock in /here/.sock_python.json'],
  ['-s localhost 9887', 'serve 127.0.0.1:9887 in /here/.sock_python.json'],
  ['-s :0', 'serve 127.0.0.1:0 in /here/.sock_python.json'],
  ['serve word', 'serve /here/word in /here/.sock_python.json'],
  ['-f my.json serve ./status', 'serve /here/status in /here/my.json'],
  ['serve -f - session.sock', 'serve /here/session.sock in no file'],
  ['serve -f - :0', 'usage: with -f - nobody could learn the token that this server asks for; name a session file'],
  ['serve -f - :0 --no-token', 'serve 127.0.0.1:0 in no file'],
  ['serve 9887', 'usage: "9887" is no address: write :9887 for the port, ./9887 for a socket'],
  ['serve 192.168.1.1:80', 'not_loopback'],
  [`serve /${'x'.repeat(107)}`, 'bad_address'],
  ['-s status', 'usage: --serve and the command status exclude each other; a socket of that name is ./status'],
  ['serve --standby 0 --keep-runs 5 x.sock', 'serve /here/x.sock in /here/.sock_python.json'],
  ['--transcript t.txt -s x.sock', 'serve /here/x.sock in /here/.sock_python.json'],
  ['start x.sock', 'start /here/x.sock in /here/.sock_python.json'],
  // run: everything after FILE is the snippet's own.
  ['run', 'run stdin to - argv -'],
  ['run -', 'run stdin to - argv -'],
  ['run - a b', 'run stdin to - argv -,a,b'],
  ['run file.py', 'run file file.py to - argv file.py'],
  ['run status', 'run file status to - argv status'],
  ['run -a :9887 file.py -a --json', 'run file file.py to 127.0.0.1:9887 argv file.py,-a,--json'],
  ['run file.py -s', 'run file file.py to - argv file.py,-s'],
  ['run -c code', 'run code code to - argv -c'],
  ['run -c code --quiet one --two', 'run code code to - argv -c,one,--two'],
  ['-f my.json run file.py', 'run file file.py to - by my.json argv file.py'],
  ['run -- -odd.py x', 'run file -odd.py to - argv -odd.py,x'],
  // The first operand that equals a command is the command.
  ['status', 'status'],
  ['status session.sock --json', 'status session.sock --json'],
  ['-f my.json stop', 'stop -f my.json'],
  ['interrupt :9887 --kill', 'interrupt :9887 --kill'],
  ['attach 7 -a x.sock', 'attach 7 -a x.sock'],
  ['wait', 'wait'],
  ['wait 7 --wait 2.5 --json', 'wait 7 --wait 2.5 --json'],
  ['-a x.sock wait last', 'wait -a x.sock last'],
  ['history --code --limit 5', 'history --code --limit 5'],
  ['-f my.json history --ipynb', 'history -f my.json --ipynb'],
  ['./history', 'bare stdin to ./history'],
  ['hisotry', 'usage: "hisotry" is neither a command nor a socket here: did you mean history?'],
  ['wiat', 'usage: "wiat" is neither a command nor a socket here: did you mean wait?'],
  // Runs that outlive their client.
  ['run --detach file.py', 'run file file.py to - argv file.py detached'],
  ['run file.py --detach', 'run file file.py to - argv file.py,--detach'],
  ['run --key a=b --on-disconnect cancel -c 1', 'run code 1 to - argv -c key a=b cancels'],
  ['run --no-history -c 1', 'run code 1 to - argv -c hidden'],
  ['--detach x.sock', 'bare stdin to x.sock detached'],
  ['run --key', "usage: option '--key <text>' argument missing"],
  ['run --detach --wait 1 -c 1', 'usage: --detach does not wait, so there is no --wait'],
  [
    'run --detach --on-disconnect cancel -c 1',
    'usage: --detach leaves at once, so --on-disconnect cancel would end the run',
  ],
  ['run --on-disconnect stop -c 1', 'usage: --on-disconnect takes keep or cancel, not "stop"'],
  ['--help', 'help'],
  ['-V', 'version'],
  ['run --help', 'error'],
];

describe('an argument line', () => {
  const lines = TABLE.filter(([, meaning]) => meaning !== 'error');
  test.each(lines)('sock-python %s → %s', (line, meaning) => {
    expect(interpret(line)).toBe(meaning);
  });
});

describe('a single word', () => {
  const place = usePlace();

  test('is an address if there is a socket of that name', async () => {
    const server = createServer().listen(place.path('word'));
    await new Promise((resolve) => server.once('listening', resolve));
    const isSocket = (path: string): boolean => path === 'word';
    expect(addressOperand(['word'], { isSocket })).toBe('word');
    await new Promise((resolve) => server.close(resolve));
  });

  test('that is near to a command gets it suggested', () => {
    const isSocket = (): boolean => false;
    for (const name of COMMANDS) {
      const swapped = `${name[1]}${name[0]}${name.slice(2)}`;
      expect(() => addressOperand([swapped], { isSocket })).toThrow(UsageError);
    }
    expect(() => addressOperand(['sevre'], { isSocket })).toThrow('did you mean serve?');
  });
});
