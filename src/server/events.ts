/** The events that the server itself adds to a run's log, in MessagePack. */
import type { DoneEvent, EndReason, LossNotice } from '../protocol/messages.js';
import { decodeMessagePack, encodeMessagePack } from '../protocol/msgpack.js';
import type { Gap } from './spill.js';

export function queuedEvent(run: number, position: number): Buffer {
  return encodeMessagePack({ event: 'queued', run, position });
}

const STARTED = Buffer.from('\x83\xa5event\xa7started\xa3run\xce\0\0\0\0\xaageneration\xce\0\0\0\0', 'latin1');
const STARTED_RUN_AT = STARTED.indexOf(0xce) + 1;
const STARTED_GENERATION_AT = STARTED.length - 4;

/** Every run has one, so the usual form is laid out by hand. */
export function startedEvent(run: number, generation: number, lost: LossNotice | null): Buffer {
  if (lost !== null) return encodeMessagePack({ event: 'started', run, generation, lost });
  const event = Buffer.from(STARTED);
  event.writeUInt32BE(run, STARTED_RUN_AT);
  event.writeUInt32BE(generation, STARTED_GENERATION_AT);
  return event;
}

export function gapEvent(run: number, gap: Gap): Buffer {
  return encodeMessagePack({ event: 'gap', run, events: gap.events, bytes: gap.bytes });
}

export function lostEvent(generation: number, loss: LossNotice): Buffer {
  return encodeMessagePack({ event: 'lost', run: 0, generation, ...loss });
}

/** The limit of a run that goes on all the same. */
export function timeoutEvent(
  run: number,
  timeoutMs: number,
  outcome: 'still_running' | 'detached',
  stack: string,
): Buffer {
  return encodeMessagePack({ event: 'timeout', run, timeoutMs, outcome, ...(stack !== '' && { stack }) });
}

/** The end of a run that has no words of its own from the kernel. */
export function endEvent(
  run: number,
  end: { status: DoneEvent['status']; ms: number; kept: boolean; reason: EndReason },
): Buffer {
  const { status, ms, kept, reason } = end;
  return encodeMessagePack({ event: 'done', run, status, ms, kept, outputComplete: true, reason });
}

/** The kernel's own words, with another status where it said `from`. */
export function withStatus(
  done: Buffer,
  from: DoneEvent['status'],
  status: DoneEvent['status'],
  message: string,
): Buffer {
  const event = decodeMessagePack(done) as DoneEvent;
  return event.status === from ? encodeMessagePack({ ...event, status, reason: { message } }) : done;
}

const NAME_AT = 7;
const STR_OF_5 = 0xa5;

/** Is this an `input` event? `event` is its first key, and no other event has a name of five letters. */
export function isInputEvent(payload: Buffer): boolean {
  return payload[NAME_AT] === STR_OF_5;
}

/** To watchers, `started` carries the code. */
export function withCode(payload: Buffer, code: string, name: string | undefined): Buffer {
  if (payload.toString('latin1', NAME_AT + 1, NAME_AT + 8) !== 'started') return payload;
  const event = decodeMessagePack(payload) as object;
  return encodeMessagePack({ ...event, code, ...(name !== undefined && { name }) });
}
