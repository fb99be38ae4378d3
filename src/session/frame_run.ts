import type { Qos } from "../mqtt/mod.ts";
import type { FramedMessage } from "./message.ts";
import { NO_BYTES } from "./message.ts";

/** Frames of one run: a slab holds few more of the smallest that carry anything. */
const RUN_FRAMES_MAX = 512;

/**
 * PUBLISH frames of QoS 1 or 2 that lie one behind the other in memory, with the packet identifiers that they get: they
 * leave with one copy. Reused; what it refers to is nobody's to change.
 */
export class FrameRun {
  bytes: Uint8Array = NO_BYTES;
  /** `bytes[start..end)` are the frames. */
  start = 0;
  end = 0;
  count = 0;
  /** The same for all. */
  qos: Qos = 1;
  /** Of all, in bytes. */
  payloadBytes = 0;
  /** Where the identifier of each goes, from `start`. */
  readonly packetIdAts: Uint32Array = new Uint32Array(RUN_FRAMES_MAX);
  readonly packetIds: Uint16Array = new Uint16Array(RUN_FRAMES_MAX);

  /** Empties it. */
  clear(): void {
    this.bytes = NO_BYTES;
    this.count = 0;
    this.payloadBytes = 0;
  }

  /** The frame is the first, or lies right behind the last. */
  canTake({ bytes, start, qos }: FramedMessage): boolean {
    if (this.count === 0) return qos > 0;
    return bytes === this.bytes && start === this.end && qos === this.qos &&
      this.count < RUN_FRAMES_MAX;
  }

  /** After `canTake`. */
  take(message: FramedMessage, packetId: number): void {
    const { start, end } = message;
    if (this.count === 0) {
      this.bytes = message.bytes;
      this.start = start;
      this.qos = message.qos;
    }
    this.packetIdAts[this.count] = start - this.start + message.packetIdAt;
    this.packetIds[this.count++] = packetId;
    this.end = end;
    this.payloadBytes += end - start - message.payloadStart;
  }
}
