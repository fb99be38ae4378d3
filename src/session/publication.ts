import {
  copyForwardedProperties,
  createPublishHead,
  forwardedPropertiesSize,
  isSysTopic,
  packetIdOffset,
  type ProtocolVersion,
  type PublishHead,
  publishHeadSize,
  type PublishView,
  type Qos,
  writeMessageExpiry,
  writePublishHead,
} from "../mqtt/mod.ts";
import { copyAlone, copyBeside, copyBytes, copyOut, SLAB_COPY_MAX } from "../runtime/mod.ts";
import { LentMessage } from "./lent_message.ts";
import { type Delivery, FramedMessage, type Message, NO_BYTES, NO_IDENTIFIERS } from "./message.ts";
import type { MessageOrigin } from "./message_origin.ts";
import { PublishFrame } from "./publish_frame.ts";

/** A frame up to this size is copied to each receiver, of a larger one the payload is referenced. */
export const COPIED_FRAME_BYTES_MAX = 4096;
/** For one or two receivers a copy is cheaper than a buffer that lives until it is sent. */
const COPIED_FOR_FEW_BYTES_MAX = 131_072;
const FEW_RECEIVERS = 2;

const LAYOUTS = 12;
const EXPIRY_PROPERTY_BYTES = 5;
/** Room for frames that is kept from one message to the next, in bytes. */
const SCRATCH_KEPT_MAX = 262_144;

/** The one grant of the one message that is lent at a time. */
interface LentDelivery {
  readonly message: LentMessage;
  qos: Qos;
  retain: boolean;
  identifiers: readonly number[];
  group: object | undefined;
}

function layoutOf(version: ProtocolVersion, qos: Qos, retain: boolean): number {
  return (version === 5 ? 6 : 0) + qos * 2 + (retain ? 1 : 0);
}

/**
 * One message on its way to many. It is either a view into the frame that came in, or a message at rest, and
 * encodes itself once for each layout that a receiver needs; where that is the layout it came in, its own bytes
 * serve.
 *
 * The object is reused: what `frame` returns is valid until the next `load`.
 */
