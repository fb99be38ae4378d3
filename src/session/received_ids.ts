import { PacketIdSet } from "./packet_id_set.ts";

/**
 * Packet identifiers of QoS 2 messages that came in and are not yet released, so that a duplicate is known
 * [MQTT-4.3.3-10]. They outlive connections; the receive maximum, which `count` is for, does not (section 4.9).
 */
export class ReceivedIds {
  #current = new PacketIdSet();
  /** Of earlier connections; undefined: none. */
  #earlier: PacketIdSet | undefined;

  /** Those that came in on this connection. */
  get count(): number {
    return this.#current.size;
  }

  /** Those of earlier connections, too. */
  get totalCount(): number {
    return this.#current.size + (this.#earlier?.size ?? 0);
  }

  has(packetId: number): boolean {
    return this.#current.has(packetId) ||
      (this.#earlier !== undefined && this.#earlier.has(packetId));
  }

  /** All of them. Not for the hot path. */
  values(): number[] {
    return [...this.#current.values(), ...(this.#earlier?.values() ?? [])];
  }

  /** False: it is there already. */
  add(packetId: number): boolean {
    if (this.has(packetId)) return false;
    this.#current.add(packetId);
    return true;
  }

  /** False: it was not there. */
  remove(packetId: number): boolean {
    return this.#current.delete(packetId) ||
      (this.#earlier !== undefined && this.#earlier.delete(packetId));
  }

  /** A new connection: what is there is of an earlier one. */
  beginConnection(): void {
    if (this.#current.size === 0) return;
    const earlier = this.#earlier;
    if (earlier !== undefined) {
      for (const packetId of earlier.values()) this.#current.add(packetId);
    }
    this.#earlier = this.#current;
    this.#current = new PacketIdSet();
  }
}
