/** STATUS: what the server knows without asking the kernel. */
import { readFileSync } from 'node:fs';
import { LIMITS, PROTOCOL_VERSION } from '../protocol/limits.js';
import type { StatusReply } from '../protocol/messages.js';
import type { ServerCore } from './server_core.js';

const PAGE_BYTES = 4096;

export function makeStatus(core: ServerCore): StatusReply {
  const { session, options } = core;
  const { kernel, current } = session;
  return {
    state: session.state,
    kernelPid: kernel?.pid ?? null,
    serverPid: process.pid,
    generation: core.supervisor.generation,
    python: kernel?.hello.python ?? null,
    pythonPath: kernel?.hello.executable ?? null,
    uptimeMs: performance.now() - core.bornAt,
    run:
      current === null
        ? null
        : { run: current.number, ms: performance.now() - current.startedAt, name: current.submission.name ?? null },
    queue: session.queueLength,
    counts: { runs: session.store.count, connections: core.connectionCount, deaths: session.deaths },
    memory: { kernelBytes: residentBytes(kernel?.pid), serverBytes: process.memoryUsage.rss() },
    lastDeath: session.lastDeath,
    launcher: core.launcherName,
    limits: {
      ...LIMITS,
      maxFrameBytes: core.maxFrameBytes,
      queueCount: options.queueCount ?? LIMITS.queueCount,
      timeoutMs: options.timeoutMs ?? null,
      idleExitMs: options.idleExitMs ?? null,
    },
    address: core.addressText,
    protocol: PROTOCOL_VERSION,
    server: { name: 'sock-python', version: core.version },
    session: core.sessionId,
    cwd: options.cwd ?? kernel?.hello.cwd ?? '',
  };
}

/** Resident memory of a process, where the system tells. */
function residentBytes(pid: number | undefined): number | null {
  if (pid === undefined) return null;
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES;
  } catch {
    return null;
  }
}
