/** The hand-shake: who dials the kernel's socket must say hello with the secret, as its first frame. */
import { timingSafeEqual } from 'node:crypto';
import { asSockPythonError, SockPythonError } from '../protocol/errors.js';
import { decodeMessagePack } from '../protocol/msgpack.js';
import type { Listener } from '../transport/listen.js';
import type { Socket } from '../transport/socket.js';
import { FROM_KERNEL, KernelFrameReader } from './kernel_frame.js';
import type { LaunchedProcess } from './launcher.js';

/** What a kernel says of itself. */
export interface KernelHello {
  readonly pid: number;
  readonly python: string;
  readonly implementation: string;
  readonly executable: string;
  readonly cwd: string;
}

/** Takes the frames that follow the hello. */
export interface FrameTaker {
  onFrame(kind: number, run: number, payload: Buffer): void;
  onGarbage(error: SockPythonError): void;
}

const HELLO_BYTES = 65_536;

/** Reads the hello from a fresh connection; whoever does not know the secret is cut off. */
export function receiveHello(
  socket: Socket,
  secret: string,
  accept: (hello: KernelHello, reader: KernelFrameReader) => FrameTaker,
): void {
  let taker: FrameTaker | null = null;
  const reader: KernelFrameReader = new KernelFrameReader(HELLO_BYTES, (kind, run, payload) => {
    if (taker !== null) taker.onFrame(kind, run, payload);
    else taker = accept(parseHello(kind, payload, secret), reader);
  });
  socket.on('data', (chunk: Buffer) => {
    try {
      reader.push(chunk);
    } catch (error) {
      if (taker === null) socket.destroy();
      else taker.onGarbage(asSockPythonError(error));
    }
  });
}

function parseHello(kind: number, payload: Buffer, secret: string): KernelHello {
  if (kind !== FROM_KERNEL.hello) throw new SockPythonError('bad_request', 'the first frame is no hello');
  const hello = decodeMessagePack(payload) as Record<string, unknown>;
  const said = Buffer.from(String(hello.secret));
  const known = Buffer.from(secret);
  if (said.length !== known.length || !timingSafeEqual(said, known)) {
    throw new SockPythonError('unauthorized', 'the hello does not know the secret');
  }
  const { pid, python, implementation, executable, cwd } = hello;
  if (typeof pid !== 'number') throw new SockPythonError('bad_request', 'the hello has no pid');
  return {
    pid,
    python: String(python),
    implementation: String(implementation),
    executable: String(executable),
    cwd: String(cwd),
  };
}

/** How long to wait for a hello. */
export interface Patience {
  readonly patienceMs: number;
  /** Ends it before its time. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for the hello, the end of the process or the end of patience, whichever comes first.
 * @throws kernel_failed_to_start; nothing of the process is left then.
 */
export async function awaitHello<K>(
  arrived: Promise<K>,
  launched: LaunchedProcess,
  listener: Listener,
  { patienceMs, signal }: Patience,
): Promise<K> {
  let giveUp: () => void = () => {};
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(failed(launched, `it said no hello within ${patienceMs} ms`)), patienceMs);
    giveUp = () => reject(failed(launched, 'it was not waited for any longer'));
    if (signal?.aborted === true) giveUp();
    signal?.addEventListener('abort', giveUp);
  });
  const ended = launched.exited.then(
    ({ code, signal }) => {
      throw failed(launched, signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`);
    },
    (error: Error) => {
      throw failed(launched, error.message, error);
    },
  );
  try {
    return await Promise.race([arrived, ended, late]);
  } catch (error) {
    launched.kill();
    await launched.exited.catch(() => {});
    launched.release();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', giveUp);
    ended.catch(() => {});
    // Its end is that of the kernel's own connection: nobody waits for it.
    void listener.close();
  }
}

function failed(launched: LaunchedProcess, why: string, cause?: Error): SockPythonError {
  const output = launched.startupOutput();
  const words = output === '' ? '' : `; it said: ${output.split('\n').slice(-3).join(' | ')}`;
  return new SockPythonError('kernel_failed_to_start', `Python did not start: ${why}${words}`, {
    details: { output },
    cause,
  });
}
