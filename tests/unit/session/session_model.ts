/**
 * What a session must do, written down as plainly as possible: lists that are searched, and no thought of speed.
 * The model says what is sent; the packet identifiers it learns from the session and checks.
 */
import { assert, assertEquals } from "@std/assert";
import {
  decodePublish,
  type ProtocolVersion,
  PublishView,
  type Qos,
  type ReasonCode,
} from "../../../src/mqtt/mod.ts";
import {
  type FramedMessage,
  type FrameRun,
  type Message,
  messageBytes,
  type Outlet,
  type Publication,
  type PublishRun,
  type SessionCounters,
  type SessionLimits,
} from "../../../src/session/mod.ts";

export interface Group {
  readonly name: string;
}

/** A message on its way to the session; `number` tells one from all others. */
export interface Entry {
  readonly number: number;
  readonly bytes: number;
  readonly expiresAtMs: number;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly identifiers: readonly number[];
  readonly group: Group | undefined;
}

export type Sent =
  | {
    readonly type: "publish";
    readonly number: number;
    readonly qos: Qos;
    readonly retain: boolean;
    readonly dup: boolean;
    readonly identifiers: readonly number[];
    readonly packetId: number;
  }
  | { readonly type: "pubrel"; readonly packetId: number; readonly reasonCode: number };

/** The number that a test writes into the payload. */
export function numberOf(message: Message): number {
  const { payload } = message;
  return new DataView(payload.buffer, payload.byteOffset, payload.length).getUint32(0);
}

export class RecordingOutlet implements Outlet {
  readonly version: ProtocolVersion;
  readonly sent: Sent[] = [];
  #forwardsRuns = true;
  /** How many frames each run had. */
  readonly runs: number[];
  isFull = false;
  /** Messages with more bytes than this are too large for the client. */
  readonly messageBytesMax: number;
  /** Whether frames are sent as they came. */
  readonly forwards: boolean;

  constructor(
    version: ProtocolVersion,
    messageBytesMax: number,
    forwards: boolean,
    runs: number[],
  ) {
    this.runs = runs;
    this.version = version;
    this.messageBytesMax = messageBytesMax;
    this.forwards = forwards;
  }

  publish(
    publication: Publication,
    qos: Qos,
    retain: boolean,
    dup: boolean,
    identifiers: readonly number[],
    packetId: number,
  ): boolean {
    const message = publication.own();
    if (messageBytes(message) > this.messageBytesMax) return false;
    this.#publish({ number: numberOf(message), qos, retain, dup, identifiers, packetId });
    return true;
  }

  get forwardsRuns(): boolean {
    return this.#forwardsRuns;
  }

  setForwardsRuns(forwardsRuns: boolean): void {
    this.#forwardsRuns = forwardsRuns;
  }

  canPublishRun(run: Pick<PublishRun, "version" | "largestFrame">): boolean {
    return this.forwards && (run.version === 5) === (this.version === 5) &&
      run.largestFrame <= this.messageBytesMax;
  }

  publishRun(): void {
    throw new Error("Cannot publish a run of QoS 0: none was offered");
  }

  canForward(message: FramedMessage): boolean {
    return this.forwards && (message.version === 5) === (this.version === 5) &&
      messageBytes(message) <= this.messageBytesMax;
  }

  forward(message: FramedMessage, packetId: number): void {
    const { qos, retain } = message;
    const number = numberOf(message);
    this.#publish({ number, qos, retain, dup: false, identifiers: [], packetId });
  }

  /** Takes the frames for what they are: bytes. */
  forwardRun({ bytes, start, end, count, qos, packetIdAts, packetIds }: FrameRun): void {
    assert(!this.isFull, "nothing is published to an outlet that is full");
    const view = new PublishView();
    let at = start;
    for (let index = 0; index < count; index++) {
      const frameEnd = at + 2 + (bytes[at + 1] as number);
      decodePublish(view, bytes, at, at + 2, frameEnd, this.version);
      assertEquals(view.packetIdAt, start + packetIdAts[index]!);
      assertEquals(view.qos, qos);
      const payload = new DataView(bytes.buffer, bytes.byteOffset + view.payloadStart);
      const [number, packetId] = [payload.getUint32(0), packetIds[index]!];
      const { retain } = view;
      this.sent.push({
        type: "publish",
        number,
        qos,
        retain,
        dup: false,
        identifiers: [],
        packetId,
      });
      at = frameEnd;
    }
    assertEquals(at, end);
    this.runs.push(count);
  }

  release(packetId: number, reasonCode: ReasonCode): void {
    this.sent.push({ type: "pubrel", packetId, reasonCode });
  }

