import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connect, type RunningServer, type Session, startServer } from '../../src/index.js';
import type { InterruptOutcome } from '../../src/protocol/messages.js';
import { findInterpreters } from '../support/interpreters.js';
import { leftovers } from '../support/leftovers.js';

interface HostileSnippet {
  readonly name: string;
  readonly code: string;
  readonly outcomes: readonly InterruptOutcome[];
  readonly value?: 'repr';
  readonly stdin?: 'ask';
  /** Versions in which Python itself never looks at signals in such a loop: only a kill ends it. */
  readonly stuckOn?: readonly string[];
}

const SNIPPETS: readonly HostileSnippet[] = JSON.parse(
  readFileSync(new URL('./hostile_snippets.json', import.meta.url), 'utf8'),
);
const GRACE_MS = 4000;
const KILL_GRACE_MS = 300;
const DEAF_MS = 300;

test('there are at least 24 of them', () => {
  expect(SNIPPETS.length).toBeGreaterThanOrEqual(24);
});

describe.each(findInterpreters())('hostile snippets under $version', (interpreter) => {
  let root: string;
  let server: RunningServer;
  let session: Session;

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'sp-'));
    mkdirSync(join(root, 'work'));
    const places = { runtimeDir: join(root, 'run'), cwd: join(root, 'work') };
    server = await startServer({ ...places, python: interpreter.path, env: { ...process.env, TMPDIR: root } });
    session = await connect(server.address);
  });
  afterAll(async () => {
    await session.close();
    await server.close();
    const left = await leftovers(root);
    rmSync(root, { recursive: true });
    expect(left).toEqual([]);
  });

  test.each(SNIPPETS)('$name', async ({ code, outcomes, value, stdin, stuckOn = [] }) => {
    const isStuck = stuckOn.some((version) => interpreter.version.startsWith(`${version}.`));
    const isDeaf = outcomes[0] === 'killed';
    const kill = isStuck || isDeaf;
    await session.run('kept = 42').result;

    const run = session.run(code, { ...(value && { value }), ...(stdin && { stdin }), collect: false });
    for await (const event of run) if (event.event === 'get') break;
    if (isDeaf) await untilDeaf(session);
    const reply = await run.interrupt({ graceMs: kill ? KILL_GRACE_MS : GRACE_MS, kill });
    const { status, kept } = await run.result;

    expect(isStuck ? [...outcomes, 'killed'] : outcomes).toContain(reply.outcome);
    const isKilled = reply.outcome === 'killed';
    const ended = isKilled ? 'lost' : expect.stringMatching(/^(interrupted|ok|error)$/);
    expect({ status, kept }).toEqual({ status: ended, kept: !isKilled });
    const after = await session.run('get(globals().get("kept"))').result;
    expect(after.output).toBe(isKilled ? 'None' : '42');
  });
});

/** Waits until the kernel has entered its C code: it says no longer where it is. */
async function untilDeaf(session: Session): Promise<void> {
  for (;;) {
    const silence = new Promise<'deaf'>((resolve) => setTimeout(resolve, DEAF_MS, 'deaf'));
    // Rejects when the kernel is killed in the end.
    const answer = session.stack().then(
      () => 'answered',
      () => 'lost',
    );
    if ((await Promise.race([answer, silence])) === 'deaf') return;
  }
}
