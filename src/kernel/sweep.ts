/** Takes away what dead servers left: their homes, and what these name elsewhere. */
import { randomBytes } from 'node:crypto';
import { linkSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { draftPrefix } from '../transport/socket_draft.js';
import { checkPrivate, HOME_PREFIX, type Leftover, OWNER_FILE, type OwnerRecord } from './home.js';
import { isOwnerAlive } from './owner.js';

/** How long a home may have no owner's name in it. */
const UNNAMED_MS = 60_000;

/**
 * Removes what dead servers left under `base`, and the sockets, directories and session files elsewhere that their
 * homes name. Nothing happens where there is no such directory, or where it is not private.
 * @returns the directories removed.
 */
export function sweepHomes(base: string): string[] {
  const removed: string[] = [];
  for (const name of namesIn(base)) {
    const path = join(base, name);
    if (!name.startsWith(HOME_PREFIX)) continue;
    const record = readOwner(path);
    if (record === null ? isFresh(path) : isOwnerAlive(record)) continue;
    for (const leftover of record?.leftovers ?? []) quietly(() => removeLeftover(leftover));
    if (record !== null) quietly(() => removeDrafts(record));
    if (record !== null) quietly(() => removeSessionFile(record));
    rmSync(path, { recursive: true, force: true });
    removed.push(path);
  }
  return removed;
}

function namesIn(directory: string): string[] {
  try {
    checkPrivate(directory);
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function readOwner(home: string): OwnerRecord | null {
  try {
    const record = JSON.parse(readFileSync(join(home, OWNER_FILE), 'utf8')) as Partial<OwnerRecord>;
    const { pid, startTicks = null, boot = null, pidSpace = null } = record;
    const { leftovers = [], socketFolder = null, sessionFile = null } = record;
    if (typeof pid !== 'number') return null;
    return { pid, startTicks, boot, pidSpace, leftovers, socketFolder, sessionFile };
  } catch {
    return null;
  }
}

/** A server that is about to begin has not written its name yet. */
function isFresh(home: string): boolean {
  const stat = lstatSync(home, { throwIfNoEntry: false });
  return stat === undefined || Date.now() - stat.mtimeMs < UNNAMED_MS;
}

/** Only what is still the same, and ours. */
function removeLeftover({ path, inode }: Leftover): void {
  const stat = lstatSync(path);
  if (stat.uid !== process.getuid?.() || (inode !== null && stat.ino !== inode)) return;
  if (stat.isDirectory()) rmSync(path, { recursive: true, force: true });
  else if (stat.isSocket()) removeExactly(path, stat.ino);
}

/** A socket that was made, but had not got its place yet. */
function removeDrafts({ pid, socketFolder }: OwnerRecord): void {
  if (socketFolder === null) return;
  for (const name of readdirSync(socketFolder)) {
    const path = join(socketFolder, name);
    if (!name.startsWith(draftPrefix(pid))) continue;
    quietly(() => {
      if (lstatSync(path).isSocket()) removeLeftover({ path, inode: null });
    });
  }
}

/** Only one that tells of this very process; and what that may have been about to put in its place. */
function removeSessionFile({ pid, sessionFile }: OwnerRecord): void {
  if (sessionFile === null) return;
  const { path, started } = sessionFile;
  const drafts = readdirSync(dirname(path)).filter((name) => name.startsWith(`${basename(path)}.${pid}.`));
  for (const file of [path, ...drafts.map((name) => join(dirname(path), name))]) {
    quietly(() => {
      const stat = lstatSync(file);
      if (!stat.isFile() || stat.uid !== process.getuid?.()) return;
      const told = JSON.parse(readFileSync(file, 'utf8')) as { pid?: unknown; started?: unknown } | null;
      if (told?.pid === pid && told.started === started) removeExactly(file, stat.ino);
    });
  }
}

/** A server that starts at this moment may put its own there: only what was looked at goes. */
function removeExactly(path: string, inode: number): void {
  const aside = `${path}.${randomBytes(4).toString('hex')}`;
  renameSync(path, aside);
  if (lstatSync(aside).ino !== inode) linkSync(aside, path);
  rmSync(aside, { force: true });
}

/** What is gone already, or cannot be touched, is no reason to leave the rest. */
function quietly(step: () => void): void {
  try {
    step();
  } catch {
    // Whoever comes next looks again.
  }
}
