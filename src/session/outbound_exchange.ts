import { Deque } from "../base/mod.ts";
import { type Qos, ReasonCode, SHORT_ACK_BYTES } from "../mqtt/mod.ts";
import type { FrameRun, StampedFrames } from "./frame_run.ts";
import { Inflight, InflightState } from "./inflight.ts";
import type { Journal } from "./journal.ts";
import type { JournaledInflight } from "./journaled.ts";
import { type Delivery, FramedMessage, isAsItCame, messageBytes } from "./message.ts";
import type { MessageQueue } from "./message_queue.ts";
import type { Outlet } from "./outlet.ts";
import type { Publication } from "./publication.ts";
import { packetIdOfPlace, PlacedIds } from "./placed_ids.ts";
import type { SessionContext, SessionState } from "./session_context.ts";
import type { SessionOwner } from "./session_owner.ts";

/** PUBLISH of QoS 2, whose identifier must survive a crash, or PUBREL, which says that the message is the client's. */
interface HeldPacket {
  readonly packetId: number;
  readonly ticket: number;
  readonly isPublish: boolean;
}

/** What became of an acknowledgement. */
export type ExchangeResult = "finished" | "going on" | "unknown";

/**
 * What is on its way to one client at QoS 1 and 2: packet identifiers, quota, what is sent again after a break, and
 * what must not go out before the journal has it.
 */
export class OutboundExchange<Group extends object> {
  readonly #context: SessionContext;
  readonly #journal: Journal<Group> | undefined;
  readonly #owner: SessionOwner<Group>;
  readonly #placed: PlacedIds | undefined;
  #outlet: Outlet | undefined;
  #quota = 0;
  #inflight: Inflight<Delivery<Group>> | undefined;
  /** Packet identifiers of an earlier connection that wait for quota to be sent again. */
  #resend: Deque<number> | undefined;
  /** What was in flight is sent again up to this place in its order. */
  #resentOrder = 0;
  /** Identifiers whose next packet waits for a commit, in order. */
  #held: Deque<HeldPacket> | undefined;
  /** How many of these are PUBLISH: what comes later must not overtake them [MQTT-4.6.0-5]. */
  #heldPublishes = 0;

  constructor(
    context: SessionContext,
    journal: Journal<Group> | undefined,
    owner: SessionOwner<Group>,
  ) {
    this.#context = context;
    this.#journal = journal;
    if (journal !== undefined) this.#placed = new PlacedIds(journal);
    this.#owner = owner;
  }

  /** Sent and not yet acknowledged. */
  get count(): number {
    return this.#inflight?.count ?? 0;
  }

  /** Bytes of the messages that are kept for sending again. */
  get bytes(): number {
    return this.#inflight?.heldBytes ?? 0;
  }

  /** One more may be sent now. */
  get hasQuota(): boolean {
    const inflight = this.#inflight;
    if (inflight === undefined) return this.#quota > 0;
    return this.#quota > 0 && !inflight.isExhausted &&
      inflight.heldBytes < this.#context.limits.inflightBytesMax;
  }

  /** Something of the last connection waits to be sent again. */
  get isResending(): boolean {
    return this.#resend !== undefined && this.#resend.length > 0;
  }

  /** Takes over what an earlier run of the broker had in flight; returns the newest place in the journal. */
  restore(state: SessionState["inflight"]): number {
    let lastSeq = 0;
    if (state.length === 0) return lastSeq;
    const inflight = this.#inflight = new Inflight<Delivery<Group>>();
    for (const { packetId, state: exchange, seq } of state) {
      inflight.restore(packetId, exchange, seq);
      if (packetId !== packetIdOfPlace(seq)) this.#placed?.addOther();
      this.#context.counters.inflight++;
      lastSeq = Math.max(lastSeq, seq);
    }
    return lastSeq;
  }

  /** What is in flight and in the journal, in order of sending. Not for the hot path. */
  journaled(): JournaledInflight<Group>[] {
    const inflight = this.#inflight;
    const found: JournaledInflight<Group>[] = [];
    for (const packetId of inflight?.inOrder() ?? []) {
      const seq = inflight?.seq(packetId) ?? 0;
      if (inflight === undefined || seq === 0) continue;
      const [state, delivery] = [inflight.state(packetId), inflight.item(packetId)];
      found.push({ seq, packetId, state, delivery });
    }
    return found;
  }

