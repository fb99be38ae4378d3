import { NO_BYTES } from "./message.ts";

/** A PUBLISH encoded for one layout: version, QoS and retain; the packet identifier is left open. */
export class PublishFrame {
  /** Which message this was built for. */
  stamp = 0;
  /** `bytes[start..end)` is copied to the receiver. */
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;
  /** Where the packet identifier goes, from `start`; -1 at QoS 0. */
  packetIdAt = -1;
  /** `payload[payloadStart..payloadEnd)` follows by reference; empty when the payload is in `bytes`. */
  payload: Uint8Array = NO_BYTES;
  payloadStart = 0;
  payloadEnd = 0;
  /** Nobody will ever write to `bytes`, and nothing of it is stamped: it need not be copied. */
  isStable = false;
  /** How many receivers it went to. */
  uses = 0;
  /** `bytes[start..end)` as a view: the cheapest way to copy it often. */
  view: Uint8Array | undefined;

  /** The whole control packet, in bytes. */
  get length(): number {
    return this.end - this.start + this.payloadEnd - this.payloadStart;
  }
}
