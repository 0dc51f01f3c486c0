/**
 * What is to be sent to one client, gathered over one turn of the loop and laid out for one write. Events are copied
 * once, from the kernel's chunk to their place in it; their heads are written around them.
 */
import { FRAME_HEADER_BYTES } from '../protocol/frame.js';
import { canSpliceHead, spliceId } from '../protocol/msgpack.js';

/** Sent as it is; an event without an id; an event with one. */
type Head = 'bytes' | null | Buffer;

export class Outbox {
  #payloads: Buffer[] = [];
  #heads: Head[] = [];
  #bytes = 0;

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds what is laid out already. */
  addBytes(bytes: Buffer): void {
    this.#add(bytes, 'bytes', bytes.length);
  }

  /** Adds an event in MessagePack, with the pair of its id spliced in where one is given. */
  addEvent(payload: Buffer, idPair: Buffer | null): void {
    if (idPair !== null && !canSpliceHead(payload)) return this.addBytes(spliceId(payload, idPair));
    this.#add(payload, idPair, FRAME_HEADER_BYTES + (idPair?.length ?? 0) + payload.length);
  }

  /** All of it in one piece; null if there is nothing. */
  take(): Buffer | null {
    const [first] = this.#payloads;
    if (first === undefined) return null;
    const isWhole = this.#payloads.length === 1 && this.#heads[0] === 'bytes';
    const bytes = isWhole ? first : this.#layOut();
    this.clear();
    return bytes;
  }

  clear(): void {
    this.#payloads = [];
    this.#heads = [];
    this.#bytes = 0;
  }

  #add(payload: Buffer, head: Head, bytes: number): void {
    this.#payloads.push(payload);
    this.#heads.push(head);
    this.#bytes += bytes;
  }

  #layOut(): Buffer {
    const to = Buffer.allocUnsafe(this.#bytes);
    let at = 0;
    for (let index = 0; index < this.#payloads.length; index++) {
      const payload = this.#payloads[index] as Buffer;
      const head = this.#heads[index] as Head;
      const headBytes = head === 'bytes' ? 0 : FRAME_HEADER_BYTES + (head?.length ?? 0);
      to.set(payload, at + headBytes);
      if (head !== 'bytes') writeHead(to, at, payload, head);
      at += headBytes + payload.length;
    }
    return to;
  }
}

/**
 * The frame's length, and for an event with an id: the map's count raised by one, then the pair. The payload lies
 * behind already; its own first byte, the old count, is where the pair ends, and is written over.
 */
function writeHead(to: Buffer, at: number, payload: Buffer, idPair: Buffer | null): void {
  to.writeUInt32BE(payload.length + (idPair?.length ?? 0), at);
  if (idPair === null) return;
  const start = at + FRAME_HEADER_BYTES;
  to[start] = (payload[0] as number) + 1;
  for (let index = 0; index < idPair.length; index++) to[start + 1 + index] = idPair[index] as number;
}
