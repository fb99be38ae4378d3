import type { Qos, ReasonCode } from "../mqtt/mod.ts";
import type { FrameBlock } from "./frame_block.ts";
import type { Journal } from "./journal.ts";
import { type JournaledState, journaledState } from "./journaled.ts";
import { type Delivery, type Message, messageBytes } from "./message.ts";
import { type DropListener, MessageQueue } from "./message_queue.ts";
import { type ExchangeResult, OutboundExchange } from "./outbound_exchange.ts";
import type { Outlet } from "./outlet.ts";
import type { Publication } from "./publication.ts";
import { ReceivedIds } from "./received_ids.ts";
import type { PublishRun } from "./publish_run.ts";
import { pumpQueue, pumpReplays } from "./pump_queue.ts";
import { Replays } from "./replays.ts";
import type { SessionContext, SessionState } from "./session_context.ts";
import { DROPS_BY_END, NO_DROPS, totalOf } from "./session_drops.ts";
import type { DropReason, SessionDrops } from "./session_drops.ts";
import type { EndOfDelivery, SessionOwner } from "./session_owner.ts";

/** What became of a message that was offered to a session. */
export type OfferResult = "sent" | "queued" | "dropped";

/**
 * The state of one session: what waits, what is in flight in both directions, and the quota.
 *
 * It writes to an `Outlet` while its client is connected, reports to a `Journal` if it is to outlive the broker, and
 * knows neither socket nor store. `Group` stands for the shared subscription that chose this session for a
 * message; the session only hands it back.
 */
export class Session<Group extends object> {
  readonly clientId: string;
  /** The session outlives its connection, so what is in flight is kept for sending again. */
  survives = false;
  /** Messages that had to wait in the queue, since the session began. */
  enqueuedMessages = 0;
  #drops: SessionDrops | undefined;
  readonly #context: SessionContext;
  #journal: Journal<Group> | undefined;
  readonly #owner: SessionOwner<Group>;
  readonly #exchange: OutboundExchange<Group>;
  #outlet: Outlet | undefined;
  #queue: MessageQueue<Group> | undefined;
  #received: ReceivedIds | undefined;
  #replays: Replays | undefined;
  #hasShared = false;
  /** When the client acknowledged something; see `Pace`. */
  #progressMs = -Infinity;
  #isBatch = false;
  #isPumpOwed = false;

