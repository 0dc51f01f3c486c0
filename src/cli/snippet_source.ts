/** Where a snippet's text comes from. */
import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from './failure.js';
import type { Io } from './io.js';
import { looksLikeAddress } from './operands.js';
import { readAllBytes } from './stdin_lines.js';

export type SnippetSource =
  | { readonly kind: 'stdin' }
  | { readonly kind: 'code'; readonly code: string }
  | { readonly kind: 'file'; readonly path: string };

/**
 * The text of a snippet; of standard input, all of it.
 * @throws UsageError when a file cannot be read, or the text is not UTF-8.
 */
export async function readSnippet(source: SnippetSource, io: Io): Promise<string> {
  switch (source.kind) {
    case 'code':
      return source.code;
    case 'file':
      return decode(readFile(source.path, io.cwd), source.path);
    case 'stdin':
      if (io.stdin.isTTY === true) {
        io.stderr.write(
          'sock-python: type a snippet of Python, then Ctrl+D on a line of its own runs it (Ctrl+C: give up)\n',
        );
      }
      return decode(await readAllBytes(io.stdin), 'standard input');
  }
}

function readFile(path: string, cwd: string): Buffer {
  const full = resolve(cwd, path);
  try {
    if (statSync(full).isSocket())
      throw new UsageError(`${path} is a socket, not a file of Python: addresses follow -a`);
    return readFileSync(full);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const hint = looksLikeAddress(path) ? ' (an address follows -a)' : '';
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : String(error)}${hint}`);
  }
}

/** Python takes a byte order mark for a part of the encoding, too, not of the text. */
function decode(bytes: Buffer, name: string): string {
  if (!isUtf8(bytes)) throw new UsageError(`${name} is not UTF-8 text; nothing was sent`);
  const text = bytes.toString('utf8');
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
