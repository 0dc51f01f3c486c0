/**
 * One reader of one run's log: the client that submitted the run, one that attached to it, or one that watches.
 * It hands events to its sink as fast as the sink takes them and falls back to reading the log when it does not.
 */
import type { RequestId } from '../protocol/messages.js';
import type { Follower, RunLog } from './run_log.js';
import type { Gap } from './spill.js';

/** A request's id, as a value and as the bytes that are spliced into an event. */
export interface EventTag {
  readonly id: RequestId;
  readonly pair: Buffer;
}

/** Where events go: one client's connection. */
export interface EventSink {
  /** So much is waiting to be sent that more should be read from the log later. */
  readonly congested: boolean;
  /** Sends an event, marked with the tag where one is given; if `quiet`, it may wait for the next one. */
  sendEvent(payload: Buffer, tag: EventTag | null, quiet: boolean): void;
  /** Sends what has waited. */
  announce(): void;
  /** Calls back once when it is no longer congested. */
  onceDrained(resume: () => void): void;
}

export interface ObserverOptions {
  readonly log: RunLog;
  readonly sink: EventSink;
  /** For the submitter alone. */
  readonly tag: EventTag | null;
  /** Number of the first event wanted. */
  readonly since: number;
  /** Makes the event that tells of a gap. */
  readonly gapEvent: (gap: Gap) => Buffer;
  /** Changes events on their way. */
  readonly dress?: ((payload: Buffer) => Buffer) | undefined;
  /** The last event has been handed over. */
  readonly onEnd?: (() => void) | undefined;
}

export class Observer implements Follower {
  readonly #options: ObserverOptions;
  #next: number;
  /** Bytes of all events before the next; undefined while that is not known. */
  #nextByte: number | undefined;
  #waiting = false;
  #closed = false;

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#next = options.since;
    if (options.since === 0) this.#nextByte = 0;
  }

  /** Begins: what is in the log already, then what comes. */
  start(): void {
    this.#options.log.follow(this);
    this.#pump();
  }

  /** Stops reading; idempotent. */
  close(): void {
    this.#closed = true;
    this.#options.log.unfollow(this);
  }

  onAppend(payload: Buffer, index: number, quiet: boolean): void {
    const { sink, log } = this.#options;
    if (this.#waiting || this.#closed) return;
    if (index !== this.#next || sink.congested) return this.#pump();
    this.#deliver(payload, quiet);
    if (log.ended) this.#end();
  }

  onAnnounce(): void {
    if (!this.#closed) this.#options.sink.announce();
  }

  #deliver(payload: Buffer, quiet = false): void {
    const { sink, tag, dress } = this.#options;
    this.#next += 1;
    if (this.#nextByte !== undefined) this.#nextByte += payload.length;
    sink.sendEvent(dress === undefined ? payload : dress(payload), tag, quiet);
  }

  #pump(): void {
    const { log, sink } = this.#options;
    while (!sink.congested) {
      const stretch = log.read(this.#next, this.#nextByte);
      if (stretch === null) {
        if (log.ended) this.#end();
        return;
      }
      if (stretch.gap !== null) sink.sendEvent(this.#options.gapEvent(stretch.gap), this.#options.tag, false);
      this.#next = stretch.first;
      this.#nextByte = stretch.firstByte ?? this.#nextByte;
      for (const payload of stretch.payloads) {
        if (sink.congested) break;
        this.#deliver(payload);
      }
    }
    this.#waiting = true;
    sink.onceDrained(() => {
      this.#waiting = false;
      if (!this.#closed) this.#pump();
    });
  }

  #end(): void {
    if (this.#closed) return;
    this.close();
    this.#options.onEnd?.();
  }
}
