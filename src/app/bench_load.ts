import { LatencyHistogram } from "../base/mod.ts";
import type { MqttClient, MqttClientHandler, OutgoingMessage } from "../client/mod.ts";
import { encodeUtf8, type PublishView } from "../mqtt/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { type BenchArguments, STAMP_BYTES } from "./bench_arguments.ts";

/** Messages that one publisher sends before it is another's turn. */
const BURST = 16;
/** Payloads from here on are not copied by the client, so each needs bytes of its own. */
const REFERENCED_BYTES_MIN = 16_384;
const NO_BYTES = new Uint8Array(0);

/** What came of a load so far. */
export interface LoadFigures {
  readonly sent: number;
  readonly received: number;
  /** Of `received`: not the one that was due. */
  readonly outOfOrder: number;
  readonly duplicates: number;
  readonly refused: number;
  readonly latency: LatencyHistogram;
}

/** Publishes stamped messages while there is room in the window, and judges what arrives. */
export class BenchLoad implements LoadFigures {
  sent = 0;
  received = 0;
  outOfOrder = 0;
  duplicates = 0;
  refused = 0;
  readonly latency = new LatencyHistogram();
  /** Connections that were lost meanwhile. */
  lost = 0;
  readonly publishers: readonly BenchPublisher[];
  readonly subscribers: readonly BenchSubscriber[];
  readonly #runtime: Pick<Runtime, "defer">;
  readonly #args: BenchArguments;
  /** Deliveries of a message. */
  readonly #fan: number;
  readonly #pumpLater = (): void => this.#turnEnds();
  #messagesMax: number;
  #next = 0;
  #isPumpDue = false;
  #nowUs = -1;
  /** Of a load by the clock. */
  #startMs = 0;
  #isRunning = false;

  constructor(runtime: Pick<Runtime, "defer">, args: BenchArguments) {
    this.#runtime = runtime;
    this.#args = args;
    this.#fan = args.mode === "pair" ? 1 : args.subscribers;
    this.#messagesMax = args.messages;
    const { publishers, subscribers } = args;
    this.publishers = Array.from(
      { length: publishers },
      (_, index) => new BenchPublisher(this, args, index),
    );
    this.subscribers = Array.from(
      { length: subscribers },
      () => new BenchSubscriber(this, args.mode === "pair" ? 1 : publishers),
    );
  }

  /** Everything that was sent has arrived, and no more is to be sent. */
  get isDone(): boolean {
    return this.sent >= this.#messagesMax && this.received >= this.sent * this.#fan;
  }

  get expected(): number {
    return this.sent * this.#fan;
  }

  start(): void {
    this.#isRunning = true;
    this.#startMs = performance.now();
    this.pump();
  }

  /** Publishes no more. */
  stop(): void {
    this.#messagesMax = this.sent;
    this.#isRunning = false;
  }

  /** Something has changed that may make room: looks at the end of this turn. */
  wake(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    this.#runtime.defer(this.#pumpLater);
  }