  /** `journal`: of a session that outlives its connection. */
  constructor(clientId: string, context: SessionContext, journal?: Journal<Group>) {
    this.clientId = clientId;
    this.#context = context;
    this.#journal = journal;
    this.#owner = {
      mayReceive: (delivery) => this.mayReceive(delivery),
      send: (delivery, seq) => this.#sendAtRest(delivery, seq),
      onOver: (delivery, how) => this.#noteOver(delivery, how),
    };
    this.#exchange = new OutboundExchange(context, journal, this.#owner);
  }

  /** Messages that this session did not get, whatever the reason. */
  get droppedMessages(): number {
    return this.#drops === undefined ? 0 : totalOf(this.#drops);
  }

  /** The same by reason. */
  get drops(): Readonly<SessionDrops> {
    return this.#drops ?? NO_DROPS;
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

  /** Retained messages that are held for being sent. */
  get replayedMessages(): number {
    return this.#replays?.held ?? 0;
  }

  get inflightCount(): number {
    return this.#exchange.count;
  }

  /** Bytes of what is in flight and kept for sending again. Not for the hot path. */
  get inflightBytes(): number {
    return this.#exchange.bytes;
  }

  /** What is in memory of that which the journal has. Not for the hot path. */
  journaled(): JournaledState<Group> {
    return journaledState(this.#received, this.#exchange, this.#queue);
  }

  /** QoS 2 messages that are not yet released, those of earlier connections included. */
  get unreleasedCount(): number {
    return this.#received?.totalCount ?? 0;
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
        this.noteSlow(1);
        return this.#dropOffered(publication, "slow", group);
      }
      if (outlet.publish(publication, 0, retain, false, identifiers, 0)) return "sent";
      return this.#dropTooLarge(publication, group);
    }
    if (this.#journal !== undefined) {
      const result = this.#enqueueOffered(publication, qos, retain, identifiers, group);
      this.pump();
      if (result === "queued" && this.queuedMessages > 0) this.enqueuedMessages++;
      return result;
    }
    const exchange = this.#exchange;
    if (outlet !== undefined && exchange.hasQuota && !this.#isHeldBack && !outlet.isFull) {
      if (group !== undefined) this.#hasShared = true;
      const isKept = this.#isAllKept || group !== undefined;
      return exchange.sendDirect(publication, qos, retain, identifiers, group, isKept)
        ? "sent"
        : this.#dropTooLarge(publication, group);
    }
    if (outlet === undefined && !this.survives) {
      return this.#dropOffered(publication, "offline", group);
    }
    this.enqueuedMessages++;
    return this.#enqueueOffered(publication, qos, retain, identifiers, group);
  }

  /** The same as `offer` for each message of a run. False: nothing is done, and they are to be offered one by one. */
  offerRun(run: PublishRun): boolean {
    const outlet = this.#outlet;
    if (outlet === undefined || !outlet.canPublishRun(run)) return false;
    if (run.qos === 0) {
      if (outlet.isFull) this.noteSlow(run.count);
      else outlet.publishRun(run);
      return true;
    }
    if (this.#journal !== undefined || this.#isAllKept) return false;
    const exchange = this.#exchange;
    const mayPass = exchange.hasQuota && !this.#isHeldBack && !outlet.isFull;
    const sent = mayPass ? exchange.sendFrames(run, 0, outlet, run.receivers).count : 0;
    if (sent < run.count) this.#enqueueBlock(run.block(), sent);
    return true;
  }

  /** How many more may wait before whoever publishes is to give way; 0: each message is noted by itself. */
  get roomForRun(): number {
    if (this.#journal !== undefined || this.#isAllKept) return 0;
    return this.#context.limits.queuedMessagesMax / 2 - this.queuedMessages;
  }

  #enqueueBlock(block: FrameBlock, from: number): void {
    const { limits, counters, pace } = this.#context;
    const queue = this.#queue ??= new MessageQueue<Group>(this.#journal);
    if (queue.length === 0) this.#progressMs = pace.chunkMs;
    this.enqueuedMessages += block.count - from;
    if (queue.addBlock(block, from, limits, counters)) {
      pace.noteQueue(queue.length, limits.queuedMessagesMax, this.#progressMs);
      return;
    }
    for (let index = from; index < block.count; index++) this.enqueue(block.delivery(index));
  }

  /** Puts a message at the end of the queue; `pump` sends it when its time comes. */
  enqueue(delivery: Delivery<Group>): OfferResult {
    const { message, group } = delivery;
    const bytes = messageBytes(message);
    const queue = this.#roomFor(bytes, group);
    if (queue === undefined) return this.#dropOffered(message, "queue_full", group);
    queue.add(delivery, bytes, this.#context.counters);
    return "queued";
  }

  /** What the queue would not hold in memory need not be taken out of its frame: the journal writes it down. */
  #enqueueOffered(
    publication: Publication,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[],
    group: Group | undefined,
  ): OfferResult {
    if (!publication.isLendable) {
      return this.enqueue(publication.delivery(qos, retain, identifiers, group));
    }
    const { frameBytes } = publication;
    const queue = this.#roomFor(frameBytes, group);
    if (queue === undefined) return this.#dropOffered(publication, "queue_full", group);
    const delivery = queue.holdsNext
      ? publication.delivery(qos, retain, identifiers, group)
      : publication.lend(qos, retain, identifiers, group);
    queue.add(delivery, frameBytes, this.#context.counters);
    return "queued";
  }

  /** The queue, with room for a message; undefined: it is full. */
  #roomFor(bytes: number, group: Group | undefined): MessageQueue<Group> | undefined {
    if (group !== undefined) this.#hasShared = true;
    const { limits, counters, pace } = this.#context;
    const queue = this.#queue ??= new MessageQueue<Group>(this.#journal);
    // Until now nothing was owed to the client that it could have taken.
    if (queue.length === 0) this.#progressMs = pace.chunkMs;
    const before = counters.droppedQueueFull;
    const hasRoom = queue.makeRoom(bytes, limits, counters, this.#queueWatcher);
    this.#noteDrops("queueFull", counters.droppedQueueFull - before);
    if (this.#outlet !== undefined) {
      pace.noteQueue(queue.length + 1, limits.queuedMessagesMax, this.#progressMs);
    }
    return hasRoom ? queue : undefined;
  }

  /**
   * The limits may be lower than they were: drops the oldest, at most `most`; returns how many. Where the newest are to
   * be dropped, what is there stays, and nothing more comes in until there is room.
   */
  cutQueue(most: number): number {
    const { limits, counters } = this.#context;
    if (this.#queue === undefined || limits.whenFull === "drop_newest") return 0;
    const dropped = this.#queue.cut(limits, counters, most, this.#queueWatcher);
    this.#noteDrops("queueFull", dropped);
    return dropped;
  }

  /**
   * Sends retained messages to a new subscription, as fast as the client takes them. `isLate`: they were found in an
   * earlier turn, so that others may have replaced some of them.
   */
  replay(
    messages: readonly Message[],
    qos: Qos,
    identifiers: readonly number[],
    isLate = false,
  ): void {
    if (messages.length === 0) return;
    this.#replays ??= new Replays();
    this.#replays.add(messages, qos, identifiers, isLate);
    this.pump();
    this.#replays?.setLate();
  }

  /** Sends what waits, as far as quota and outlet allow: first what is sent again, in its old order. */
  pump(): void {
    const outlet = this.#outlet;
    if (outlet === undefined || !this.#exchange.pumpResend(outlet)) return;
    const [queue, exchange, context] = [this.#queue, this.#exchange, this.#context];
    const isKept = this.#isAllKept;
    if (queue !== undefined && !pumpQueue(queue, exchange, outlet, context, this.#owner, isKept)) {
      return;
    }
    if (this.#replays === undefined) return;
    if (!pumpReplays(this.#replays, exchange, outlet, context, this.#owner, this.#journal)) return;
    this.#replays = undefined;
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
    return this.#after(this.#exchange.acknowledge(packetId));
  }

  /** PUBACKs in their shortest form, one behind the other in `bytes[start..end)`. Returns how many were awaited. */
  acknowledgeRun(bytes: Uint8Array, start: number, end: number): number {
    const finished = this.#exchange.acknowledgeRun(bytes, start, end);
    if (finished > 0) this.#after("finished");
    return finished;
  }

  /** PUBREC: the message is the client's now; PUBREL follows, with the reason that the standard asks for. */
  received(packetId: number, reasonCode: ReasonCode): boolean {
    return this.#after(this.#exchange.received(packetId, reasonCode));
  }

  /** PUBCOMP. False: nothing of that identifier awaited it. */
  complete(packetId: number): boolean {
    return this.#after(this.#exchange.complete(packetId));
  }

  /** All up to `ticket` is durable, and what waited for it goes out. True: something is still held back. */
  onCommitted(ticket: number): boolean {
    return this.#exchange.onCommitted(ticket);
  }

  // --- from the client --------------------------------------------------------------------------

  /** Notes a QoS 2 identifier. False: it is known, the PUBLISH is a duplicate [MQTT-4.3.3-10]. */
  receive(packetId: number): boolean {
    this.#received ??= new ReceivedIds();
    const isNew = this.#received.add(packetId);
    if (isNew) this.#journal?.addReceived(packetId);
    return isNew;
  }

  hasReceived(packetId: number): boolean {
    return this.#received?.has(packetId) ?? false;
  }

  /** PUBREL, or a PUBLISH that was refused: the identifier is free again. False: it was not in use. */
  forgetReceived(packetId: number): boolean {
    const isKnown = this.#received?.remove(packetId) ?? false;
    if (isKnown) this.#journal?.removeReceived(packetId);
    return isKnown;
  }

  // --- connection -------------------------------------------------------------------------------

  /** Takes over what an earlier run of the broker left. To be called before anything else. */
  restore(state: SessionState): void {
    this.#hasShared = state.hasShared;
    if (state.received.length > 0) {
      this.#received = new ReceivedIds();
      for (const packetId of state.received) this.#received.add(packetId);
    }
    const lastSeq = this.#exchange.restore(state.inflight);
    const { queuedMessages, queuedBytes } = state;
    if (queuedMessages === 0) return;
    this.#queue = new MessageQueue<Group>(this.#journal);
    this.#queue.restore(queuedMessages, queuedBytes, lastSeq, this.#context.counters);
  }

  /**
   * The client is there: PUBRELs of the last connection go out at once, its messages wait for `pump`
   * [MQTT-4.4.0-1]. `quota`: messages that the client takes unacknowledged.
   */
  attach(outlet: Outlet, quota: number): void {
    this.#outlet = outlet;
    this.#received?.beginConnection();
    this.#exchange.attach(outlet, quota);
  }

  /**
   * The client is gone. Returns the messages of shared subscriptions that may go to another member:
   * not yet sent, or sent at QoS 1 and not acknowledged; QoS 2 that was sent stays [MQTT-4.8.2-4]. `movable`: of which groups.
   */
  detach(movable?: ReadonlySet<Group>): Delivery<Group>[] {
    this.#outlet = undefined;
    this.#exchange.detach();
    this.#keepReplays();
    if (!this.#hasShared || movable?.size === 0) return [];
    const isMoved = ({ group }: Delivery<Group>): boolean =>
      group !== undefined && (movable?.has(group) ?? true);
    const moved = this.#exchange.extract(isMoved);
    return moved.concat(this.#queue?.extract(isMoved, this.#context.counters) ?? []);
  }

  /** The session is over; nothing of it is left, and what is still offered to it is dropped. */
  end(): void {
    this.#outlet = undefined;
    this.#journal = undefined;
    this.survives = false;
    this.#exchange.end();
    this.#queue?.forget(this.#context.counters);
    this.#queue = undefined;
    this.#received = undefined;
    this.#replays = undefined;
  }

  /** Whether the client may have what has waited for it; asked while the context is guarded. */
  protected mayReceive(_delivery: Delivery<Group>): boolean {
    return true;
  }

  /** The client will not get this message; told only while the context watches drops. */
  protected onDropped(_message: Publication | Message, _reason: DropReason): void {}

  /** The client has acknowledged this message, a QoS 2 one by PUBREC; told only while the context watches acks. */
  protected onAcked(_delivery: Delivery<Group>): void {}

  /** QoS 0 that the client reads too slowly for. */
  protected noteSlow(messages: number): void {
    this.#context.counters.droppedSlow += messages;
    this.#noteDrops("slow", messages);
  }

  // --- inside -----------------------------------------------------------------------------------

  #noteDrops(reason: keyof SessionDrops, count: number): void {
    if (count === 0) return;
    this.#drops ??= { ...NO_DROPS };
    this.#drops[reason] += count;
  }

  get #queueWatcher(): DropListener<Group> | undefined {
    if (!this.#context.isDropWatched) return undefined;
    return ({ message }) => this.onDropped(message, "queue_full");
  }

  /** What a group chose this session for may go to another member. */
  #dropOffered(
    message: Publication | Message,
    reason: DropReason,
    group: Group | undefined,
  ): OfferResult {
    if (this.#context.isDropWatched && group === undefined) this.onDropped(message, reason);
    return "dropped";
  }

  #noteOver(delivery: Delivery<Group> | undefined, how: EndOfDelivery): void {
    const { counters, isDropWatched } = this.#context;
    if (how === "acked") return delivery === undefined ? undefined : this.onAcked(delivery);
    if (how === "too_large") counters.droppedTooLarge++;
    else if (how === "expired") counters.droppedExpired++;
    this.#noteDrops(DROPS_BY_END[how], 1);
    if (!isDropWatched || delivery === undefined) return;
    this.onDropped(delivery.message, how === "lost" ? "denied" : how);
  }

  /** What is sent may have to be sent again, or told of. */
  get #isAllKept(): boolean {
    return this.survives || this.#context.isAckWatched;
  }

  /** Something older waits, and order is kept [MQTT-4.6.0-6]. */
  get #isHeldBack(): boolean {
    return (this.#queue !== undefined && this.#queue.length > 0) || this.#exchange.isResending;
  }

  #after(result: ExchangeResult): boolean {
    if (result !== "finished") return result === "going on";
    this.#progressMs = this.#context.pace.chunkMs;
    if (this.#isBatch) this.#isPumpOwed = true;
    else if (this.#isHeldBack || this.#replays !== undefined) this.pump();
    return true;
  }

  /** `seq`: place in the journal; 0: it is in none. */
  #sendAtRest(delivery: Delivery<Group>, seq: number): void {
    if (delivery.group !== undefined) this.#hasShared = true;
    const isKept = this.#isAllKept || delivery.group !== undefined;
    this.#exchange.send(delivery, seq, isKept);
  }

  #offerQos0Offline(
    publication: Publication,
    retain: boolean,
    identifiers: readonly number[],
    group: Group | undefined,
  ): OfferResult {
    if (!this.survives || !this.#context.limits.queueQos0Offline || this.#journal?.isBehind) {
      return this.#dropOffered(publication, "offline", group);
    }
    return this.#enqueueOffered(publication, 0, retain, identifiers, group);
  }

  #dropTooLarge(publication: Publication, group: Group | undefined): OfferResult {
    this.#context.counters.droppedTooLarge++;
    this.#noteDrops("tooLarge", 1);
    return this.#dropOffered(publication, "too_large", group);
  }

  /** The rest of a replay is owed to a session that comes back, but drops nothing that waits already. */
  #keepReplays(): void {
    const replays = this.#replays;
    this.#replays = undefined;
    if (replays === undefined || !this.survives) return;
    this.#queue ??= new MessageQueue<Group>(this.#journal);
    this.#noteDrops("queueFull", replays.moveTo(this.#queue, this.#context));
  }
}
