import type { Qos } from "../mqtt/mod.ts";
import { assert } from "../base/mod.ts";
import { PACKET_ID_MAX } from "./placed_ids.ts";

/** Where a packet identifier is in its exchange, seen from us as the sender. */
export const InflightState = Object.freeze(
  {
    free: 0,
    /** QoS 1 sent, PUBACK awaited. */
    awaitsPuback: 1,
    /** QoS 2 sent, PUBREC awaited. */
    awaitsPubrec: 2,
    /** PUBREL sent, PUBCOMP awaited. */
    awaitsPubcomp: 3,
  } as const,
);
export type InflightState = (typeof InflightState)[keyof typeof InflightState];

/** A ring grows for one identifier whose slot is taken up to so many slots for each that is in use. */
const SLOTS_FOR_EACH_MAX = 8;
const SLOTS_MIN = 16;
/** Enough that each packet identifier has a slot of its own. */
const SLOTS_MAX = 65536;
/** A ring larger than this is given back once it is empty. */
const SLOTS_KEPT_MAX = 256;

/**
 * What was sent at QoS 1 and 2 and is not yet acknowledged, in the order of sending.
 *
 * Packet identifiers are given out one after the other, and a ring indexed by their lower bits finds each at
 * once. An identifier whose place is taken is passed over; the ring grows when half of it is in use. So one message
 * that is never acknowledged costs no more than its place, and since others may go round it, the order is noted
 * for each. `T` is what is needed to send a message again; undefined where the session ends with its connection and
 * nothing ever is.
 */
export class Inflight<T> {
  #count = 0;
  #lastId = 0;
  #lastOrder = 0;
  #ids: Uint16Array = new Uint16Array(SLOTS_MIN);
  #states: Uint8Array = new Uint8Array(SLOTS_MIN);
  #orders: Float64Array = new Float64Array(SLOTS_MIN);
  #items: (T | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  /** Places in the journal, of a session that has one. */
  #seqs: Float64Array | undefined;
  /** Bytes that the items hold, where they hold any. */
  #sizes: Uint32Array | undefined;
  #heldBytes = 0;
  #mask = SLOTS_MIN - 1;

  get count(): number {
    return this.#count;
  }

  /** Bytes of all items, as far as they were told. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Places in the ring. */
  get slots(): number {
    return this.#mask + 1;
  }

  /** All identifiers are in use. */
  get isExhausted(): boolean {
    return this.#count >= PACKET_ID_MAX;
  }

