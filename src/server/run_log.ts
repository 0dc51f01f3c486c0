/**
 * The events of one run, numbered by their place. Clients are cursors into it; the kernel only appends.
 *
 *   append ─▶ newest in memory ─▶ (older) segment files ─▶ (past the cap) a gap that is counted
 *       └──▶ followers that have read everything so far are handed the event at once
 */
import type { Gap, LogPlace, Spill } from './spill.js';

/** Somebody who reads along. */
export interface Follower {
  /** A new event, number `index`; if `quiet`, it may wait for the next one or for `onAnnounce`. Must not throw. */
  onAppend(payload: Buffer, index: number, quiet: boolean): void;
  /** What was quiet should be seen now. */
  onAnnounce(): void;
}

/** A stretch of the log, from the event asked for or, if that was dropped, from the first after the gap. */
export interface Stretch {
  readonly first: number;
  /** Bytes of all events before the first, where that had to be found out. */
  readonly firstByte?: number;
  readonly payloads: readonly Buffer[];
  readonly gap: Gap | null;
}

export interface RunLogOptions {
  /** Newest events held in memory, by size and number; what is older goes to the spill. */
  readonly memoryBytes: number;
  readonly memoryEventCount: number;
  /** Makes the spill when it is first needed. */
  readonly openSpill: (run: number) => Spill;
  /** The spill cannot be written: the events named are lost, and nothing more is spilled. */
  readonly onSpillFailed: (run: number, error: Error) => void;
}

/** Events are spilled in batches of about this size, so that memory holds between one and two of them. */
const BATCH_SHARE = 4;

export class RunLog {
  readonly #options: RunLogOptions;
  readonly #run: number;
  /** Most runs have one. */
  #followers: readonly Follower[] = [];
  #payloads: Buffer[] = [];
  /** Number of the first event in memory. */
  #base = 0;
  #memoryBytes = 0;
  #bytes = 0;
  #ended = false;
  #spill: Spill | null = null;
  /** From here on nothing could be spilled. */
  #lost: LogPlace | null = null;

  constructor(options: RunLogOptions, run: number) {
    this.#options = options;
    this.#run = run;
  }

  /** How many events there have been. */
  get eventCount(): number {
    return this.#base + this.#payloads.length;
  }

  /** How many bytes they had. */
  get bytes(): number {
    return this.#bytes;
  }

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get spilledBytes(): number {
    return this.#spill?.bytes ?? 0;
  }

  /** No event will follow. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The last event, which is `done` once the log has ended. */
  get last(): Buffer | null {
    return this.#payloads.at(-1) ?? null;
  }

  /** Adds an event and hands it to the followers; `last` ends the log. */
  append(payload: Buffer, last = false): void {
    const index = this.eventCount;
    this.#add(payload);
    this.#ended = last;
    for (const follower of this.#followers) follower.onAppend(payload, index, false);
  }

  /** Adds an event that may wait for the next one; `announce()` shows it to the followers otherwise. */
  appendQuietly(payload: Buffer): void {
    const index = this.eventCount;
    this.#add(payload);
    for (const follower of this.#followers) follower.onAppend(payload, index, true);
  }

  announce(): void {
    for (const follower of this.#followers) follower.onAnnounce();
  }

  follow(follower: Follower): void {
    this.#followers = [...this.#followers, follower];
  }

  unfollow(follower: Follower): void {
    this.#followers = this.#followers.filter((other) => other !== follower);
  }

  /**
   * What there is from event `from` on: one stretch at a time, null at the end. A reader that knows how many bytes
   * the events before had says so in `fromByte`, and is told a gap to the byte; for others that begin within a gap
   * its bytes are reckoned.
   */
  read(from: number, fromByte?: number): Stretch | null {
    if (from >= this.eventCount) return null;
    if (from >= this.#base) return { first: from, payloads: this.#payloads.slice(from - this.#base), gap: null };
    const kept = this.#spill?.read(from) ?? null;
    if (kept !== null) return { first: from, payloads: kept, gap: null };
    return this.#readPastGap(from, fromByte);
  }

  /** Forgets all but the last event, on disk too; who still reads is told of the gap. */
  remove(): void {
    this.#spill?.remove();
    this.#spill = null;
    this.#base = Math.max(0, this.eventCount - 1);
    this.#payloads = this.#payloads.slice(-1);
    this.#memoryBytes = this.#payloads[0]?.length ?? 0;
  }

  #readPastGap(from: number, fromByte?: number): Stretch {
    const next = this.#spill?.skip(from) ?? this.#memoryStart;
    const inSpill = next.event < this.#base ? this.#spill?.read(next.event) : null;
    const bytes = next.byte - (fromByte ?? this.#reckonByte(from, next));
    const gap = { events: next.event - from, bytes };
    return { first: next.event, firstByte: next.byte, payloads: inSpill ?? this.#payloads.slice(), gap };
  }

  get #memoryStart(): LogPlace {
    return { event: this.#base, byte: this.#bytes - this.#memoryBytes };
  }

  /** The bytes before a dropped event: its share of those that were dropped with it. */
  #reckonByte(event: number, next: LogPlace): number {
    const headEnd = this.#spill?.headEnd ?? { event: 0, byte: 0 };
    const start = this.#lost !== null && this.#lost.event <= event ? this.#lost : headEnd;
    const share = (event - start.event) / (next.event - start.event);
    return start.byte + Math.round((next.byte - start.byte) * share);
  }

  #add(payload: Buffer): void {
    this.#payloads.push(payload);
    this.#memoryBytes += payload.length;
    this.#bytes += payload.length;
    const { memoryBytes, memoryEventCount } = this.#options;
    if (this.#memoryBytes > memoryBytes || this.#payloads.length > memoryEventCount) this.#spillOldest();
  }

  /** Moves a batch of the oldest events out of memory; the newest one always stays. */
  #spillOldest(): void {
    const { memoryBytes, memoryEventCount } = this.#options;
    let count = 0;
    let bytes = 0;
    while (
      count < this.#payloads.length - 1 &&
      (bytes < memoryBytes / BATCH_SHARE || this.#payloads.length - count > memoryEventCount)
    ) {
      bytes += (this.#payloads[count] as Buffer).length;
      count += 1;
    }
    if (count === 0) return;
    const batch = this.#payloads.slice(0, count);
    this.#keepOnDisk(batch);
    this.#payloads = this.#payloads.slice(count);
    this.#memoryBytes -= bytes;
    this.#base += count;
  }

  #keepOnDisk(batch: readonly Buffer[]): void {
    if (this.#lost !== null) return;
    const start = this.#memoryStart;
    try {
      this.#spill ??= this.#options.openSpill(this.#run);
      this.#spill.write(start, batch);
    } catch (error) {
      this.#lost = start;
      this.#options.onSpillFailed(this.#run, error as Error);
    }
  }
}
