import { decodePublish, type ProtocolVersion, PublishView, type Qos } from "../mqtt/mod.ts";
import { copyAlone } from "../runtime/mod.ts";
import type { StampedFrames } from "./frame_run.ts";
import { type Delivery, FramedMessage, NO_IDENTIFIERS } from "./message.ts";
import type { PublishRun } from "./publish_run.ts";

/** Reused for each message that is wanted by itself. */
const view = new PublishView();

/**
 * The frames of a run that somebody could not be sent at once. All sessions in which they wait share the object and its
 * bytes, so that each of them notes one thing to do for many messages, and sends many with one copy.
 */
export class FrameBlock implements StampedFrames {
  readonly version: ProtocolVersion;
  readonly qos: Qos;
  /** The frames and nothing else. */
  readonly bytes: Uint8Array;
  readonly start = 0;
  readonly count: number;
  /** The length of the largest frame. */
  readonly largestFrame: number;
  readonly packetIdAts: Uint32Array;
  readonly payloadLengths: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #bodyStarts: Uint32Array;
  readonly #topic: string;
  readonly #topicBytes: Uint8Array;
  readonly #publisherId: string;
  #deliveries: (Delivery<never> | undefined)[] | undefined;

  /** `starts` and `bodyStarts`: of each frame of `run`, from its start. */
  constructor(run: PublishRun, starts: Uint32Array, bodyStarts: Uint32Array) {
    const { count } = run;
    this.version = run.version;
    this.qos = run.qos;
    this.bytes = copyAlone(run.bytes, run.start, run.end);
    this.count = count;
    this.largestFrame = run.largestFrame;
    this.packetIdAts = run.packetIdAts.slice(0, count);
    this.payloadLengths = run.payloadLengths.slice(0, count);
    this.#starts = starts.slice(0, count);
    this.#bodyStarts = bodyStarts.slice(0, count);
    this.#topic = run.topic;
    this.#topicBytes = run.topicBytes;
    this.#publisherId = run.publisherId;
  }

  frameStart(index: number): number {
    return this.#starts[index] as number;
  }

  frameEnd(index: number): number {
    return index + 1 < this.count ? this.#starts[index + 1] as number : this.bytes.length;
  }

  /** Of the frames from that one on, in bytes. */
  bytesFrom(index: number): number {
    return this.bytes.length - this.frameStart(index);
  }

  /** One message by itself, the same object for all who ask. */
  delivery<Group extends object>(index: number): Delivery<Group> {
    this.#deliveries ??= new Array<undefined>(this.count).fill(undefined);
    return this.#deliveries[index] ??= this.#makeDelivery(index);
  }

  #makeDelivery(index: number): Delivery<never> {
    const [start, end] = [this.frameStart(index), this.frameEnd(index)];
    const bodyStart = this.#bodyStarts[index] as number;
    decodePublish(view, this.bytes, start, bodyStart, end, this.version);
    const message = new FramedMessage({
      topic: this.#topic,
      topicBytes: this.#topicBytes,
      qos: this.qos,
      retain: false,
      publisherId: this.#publisherId,
      version: this.version,
      bytes: this.bytes,
      start,
      end,
      packetIdAt: view.packetIdAt - start,
      propertiesStart: view.propertiesStart - start,
      propertiesEnd: view.propertiesEnd - start,
      payloadStart: view.payloadStart - start,
    });
    const { qos } = this;
    return { message, qos, retain: false, identifiers: NO_IDENTIFIERS, group: undefined };
  }
}
