/** Programs that stand where an interpreter should, each with one sin. */
import { chmodSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { anyInterpreter } from '../support/interpreters.js';
import type { Place } from '../support/leftovers.js';

const FIXTURES = fileURLToPath(new URL('fixtures', import.meta.url));

/** An executable that runs `code`, in which `Channel` is the kernel's side of the channel. */
export function oddInterpreter(place: Place, name: string, code: string): string {
  const path = place.path(name);
  const lines = [
    `#!${anyInterpreter().path} -S`,
    'import os, sys, struct, signal, time',
    `sys.path.insert(0, ${JSON.stringify(FIXTURES)})`,
    'sys.dont_write_bytecode = True',
    `os.environ['ODD_EXECUTABLE'] = ${JSON.stringify(path)}`,
    'from channel import Channel',
    code,
    '',
  ];
  writeFileSync(path, lines.join('\n'));
  chmodSync(path, 0o755);
  return path;
}
