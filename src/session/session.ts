import { type Clock, Deque } from "../base/mod.ts";
import { type Qos, ReasonCode } from "../mqtt/mod.ts";
import { Inflight, InflightState } from "./inflight.ts";
import type { SessionCounters, SessionLimits } from "./limits.ts";
import { type Delivery, FramedMessage, type Message } from "./message.ts";
import { MessageQueue } from "./message_queue.ts";
import type { Outlet } from "./outlet.ts";
import { Publication } from "./publication.ts";
import { ReceivedIds } from "./received_ids.ts";

/** What became of a message that was offered to a session. */
export type OfferResult = "sent" | "queued" | "dropped";

/** What all sessions of a broker share. */
export interface SessionContext {
  limits: SessionLimits;
  readonly counters: SessionCounters;
  readonly clock: Clock;
  /** Carries messages at rest to an outlet, one at a time. */
  readonly carrier: Publication;
  /** Whether a retained message has neither been replaced nor removed meanwhile. */
  readonly isRetained: (message: Message) => boolean;
}

/** Retained messages of one new subscription that are still to be sent. */
interface Replay {
  readonly messages: readonly Message[];
  readonly qos: Qos;
  readonly identifiers: readonly number[];
  next: number;
  /** The rest had to wait: what has replaced one of its messages meanwhile goes before it. */
  isLate: boolean;
}

/**
 * The state of one session: what waits, what is in flight in both directions, and the quota.
 *
 * It writes to an `Outlet` while its client is connected and knows neither socket nor store. `Group` stands for
 * the shared subscription that chose this session for a message; the session only hands it back.
 */
export class Session<Group extends object> {
  readonly clientId: string;
  /** The session outlives its connection, so what is in flight is kept for sending again. */
  survives = false;
  /** Messages that this session did not get, whatever the reason. */
  droppedMessages = 0;
  readonly #context: SessionContext;
  #outlet: Outlet | undefined;
  #quota = 0;
  #inflight: Inflight<Delivery<Group>> | undefined;
  #queue: MessageQueue<Group> | undefined;
  #received: ReceivedIds | undefined;
  /** Packet identifiers of an earlier connection that wait for quota to be sent again. */
  #resend: Deque<number> | undefined;
  /** What was in flight is sent again up to this place in its order. */
  #resentOrder = 0;
  #replays: Deque<Replay> | undefined;
  #hasShared = false;
  #isBatch = false;
  #isPumpOwed = false;

  constructor(clientId: string, context: SessionContext) {
    this.clientId = clientId;
    this.#context = context;
  }

  get isOnline(): boolean {
    return this.#outlet !== undefined;
  }

  get outlet(): Outlet | undefined {
    return this.#outlet;
  }

  get queuedMessages(): number {
    return this.#queue?.length ?? 0;
  }

  get queuedBytes(): number {
    return this.#queue?.bytes ?? 0;
  }

  get inflightCount(): number {
    return this.#inflight?.count ?? 0;
  }

  /** QoS 2 messages that came in on this connection and are not yet released. */
  get receivedCount(): number {
    return this.#received?.count ?? 0;
  }

  // --- towards the client -----------------------------------------------------------------------

  /** Sends the message, or lets it wait, or drops it. Its bytes are copied if they must stay. */
  offer(
    publication: Publication,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[],
    group: Group | undefined,
  ): OfferResult {
    const outlet = this.#outlet;
    if (qos === 0) {
      if (outlet === undefined) {
        return this.#offerQos0Offline(publication, retain, identifiers, group);
      }
      if (outlet.isFull) {
        this.#context.counters.droppedSlow++;
        this.droppedMessages++;
        return "dropped";
      }
      if (outlet.publish(publication, 0, retain, false, identifiers, 0)) return "sent";
      return this.#dropTooLarge();
    }
    if (outlet !== undefined && this.#quota > 0 && !this.#isHeldBack && !outlet.isFull) {
      return this.#send(outlet, publication, qos, retain, identifiers, group);
    }
    if (outlet === undefined && !this.survives) return "dropped";
    return this.enqueue(publication.delivery(qos, retain, identifiers, group));
  }

  /** Puts a message at the end of the queue; `pump` sends it when its time comes. */
  enqueue(delivery: Delivery<Group>): OfferResult {
    if (delivery.group !== undefined) this.#hasShared = true;
    const { limits, counters } = this.#context;
    this.#queue ??= new MessageQueue<Group>();
    const before = counters.droppedQueueFull;
    const isQueued = this.#queue.push(delivery, limits, counters);
    this.droppedMessages += counters.droppedQueueFull - before;
    return isQueued ? "queued" : "dropped";
  }

