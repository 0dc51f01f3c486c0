/** A command line without a process: what is written is kept, what is read is given. */
import { Readable, Writable } from 'node:stream';
import type { Io } from '../../src/cli/io.js';

export interface FakeIo extends Io {
  readonly out: () => string;
  readonly err: () => string;
  readonly exitCode: () => number | undefined;
}

export interface FakeIoOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string;
  readonly uid?: number;
  readonly isTerminal?: boolean;
}

export function fakeIo(options: FakeIoOptions = {}): FakeIo {
  const stdout = sink();
  const stderr = sink();
  let exitCode: number | undefined;
  const isTTY = options.isTerminal ?? false;
  return {
    stdin: Object.assign(Readable.from(options.input === undefined ? [] : [Buffer.from(options.input)]), { isTTY }),
    stdout: Object.assign(stdout.stream, { isTTY }),
    stderr: stderr.stream,
    env: options.env ?? {},
    cwd: options.cwd ?? '/',
    uid: options.uid ?? process.geteuid?.() ?? -1,
    setExitCode: (code) => {
      exitCode = code;
    },
    out: stdout.text,
    err: stderr.text,
    exitCode: () => exitCode,
  };
}

function sink(): { readonly stream: Writable; readonly text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}