  #publish(publish: Omit<Extract<Sent, { type: "publish" }>, "type">): void {
    assert(!this.isFull, "nothing is published to an outlet that is full");
    this.sent.push({ type: "publish", ...publish });
  }
}

interface InflightEntry {
  readonly entry: Entry;
  readonly packetId: number;
  state: "puback" | "pubrec" | "pubcomp";
  /** Sent, or released, on this connection: it counts against the quota. */
  isActive: boolean;
  /** Kept, so that it can be sent again. */
  readonly isKept: boolean;
}

interface ModelReplay {
  readonly entries: Entry[];
  isLate: boolean;
}

/** The plain session. It reads what the real one has sent, in step. */
export class ModelSession {
  survives = false;
  dropped = 0;
  inflight: InflightEntry[] = [];
  queue: Entry[] = [];
  replays: ModelReplay[] = [];
  outlet: RecordingOutlet | undefined;
  quotaMax = 0;
  readonly counters: SessionCounters;
  readonly limits: () => SessionLimits;
  readonly nowMs: () => number;
  /** Retained messages that were replaced. */
  readonly replaced = new Set<number>();
  /** Of what the outlet has recorded, how much is checked. */
  #checked = 0;

  constructor(counters: SessionCounters, limits: () => SessionLimits, nowMs: () => number) {
    this.counters = counters;
    this.limits = limits;
    this.nowMs = nowMs;
  }

  get activeCount(): number {
    return this.inflight.filter(({ isActive }) => isActive).length;
  }

  get isResending(): boolean {
    return this.inflight.some(({ isActive }) => !isActive);
  }

  offer(entry: Entry): "sent" | "queued" | "dropped" {
    const { outlet } = this;
    if (entry.qos === 0) {
      if (outlet === undefined) {
        return this.survives && this.limits().queueQos0Offline ? this.enqueue(entry) : "dropped";
      }
      if (!outlet.isFull) return this.#send(entry);
      this.counters.droppedSlow++;
      this.dropped++;
      return "dropped";
    }
    const mayPass = this.queue.length === 0 && !this.isResending && this.#hasQuota;
    if (outlet !== undefined && mayPass && !outlet.isFull) return this.#send(entry);
    if (outlet === undefined && !this.survives) return "dropped";
    return this.enqueue(entry);
  }

  enqueue(entry: Entry, whenFull = this.limits().whenFull): "queued" | "dropped" {
    const limits = this.limits();
    const drop = (): void => {
      this.counters.droppedQueueFull++;
      this.dropped++;
    };
    const isOver = (): boolean =>
      this.queue.length + 1 > limits.queuedMessagesMax ||
      this.#queuedBytes + entry.bytes > limits.queuedBytesMax;
    if (entry.bytes > limits.queuedBytesMax) {
      drop();
      return "dropped";
    }
    while (isOver()) {
      drop();
      if (whenFull === "drop_newest") return "dropped";
      this.queue.shift();
    }
    this.queue.push(entry);
    return "queued";
  }

  replay(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const replay = { entries: [...entries], isLate: false };
    this.replays.push(replay);
    this.pump();
    replay.isLate = true;
  }

