/** `watch`: one connection follows every run of the session, from where it joins on. */
import { SockPythonError } from '../protocol/errors.js';
import type { RequestId } from '../protocol/messages.js';
import type { Connection } from './connection.js';
import { gapEvent, withCode } from './events.js';
import { Observer } from './observer.js';
import type { Run } from './run.js';
import type { RunLog } from './run_log.js';
import type { ServerCore } from './server_core.js';

/** Answers with the place where it joins; every event of the session follows until the connection ends. */
export function watch(core: ServerCore, connection: Connection, id: RequestId): void {
  const { session } = core;
  const { current } = session;
  if (connection.isWatching) throw new SockPythonError('bad_request', 'this connection watches the session already');
  connection.isWatching = true;
  connection.reply(id, { run: current?.number ?? null, at: current?.log.eventCount ?? 0 });
  const watcher = (run: Run): void => follow(connection, run, 0);
  if (current !== null) follow(connection, current, current.log.eventCount);
  for (const waiting of session.waiting) follow(connection, waiting, waiting.log.eventCount);
  followLog(connection, { number: 0, log: session.stream }, session.stream.eventCount);
  session.watchers.add(watcher);
  connection.onceClosed(() => session.watchers.delete(watcher));
}

/** From now on the connection is told whenever the namespace is lost. */
export function followLosses(core: ServerCore, connection: Connection): void {
  const { losses } = core.session;
  followLog(connection, { number: 0, log: losses }, losses.eventCount);
}

function follow(connection: Connection, run: Run, since: number): void {
  const { code, name } = run.submission;
  followLog(connection, run, since, (payload) => withCode(payload, code, name));
}

function followLog(
  connection: Connection,
  followed: { readonly number: number; readonly log: RunLog },
  since: number,
  dress?: (payload: Buffer) => Buffer,
): void {
  const observer: Observer = new Observer({
    log: followed.log,
    sink: connection,
    tag: null,
    since,
    gapEvent: (gap) => gapEvent(followed.number, gap),
    dress,
    onEnd: () => connection.held.delete(observer),
  });
  connection.held.add(observer);
  observer.start();
}
