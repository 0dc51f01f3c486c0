/** Every bound of the protocol and the server, with its unit in its name. */
export const LIMITS = {
  /** Largest frame or line taken or sent, unless the server is told otherwise. */
  maxFrameBytes: 67_108_864,
  /** The most that `--max-frame` may ask for. */
  maxFrameCeilingBytes: 268_435_456,
  /** Largest frame before a `hello` was accepted, where one is required. */
  unprovenFrameBytes: 4096,
  /** Time for that `hello`. */
  unprovenMs: 5000,
  /** Connections that may wait for it at once. */
  unprovenConnectionCount: 64,
  /** Connections at once. */
  connectionCount: 1024,
  /** Open requests on one connection. */
  openRequestCount: 4096,
  /** Nesting of maps and arrays in one message. */
  depthCount: 64,
  /** Bytes of a request's `id` when it is text. */
  requestIdBytes: 64,
  /** Bytes of a UNIX socket's path (`sun_path` less its closing zero). */
  socketPathBytes: 107,
  /** Runs that may wait; `--queue` changes it. */
  queueCount: 100,
  /** Time from the start of Python to its hello. */
  kernelHelloMs: 15000,
  /** How long `done` is held back for the fence's marker. */
  fenceMs: 2000,
  /** How long an interrupt waits for the run to end before it answers `still_running`. */
  interruptGraceMs: 2000,
  /** How long a kernel may take to leave when asked to (exit handlers) before it is killed. */
  leaveGraceMs: 1000,
  /** Newest events of a run held in memory; older ones go to a file. */
  logMemoryBytes: 1_048_576,
  logMemoryEventCount: 4096,
  /** Files of one run's log; past it head and tail are kept and the gap is told. */
  runSpillBytes: 268_435_456,
  /** The same for what belongs to no run. */
  streamSpillBytes: 16_777_216,
  /** Files of all logs of a session. */
  sessionSpillBytes: 1_073_741_824,
  /** Finished runs that are kept, by number and by what they hold in memory. */
  keptRunCount: 1000,
  keptBytes: 67_108_864,
  /** Kernels that may die right after their start, in so long, before no more are tried. */
  restartBudgetCount: 5,
  restartBudgetMs: 30_000,
  /** Idempotency keys remembered, oldest forgotten first. */
  keyCount: 100_000,
  /** What may wait to be sent to a client before it is left to read from the log. */
  congestedBytes: 1_048_576,
} as const;

/** The protocol's version, kept apart from the package's. */
export const PROTOCOL_VERSION = 1;
