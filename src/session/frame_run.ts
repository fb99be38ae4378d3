import type { Qos } from "../mqtt/mod.ts";
import type { FramedMessage } from "./message.ts";
import { NO_BYTES } from "./message.ts";

/** Frames of one run: a slab holds few more of the smallest that carry anything. */
const RUN_FRAMES_MAX = 512;

/** PUBLISH frames that lie one behind the other, some of which become a `FrameRun`. */
export interface StampedFrames {
  readonly qos: Qos;
  readonly bytes: Uint8Array;
  /** Where the first begins. */
  readonly start: number;
  readonly count: number;
  /** Places in `bytes`. */
  frameStart(index: number): number;
  frameEnd(index: number): number;
  /** Where the identifier of each goes, from `start`. */
  readonly packetIdAts: Uint32Array;
  readonly payloadLengths: Uint32Array;
}

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
  /** How many get them now, each by a run of its own. */
  receivers = 1;
  /** Where the identifier of each goes, from `start`. */
  readonly packetIdAts: Uint32Array = new Uint32Array(RUN_FRAMES_MAX);
  readonly packetIds: Uint16Array = new Uint16Array(RUN_FRAMES_MAX);

  /** Empties it. */
  clear(): void {
    this.bytes = NO_BYTES;
    this.count = 0;
    this.payloadBytes = 0;
    this.receivers = 1;
  }

  /** Takes `count` of `frames` from the one at `from` on; their identifiers are the caller's to write. */
  load(frames: StampedFrames, from: number, count: number, receivers: number): void {
    const start = frames.frameStart(from);
    const offset = start - frames.start;
    const { packetIdAts, payloadLengths } = frames;
    let payloadBytes = 0;
    for (let index = 0; index < count; index++) {
      this.packetIdAts[index] = (packetIdAts[from + index] as number) - offset;
      payloadBytes += payloadLengths[from + index] as number;
    }
    this.bytes = frames.bytes;
    this.start = start;
    this.end = frames.frameEnd(from + count - 1);
    this.qos = frames.qos;
    this.count = count;
    this.payloadBytes = payloadBytes;
    this.receivers = receivers;
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
