/** A real sshd on a loopback port, and tunnels through it, all with keys of the test's own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Place } from '../../support/leftovers.js';
import { findTool } from '../../support/tools.js';

/** Without it sshd does not start as root; Debian makes it when the service starts. */
const PRIVILEGE_FOLDER = '/run/sshd';
/** Somebody else may take a free port before we do. */
const ATTEMPT_COUNT = 5;

/** One `ssh -N -L …`. */
export interface Tunnel {
  readonly process: ChildProcess;
  /** Ends it in a way that it cannot notice, like a network that drops. */
  kill(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export class Sshd {
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #port: number;
  readonly #madePrivilegeFolder: boolean;

  private constructor(folder: string, daemon: ChildProcess, port: number, madePrivilegeFolder: boolean) {
    this.#folder = folder;
    this.#process = daemon;
    this.#port = port;
    this.#madePrivilegeFolder = madePrivilegeFolder;
  }

  /** Starts one that lets the caller in with a key from `place`; whoever starts it disposes of it. */
  static async start(place: Place): Promise<Sshd> {
    const folder = place.path('ssh');
    mkdirSync(folder, { mode: 0o700 });
    for (const key of ['host', 'user']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', join(folder, key)]);
    }
    const madePrivilegeFolder = process.getuid?.() === 0 && !existsSync(PRIVILEGE_FOLDER);
    if (madePrivilegeFolder) mkdirSync(PRIVILEGE_FOLDER, { mode: 0o755 });
    for (let attempt = 1; ; attempt++) {
      const port = await freePort();
      const daemon = await listening(folder, port);
      if (typeof daemon !== 'string') return new Sshd(folder, daemon, port, madePrivilegeFolder);
      if (attempt === ATTEMPT_COUNT) throw new Error(`sshd did not start: ${daemon}`);
    }
  }

  /** Opens a tunnel, `local:remote` as `-L` takes it; resolves when it is there. */
  async tunnel(forward: string): Promise<Tunnel> {
    const { username } = userInfo();
    const options = {
      ...{ IdentityFile: join(this.#folder, 'user'), IdentitiesOnly: 'yes', BatchMode: 'yes', LogLevel: 'DEBUG1' },
      ...{ UserKnownHostsFile: join(this.#folder, 'known'), StrictHostKeyChecking: 'accept-new' },
      // As docs/security.md tells users to.
      ...{ ExitOnForwardFailure: 'yes', StreamLocalBindUnlink: 'yes', StreamLocalBindMask: '0177' },
    };
    const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
    const args = ['-F', 'none', '-N', '-p', String(this.#port), ...flags, '-L', forward, `${username}@127.0.0.1`];
    const ssh = spawn('ssh', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    await said(ssh, /Entering interactive session/, 'ssh');
    const kill = async (): Promise<void> => {
      if (ssh.exitCode === null && ssh.signalCode === null) {
        const exit = once(ssh, 'exit');
        ssh.kill('SIGKILL');
        await exit;
      }
      // ssh leaves its end of the tunnel behind.
      const [local = ''] = forward.split(':');
      if (local.startsWith('/')) rmSync(local, { force: true });
    };
    return { process: ssh, kill, [Symbol.asyncDispose]: kill };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await exit;
    if (this.#madePrivilegeFolder) rmdirSync(PRIVILEGE_FOLDER);
  }
}

/** A port of 127.0.0.1 on which nobody listens at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** Resolves to the daemon, or to its words if it did not come to listen. */
async function listening(folder: string, port: number): Promise<ChildProcess | string> {
  const config = join(folder, 'sshd_config');
  chmodSync(join(folder, 'host'), 0o600);
  const lines = {
    ...{ ListenAddress: '127.0.0.1', Port: port, HostKey: join(folder, 'host'), PidFile: 'none', UsePAM: 'no' },
    ...{ AuthorizedKeysFile: join(folder, 'user.pub'), StrictModes: 'no', PasswordAuthentication: 'no' },
    ...{ PermitRootLogin: 'prohibit-password', AllowTcpForwarding: 'yes', AllowStreamLocalForwarding: 'yes' },
  };
  writeFileSync(
    config,
    Object.entries(lines)
      .map((pair) => `${pair.join(' ')}\n`)
      .join(''),
  );
  // It starts itself anew for each connection, so it must know its full path.
  const daemon = spawn(findTool('sshd') ?? 'sshd', ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    await said(daemon, /Server listening on 127\.0\.0\.1/, 'sshd');
    return daemon;
  } catch (error) {
    return String(error);
  }
}

/** Resolves when the process has said it on stderr, which is read to its end. */
function said(child: ChildProcess, pattern: RegExp, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (pattern.test(text)) resolve();
    });
    child.once('close', () => reject(new Error(`${name} ended: ${text}`)));
    child.once('error', reject);
  });
}
