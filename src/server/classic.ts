/** The sock_python dialect: one message, one reply, and the connection is closed. */
import { type ClassicControl, classicError, classicException, parseClassicRequest } from '../protocol/classic.js';
import { asSockPythonError } from '../protocol/errors.js';
import type { DoneEvent } from '../protocol/messages.js';
import { decodeMessagePack } from '../protocol/msgpack.js';
import type { Connection } from './connection.js';
import type { EventSink } from './observer.js';
import { Observer } from './observer.js';
import type { ServerCore } from './server_core.js';

/** Serves a classic message; one that makes no sense is closed without a reply. */
export function handleClassic(core: ServerCore, connection: Connection, message: unknown): void {
  const request = parseClassicRequest(message);
  if (request === null || !connection.authorized) return connection.end();
  connection.takeNoMore();
  if ('snippet' in request) return runSnippet(core, connection, request.snippet);
  void controlServer(core, connection, request.control);
}

function runSnippet(core: ServerCore, connection: Connection, code: string): void {
  try {
    const run = core.session.submit({ code }, connection);
    const capture = new Capture((captured, done) => {
      connection.held.delete(observer);
      connection.send({ captured, exception: classicException(done) });
      connection.end();
    });
    const observer = new Observer({
      log: run.log,
      sink: capture,
      tag: null,
      since: 0,
      gapEvent: () => Buffer.alloc(0),
    });
    connection.held.add(observer);
    observer.start();
    core.session.pump();
  } catch (error) {
    connection.send({ captured: '', exception: classicError(asSockPythonError(error).toBody()) });
    connection.end();
  }
}

async function controlServer(core: ServerCore, connection: Connection, action: ClassicControl): Promise<void> {
  const target = core.targetFor(connection);
  try {
    if (action === 'status') {
      const status = target.status();
      connection.send({ ack: action, response: JSON.stringify({ pid: status.kernelPid, ...status }) });
    } else {
      await target[action]({});
      connection.send({ ack: action, response: '' });
    }
  } catch (error) {
    core.log('warning', `a classic ${action} failed: ${asSockPythonError(error).message}`);
  }
  connection.end();
}

/** Collects what a run handed to get(), and its end. */
class Capture implements EventSink {
  readonly congested = false;
  readonly #texts: string[] = [];
  readonly #onDone: (captured: string, done: DoneEvent) => void;

  constructor(onDone: (captured: string, done: DoneEvent) => void) {
    this.#onDone = onDone;
  }

  onceDrained(): void {}

  announce(): void {}

  sendEvent(payload: Buffer): void {
    if (payload.length === 0) return;
    const event = decodeMessagePack(payload) as { event: string; text?: string };
    if (event.event === 'get') this.#texts.push(event.text ?? '');
    else if (event.event === 'done') this.#onDone(this.#texts.join(''), event as unknown as DoneEvent);
  }
}
