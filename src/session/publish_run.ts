import type { ProtocolVersion, PublishView, Qos } from "../mqtt/mod.ts";
import { copyBytes } from "../runtime/mod.ts";
import { FrameBlock } from "./frame_block.ts";
import type { StampedFrames } from "./frame_run.ts";
import { NO_BYTES } from "./message.ts";
import { COPIED_FRAME_BYTES_MAX } from "./publication.ts";

/** Frames of one run. What a write costs is spread over enough of them by then. */
export const RUN_FRAMES_MAX = 128;
/** Of one run, without its last frame. */
const RUN_BYTES_MAX = 32 * 1024;
/** From so many receivers of a message on, flushing them all takes longer than others should wait for. */
export const WIDE_RECEIVERS = 256;
/** What runs are moved to, one behind the other. */
const SLAB_BYTES = 64 * 1024;

/**
 * PUBLISH frames of one QoS that one client sent to one topic in a row and that lie one behind the other: they go on to each
 * receiver as they came, in one piece. Reused; what it refers to is nobody's to change, and if it `isStable` nobody ever
 * will.
 */
export class PublishRun implements StampedFrames {
  version: ProtocolVersion = 4;
  qos: Qos = 0;
  topic = "";
  topicBytes: Uint8Array = NO_BYTES;
  /** Client identifier of whoever sent them. */
  publisherId = "";
  /** `bytes[start..end)` are the frames. */
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;
  /** 0: there is no run. */
  count = 0;
  isStable = false;
  /** It lies where many runs do, and all receivers refer to it there. */
  isShared = false;
  /** Of all, in bytes. */
  payloadBytes = 0;
  /** The length of the largest frame. */
  largestFrame = 0;
  /** How many it is for. */
  receivers = 0;
  /** All these are from `start`. */
  readonly #starts = new Uint32Array(RUN_FRAMES_MAX);
  readonly #bodyStarts = new Uint32Array(RUN_FRAMES_MAX);
  readonly packetIdAts = new Uint32Array(RUN_FRAMES_MAX);
  readonly payloadLengths = new Uint32Array(RUN_FRAMES_MAX);
  /** Of the client that sent them; at QoS 1 and 2. */
  readonly packetIds = new Uint16Array(RUN_FRAMES_MAX);
  #block: FrameBlock | undefined;
  #slab: Uint8Array = NO_BYTES;
  #slabUsed = 0;

  /** Whether the frame is one that may be sent on as it is, whoever gets it. */
  static isPlain(
    { retain, dup, topicAliasAt, messageExpiryAt, frameStart, frameEnd }: PublishView,
  ): boolean {
    return !retain && !dup && topicAliasAt < 0 && messageExpiryAt < 0 &&
      frameEnd - frameStart <= COPIED_FRAME_BYTES_MAX;
  }

  /** Whether a plain frame lies behind those that are here, and there is room for it. */
  isFollowedBy(view: PublishView): boolean {
    return view.frameStart === this.end && view.bytes === this.bytes && view.qos === this.qos &&
      this.count < RUN_FRAMES_MAX && this.end - this.start < RUN_BYTES_MAX;
  }

  /** The first frame. */
  begin(view: PublishView, bodyStart: number, isStable: boolean): void {
    this.version = view.version;
    this.qos = view.qos;
    this.bytes = view.bytes;
    this.start = view.frameStart;
    this.isStable = isStable;
    this.isShared = false;
    this.count = 0;
    this.payloadBytes = 0;
    this.largestFrame = 0;
    this.add(view, bodyStart);
  }

  /** One more, which follows. */
  add(view: PublishView, bodyStart: number): void {
    const { frameStart, frameEnd, payloadStart } = view;
    const { count } = this;
    this.#starts[count] = frameStart - this.start;
    this.#bodyStarts[count] = bodyStart - this.start;
    if (this.qos > 0) {
      this.packetIdAts[count] = view.packetIdAt - this.start;
      this.packetIds[count] = view.packetId;
      this.payloadLengths[count] = frameEnd - payloadStart;
    }
    this.count = count + 1;
    this.end = frameEnd;
    this.payloadBytes += frameEnd - payloadStart;
    if (frameEnd - frameStart > this.largestFrame) this.largestFrame = frameEnd - frameStart;
  }

  /** Where a frame, its body, and the frame end. */
  frameStart(index: number): number {
    return this.start + (this.#starts[index] as number);
  }

  bodyStart(index: number): number {
    return this.start + (this.#bodyStarts[index] as number);
  }

  frameEnd(index: number): number {
    return index + 1 < this.count ? this.frameStart(index + 1) : this.end;
  }

  /**
   * Copies the frames to where nobody will ever write again, behind those of the last run: whoever still has to send that
   * one can send both in one piece.
   */
  settle(): void {
    const length = this.end - this.start;
    if (this.#slabUsed + length > this.#slab.length) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    copyBytes(this.#slab, this.#slabUsed, this.bytes, this.start, this.end);
    this.bytes = this.#slab;
    this.start = this.#slabUsed;
    this.end = this.#slabUsed += length;
    this.isStable = true;
    this.isShared = true;
  }

  /** The same frames for good, of QoS 1 or 2: one object for all sessions in which they wait. */
  block(): FrameBlock {
    return this.#block ??= new FrameBlock(this, this.#starts, this.#bodyStarts);
  }

  /** Lets go of what it refers to. */
  clear(): void {
    this.count = 0;
    this.bytes = NO_BYTES;
    this.#block = undefined;
  }
}