  /** Sends retained messages to a new subscription, as fast as the client takes them. */
  replay(messages: readonly Message[], qos: Qos, identifiers: readonly number[]): void {
    if (messages.length === 0) return;
    this.#replays ??= new Deque<Replay>();
    const replay = { messages, qos, identifiers, next: 0, isLate: false };
    this.#replays.push(replay);
    this.pump();
    replay.isLate = true;
  }

  /** Sends what waits, as far as quota and outlet allow: first what is sent again, in its old order. */
  pump(): void {
    const outlet = this.#outlet;
    if (outlet === undefined) return;
    if (!this.#pumpResend(outlet)) return;
    if (!this.#pumpQueue(outlet)) return;
    this.#pumpReplays(outlet);
  }

  /** Until `endBatch`, acknowledgements make room but send nothing: many come in one chunk. */
  beginBatch(): void {
    this.#isBatch = true;
  }

  endBatch(): void {
    this.#isBatch = false;
    if (!this.#isPumpOwed) return;
    this.#isPumpOwed = false;
    this.pump();
  }

  /** PUBACK. False: nothing of that identifier awaited it. */
  acknowledge(packetId: number): boolean {
    const inflight = this.#inflight;
    if (inflight === undefined || inflight.state(packetId) !== InflightState.awaitsPuback) {
      return false;
    }
    this.#finish(inflight, packetId);
    return true;
  }

  /** PUBREC: the message is the client's now; PUBREL follows, with the reason that the standard asks for. */
  received(packetId: number, reasonCode: ReasonCode): void {
    const outlet = this.#outlet;
    const inflight = this.#inflight;
    const state = inflight?.state(packetId) ?? InflightState.free;
    if (inflight === undefined || state === InflightState.free) {
      if (reasonCode < 0x80) outlet?.release(packetId, ReasonCode.packetIdentifierNotFound);
      return;
    }
    if (state === InflightState.awaitsPuback) return;
    if (reasonCode >= 0x80) {
      this.#finish(inflight, packetId);
      return;
    }
    if (state === InflightState.awaitsPubrec) {
      if (this.#isUnsent(inflight, packetId)) this.#quota--;
      inflight.release(packetId);
    }
    outlet?.release(packetId, ReasonCode.success);
  }

  /** PUBCOMP. False: nothing of that identifier awaited it. */
  complete(packetId: number): boolean {
    const inflight = this.#inflight;
    if (inflight === undefined || inflight.state(packetId) !== InflightState.awaitsPubcomp) {
      return false;
    }
    this.#finish(inflight, packetId);
    return true;
  }

  // --- from the client --------------------------------------------------------------------------

  /** Notes a QoS 2 identifier. False: it is known, the PUBLISH is a duplicate [MQTT-4.3.3-10]. */
  receive(packetId: number): boolean {
    this.#received ??= new ReceivedIds();
    return this.#received.add(packetId);
  }

  hasReceived(packetId: number): boolean {
    return this.#received?.has(packetId) ?? false;
  }

  /** PUBREL, or a PUBLISH that was refused: the identifier is free again. False: it was not in use. */
  forgetReceived(packetId: number): boolean {
    return this.#received?.remove(packetId) ?? false;
  }

  // --- connection -------------------------------------------------------------------------------

  /**
   * The client is there: PUBRELs of the last connection go out at once, its messages wait for `pump`
   * [MQTT-4.4.0-1]. `quota`: messages that the client takes unacknowledged.
   */
  attach(outlet: Outlet, quota: number): void {
    this.#outlet = outlet;
    this.#quota = quota;
    this.#resend = undefined;
    this.#resentOrder = 0;
    this.#received?.beginConnection();
    const inflight = this.#inflight;
    if (inflight === undefined || inflight.count === 0) return;
    const resend = new Deque<number>();
    for (const packetId of inflight.inOrder()) {
      if (inflight.state(packetId) === InflightState.awaitsPubcomp) {
        this.#quota--;
        outlet.release(packetId, ReasonCode.success);
      } else resend.push(packetId);
    }
    if (resend.length > 0) this.#resend = resend;
  }

  /**
   * The client is gone. Returns the messages of shared subscriptions that may go to another member:
   * not yet sent, or sent at QoS 1 and not acknowledged; QoS 2 that was sent stays [MQTT-4.8.2-4].
   */
  detach(canMove: (group: Group) => boolean): Delivery<Group>[] {
    this.#outlet = undefined;
    this.#keepReplays();
    if (!this.#hasShared) return [];
    const isMoved = (delivery: Delivery<Group>): boolean =>
      delivery.group !== undefined && canMove(delivery.group);
    const moved: Delivery<Group>[] = [];
    const inflight = this.#inflight;
    if (inflight !== undefined) {
      for (const packetId of inflight.inOrder()) {
        const delivery = inflight.item(packetId);
        if (inflight.state(packetId) !== InflightState.awaitsPuback) continue;
        if (delivery === undefined || !isMoved(delivery)) continue;
        inflight.remove(packetId);
        this.#context.counters.inflight--;
        moved.push(delivery);
      }
    }
    return moved.concat(this.#queue?.extract(isMoved, this.#context.counters) ?? []);
  }

  /** The session is over; nothing of it is left. */
  end(): void {
    const { counters } = this.#context;
    this.#outlet = undefined;
    counters.inflight -= this.inflightCount;
    if (this.#queue !== undefined) {
      counters.queuedMessages -= this.#queue.length;
      counters.queuedBytes -= this.#queue.bytes;
    }
    this.#inflight = undefined;
    this.#queue = undefined;
    this.#received = undefined;
    this.#replays = undefined;
    this.#resend = undefined;
  }

  // --- inside -----------------------------------------------------------------------------------

  /** Something older waits, and order is kept [MQTT-4.6.0-6]. */
  get #isHeldBack(): boolean {
    return (this.#queue !== undefined && this.#queue.length > 0) ||
      (this.#resend !== undefined && this.#resend.length > 0) ||
      (this.#inflight !== undefined && this.#inflight.isExhausted);
  }

  #send(
    outlet: Outlet,
    publication: Publication,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[],
    group: Group | undefined,
  ): OfferResult {
    const inflight = this.#inflight ??= new Inflight<Delivery<Group>>();
    if (group !== undefined) this.#hasShared = true;
    const packetId = inflight.add(
      qos,
      this.survives || group !== undefined
        ? publication.delivery(qos, retain, identifiers, group)
        : undefined,
    );
    if (!outlet.publish(publication, qos, retain, false, identifiers, packetId)) {
      inflight.remove(packetId);
      return this.#dropTooLarge();
    }
    this.#quota--;
    this.#context.counters.inflight++;
    return "sent";
  }

  #sendAtRest(outlet: Outlet, delivery: Delivery<Group>): void {
    const { carrier, clock } = this.#context;
    const { message, qos, retain, identifiers, group } = delivery;
    if (message instanceof FramedMessage && isAsItCame(delivery) && outlet.canForward(message)) {
      this.#forward(outlet, message, delivery);
      return;
    }
    // Asking for the time costs as much as the rest of this.
    carrier.loadMessage(message, message.expiresAtMs === Infinity ? 0 : clock.nowMs());
    if (qos > 0) this.#send(outlet, carrier, qos, retain, identifiers, group);
    else if (!outlet.publish(carrier, 0, retain, false, identifiers, 0)) this.#dropTooLarge();
  }

  /** The short way for what most queued messages are: a frame that waits to be sent as it came. */
  #forward(outlet: Outlet, message: FramedMessage, delivery: Delivery<Group>): void {
    if (delivery.qos === 0) {
      outlet.forward(message, 0);
      return;
    }
    const inflight = this.#inflight ??= new Inflight<Delivery<Group>>();
    const isKept = this.survives || delivery.group !== undefined;
    outlet.forward(message, inflight.add(delivery.qos, isKept ? delivery : undefined));
    this.#quota--;
    this.#context.counters.inflight++;
  }

  #finish(inflight: Inflight<Delivery<Group>>, packetId: number): void {
    if (!this.#isUnsent(inflight, packetId)) this.#quota++;
    inflight.remove(packetId);
    this.#context.counters.inflight--;
    if (this.#isBatch) this.#isPumpOwed = true;
    else if (this.#isHeldBack || this.#replays !== undefined) this.pump();
  }

  /** Waits to be sent again on this connection: so far it takes nothing of the quota. */
  #isUnsent(inflight: Inflight<Delivery<Group>>, packetId: number): boolean {
    return this.#resend !== undefined && inflight.order(packetId) > this.#resentOrder &&
      inflight.state(packetId) !== InflightState.awaitsPubcomp;
  }

  #offerQos0Offline(
    publication: Publication,
    retain: boolean,
    identifiers: readonly number[],
    group: Group | undefined,
  ): OfferResult {
    if (!this.survives || !this.#context.limits.queueQos0Offline) return "dropped";
    return this.enqueue(publication.delivery(0, retain, identifiers, group));
  }

  #dropTooLarge(): OfferResult {
    this.#context.counters.droppedTooLarge++;
    this.droppedMessages++;
    return "dropped";
  }

  /** False: something of the last connection still waits. */
  #pumpResend(outlet: Outlet): boolean {
    const resend = this.#resend;
    const inflight = this.#inflight;
    if (resend === undefined || inflight === undefined) return true;
    const { carrier, clock, counters } = this.#context;
    while (resend.length > 0) {
      const packetId = resend.at(0) as number;
      const delivery = inflight.item(packetId);
      if (delivery === undefined || inflight.state(packetId) === InflightState.awaitsPubcomp) {
        // Acknowledged from memory of the last connection before it was sent again.
        resend.shift();
        continue;
      }
      if (this.#quota <= 0 || outlet.isFull) return false;
      resend.shift();
      this.#resentOrder = inflight.order(packetId);
      carrier.loadMessage(delivery.message, clock.nowMs());
      const { qos, retain, identifiers } = delivery;
      if (outlet.publish(carrier, qos, retain, true, identifiers, packetId)) {
        this.#quota--;
        continue;
      }
      inflight.remove(packetId);
      counters.inflight--;
      this.#dropTooLarge();
    }
    this.#resend = undefined;
    return true;
  }

  /** False: something in the queue still waits. */
  #pumpQueue(outlet: Outlet): boolean {
    const queue = this.#queue;
    if (queue === undefined) return true;
    const { counters, clock } = this.#context;
    for (let next = queue.peek(); next !== undefined; next = queue.peek()) {
      if (next.message.expiresAtMs !== Infinity && next.message.expiresAtMs <= clock.nowMs()) {
        queue.shift(counters);
        counters.droppedExpired++;
        this.droppedMessages++;
        continue;
      }
      if (outlet.isFull || (next.qos > 0 && !this.#hasQuota())) return false;
      queue.shift(counters);
      this.#sendAtRest(outlet, next);
    }
    return true;
  }

  #pumpReplays(outlet: Outlet): void {
    const replays = this.#replays;
    if (replays === undefined) return;
    const { clock, isRetained } = this.#context;
    const nowMs = clock.nowMs();
    for (let replay = first(replays); replay !== undefined; replay = first(replays)) {
      while (replay.next < replay.messages.length) {
        const message = replay.messages[replay.next] as Message;
        const qos = message.qos < replay.qos ? message.qos : replay.qos;
        if (outlet.isFull || (qos > 0 && !this.#hasQuota())) return;
        replay.next++;
        if (message.expiresAtMs <= nowMs || (replay.isLate && !isRetained(message))) continue;
        const { identifiers } = replay;
        this.#sendAtRest(outlet, { message, qos, retain: true, identifiers, group: undefined });
      }
      replays.shift();
    }
    this.#replays = undefined;
  }

  #hasQuota(): boolean {
    return this.#quota > 0 && !(this.#inflight?.isExhausted ?? false);
  }

  /** The rest of a replay is owed to a session that comes back, but drops nothing that waits already. */
  #keepReplays(): void {
    const replays = this.#replays;
    this.#replays = undefined;
    if (replays === undefined || !this.survives) return;
    const { limits, counters, isRetained } = this.#context;
    const queue = this.#queue ??= new MessageQueue<Group>();
    for (let replay = replays.shift(); replay !== undefined; replay = replays.shift()) {
      for (const message of replay.messages.slice(replay.next)) {
        const qos = message.qos < replay.qos ? message.qos : replay.qos;
        const { identifiers } = replay;
        if (qos === 0 || !isRetained(message)) continue;
        const delivery = { message, qos, retain: true, identifiers, group: undefined };
        const isKept = queue.push(delivery, { ...limits, whenFull: "drop_newest" }, counters);
        if (!isKept) this.droppedMessages++;
      }
    }
  }
}

/** Nothing but the packet identifier differs from the frame of the message. */
function isAsItCame<Group extends object>(delivery: Delivery<Group>): boolean {
  const { message, qos, retain, identifiers } = delivery;
  return qos === message.qos && retain === message.retain && identifiers.length === 0;
}

function first<T>(deque: Deque<T>): T | undefined {
  return deque.length === 0 ? undefined : deque.at(0);
}