  /** The time of this turn in microseconds, 32 bits of it: a look at the clock for each message would cost more. */
  get nowUs(): number {
    if (this.#nowUs < 0) this.#nowUs = microseconds();
    return this.#nowUs;
  }

  /** Publishes what there is room for. */
  pump(): void {
    if (!this.#isRunning) return;
    const { publishers } = this;
    const room = this.#args.rate === 0 ? Infinity : this.#due();
    const limit = Math.min(this.#messagesMax, this.sent + room);
    let idle = 0;
    while (idle < publishers.length && this.sent < limit) {
      // By the clock messages leave whether or not the last ones have arrived.
      const free = room === Infinity ? this.#freeInWindow() : room;
      if (free <= 0) return;
      const publisher = publishers[this.#next] as BenchPublisher;
      this.#next = this.#next + 1 === publishers.length ? 0 : this.#next + 1;
      const count = publisher.send(Math.min(BURST, free, limit - this.sent));
      this.sent += count;
      idle = count === 0 ? idle + 1 : 0;
    }
  }

  /** Messages that may follow; one that has not reached everybody counts by its share. */
  #freeInWindow(): number {
    const outstanding = this.sent * this.#fan - this.received;
    return Math.ceil(this.#args.window - outstanding / this.#fan);
  }

  #due(): number {
    // What is due after the end is not due, however late somebody looks.
    const elapsedMs = Math.min(performance.now() - this.#startMs, this.#args.durationMs);
    return Math.max(0, Math.floor(elapsedMs * this.#args.rate / 1000) - this.sent);
  }

  #turnEnds(): void {
    this.#isPumpDue = false;
    this.#nowUs = -1;
    this.pump();
  }
}

/** Whole microseconds of a clock that does not jump, modulo 2^32. */
function microseconds(): number {
  return (performance.now() * 1000) >>> 0;
}

/** One publisher with its topic. */
export class BenchPublisher implements MqttClientHandler {
  readonly #load: BenchLoad;
  readonly #index: number;
  readonly #message: { -readonly [K in keyof OutgoingMessage]: OutgoingMessage[K] };
  #client: MqttClient | undefined;
  #sequence = 0;

  constructor(load: BenchLoad, args: BenchArguments, index: number) {
    this.#load = load;
    this.#index = args.mode === "pair" ? 0 : index;
    this.#message = {
      topic: encodeUtf8(benchTopic(args, index)),
      payload: new Uint8Array(args.sizeBytes).fill(0x78),
      qos: args.qos,
      retain: false,
      properties: NO_BYTES,
    };
  }

  attach(client: MqttClient): void {
    this.#client = client;
  }

  /** Publishes as many of `wanted` messages as there is room for. */
  send(wanted: number): number {
    const client = this.#client;
    if (client === undefined || !client.isConnected || client.isCongested) return 0;
    const message = this.#message;
    const count = message.qos === 0 ? wanted : Math.min(wanted, client.room);
    const sentUs = microseconds();
    for (let index = 0; index < count; index++) {
      if (message.payload.length >= REFERENCED_BYTES_MIN) message.payload = message.payload.slice();
      this.#sequence = (this.#sequence + 1) >>> 0;
      writeUint32(message.payload, 0, sentUs);
      writeUint32(message.payload, 4, this.#index);
      writeUint32(message.payload, 8, this.#sequence);
      client.publish(message);
    }
    return count;
  }

  disconnect(): void {
    this.#client?.disconnect();
  }

  onPublished(_packetId: number, reasonCode: number): void {
    if (reasonCode >= 0x80) this.#load.refused++;
    this.#load.wake();
  }

  onDrained(): void {
    this.#load.wake();
  }

  onClose(): void {
    this.#load.lost++;
    this.#load.wake();
  }
}

/** One subscriber: knows of each publisher what is due next. */
export class BenchSubscriber implements MqttClientHandler {
  readonly #load: BenchLoad;
  readonly #last: Uint32Array;
  #client: MqttClient | undefined;
  #onSuback: ((isGranted: boolean) => void) | undefined;

  constructor(load: BenchLoad, publishers: number) {
    this.#load = load;
    this.#last = new Uint32Array(publishers);
  }

  /** Resolves when the server has acknowledged; false: it has refused. */
  subscribe(client: MqttClient, filter: string, qos: BenchArguments["qos"]): Promise<boolean> {
    this.#client = client;
    const answer = new Promise<boolean>((resolve) => this.#onSuback = resolve);
    client.subscribe([
      { filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 2 },
    ]);
    return answer;
  }

  disconnect(): void {
    this.#client?.disconnect();
  }

  onSuback({ reasonCodes }: { readonly reasonCodes: readonly number[] }): void {
    this.#onSuback?.(reasonCodes.every((code) => code < 0x80));
  }

  onMessage({ bytes, payloadStart, frameEnd }: PublishView): void {
    const load = this.#load;
    // Of somebody else.
    if (frameEnd - payloadStart < STAMP_BYTES) return;
    const publisher = readUint32(bytes, payloadStart + 4);
    const sequence = readUint32(bytes, payloadStart + 8);
    const last = this.#last[publisher];
    if (last === undefined) return;
    if (sequence !== last + 1) {
      if (sequence <= last) load.duplicates++;
      load.outOfOrder++;
    }
    this.#last[publisher] = sequence;
    load.received++;
    load.latency.record((load.nowUs - readUint32(bytes, payloadStart)) >>> 0);
    load.wake();
  }

  onClose(): void {
    this.#load.lost++;
    this.#onSuback?.(false);
    this.#load.wake();
  }
}

/** Where publisher `index` publishes. */
export function benchTopic({ mode, topicPrefix }: BenchArguments, index: number): string {
  return mode === "fanout" ? `${topicPrefix}/all` : `${topicPrefix}/${index}/data`;
}

/** What subscriber `index` subscribes to. */
export function benchFilter(args: BenchArguments, index: number): string {
  return args.mode === "fanin" ? `${args.topicPrefix}/+/data` : benchTopic(args, index);
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}