  /** The client is there. PUBRELs of the last connection go out at once [MQTT-4.4.0-1], the rest by `pumpResend`. */
  attach(outlet: Outlet, quota: number): void {
    this.#outlet = outlet;
    this.#quota = quota;
    this.#resend = undefined;
    this.#resentOrder = 0;
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

  detach(): void {
    this.#outlet = undefined;
    this.#held = undefined;
    this.#heldPublishes = 0;
    this.#placed?.rest();
  }

  /** Takes out what was sent at QoS 1 and is not acknowledged, where `isWanted`, in order. */
  extract(isWanted: (delivery: Delivery<Group>) => boolean): Delivery<Group>[] {
    const wanted: Delivery<Group>[] = [];
    const inflight = this.#inflight;
    if (inflight === undefined) return wanted;
    for (const packetId of inflight.inOrder()) {
      if (inflight.state(packetId) !== InflightState.awaitsPuback) continue;
      const delivery = inflight.item(packetId) ?? this.#readBack(inflight.seq(packetId));
      if (delivery === undefined || !isWanted(delivery)) continue;
      this.#forget(inflight, packetId);
      wanted.push(delivery);
    }
    return wanted;
  }

  /** The session is over. */
  end(): void {
    this.detach();
    this.#context.counters.inflight -= this.count;
    this.#inflight = undefined;
    this.#resend = undefined;
  }

  // --- sending ----------------------------------------------------------------------------------

  /** Sends a message that is still in its frame; its bytes are copied if `isKept`. False: it is too large. */
  sendDirect(
    publication: Publication,
    qos: Qos,
    retain: boolean,
    identifiers: readonly number[],
    group: Group | undefined,
    isKept: boolean,
  ): boolean {
    const inflight = this.#inflight ??= new Inflight<Delivery<Group>>();
    const delivery = isKept ? publication.delivery(qos, retain, identifiers, group) : undefined;
    const bytes = delivery === undefined ? 0 : messageBytes(delivery.message);
    const packetId = inflight.add(qos, delivery, 0, bytes);
    if (!this.#outlet?.publish(publication, qos, retain, false, identifiers, packetId)) {
      inflight.remove(packetId);
      return false;
    }
    this.#quota--;
    this.#context.counters.inflight++;
    return true;
  }

  /**
   * A message at rest starts on its way; at QoS 2 not before the journal has its identifier for sure. `seq`: its place in
   * the journal; 0: it is in none.
   */
  send(delivery: Delivery<Group>, seq: number, isKept: boolean): void {
    const { qos } = delivery;
    if (qos === 0) {
      if (!this.#write(delivery, 0, false)) this.#owner.onOver(delivery, "too_large");
      return;
    }
    const inflight = this.#inflight ??= new Inflight<Delivery<Group>>();
    const packetId = this.#add(inflight, delivery, seq, isKept);
    this.#quota--;
    this.#context.counters.inflight++;
    if (qos === 2 && seq > 0) {
      const isSure = this.#heldPublishes === 0 && this.#isSure(packetId, seq);
      if (!isSure && this.#hold(packetId, true)) return;
    }
    this.#transmit(inflight, packetId, delivery, false);
  }

  /**
   * Sends the oldest of `queue`, which has no journal, that lie one behind the other in memory: as many as quota allows.
   * The run, which may be empty, is what was sent; taking it out of the queue is the caller's matter.
   */
  sendRun(queue: MessageQueue<Group>, outlet: Outlet, isKept: boolean): FrameRun {
    const { run, counters } = this.#context;
    const inflight = this.#inflight ??= new Inflight<Delivery<Group>>();
    run.clear();
    while (run.count < this.#quota && this.hasQuota) {
      const delivery = queue.at(run.count);
      const message = delivery?.message;
      if (
        delivery === undefined || !(message instanceof FramedMessage) || !run.canTake(message) ||
        !isAsItCame(delivery, message) || delivery.group !== undefined ||
        !outlet.canForward(message)
      ) break;
      const item = isKept ? delivery : undefined;
      const bytes = isKept ? message.length : 0;
      run.take(message, inflight.add(message.qos, item, 0, bytes));
    }
    if (run.count === 0) return run;
    this.#quota -= run.count;
    counters.inflight += run.count;
    outlet.forwardRun(run);
    return run;
  }

  /** Sends those of `frames` from the one at `from` on that quota, of which there is some, allows, and keeps nothing of them. */
  sendFrames(frames: StampedFrames, from: number, outlet: Outlet, receivers: number): FrameRun {
    const { run, counters } = this.#context;
    const inflight = this.#inflight ??= new Inflight<Delivery<Group>>();
    const most = Math.min(frames.count - from, this.#quota);
    const count = inflight.addMany(frames.qos, most, run.packetIds);
    run.load(frames, from, count, receivers);
    this.#quota -= count;
    counters.inflight += count;
    outlet.forwardRun(run);
    return run;
  }

  /** With the identifier of its place in the journal, if it has one, or else with another, which is then noted. */
  #add(
    inflight: Inflight<Delivery<Group>>,
    delivery: Delivery<Group>,
    seq: number,
    isKept: boolean,
  ): number {
    const { qos } = delivery;
    const item = isKept ? delivery : undefined;
    const bytes = isKept ? messageBytes(delivery.message) : 0;
    const placed = this.#placed;
    if (seq === 0 || placed === undefined) return inflight.add(qos, item, seq, bytes);
    const placedId = packetIdOfPlace(seq);
    const isCovered = placed.covers(seq, inflight);
    if (isCovered && inflight.addAt(placedId, qos, item, seq, bytes)) return placedId;
    const packetId = inflight.add(qos, item, seq, bytes, placed.searchAfter);
    if (packetId !== placedId) placed.addOther();
    this.#journal?.setInflight(seq, packetId, inflight.state(packetId));
    return packetId;
  }

  /** The message would have the same identifier after a crash. */
  #isSure(packetId: number, seq: number): boolean {
    return packetId === packetIdOfPlace(seq) && (this.#placed?.isSure(seq) ?? false);
  }

  /** False: something of the last connection still waits. */
  pumpResend(outlet: Outlet): boolean {
    const [resend, inflight] = [this.#resend, this.#inflight];
    if (resend === undefined || inflight === undefined) return true;
    while (resend.length > 0) {
      const packetId = resend.at(0) as number;
      const state = inflight.state(packetId);
      const [item, seq] = [inflight.item(packetId), inflight.seq(packetId)];
      // It may have been acknowledged from memory of the last connection.
      const isOver = state === InflightState.free || state === InflightState.awaitsPubcomp;
      // Sent while nothing was to outlive the connection.
      const isGone = item === undefined && seq === 0;
      if (!isOver && !isGone && (this.#quota <= 0 || outlet.isFull)) return false;
      // Before it is sent: whoever hears of that may send to this very client.
      resend.shift();
      if (isOver || isGone) continue;
      this.#resentOrder = inflight.order(packetId);
      const delivery = item ?? this.#readBack(seq);
      // An earlier run may only have been about to send it. At QoS 2 its receiver may hold the identifier all the same.
      const hasLapsed = item === undefined && delivery?.qos === 1 &&
        delivery.message.expiresAtMs <= this.#context.clock.nowMs(); // [MQTT-3.3.2-5]
      if (delivery === undefined || hasLapsed || !this.#mayResend(delivery)) {
        this.#forget(inflight, packetId);
        this.#owner.onOver(delivery, hasLapsed ? "expired" : "lost");
        continue;
      }
      this.#quota--;
      this.#transmit(inflight, packetId, delivery, true);
    }
    this.#resend = undefined;
    return true;
  }

  /** All up to `ticket` is durable, and what waited for it goes out. True: something is still held back. */
  onCommitted(ticket: number): boolean {
    const [held, inflight, outlet] = [this.#held, this.#inflight, this.#outlet];
    if (held === undefined || inflight === undefined || outlet === undefined) return false;
    for (; held.length > 0; held.shift()) {
      const { packetId, ticket: awaited, isPublish } = held.at(0) as HeldPacket;
      if (awaited > ticket) return true;
      if (isPublish) this.#heldPublishes--;
      const state = inflight.state(packetId);
      if (state === InflightState.awaitsPubcomp) outlet.release(packetId, ReasonCode.success);
      const delivery = inflight.item(packetId);
      if (state === InflightState.awaitsPubrec && delivery !== undefined) {
        this.#transmit(inflight, packetId, delivery, false);
      }
    }
    return false;
  }

  // --- acknowledgements -------------------------------------------------------------------------

  /** PUBACK. */
  acknowledge(packetId: number): ExchangeResult {
    const { awaitsPuback } = InflightState;
    if (!this.#context.isAckWatched) return this.#finishFrom(packetId, awaitsPuback);
    const delivery = this.#awaiting(packetId, awaitsPuback);
    const result = this.#finishFrom(packetId, awaitsPuback);
    if (delivery !== undefined) this.#owner.onOver(delivery, "acked");
    return result;
  }

  /** PUBACKs in their shortest form, one behind the other in `bytes[start..end)`. Returns how many were awaited. */
  acknowledgeRun(bytes: Uint8Array, start: number, end: number): number {
    const inflight = this.#inflight;
    if (inflight === undefined) return 0;
    if (this.#resend !== undefined || this.#context.isAckWatched) {
      return this.#acknowledgeEach(bytes, start, end);
    }
    const journal = this.#journal;
    let finished = 0;
    for (let at = start; at < end; at += SHORT_ACK_BYTES) {
      const packetId = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
      const seq = inflight.acknowledge(packetId);
      if (seq < 0) continue;
      finished++;
      if (seq <= 0) continue;
      journal?.remove(seq);
      this.#placed?.finished(seq, packetId);
    }
    this.#quota += finished;
    this.#context.counters.inflight -= finished;
    return finished;
  }

  /** With messages of an earlier connection about, or somebody who wants to hear of them, each has to be looked at. */
  #acknowledgeEach(bytes: Uint8Array, start: number, end: number): number {
    let finished = 0;
    for (let at = start; at < end; at += SHORT_ACK_BYTES) {
      const packetId = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
      if (this.acknowledge(packetId) === "finished") finished++;
    }
    return finished;
  }

  /** PUBCOMP. */
  complete(packetId: number): ExchangeResult {
    return this.#finishFrom(packetId, InflightState.awaitsPubcomp);
  }

  /** PUBREC: the message is the client's now; PUBREL follows, with the reason that the standard asks for. */
  received(packetId: number, reasonCode: ReasonCode): ExchangeResult {
    if (!this.#context.isAckWatched) return this.#received(packetId, reasonCode);
    const delivery = this.#awaiting(packetId, InflightState.awaitsPubrec);
    const result = this.#received(packetId, reasonCode);
    if (delivery !== undefined) this.#owner.onOver(delivery, "acked");
    return result;
  }

  #received(packetId: number, reasonCode: ReasonCode): ExchangeResult {
    const inflight = this.#inflight;
    const state = inflight?.state(packetId) ?? InflightState.free;
    if (inflight === undefined || state === InflightState.free) {
      if (reasonCode < 0x80) this.#outlet?.release(packetId, ReasonCode.packetIdentifierNotFound);
      return "unknown";
    }
    if (state === InflightState.awaitsPuback) return "unknown";
    if (reasonCode >= 0x80) return this.#finish(inflight, packetId);
    if (state === InflightState.awaitsPubrec) {
      if (this.#isUnsent(inflight, packetId)) this.#quota--;
      inflight.release(packetId);
      const seq = inflight.seq(packetId);
      if (seq > 0) {
        this.#journal?.setInflight(seq, packetId, InflightState.awaitsPubcomp);
        if (this.#hold(packetId, false)) return "going on";
      }
    } else if (this.#isHeld(packetId)) return "going on";
    this.#outlet?.release(packetId, ReasonCode.success);
    return "going on";
  }

  #finishFrom(packetId: number, state: InflightState): ExchangeResult {
    const inflight = this.#inflight;
    if (inflight === undefined || inflight.state(packetId) !== state) return "unknown";
    return this.#finish(inflight, packetId);
  }

  #finish(inflight: Inflight<Delivery<Group>>, packetId: number): ExchangeResult {
    if (!this.#isUnsent(inflight, packetId)) this.#quota++;
    this.#forget(inflight, packetId);
    return "finished";
  }

  // --- inside -----------------------------------------------------------------------------------

  /** The message that is in this state; undefined also where it was not kept. */
  #awaiting(packetId: number, state: InflightState): Delivery<Group> | undefined {
    const inflight = this.#inflight;
    if (inflight === undefined || inflight.state(packetId) !== state) return undefined;
    return inflight.item(packetId) ?? this.#readBack(inflight.seq(packetId));
  }

  /** Waits to be sent again on this connection: so far it takes nothing of the quota. */
  #isUnsent(inflight: Inflight<Delivery<Group>>, packetId: number): boolean {
    return this.#resend !== undefined && inflight.order(packetId) > this.#resentOrder &&
      inflight.state(packetId) !== InflightState.awaitsPubcomp;
  }

  /** Sends a message that has its identifier. One that is too large for the client is over with that. */
  #transmit(
    inflight: Inflight<Delivery<Group>>,
    packetId: number,
    delivery: Delivery<Group>,
    dup: boolean,
  ): void {
    if (this.#write(delivery, packetId, dup)) return;
    this.#quota++;
    this.#forget(inflight, packetId);
    this.#owner.onOver(delivery, "too_large");
  }

  /** False: too large. Most messages that wait are frames that leave as they came, the short way. */
  #write(delivery: Delivery<Group>, packetId: number, dup: boolean): boolean {
    const outlet = this.#outlet;
    if (outlet === undefined) return false;
    const { message, qos, retain, identifiers } = delivery;
    if (
      !dup && message instanceof FramedMessage && isAsItCame(delivery, message) &&
      outlet.canForward(message)
    ) {
      outlet.forward(message, packetId);
      return true;
    }
    const { carrier, clock } = this.#context;
    // Asking for the time costs as much as the rest of this.
    carrier.loadMessage(message, message.expiresAtMs === Infinity ? 0 : clock.nowMs());
    return outlet.publish(carrier, qos, retain, dup, identifiers, packetId);
  }

  /** The exchange is over, here and in the journal. */
  #forget(inflight: Inflight<Delivery<Group>>, packetId: number): void {
    const seq = inflight.seq(packetId);
    if (seq > 0) {
      this.#journal?.remove(seq);
      this.#placed?.finished(seq, packetId);
    }
    inflight.remove(packetId);
    this.#context.counters.inflight--;
  }

  #mayResend(delivery: Delivery<Group>): boolean {
    return !this.#context.isGuarded || this.#owner.mayReceive(delivery);
  }

  /** A message that an earlier run of the broker had in flight. */
  #readBack(seq: number): Delivery<Group> | undefined {
    if (seq === 0) return undefined;
    const [entry] = this.#journal?.read(seq - 1, 1, 1) ?? [];
    return entry?.seq === seq ? entry.delivery : undefined;
  }

  /** Lets the next packet of `packetId` wait for its commit. False: there is nothing to wait for. */
  #hold(packetId: number, isPublish: boolean): boolean {
    const journal = this.#journal;
    if (journal === undefined) return false;
    const ticket = journal.ticket();
    const held = this.#held;
    if (ticket <= journal.committedTicket && (held === undefined || held.length === 0)) {
      return false;
    }
    (this.#held ??= new Deque<HeldPacket>()).push({ packetId, ticket, isPublish });
    if (isPublish) this.#heldPublishes++;
    journal.wake();
    return true;
  }

  #isHeld(packetId: number): boolean {
    const held = this.#held;
    for (let index = 0; held !== undefined && index < held.length; index++) {
      if (held.at(index)?.packetId === packetId) return true;
    }
    return false;
  }
}
