/**
 * Compiles `src/` into `dist/`: nothing is done when `dist/` is up to date, files of deleted sources are removed,
 * and each file is put in place by a rename, so that a program that runs meanwhile never sees half of one.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const stampFile = join(dist, '.build');

/** Every file under a folder, as paths relative to it, in a fixed order. */
function filesUnder(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** What a build depends on, as text: equal text means an equal result. */
function inputs() {
  const names = [...filesUnder(join(root, 'src')).map((name) => join('src', name)), 'tsconfig.json', 'package.json'];
  return names
    .map((name) => {
      const { mtimeMs, size } = statSync(join(root, name));
      return `${name} ${mtimeMs} ${size}`;
    })
    .join('\n');
}

function isUpToDate(stamp) {
  if (!existsSync(stampFile)) return false;
  const [kept, outputs] = JSON.parse(readFileSync(stampFile, 'utf8'));
  return kept === stamp && outputs.every((name) => existsSync(join(dist, name)));
}

/** Compiles into a folder of its own; returns tsc's exit status. */
function compile(target) {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, error } = spawnSync(process.execPath, [tsc, '-p', root, '--outDir', target], { stdio: 'inherit' });
  if (error) throw error;
  return status ?? 1;
}

/** Moves the new files into `dist/` and removes what has no source any more. */
function install(target) {
  const made = filesUnder(target);
  for (const name of made) {
    mkdirSync(dirname(join(dist, name)), { recursive: true });
    renameSync(join(target, name), join(dist, name));
  }
  for (const name of filesUnder(dist)) {
    if (!made.includes(name) && name !== '.build') rmSync(join(dist, name), { force: true });
  }
  return made;
}

function build() {
  const stamp = inputs();
  if (isUpToDate(stamp)) return 0;
  rmSync(stampFile, { force: true });
  mkdirSync(join(root, 'node_modules', '.cache'), { recursive: true });
  const target = mkdtempSync(join(root, 'node_modules', '.cache', 'dist-'));
  try {
    const status = compile(target);
    const made = install(target);
    if (status === 0) writeFileSync(stampFile, JSON.stringify([stamp, made]));
    return status;
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

process.exitCode = build();