  pump(): void {
    const { outlet } = this;
    if (outlet === undefined) return;
    for (const held of this.inflight.filter(({ isActive }) => !isActive)) {
      if (!this.#hasQuota || outlet.isFull) return;
      this.#sendAgain(outlet, held);
    }
    while (this.queue.length > 0) {
      const entry = this.queue[0]!;
      if (entry.expiresAtMs <= this.nowMs()) {
        this.counters.droppedExpired++;
        this.dropped++;
      } else if (outlet.isFull || (entry.qos > 0 && !this.#hasQuota)) return;
      this.queue.shift();
      if (entry.expiresAtMs > this.nowMs()) this.#send(entry);
    }
    while (this.replays.length > 0) {
      const { entries, isLate } = this.replays[0]!;
      while (entries.length > 0) {
        const entry = entries[0]!;
        const isReplaced = isLate && this.replaced.has(entry.number);
        const isWanted = entry.expiresAtMs > this.nowMs() && !isReplaced;
        if (isWanted && (outlet.isFull || (entry.qos > 0 && !this.#hasQuota))) return;
        entries.shift();
        if (isWanted) this.#send(entry);
      }
      this.replays.shift();
    }
  }

  acknowledge(packetId: number): boolean {
    const held = this.#find(packetId);
    if (held?.state !== "puback") return false;
    this.#finish(held);
    return true;
  }

  /** All of them are over before anything new is sent. */
  acknowledgeRun(packetIds: readonly number[]): void {
    const finished = packetIds.flatMap((packetId) => this.#takeOut(packetId));
    if (finished.length > 0) this.pump();
  }

  #takeOut(packetId: number): InflightEntry[] {
    const held = this.#find(packetId);
    if (held?.state !== "puback") return [];
    this.inflight = this.inflight.filter((other) => other !== held);
    return [held];
  }

  received(packetId: number, reasonCode: number): void {
    const held = this.#find(packetId);
    if (held === undefined) {
      if (reasonCode < 0x80 && this.outlet !== undefined) this.#expectPubrel(packetId, 0x92);
      return;
    }
    if (held.state === "puback") return;
    if (reasonCode >= 0x80) {
      this.#finish(held);
      return;
    }
    held.state = "pubcomp";
    held.isActive = true;
    if (this.outlet !== undefined) this.#expectPubrel(packetId, 0);
  }

  complete(packetId: number): boolean {
    const held = this.#find(packetId);
    if (held?.state !== "pubcomp") return false;
    this.#finish(held);
    return true;
  }

  attach(outlet: RecordingOutlet, quota: number): void {
    this.outlet = outlet;
    this.#checked = 0;
    this.quotaMax = quota;
    for (const held of this.inflight) {
      held.isActive = held.state === "pubcomp";
      if (held.isActive) this.#expectPubrel(held.packetId, 0);
    }
  }

  detach(canMove: (group: Group) => boolean): number[] {
    this.outlet = undefined;
    const replays = this.replays;
    this.replays = [];
    for (const entry of replays.flatMap(({ entries }) => entries)) {
      const isOwed = entry.qos > 0 && !this.replaced.has(entry.number);
      if (this.survives && isOwed) this.enqueue(entry, "drop_newest");
    }
    const moves = ({ group }: Entry): boolean => group !== undefined && canMove(group);
    const movedInflight = this.inflight.filter(({ state, entry }) =>
      state === "puback" && moves(entry)
    );
    const movedQueue = this.queue.filter(moves);
    this.inflight = this.inflight.filter((held) => !movedInflight.includes(held));
    this.queue = this.queue.filter((entry) => !movedQueue.includes(entry));
    return [...movedInflight.map(({ entry }) => entry), ...movedQueue].map(({ number }) => number);
  }

  /** All that was sent is checked. */
  assertNothingElseSent(): void {
    assertEquals(this.outlet?.sent.slice(this.#checked) ?? [], []);
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get #queuedBytes(): number {
    return this.queue.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get #hasQuota(): boolean {
    return this.activeCount < this.quotaMax;
  }

  #find(packetId: number): InflightEntry | undefined {
    return this.inflight.find((held) => held.packetId === packetId);
  }

  #finish(held: InflightEntry): void {
    this.inflight = this.inflight.filter((other) => other !== held);
    this.pump();
  }

  #send(entry: Entry): "sent" | "dropped" {
    const outlet = this.outlet!;
    if (entry.bytes > outlet.messageBytesMax) return this.#dropTooLarge();
    const { number, qos, retain, identifiers } = entry;
    const sent = this.#nextSent();
    assert(sent.type === "publish");
    const { packetId } = sent;
    assertEquals(sent, { ...sent, number, qos, retain, dup: false, identifiers });
    if (qos === 0) {
      assertEquals(packetId, 0);
      return "sent";
    }
    assert(packetId >= 1 && packetId <= 65535, `${packetId} is no packet identifier`);
    assert(this.#find(packetId) === undefined, `${packetId} is in use`);
    assert(this.activeCount < this.quotaMax, "the client takes no more");
    const isKept = this.survives || entry.group !== undefined;
    const state = qos === 1 ? "puback" : "pubrec";
    this.inflight.push({ entry, packetId, state, isActive: true, isKept });
    return "sent";
  }

  #sendAgain(outlet: RecordingOutlet, held: InflightEntry): void {
    const { number, bytes, qos, retain, identifiers } = held.entry;
    assert(this.activeCount < this.quotaMax, "the client takes no more");
    assert(held.isKept, "what was not kept belongs to a session that ends with its connection");
    if (bytes > outlet.messageBytesMax) {
      this.inflight = this.inflight.filter((other) => other !== held);
      this.#dropTooLarge();
      return;
    }
    const { packetId } = held;
    const expected = { number, qos, retain, dup: true, identifiers, packetId };
    assertEquals(this.#nextSent(), { type: "publish", ...expected });
    held.isActive = true;
  }

  #dropTooLarge(): "dropped" {
    this.counters.droppedTooLarge++;
    this.dropped++;
    return "dropped";
  }

  #expectPubrel(packetId: number, reasonCode: number): void {
    assertEquals(this.#nextSent(), { type: "pubrel", packetId, reasonCode });
  }

  #nextSent(): Sent {
    const sent = this.outlet?.sent[this.#checked++];
    if (sent === undefined) throw new Error("The session has sent less than it must");
    return sent;
  }
}
