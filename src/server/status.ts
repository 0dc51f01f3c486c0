/** STATUS: what the server knows without asking the kernel. */
import { readFileSync } from 'node:fs';
import { LIMITS, PROTOCOL_VERSION } from '../protocol/limits.js';
import type { StatusReply } from '../protocol/messages.js';
import type { ServerCore } from './server_core.js';
import type { ServerOptions } from './server_options.js';

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
    ...(core.supervisor.error !== null && { error: core.supervisor.error.toBody() }),
    launcher: core.launcherName,
    limits: limitsInForce(options),
    address: core.addressText,
    protocol: PROTOCOL_VERSION,
    server: { name: 'sock-python', version: core.version },
    session: core.sessionId,
    cwd: options.cwd ?? kernel?.hello.cwd ?? '',
  };
}

/** Every limit as this server keeps to it; null for those that are off. */
export function limitsInForce(options: ServerOptions): StatusReply['limits'] {
  const { budget } = options;
  return {
    ...LIMITS,
    maxFrameBytes: options.maxFrameBytes ?? LIMITS.maxFrameBytes,
    queueCount: options.queueCount ?? LIMITS.queueCount,
    timeoutMs: options.timeoutMs ?? null,
    idleExitMs: options.idleExitMs ?? null,
    standbyCount: options.standby === true ? 1 : 0,
    restartBudgetCount: budget?.deathCount ?? LIMITS.restartBudgetCount,
    restartBudgetMs: budget?.windowMs ?? LIMITS.restartBudgetMs,
    keptRunCount: options.keptRunCount ?? LIMITS.keptRunCount,
    keptBytes: options.keptBytes ?? LIMITS.keptBytes,
    keptMs: options.keptMs ?? null,
    runSpillBytes: options.runSpillBytes ?? LIMITS.runSpillBytes,
    sessionSpillBytes: options.sessionSpillBytes ?? LIMITS.sessionSpillBytes,
    kernelHelloMs: options.helloMs ?? LIMITS.kernelHelloMs,
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