export class Publication {
  topic = "";
  topicBytes: Uint8Array = NO_BYTES;
  qos: Qos = 0;
  retain = false;
  /** Client identifier of the publisher; empty for the broker itself. */
  publisherId = "";
  /** For whoever loads a frame to set while somebody wants to hear of messages, before `own` is called. */
  origin: MessageOrigin | undefined = undefined;
  /** On a topic of the broker's own, `$SYS/…`. */
  isSys = false;
  /** Payload length in bytes. */
  payloadLength = 0;
  /** Seconds until the message expires, counted from when it was loaded; -1: never. */
  expiryS = -1;
  /** How many it is for, as far as that was told. */
  receivers = 1;
  /** Bytes that the publication was given are still referred to by somebody, and must not be used again. */
  hasKeptBytes = false;
  #stamp = 0;
  #nowMs = 0;
  #bytes: Uint8Array = NO_BYTES;
  #payloadStart = 0;
  #payloadEnd = 0;
  #bytesAreStable = false;
  #copiedBytesMax = COPIED_FRAME_BYTES_MAX;
  #frameStart = 0;
  #packetIdAt = -1;
  #sourceVersion: ProtocolVersion = 4;
  /** Layout of the frame that `#bytes` holds; -1: none that can be sent on. */
  #sourceLayout = -1;
  #properties: Uint8Array = NO_BYTES;
  #propertiesStart = 0;
  #propertiesEnd = 0;
  /** Its property block came with an alias or an expiry, and is cleaned when first needed. */
  #uncleanView: PublishView | undefined;
  #message: Message | undefined;
  #scratch: Uint8Array = NO_BYTES;
  #scratchLength = 0;
  readonly #extra = new Uint8Array(EXPIRY_PROPERTY_BYTES);
  #extraLength = 0;
  /** Reused for each encode. */
  readonly #head: PublishHead = createPublishHead();
  #hasDeliveries = false;
  readonly #deliveries: (Delivery<never> | undefined)[] = new Array(6).fill(undefined);
  readonly #lent: LentDelivery = {
    message: LentMessage.create(),
    qos: 0,
    retain: false,
    identifiers: NO_IDENTIFIERS,
    group: undefined,
  };
  readonly #frames: readonly PublishFrame[] = Array.from(
    { length: LAYOUTS },
    () => new PublishFrame(),
  );

  /**
   * Takes the PUBLISH that `view` shows; its topic is `topic`, of which the frame may say only the end. Its bytes stay the caller's; `bytesAreStable` says that nobody will ever
   * write to them again, so that a large payload need not be copied.
   */
  loadView(
    view: PublishView,
    topic: string,
    topicBytes: Uint8Array,
    publisherId: string,
    bytesAreStable: boolean,
    nowMs: number,
  ): void {
    this.#begin(nowMs);
    this.topic = topic;
    this.topicBytes = topicBytes;
    this.qos = view.qos;
    this.retain = view.retain;
    this.publisherId = publisherId;
    this.origin = undefined;
    this.isSys = false;
    this.payloadLength = view.frameEnd - view.payloadStart;
    this.#bytes = view.bytes;
    this.#payloadStart = view.payloadStart;
    this.#payloadEnd = view.frameEnd;
    this.#bytesAreStable = bytesAreStable;
    this.#properties = view.bytes;
    this.#propertiesStart = view.propertiesStart;
    this.#propertiesEnd = view.propertiesEnd;
    this.#uncleanView = view.topicAliasAt >= 0 || view.messageExpiryAt >= 0 ? view : undefined;
    this.expiryS = view.messageExpiryS;
    this.#frameStart = view.frameStart;
    this.#packetIdAt = view.packetIdAt < 0 ? -1 : view.packetIdAt - view.frameStart;
    this.#sourceVersion = view.version;
    // A frame that says DUP, names an alias, or says another topic than is meant is not the one to send on.
    const isNamedSo = view.topicEnd - view.topicStart === topicBytes.length;
    this.#sourceLayout = view.dup || view.topicAliasAt >= 0 || !isNamedSo
      ? -1
      : layoutOf(view.version, view.qos, view.retain);
  }

  /** Takes a message at rest. `qos` and `retain` as the delivery has them are given to `frame`. */
  loadMessage(message: Message, nowMs: number): void {
    this.#begin(nowMs);
    this.topic = message.topic;
    this.topicBytes = message.topicBytes;
    this.qos = message.qos;
    this.retain = message.retain;
    this.publisherId = message.publisherId;
    this.origin = message.origin;
    this.isSys = isSysTopic(message.topic);
    this.#message = message;
    this.#uncleanView = undefined;
    this.#bytesAreStable = true;
    this.expiryS = message.expiresAtMs === Infinity
      ? -1
      : Math.max(0, Math.ceil((message.expiresAtMs - nowMs) / 1000));
    if (message instanceof FramedMessage) {
      this.#loadFramed(message);
      return;
    }
    this.payloadLength = message.payload.length;
    this.#bytes = message.payload;
    this.#payloadStart = 0;
    this.#payloadEnd = message.payload.length;
    this.#properties = message.properties;
    this.#propertiesStart = 0;
    this.#propertiesEnd = message.properties.length;
    this.#sourceLayout = -1;
  }

  #loadFramed(message: FramedMessage): void {
    const { bytes, start, end, payloadStart } = message;
    this.payloadLength = end - start - payloadStart;
    this.#bytes = bytes;
    this.#payloadStart = start + payloadStart;
    this.#payloadEnd = end;
    this.#properties = bytes;
    this.#propertiesStart = start + message.propertiesStart;
    this.#propertiesEnd = start + message.propertiesEnd;
    this.#frameStart = start;
    this.#packetIdAt = message.packetIdAt;
    this.#sourceVersion = message.version;
    this.#sourceLayout = layoutOf(message.version, message.qos, message.retain);
  }

  #begin(nowMs: number): void {
    this.#stamp++;
    this.hasKeptBytes = false;
    this.receivers = 1;
    this.#nowMs = nowMs;
    this.#scratchLength = 0;
    if (this.#scratch.length > SCRATCH_KEPT_MAX) this.#scratch = NO_BYTES;
    this.#extraLength = -1;
    this.#message = undefined;
    if (this.#hasDeliveries) {
      this.#hasDeliveries = false;
      this.#deliveries.fill(undefined);
    }
  }

  /** Tells how many receivers there are. `isStable`: as in `loadView`; otherwise the buffer could soon serve another. */
  expectReceivers(count: number, isStable: boolean): void {
    this.receivers = count;
    this.#copiedBytesMax = !isStable && count <= FEW_RECEIVERS
      ? COPIED_FOR_FEW_BYTES_MAX
      : COPIED_FRAME_BYTES_MAX;
  }

  /** The frame of one layout; for many receivers it is encoded once. */
  frame(version: ProtocolVersion, qos: Qos, retain: boolean): PublishFrame {
    const layout = layoutOf(version, qos, retain);
    const frame = this.#frames[layout] as PublishFrame;
    if (frame.stamp === this.#stamp) return frame;
    frame.stamp = this.#stamp;
    frame.uses = 0;
    frame.view = undefined;
    frame.isStable = false;
    if (layout === this.#sourceLayout) this.#useSource(frame);
    else {
      const extra = this.#expiryProperty();
      const extraLength = version === 5 ? this.#extraLength : 0;
      this.encode(frame, version, qos, retain, false, this.topicBytes, extra, extraLength);
      this.#scratchLength = frame.end;
    }
    return frame;
  }

  /**
   * Encodes a frame that is one receiver's own: DUP, an alias, subscription identifiers. It is valid until the next
   * call of `encode` or `frame`, so that however many receivers need no more room than one.
   */
  encode(
    frame: PublishFrame,
    version: ProtocolVersion,
    qos: Qos,
    retain: boolean,
    dup: boolean,
    topicBytes: Uint8Array,
    extra: Uint8Array,
    extraLength: number,
  ): void {
    if (version === 5) this.#cleanProperties();
    const head = this.#head;
    head.version = version;
    head.qos = qos;
    head.retain = retain;
    head.dup = dup;
    head.topicBytes = topicBytes;
    head.properties = this.#properties;
    head.propertiesStart = this.#propertiesStart;
    head.propertiesEnd = this.#propertiesEnd;
    head.extra = extra;
    head.extraLength = extraLength;
    head.payloadLength = this.payloadLength;
    const headSize = publishHeadSize(head);
    const isCopied = headSize + this.payloadLength <= this.#copiedBytesMax;
    const start = this.#roomInScratch(headSize + (isCopied ? this.payloadLength : 0));
    const headEnd = writePublishHead(this.#scratch, start, head);
    // A frame is filled again and again: nothing of the last time may be left.
    frame.uses = 0;
    frame.view = undefined;
    frame.isStable = false;
    frame.bytes = this.#scratch;
    frame.start = start;
    frame.end = headEnd;
    frame.packetIdAt = qos === 0 ? -1 : packetIdOffset(head);
    frame.payload = NO_BYTES;
    frame.payloadStart = 0;
    frame.payloadEnd = 0;
    if (isCopied) {
      copyBytes(this.#scratch, headEnd, this.#bytes, this.#payloadStart, this.#payloadEnd);
      frame.end += this.payloadLength;
    } else this.#referencePayload(frame);
  }

  /** The expiry property with what is left of it; `extraLength` bytes of it count. */
  #expiryProperty(): Uint8Array {
    if (this.#extraLength < 0) {
      this.#extraLength = this.expiryS < 0 ? 0 : writeMessageExpiry(this.#extra, 0, this.expiryS);
    }
    return this.#extra;
  }

  #useSource(frame: PublishFrame): void {
    const total = this.#payloadEnd - this.#frameStart;
    frame.bytes = this.#bytes;
    frame.start = this.#frameStart;
    frame.packetIdAt = this.#packetIdAt;
    frame.payload = NO_BYTES;
    frame.payloadStart = 0;
    frame.payloadEnd = 0;
    if (total <= this.#copiedBytesMax) {
      frame.end = this.#payloadEnd;
      frame.isStable = this.#bytesAreStable && this.#packetIdAt < 0 &&
        total <= COPIED_FRAME_BYTES_MAX;
      if (frame.isStable) this.hasKeptBytes = true;
      return;
    }
    this.#referencePayload(frame);
    if (this.qos === 0 && frame.payload === this.#bytes) {
      // Nothing of it is stamped: the whole frame goes by reference, in one write.
      frame.end = frame.start;
      frame.payloadStart = this.#frameStart;
    } else frame.end = this.#payloadStart;
  }

  #referencePayload(frame: PublishFrame): void {
    if (this.#bytesAreStable) {
      this.hasKeptBytes = true;
      frame.payload = this.#bytes;
      frame.payloadStart = this.#payloadStart;
      frame.payloadEnd = this.#payloadEnd;
      return;
    }
    const { payload } = this.own();
    frame.payload = payload;
    frame.payloadStart = 0;
    frame.payloadEnd = payload.length;
  }

  /** A view, valid until the next `load`. */
  get payload(): Uint8Array {
    return this.#bytes.subarray(this.#payloadStart, this.#payloadEnd);
  }

  /** The message at rest, copied from the frame the first time it is asked for. */
  own(): Message {
    return this.#message ??= this.#sourceLayout >= 0 && this.expiryS < 0
      ? this.#ownFrame()
      : this.#ownParts();
  }

  #ownFrame(): Message {
    const start = this.#frameStart;
    const length = this.#payloadEnd - start;
    let bytes: Uint8Array;
    let at = 0;
    if (length > SLAB_COPY_MAX || this.retain) {
      bytes = this.#keep(this.#bytes, start, this.#payloadEnd);
    } else ({ bytes, at } = copyBeside(this.#bytes, start, this.#payloadEnd));
    return new FramedMessage({
      topic: this.topic,
      topicBytes: this.topicBytes,
      qos: this.qos,
      retain: this.retain,
      publisherId: this.publisherId,
      origin: this.origin,
      version: this.#sourceVersion,
      bytes,
      start: at,
      end: at + length,
      packetIdAt: this.#packetIdAt,
      propertiesStart: this.#propertiesStart - start,
      propertiesEnd: this.#propertiesEnd - start,
      payloadStart: this.#payloadStart - start,
    });
  }

  #ownParts(): Message {
    this.#cleanProperties();
    const message = {
      topic: this.topic,
      topicBytes: this.topicBytes,
      payload: this.#keep(this.#bytes, this.#payloadStart, this.#payloadEnd),
      qos: this.qos,
      retain: this.retain,
      properties: this.#propertiesStart === this.#propertiesEnd
        ? NO_BYTES
        : copyOut(this.#properties, this.#propertiesStart, this.#propertiesEnd),
      expiresAtMs: this.expiryS < 0 ? Infinity : this.#nowMs + this.expiryS * 1000,
      publisherId: this.publisherId,
    };
    return this.origin === undefined ? message : { ...message, origin: this.origin };
  }

  /** A copy, or the bytes themselves where that holds on to little more than them. */
  #keep(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const length = end - start;
    const isMostOfBuffer = length > COPIED_FRAME_BYTES_MAX &&
      length * 2 >= bytes.buffer.byteLength;
    if (this.#bytesAreStable && isMostOfBuffer) {
      this.hasKeptBytes = true;
      return bytes.subarray(start, end);
    }
    // What is retained may stay for years, beside messages that are gone in a moment.
    return this.retain ? copyAlone(bytes, start, end) : copyOut(bytes, start, end);
  }

  /** A delivery without anything of one session in it is one object for all sessions. */
  delivery<Group extends object>(
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[],
    group: Group | undefined,
  ): Delivery<Group> {
    if (group !== undefined || identifiers.length > 0) {
      return { message: this.own(), qos, retain, identifiers, group };
    }
    const index = qos * 2 + (retain ? 1 : 0);
    const known = this.#deliveries[index];
    if (known !== undefined) return known;
    const delivery: Delivery<never> = {
      message: this.own(),
      qos,
      retain,
      identifiers: NO_IDENTIFIERS,
      group: undefined,
    };
    this.#deliveries[index] = delivery;
    this.#hasDeliveries = true;
    return delivery;
  }

  /** The message is as it will be kept, is for one session alone, and nobody has asked to own it: it may be lent. */
  get isLendable(): boolean {
    return this.receivers === 1 && this.#message === undefined && this.#sourceLayout >= 0 &&
      this.expiryS < 0;
  }

  /** What `messageBytes` says of a message that is lendable. */
  get frameBytes(): number {
    return this.#payloadEnd - this.#frameStart;
  }

  /** As `delivery`, without taking anything: both it and its `LentMessage` are good until the next call. */
  lend<Group extends object>(
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[],
    group: Group | undefined,
  ): Delivery<Group> {
    const lent = this.#lent;
    lent.qos = qos;
    lent.retain = retain;
    lent.identifiers = identifiers;
    lent.group = group;
    const start = this.#frameStart;
    const { message } = lent;
    message.topic = this.topic;
    message.topicBytes = this.topicBytes;
    message.qos = this.qos;
    message.retain = this.retain;
    message.publisherId = this.publisherId;
    message.origin = this.origin;
    message.version = this.#sourceVersion;
    message.bytes = this.#bytes;
    message.start = start;
    message.end = this.#payloadEnd;
    message.packetIdAt = this.#packetIdAt;
    message.propertiesStart = this.#propertiesStart - start;
    message.propertiesEnd = this.#propertiesEnd - start;
    message.payloadStart = this.#payloadStart - start;
    return lent as Delivery<Group>;
  }

  /** Takes alias and expiry out of the block: the alias is the sender's alone, the expiry is counted down. */
  #cleanProperties(): void {
    const view = this.#uncleanView;
    if (view === undefined) return;
    this.#uncleanView = undefined;
    const clean = new Uint8Array(forwardedPropertiesSize(view));
    copyForwardedProperties(view, clean, 0);
    this.#properties = clean;
    this.#propertiesStart = 0;
    this.#propertiesEnd = clean.length;
  }

  /** Where `size` bytes may be written behind the frames that are kept. */
  #roomInScratch(size: number): number {
    const start = this.#scratchLength;
    if (start + size <= this.#scratch.length) return start;
    // Frames built before keep the array that they were built in.
    this.#scratch = new Uint8Array(Math.max(1024, (start + size) * 2));
    this.#scratchLength = 0;
    return 0;
  }
}
