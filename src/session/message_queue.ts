import { assert, Deque } from "../base/mod.ts";
import { FrameBlock } from "./frame_block.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import type { SessionCounters, SessionLimits } from "./limits.ts";
import { type Delivery, messageBytes } from "./message.ts";

/** What a queue with a journal holds in memory; the rest stays in the journal until its turn comes. */
const HELD_MESSAGES_MAX = 1000;
const HELD_BYTES_MAX = 1024 * 1024;

/** Told of messages that are dropped for others. */
export type DropListener<Group extends object> = (delivery: Delivery<Group>) => void;

/**
 * Messages that wait for quota or for the client, oldest first, within the session's limits.
 *
 * With a journal each is noted there, and only the oldest are held in memory: a client that stays away for days
 * costs the disk, not the memory.
 */
export class MessageQueue<Group extends object> {
  /** Several sessions may have the same objects. Blocks only without a journal. */
  readonly #held = new Deque<Delivery<Group> | FrameBlock>();
  /** Messages in these, of blocks as many as wait. */
  #heldCount = 0;
  /** Of the block in front, messages that are taken out; 0 where there is none. */
  #takenOfBlock = 0;
  /** Their places in the journal; undefined: there is none. */
  readonly #heldSeqs: Deque<number> | undefined;
  readonly #journal: Journal<Group> | undefined;
  /** Place in the journal of what was taken out last; 0: it was in none. */
  takenSeq = 0;
  #heldBytes = 0;
  /** Behind those that are held, in the journal alone. */
  #noted = 0;
  #notedBytes = 0;
  /** Place of the newest that is or was held. */
  #heldSeq = 0;

  constructor(journal?: Journal<Group>) {
    this.#journal = journal;
    if (journal !== undefined) this.#heldSeqs = new Deque<number>();
  }

  get length(): number {
    return this.#heldCount + this.#noted;
  }

  get bytes(): number {
    return this.#heldBytes + this.#notedBytes;
  }

  /** What the journal has of an earlier run of the broker, all behind `afterSeq`. */
  restore(noted: number, bytes: number, afterSeq: number, counters: SessionCounters): void {
    this.#noted = noted;
    this.#notedBytes = bytes;
    this.#heldSeq = afterSeq;
    counters.queuedMessages += noted;
    counters.queuedBytes += bytes;
  }

  /** Its session is over: nothing of it is counted any more. */
  forget(counters: SessionCounters): void {
    counters.queuedMessages -= this.length;
    counters.queuedBytes -= this.bytes;
  }