  /**
   * Gives out the next free packet identifier, after that of the last message or `after`. `seq`: the message's place in
   * the journal, if it is in one; `bytes`: what the item holds.
   */
  add(qos: Qos, item: T | undefined, seq = 0, bytes = 0, after: number = this.#lastId): number {
    assert(!this.isExhausted, "the caller looks at isExhausted first");
    this.#makeRoom();
    let id = after;
    let slot = 0;
    do {
      id = id === PACKET_ID_MAX ? 1 : id + 1;
      slot = id & this.#mask;
    } while (this.#states[slot] !== InflightState.free);
    const state = qos === 1 ? InflightState.awaitsPuback : InflightState.awaitsPubrec;
    this.#put(id, state, item, seq, bytes);
    return id;
  }

  /** As `add` for `count` messages of which nothing is kept, as many as there are identifiers for; writes these to `ids`. */
  addMany(qos: Qos, count: number, ids: Uint16Array): number {
    const most = Math.min(count, PACKET_ID_MAX - this.#count);
    const state = qos === 1 ? InflightState.awaitsPuback : InflightState.awaitsPubrec;
    while ((this.#count + most - 1) * 2 > this.#mask && this.#mask + 1 < SLOTS_MAX) this.#grow();
    const states = this.#states;
    const mask = this.#mask;
    let id = this.#lastId;
    for (let index = 0; index < most; index++) {
      let slot = 0;
      do {
        id = id === PACKET_ID_MAX ? 1 : id + 1;
        slot = id & mask;
      } while (states[slot] !== InflightState.free);
      this.#ids[slot] = id;
      states[slot] = state;
      this.#orders[slot] = ++this.#lastOrder;
      ids[index] = id;
    }
    this.#lastId = id;
    this.#count += most;
    return most;
  }

  /** Gives out this identifier. False: its slot is taken, and it would cost too much to have more of them. */
  addAt(id: number, qos: Qos, item: T | undefined, seq: number, bytes: number): boolean {
    this.#makeRoom();
    while (this.#states[id & this.#mask] !== InflightState.free) {
      const isWide = this.#mask + 1 >= Math.min(SLOTS_MAX, SLOTS_FOR_EACH_MAX * this.#count);
      if (isWide || this.state(id) !== InflightState.free) return false;
      this.#grow();
    }
    const state = qos === 1 ? InflightState.awaitsPuback : InflightState.awaitsPubrec;
    this.#put(id, state, item, seq, bytes);
    return true;
  }

  /** The smallest place in the journal of a message in flight; `otherwise`, where there is none. */
  oldestSeq(otherwise: number): number {
    let oldest = otherwise;
    const seqs = this.#seqs;
    for (let slot = 0; seqs !== undefined && slot <= this.#mask; slot++) {
      const seq = seqs[slot] as number;
      if (seq > 0 && seq < oldest) oldest = seq;
    }
    return oldest;
  }

  #makeRoom(): void {
    if (this.#count * 2 > this.#mask && this.#mask + 1 < SLOTS_MAX) this.#grow();
  }

  /** What an earlier run of the broker had in flight; to be called in the order of sending. */
  restore(id: number, state: InflightState, seq: number): void {
    while (this.#mask + 1 < SLOTS_MAX && this.#needsRoomFor(id)) this.#grow();
    assert(this.#states[id & this.#mask] === InflightState.free, "each identifier once");
    this.#put(id, state, undefined, seq, 0);
  }

  #needsRoomFor(id: number): boolean {
    return this.#count * 2 > this.#mask ||
      this.#states[id & this.#mask] !== InflightState.free;
  }

  #put(id: number, state: InflightState, item: T | undefined, seq: number, bytes: number): void {
    const slot = id & this.#mask;
    this.#lastId = id;
    this.#ids[slot] = id;
    this.#states[slot] = state;
    this.#orders[slot] = ++this.#lastOrder;
    this.#items[slot] = item;
    if (seq > 0) {
      this.#seqs ??= new Float64Array(this.#mask + 1);
      this.#seqs[slot] = seq;
    }
    if (bytes > 0) {
      this.#sizes ??= new Uint32Array(this.#mask + 1);
      this.#sizes[slot] = bytes;
      this.#heldBytes += bytes;
    }
    this.#count++;
  }

  state(id: number): InflightState {
    const slot = id & this.#mask;
    return this.#ids[slot] === id ? this.#states[slot] as InflightState : InflightState.free;
  }

  item(id: number): T | undefined {
    const slot = id & this.#mask;
    return this.#ids[slot] === id ? this.#items[slot] : undefined;
  }

  /** Grows from each message to the next that was sent. The identifier must be in use. */
  order(id: number): number {
    return this.#orders[id & this.#mask] as number;
  }

  /** The message's place in the journal; 0: it is in none. The identifier must be in use. */
  seq(id: number): number {
    return this.#seqs === undefined ? 0 : this.#seqs[id & this.#mask] as number;
  }

  /** PUBREC came: the message itself is not needed any more. */
  release(id: number): void {
    const slot = id & this.#mask;
    assert(this.state(id) === InflightState.awaitsPubrec, "released once, after PUBREC");
    this.#states[slot] = InflightState.awaitsPubcomp;
    this.#items[slot] = undefined;
    if (this.#sizes !== undefined) this.#letGo(this.#sizes, slot);
  }

  #letGo(sizes: Uint32Array, slot: number): void {
    this.#heldBytes -= sizes[slot] as number;
    sizes[slot] = 0;
  }

  /**
   * Ends the exchange of `id` if it awaits PUBACK; returns its place in the journal, 0 where it is in none. -1: it
   * awaits nothing of the kind.
   */
  acknowledge(id: number): number {
    const slot = id & this.#mask;
    if (this.#ids[slot] !== id || this.#states[slot] !== InflightState.awaitsPuback) return -1;
    const seq = this.#seqs === undefined ? 0 : this.#seqs[slot] as number;
    this.#free(slot);
    return seq;
  }

  /** The exchange is over. */
  remove(id: number): void {
    assert(this.state(id) !== InflightState.free, "an identifier in use");
    this.#free(id & this.#mask);
  }

  #free(slot: number): void {
    this.#states[slot] = InflightState.free;
    this.#items[slot] = undefined;
    if (this.#seqs !== undefined) this.#seqs[slot] = 0;
    if (this.#sizes !== undefined) this.#letGo(this.#sizes, slot);
    this.#count--;
    if (this.#count === 0 && this.#mask >= SLOTS_KEPT_MAX) this.#allocate(SLOTS_MIN);
  }

  /** Identifiers in the order in which they were sent. Not for the hot path. */
  inOrder(): number[] {
    const slots: number[] = [];
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (this.#states[slot] !== InflightState.free) slots.push(slot);
    }
    const orders = this.#orders;
    slots.sort((a, b) => (orders[a] as number) - (orders[b] as number));
    return slots.map((slot) => this.#ids[slot] as number);
  }

  #allocate(slots: number): void {
    this.#ids = new Uint16Array(slots);
    this.#states = new Uint8Array(slots);
    this.#orders = new Float64Array(slots);
    this.#items = new Array(slots).fill(undefined);
    if (this.#seqs !== undefined) this.#seqs = new Float64Array(slots);
    if (this.#sizes !== undefined) this.#sizes = new Uint32Array(slots);
    this.#mask = slots - 1;
  }

  #grow(): void {
    const [ids, states, orders, items] = [this.#ids, this.#states, this.#orders, this.#items];
    const [seqs, sizes] = [this.#seqs, this.#sizes];
    this.#allocate(ids.length * 2);
    for (let old = 0; old < ids.length; old++) {
      if (states[old] === InflightState.free) continue;
      const slot = (ids[old] as number) & this.#mask;
      this.#ids[slot] = ids[old] as number;
      this.#states[slot] = states[old] as number;
      this.#orders[slot] = orders[old] as number;
      this.#items[slot] = items[old];
      if (this.#seqs !== undefined && seqs !== undefined) this.#seqs[slot] = seqs[old] as number;
      if (this.#sizes !== undefined && sizes !== undefined) {
        this.#sizes[slot] = sizes[old] as number;
      }
    }
  }
}
