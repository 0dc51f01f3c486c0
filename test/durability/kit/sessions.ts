/** Sessions as users have them: `sock-python serve` as a process of its own, ended with its test. */
import { readFileSync } from 'node:fs';
import { afterEach } from 'vitest';
import type { SessionRecord } from '../../../src/cli/session_file.js';
import { CommandLine, type CommandOptions, type Started } from '../../cli/command.js';
import type { Place } from '../../support/leftovers.js';

export interface ServedSession {
  readonly address: string;
  readonly server: Started;
  readonly record: SessionRecord;
}

export interface Sessions {
  /** Serves at `session.sock`, unless the arguments begin with another address. */
  serve(args?: readonly string[], options?: CommandOptions): Promise<ServedSession>;
}

/** Call after `usePlace()`, so that servers end before the place is looked over. */
export function useSessions(place: Place): Sessions {
  const line = new CommandLine(place);
  const servers: Started[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.signal('SIGCONT');
      server.signal('SIGTERM');
      await server.result();
    }
  });
  return {
    async serve(args = ['session.sock'], options) {
      const server = await line.serve(args, options);
      servers.push(server);
      return { server, ...sessionOf(place) };
    },
  };
}

/** What the session file in the test's own folder says. */
export function sessionOf(place: Place): { readonly address: string; readonly record: SessionRecord } {
  const record = JSON.parse(readFileSync(place.path('.sock_python.json'), 'utf8')) as SessionRecord;
  return { address: record.address, record };
}
