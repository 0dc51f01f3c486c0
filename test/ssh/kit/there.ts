/** The session file as a user copies it from one machine to another. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { SessionRecord } from '../../../src/cli/session_file.js';
import type { Place } from '../../support/leftovers.js';

/** Copies `.sock_python.json` to `name`, with these fields changed. */
export function copySession(place: Place, name: string, changes: Partial<SessionRecord> = {}): SessionRecord {
  const record = {
    ...(JSON.parse(readFileSync(place.path('.sock_python.json'), 'utf8')) as SessionRecord),
    ...changes,
  };
  writeFileSync(place.path(name), JSON.stringify(record), { mode: 0o600 });
  return record;
}
