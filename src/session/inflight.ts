import type { Qos } from "../mqtt/mod.ts";
import { assert } from "../base/mod.ts";

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

const PACKET_ID_MAX = 65535;
const SLOTS_MIN = 16;
/** Enough that each packet identifier has a slot of its own. */
const SLOTS_MAX = 65536;

/**
 * What was sent at QoS 1 and 2 and is not yet acknowledged, in the order of sending.
 *
 * Packet identifiers are given out one after the other, so a ring indexed by their lower bits finds each at
 * once; it grows when two that are in use would share a slot. `T` is what is needed to send it again;
 * undefined where the session ends with its connection and nothing ever is.
 */
export class Inflight<T> {
  #count = 0;
  #lastId = 0;
  /** The identifier sent longest ago; meaningless while `count` is 0. */
  #oldestId = 1;
  #ids: Uint16Array = new Uint16Array(SLOTS_MIN);
  #states: Uint8Array = new Uint8Array(SLOTS_MIN);
  #items: (T | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  #mask = SLOTS_MIN - 1;

  get count(): number {
    return this.#count;
  }

  /** All identifiers are in use. */
  get isExhausted(): boolean {
    return this.#count >= PACKET_ID_MAX;
  }

  /** Gives out the next free packet identifier. */
  add(qos: Qos, item: T | undefined): number {
    assert(!this.isExhausted, "the caller looks at isExhausted first");
    let id = this.#lastId;
    let slot = 0;
    do {
      id = id === PACKET_ID_MAX ? 1 : id + 1;
      slot = id & this.#mask;
      if (this.#states[slot] === InflightState.free) break;
      if (this.#ids[slot] !== id) {
        this.#grow();
        slot = id & this.#mask;
      }
    } while (this.#states[slot] !== InflightState.free);
    if (this.#count === 0) this.#oldestId = id;
    this.#lastId = id;
    this.#ids[slot] = id;
    this.#states[slot] = qos === 1 ? InflightState.awaitsPuback : InflightState.awaitsPubrec;
    this.#items[slot] = item;
    this.#count++;
    return id;
  }

  state(id: number): InflightState {
    const slot = id & this.#mask;
    return this.#ids[slot] === id ? this.#states[slot] as InflightState : InflightState.free;
  }

  item(id: number): T | undefined {
    const slot = id & this.#mask;
    return this.#ids[slot] === id ? this.#items[slot] : undefined;
  }

  /** PUBREC came: the message itself is not needed any more. */
  release(id: number): void {
    const slot = id & this.#mask;
    assert(this.state(id) === InflightState.awaitsPubrec, "released once, after PUBREC");
    this.#states[slot] = InflightState.awaitsPubcomp;
    this.#items[slot] = undefined;
  }

  /** The exchange is over. */
  remove(id: number): void {
    const slot = id & this.#mask;
    assert(this.state(id) !== InflightState.free, "an identifier in use");
    this.#states[slot] = InflightState.free;
    this.#items[slot] = undefined;
    this.#count--;
    if (this.#count > 0 && id === this.#oldestId) this.#findOldest();
  }

  /** Identifiers in the order in which they were sent. */
  *inOrder(): IterableIterator<number> {
    let left = this.#count;
    for (let id = this.#oldestId; left > 0; id = id === PACKET_ID_MAX ? 1 : id + 1) {
      if (this.state(id) === InflightState.free) continue;
      left--;
      yield id;
    }
  }

  #findOldest(): void {
    let id = this.#oldestId;
    while (this.state(id) === InflightState.free) id = id === PACKET_ID_MAX ? 1 : id + 1;
    this.#oldestId = id;
  }

  #grow(): void {
    const [ids, states, items] = [this.#ids, this.#states, this.#items];
    let size = this.#mask + 1;
    let fits = false;
    while (!fits && size < SLOTS_MAX) {
      size *= 2;
      this.#ids = new Uint16Array(size);
      this.#states = new Uint8Array(size);
      this.#items = new Array(size).fill(undefined);
      this.#mask = size - 1;
      fits = this.#refill(ids, states, items);
    }
    assert(fits, "with a slot for each identifier none collide");
  }

  #refill(ids: Uint16Array, states: Uint8Array, items: readonly (T | undefined)[]): boolean {
    for (let old = 0; old < ids.length; old++) {
      if (states[old] === InflightState.free) continue;
      const slot = (ids[old] as number) & this.#mask;
      if (this.#states[slot] !== InflightState.free) return false;
      this.#ids[slot] = ids[old] as number;
      this.#states[slot] = states[old] as number;
      this.#items[slot] = items[old];
    }
    return true;
  }
}
