/** The native requests, one handler an op. What a handler throws or rejects with is that request's error. */
import { dispatchControl } from '../control/target.js';
import { SockPythonError } from '../protocol/errors.js';
import type { AttachRequest, CancelRequest, InputRequest, Op, Request, RunRequest } from '../protocol/messages.js';
import type { Connection } from './connection.js';
import { eventTag } from './connection.js';
import { gapEvent } from './events.js';
import { Observer } from './observer.js';
import type { Run } from './run.js';
import type { ServerCore } from './server_core.js';
import { wait } from './wait.js';
import { watch } from './watcher.js';

type Handler<R extends Request> = (core: ServerCore, connection: Connection, request: R) => void | Promise<void>;
type Handlers = { readonly [O in Exclude<Op, 'hello'>]: Handler<Extract<Request, { readonly op: O }>> };

const RUNS_COUNT = 100;

const HANDLERS: Handlers = {
  ping: (core, connection, { id }) => connection.reply(id, { time: Date.now(), state: core.session.state }),
  run,
  attach,
  wait: (core, connection, request) => wait(connection, findRun(core, request.run), request),
  watch: (core, connection, { id }) => watch(core, connection, id),
  runs: (core, connection, { id, limit = RUNS_COUNT, state, code = false, quiet = false }) =>
    connection.reply(
      id,
      core.session.store.list(limit, state, quiet).map((found) => found.summary(code)),
    ),
  input,
  cancel,
  interrupt: control,
  stop: control,
  restart: control,
  status: control,
  stack: async (core, connection, { id }) => {
    const { kernel } = core.session;
    if (kernel === null) throw new SockPythonError('kernel_lost', 'no kernel is ready');
    connection.reply(id, await kernel.request('stack'));
  },
};

/** The ops that are served. */
export const OPS: readonly Op[] = ['hello', ...(Object.keys(HANDLERS) as Exclude<Op, 'hello'>[])];

/** Does what an authorized client asks. */
export function handleRequest(
  core: ServerCore,
  connection: Connection,
  request: Exclude<Request, { op: 'hello' }>,
): void {
  connection.begin(request.id);
  try {
    const handler = HANDLERS[request.op] as Handler<Request>;
    const pending = handler(core, connection, request);
    if (pending !== undefined) pending.catch((error: unknown) => connection.fail(request.id, error));
  } catch (error) {
    connection.fail(request.id, error);
  }
}

function run(core: ServerCore, connection: Connection, request: RunRequest): void {
  const { id } = request;
  const submitted = core.session.submit(request, connection);
  const observer = observe(connection, submitted, 0, id);
  if (request.onDisconnect === 'cancel') {
    const forget = connection.onceLeft(() => {
      if (submitted.state !== 'done') void core.ladder.end(submitted, { cause: 'cancel', why: 'its client has gone' });
    });
    submitted.whenDone(forget);
  }
  observer.start();
  core.session.pump();
}

async function attach(core: ServerCore, connection: Connection, request: AttachRequest): Promise<void> {
  const found = findRun(core, request.run);
  await new Promise<void>((resolve) => {
    observe(connection, found, request.since ?? 0, null, resolve).start();
  });
  connection.reply(request.id, found.summary(false));
}

/** Follows a run on behalf of a connection, as its submitter (`id`) or as one of any number of readers. */
function observe(
  connection: Connection,
  followed: Run,
  since: number,
  id: RunRequest['id'] | null,
  onEnd?: () => void,
): Observer {
  const observer: Observer = new Observer({
    log: followed.log,
    sink: connection,
    tag: id === null ? null : eventTag(id),
    since,
    gapEvent: (gap) => gapEvent(followed.number, gap),
    onEnd: () => {
      connection.held.delete(observer);
      if (id !== null) connection.finish(id);
      onEnd?.();
    },
  });
  connection.held.add(observer);
  return observer;
}

function input(core: ServerCore, connection: Connection, request: InputRequest): void {
  const { session } = core;
  const waiting = findRun(core, request.run);
  if (session.current !== waiting || !waiting.asking) {
    throw new SockPythonError('not_found', `run ${request.run} does not wait for input (now)`);
  }
  waiting.asking = false;
  session.kernel?.input(request.run, request.eof === true ? { eof: true } : { text: request.text ?? '' });
  connection.reply(request.id, { accepted: true });
}

async function cancel(core: ServerCore, connection: Connection, request: CancelRequest): Promise<void> {
  const found = findRun(core, request.run);
  const why = `cancelled by ${connection.client}`;
  connection.reply(request.id, await core.ladder.end(found, { graceMs: request.graceMs, cause: 'cancel', why }));
}

async function control(
  core: ServerCore,
  connection: Connection,
  request: Extract<Request, { op: 'interrupt' | 'stop' | 'restart' | 'status' }>,
): Promise<void> {
  connection.reply(request.id, await dispatchControl(core.targetFor(connection), request));
}

function findRun(core: ServerCore, wanted: AttachRequest['run']): Run {
  const { store, current } = core.session;
  const found = wanted === 'current' ? current : wanted === 'last' ? store.last : store.get(wanted);
  if (!found) throw new SockPythonError('not_found', notFoundText(wanted, store.count));
  return found;
}

function notFoundText(wanted: AttachRequest['run'], count: number): string {
  if (wanted === 'current') return 'no run is on';
  if (wanted === 'last') return 'there has been no run yet';
  return wanted > count ? `there is no run ${wanted} (yet)` : `run ${wanted} is no longer kept`;
}