  /** The oldest. */
  peek(counters: SessionCounters): Delivery<Group> | undefined {
    if (this.#held.length === 0) {
      if (this.#noted === 0) return undefined;
      this.#fetch(counters);
    }
    const first = this.#held.at(0);
    return first instanceof FrameBlock ? first.delivery(this.#takenOfBlock) : first;
  }

  /** False: `delivery` itself was dropped. Older ones may be dropped for it instead: these `onDropped` is told of. */
  push(
    delivery: Delivery<Group>,
    limits: SessionLimits,
    counters: SessionCounters,
    onDropped?: DropListener<Group>,
  ): boolean {
    const bytes = messageBytes(delivery.message);
    if (!this.makeRoom(bytes, limits, counters, onDropped)) return false;
    this.add(delivery, bytes, counters);
    return true;
  }

  /** The first half of `push`, for a message of `bytes` bytes. */
  makeRoom(
    bytes: number,
    limits: SessionLimits,
    counters: SessionCounters,
    onDropped?: DropListener<Group>,
  ): boolean {
    if (bytes > limits.queuedBytesMax) {
      counters.droppedQueueFull++;
      return false;
    }
    while (
      this.length >= limits.queuedMessagesMax || this.bytes + bytes > limits.queuedBytesMax
    ) {
      counters.droppedQueueFull++;
      if (limits.whenFull === "drop_newest") return false;
      const oldest = this.drop(counters);
      if (oldest === undefined) return false;
      onDropped?.(oldest);
    }
    return true;
  }

  get hasJournal(): boolean {
    return this.#journal !== undefined;
  }

  /** The next one stays in memory. Otherwise the journal alone gets it, and it may be lent. */
  get holdsNext(): boolean {
    return this.#journal === undefined ||
      (this.#noted === 0 && this.#held.length < HELD_MESSAGES_MAX &&
        this.#heldBytes < HELD_BYTES_MAX);
  }

  /** The second half of `push`, once there is room. */
  add(delivery: Delivery<Group>, bytes: number, counters: SessionCounters): void {
    this.#count(bytes, counters);
    const isHeld = this.holdsNext;
    const seq = this.#journal?.push(delivery) ?? 0;
    if (isHeld) {
      this.#hold(delivery, bytes, seq);
      return;
    }
    this.#noted++;
    this.#notedBytes += bytes;
  }

  /** Drops the oldest until the limits hold, at most `most`; returns how many. */
  cut(
    limits: SessionLimits,
    counters: SessionCounters,
    most: number,
    onDropped?: DropListener<Group>,
  ): number {
    let dropped = 0;
    while (this.length > limits.queuedMessagesMax || this.bytes > limits.queuedBytesMax) {
      const oldest = dropped < most ? this.drop(counters) : undefined;
      if (oldest === undefined) break;
      counters.droppedQueueFull++;
      dropped++;
      onDropped?.(oldest);
    }
    return dropped;
  }

  /** Takes out the oldest; in the journal it stays. */
  shift(counters: SessionCounters): Delivery<Group> | undefined {
    if (this.#held.length === 0 && this.peek(counters) === undefined) return undefined;
    const first = this.#held.at(0) as Delivery<Group> | FrameBlock;
    if (first instanceof FrameBlock) {
      const delivery = first.delivery<Group>(this.#takenOfBlock);
      this.takenSeq = 0;
      this.shiftBlock(1, messageBytes(delivery.message), counters);
      return delivery;
    }
    this.#held.shift();
    this.takenSeq = this.#heldSeqs?.shift() ?? 0;
    this.#release(1, messageBytes(first.message), counters);
    return first;
  }

  /** Those that are in memory and in the journal, oldest first. Not for the hot path. */
  held(): JournalEntry<Group>[] {
    const seqs = this.#heldSeqs;
    const entries: JournalEntry<Group>[] = [];
    for (let index = 0; seqs !== undefined && index < this.#held.length; index++) {
      const seq = seqs.at(index) as number;
      const delivery = this.#held.at(index);
      assert(!(delivery instanceof FrameBlock), "what is in a journal waits by itself");
      if (seq > 0 && delivery !== undefined) entries.push({ seq, delivery });
    }
    return entries;
  }

  /** The others are in the journal behind this place; undefined: there are none. */
  get notedAfter(): number | undefined {
    return this.#noted === 0 ? undefined : this.#heldSeq;
  }

  /** One of those that are in memory, counted from the oldest; undefined also where a block comes before it. */
  at(index: number): Delivery<Group> | undefined {
    const held = this.#held.at(index);
    return held instanceof FrameBlock ? undefined : held;
  }

  /** What came together and is the oldest, from `blockIndex` on. */
  get block(): FrameBlock | undefined {
    const first = this.#held.at(0);
    return first instanceof FrameBlock ? first : undefined;
  }

  get blockIndex(): number {
    return this.#takenOfBlock;
  }

  /**
   * Adds the messages of `block` from the one at `from` on, which is the first unless others wait. False: there is no room for
   * all of them, or the journal wants to know of each.
   */
  addBlock(
    block: FrameBlock,
    from: number,
    limits: SessionLimits,
    counters: SessionCounters,
  ): boolean {
    const count = block.count - from;
    const bytes = block.bytesFrom(from);
    if (
      this.#journal !== undefined || this.length + count > limits.queuedMessagesMax ||
      this.bytes + bytes > limits.queuedBytesMax
    ) return false;
    assert(from === 0 || this.#held.length === 0, "what is sent at once overtakes nothing");
    if (from > 0) this.#takenOfBlock = from;
    this.#held.push(block);
    this.#heldCount += count;
    this.#heldBytes += bytes;
    counters.queuedMessages += count;
    counters.queuedBytes += bytes;
    return true;
  }

  /** Takes the oldest `count` out of the block in front; `bytes`: of all of them. */
  shiftBlock(count: number, bytes: number, counters: SessionCounters): void {
    const block = this.#held.at(0) as FrameBlock;
    this.#takenOfBlock += count;
    if (this.#takenOfBlock === block.count) {
      this.#held.shift();
      this.#takenOfBlock = 0;
    }
    this.#release(count, bytes, counters);
  }

  /** Takes out the oldest `count`, which are in memory and in no journal; `bytes`: of all of them. */
  shiftMany(count: number, bytes: number, counters: SessionCounters): void {
    this.#held.shiftMany(count);
    this.#release(count, bytes, counters);
  }

  /** Takes out the oldest for good. */
  drop(counters: SessionCounters): Delivery<Group> | undefined {
    const delivery = this.shift(counters);
    if (delivery !== undefined && this.takenSeq > 0) this.#journal?.remove(this.takenSeq);
    return delivery;
  }

  /** Takes out for good what `isWanted` says, in order; the rest stays in order. */
  extract(
    isWanted: (delivery: Delivery<Group>) => boolean,
    counters: SessionCounters,
  ): Delivery<Group>[] {
    const wanted: Delivery<Group>[] = [];
    const kept: { readonly delivery: Delivery<Group>; readonly seq: number }[] = [];
    for (let next = this.shift(counters); next !== undefined; next = this.shift(counters)) {
      if (!isWanted(next)) kept.push({ delivery: next, seq: this.takenSeq });
      else {
        if (this.takenSeq > 0) this.#journal?.remove(this.takenSeq);
        wanted.push(next);
      }
    }
    for (const { delivery, seq } of kept) {
      const bytes = messageBytes(delivery.message);
      this.#count(bytes, counters);
      this.#hold(delivery, bytes, seq);
    }
    return wanted;
  }

  #count(bytes: number, counters: SessionCounters): void {
    counters.queuedMessages++;
    counters.queuedBytes += bytes;
  }

  /** What was held is not any more. */
  #release(count: number, bytes: number, counters: SessionCounters): void {
    this.#heldCount -= count;
    this.#heldBytes -= bytes;
    counters.queuedMessages -= count;
    counters.queuedBytes -= bytes;
  }

  #hold(delivery: Delivery<Group>, bytes: number, seq: number): void {
    this.#held.push(delivery);
    this.#heldCount++;
    this.#heldBytes += bytes;
    this.#heldSeqs?.push(seq);
    if (seq > this.#heldSeq) this.#heldSeq = seq;
  }

  /** Brings the next messages into memory. What cannot be read any more is lost, and no longer counted. */
  #fetch(counters: SessionCounters): void {
    const entries = this.#journal?.read(this.#heldSeq, HELD_MESSAGES_MAX, HELD_BYTES_MAX) ?? [];
    const before = this.#heldBytes;
    for (const { seq, delivery } of entries) {
      this.#hold(delivery, messageBytes(delivery.message), seq);
    }
    this.#noted -= entries.length;
    this.#notedBytes -= this.#heldBytes - before;
    if (this.#noted > 0 && entries.length > 0) return;
    counters.queuedMessages -= this.#noted;
    counters.queuedBytes -= this.#notedBytes;
    this.#noted = 0;
    this.#notedBytes = 0;
  }
}
