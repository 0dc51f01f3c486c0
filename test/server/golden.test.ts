import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Interpreter, interpreters } from '../support/interpreters.js';
import { usePlace } from '../support/leftovers.js';
import { useServers } from './kit/servers.js';

usePlace();
const servers = useServers();

interface Exchange {
  readonly case: string;
  readonly snippet?: string;
  readonly control?: string;
  readonly reply: {
    readonly captured?: string;
    readonly exception?: string;
    readonly ack?: string;
    readonly response?: string;
  };
}

function exchangesOf(minor: number): readonly Exchange[] {
  const path = new URL(`../golden/sock_python-3.${minor}.json`, import.meta.url);
  return (JSON.parse(readFileSync(path, 'utf8')) as { exchanges: readonly Exchange[] }).exchanges;
}

/** Line numbers and columns within the standard library are those of one release: the recorded ones. */
const RECORDED: Readonly<Record<number, string>> = { 11: '3.11.7', 12: '3.12.1', 13: '3.13.0' };
const found: readonly Interpreter[] = interpreters().filter(({ minor, version }) => RECORDED[minor] === version);

describe.each(found)('under CPython $version', ({ path, minor }) => {
  test.each(['json-frames', 'lines'] as const)('every recorded exchange is the same in %s', async (dialect) => {
    const server = await servers.start({ python: path });
    for (const exchange of exchangesOf(minor)) {
      const { case: name, snippet, control, reply } = exchange;
      const pid = server.kernelPid;
      const client = await servers.client(server, dialect);
      client.send(snippet === undefined ? { control } : { snippet });
      const answer = await client.next();
      await client.ended;
      client.end();
      await client.closed;
      if (control === 'status') {
        expect(answer.ack).toBe('status');
        expect(JSON.parse(answer.response as string)).toMatchObject({ pid });
      } else {
        const library = (answer.exception as string | undefined)?.replace(
          /File .*?\/lib\/python3\.\d+\//g,
          'File <stdlib>/',
        );
        const told = library === undefined ? answer : { ...answer, exception: library };
        expect({ case: name, ...told }).toEqual({ case: name, ...reply });
      }
      expect(client.received).toHaveLength(1);
    }
    await server.closed;
  });
});

test('the recorded releases are all there', () => {
  expect(found.map(({ version }) => version)).toEqual(Object.values(RECORDED));
});
