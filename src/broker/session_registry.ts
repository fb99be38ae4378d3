import type { Clock, Logger, TimerWheel } from "../base/mod.ts";
import { CallbackTimer, isPromise, SequenceList } from "../base/mod.ts";
import { encodeUtf8 } from "../mqtt/mod.ts";
import {
  CLIENT_EVENT_BITS,
  EventBit,
  type LoadedSession,
  type Publisher,
  type SessionRecord,
  type SessionTerminatedEvent,
  type StoredWill,
} from "../ports/mod.ts";
import type { Router } from "../routing/mod.ts";
import { InflightState, type Message, type SessionContext } from "../session/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import { type ClientDetails, restoredDetails } from "./client_details.ts";
import { ClientSession } from "./client_session.ts";
import type { BrokerCounters } from "./counters.ts";
import { withDelayFirst } from "./delayed_topic.ts";
import { groupsWithOthers, redistribute } from "./delivery.ts";
import type { Durability } from "./durability.ts";
import { type EventHub, MESSAGE_EVENTS } from "./event_hub.ts";
import type { BrokerGauges } from "./gauges.ts";
import { SessionJournal } from "./session_journal.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** A session expiry of this many seconds never ends [MQTT-3.1.2.11.2]. */
export const SESSION_NEVER_EXPIRES = 0xffffffff;

export interface SessionRegistryParts {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly logger: Logger;
  readonly router: Router<ClientSession>;
  readonly subscriptions: Subscriptions;
  readonly publisher: Publisher;
  readonly counters: BrokerCounters;
  readonly gauges: BrokerGauges;
  readonly context: SessionContext;
  readonly durability: Durability;
  readonly events: EventHub;
}

/** What a client's CONNECT says of its session. */
export interface SessionTerms {
  readonly details: ClientDetails;
  readonly expiryS: number;
  readonly will: StoredWill | undefined;
  /** User name of the client; undefined: nobody vouches for it. */
  readonly owner: string | undefined;
}

/** All sessions by client identifier: their beginning, their time without a connection, their end. */
export class SessionRegistry {
  readonly #parts: SessionRegistryParts;
  readonly #sessions = new Map<string, ClientSession>();
  readonly #inOrder = new SequenceList<ClientSession>();
  readonly #online = new SequenceList<ClientConnection>();
  /** Wills that wait for an authorizer. */
  readonly willsUnderWay = new Set<Promise<void>>();

  constructor(parts: SessionRegistryParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#sessions.size;
  }

  get onlineCount(): number {
    return this.#online.length;
  }

  get(clientId: string): ClientSession | undefined {
    return this.#sessions.get(clientId);
  }

  values(): IterableIterator<ClientSession> {
    return this.#sessions.values();
  }

  /** All sessions in the order in which they began. */
  get inOrder(): SequenceList<ClientSession> {
    return this.#inOrder;
  }

  /** The connections of those whose client is there, in the order in which they came. */
  get online(): SequenceList<ClientConnection> {
    return this.#online;
  }

  /**
   * The session of a client that connects, with what its CONNECT says; one that is there is resumed, or ended for a
   * clean start.
   */
  open(
    clientId: string,
    cleanStart: boolean,
    terms: SessionTerms,
  ): { session: ClientSession; isPresent: boolean } {
    const known = this.#sessions.get(clientId);
    const isPresent = known !== undefined && !cleanStart;
    let session: ClientSession;
    if (isPresent) {
      this.#cancelTimers(known);
      this.#parts.counters.sessionsResumed++;
      session = known;
    } else {
      if (known !== undefined) this.end(known, "discarded");
      session = this.#create(clientId, terms.expiryS);
    }
    // A will that still waited for its delay is not published: the client is back before [MQTT-3.1.3-9].
    session.will = terms.will;
    session.owner ??= terms.owner;
    session.details = terms.details;
    session.expiryS = terms.expiryS;
    session.survives = terms.expiryS > 0;
    session.disconnectedAtMs = 0;
    this.#setPersistent(session, !cleanStart);
    this.#note(session);
    this.#tell(isPresent ? "session.resumed" : "session.created", session);
    return { session, isPresent };
  }

  #tell(type: "session.created" | "session.resumed", { eventClient }: ClientSession): void {
    const { events, clock } = this.#parts;
    if ((events.mask & CLIENT_EVENT_BITS[type]) === 0) return;
    events.client({ type, client: eventClient, timestampMs: clock.nowMs() });
  }

  #create(clientId: string, expiryS: number): ClientSession {
    const { context, clock, durability, router } = this.#parts;
    const createdAtMs = clock.nowMs();
    const record = { clientId, expiryS, createdAtMs, disconnectedAtMs: 0 };
    const journal = expiryS > 0
      ? new SessionJournal(
        durability.store.createSession({ ...record, owner: undefined, will: undefined }),
        durability,
        router,
      )
      : undefined;
    const session = new ClientSession(clientId, context, createdAtMs, journal, this.#parts.events);
    this.#parts.counters.sessionsCreated++;
    this.#add(session);
    return session;
  }

  #add(session: ClientSession): void {
    this.#sessions.set(session.clientId, session);
    this.#inOrder.append(session);
    this.#parts.gauges.sessions.add(1);
  }

  #setPersistent(session: ClientSession, isPersistent: boolean): void {
    if (session.wasCleanStart !== isPersistent) return;
    session.wasCleanStart = !isPersistent;
    this.#parts.gauges.persistentSessions.add(isPersistent ? 1 : -1);
  }

  /** Something of the session's record has changed. */
  #note(session: ClientSession): void {
    const { journal } = session;
    if (journal === undefined) return;
    this.#parts.durability.note();
    this.#parts.durability.store.putSession(journal.key, session.record);
  }

  /** Takes over the sessions of an earlier run of the broker, as if their clients had just gone. */
  restore(loaded: readonly LoadedSession[]): void {
    const inOrder = [...loaded].sort((a, b) => a.record.createdAtMs - b.record.createdAtMs);
    const sessions = inOrder.map((each) => this.#restoreOne(each));
    for (const [index, session] of sessions.entries()) {
      const { record } = inOrder[index] as LoadedSession;
      this.#resumeAbsence(session, record);
    }
  }

  #restoreOne(
    { key, record, subscriptions, received, inflight, queue }: LoadedSession,
  ): ClientSession {
    const { context, durability, router, events } = this.#parts;
    const { clientId, createdAtMs } = record;
    const journal = new SessionJournal(key, durability, router);
    const session = new ClientSession(clientId, context, createdAtMs, journal, events);
    this.#add(session);
    this.#setPersistent(session, record.client?.cleanStart !== true);
    session.expiryS = record.expiryS;
    session.survives = true;
    session.will = record.will;
    session.owner = record.owner;
    session.details = restoredDetails(record);
    session.mountpoint = record.client?.mountpoint ?? "";
    for (const [filter, subscription] of subscriptions) {
      this.#parts.subscriptions.restore(session, filter, subscription);
    }
    const unacknowledged = inflight.filter(({ state }) => state !== InflightState.awaitsPubcomp);
    session.restore({
      received,
      inflight,
      queuedMessages: queue.count - unacknowledged.length,
      queuedBytes: unacknowledged.reduce((bytes, next) => bytes - next.bytes, queue.bytes),
      hasShared: [...subscriptions.values()].some(({ shareName }) => shareName !== ""),
    });
    return session;
  }

  /** Goes on with the deadlines of a session whose client is away, or was when the broker died. */
  #resumeAbsence(session: ClientSession, record: SessionRecord): void {
    const nowMs = this.#parts.clock.nowMs();
    session.disconnectedAtMs = record.disconnectedAtMs === 0 ? nowMs : record.disconnectedAtMs;
    const goneMs = Math.max(0, nowMs - session.disconnectedAtMs);
    if (session.expiryS !== SESSION_NEVER_EXPIRES && goneMs >= session.expiryS * 1000) {
      this.#expire(session);
      return;
    }
    // What is stored of the others is as it was.
    if (record.disconnectedAtMs === 0) this.#note(session);
    this.#awaitClient(session, goneMs);
  }

  /** The session's client is connected now. */
  noteOnline(session: ClientSession, connection: ClientConnection): void {
    this.#online.append(connection);
    this.#parts.counters.connected++;
    this.#parts.gauges.connections.set(this.#online.length);
    this.#parts.subscriptions.noteOnline(session, true);
  }

  /**
   * The session's connection is over. What other members of shared subscriptions can do goes to them; the will is
   * published or waits; the session ends or waits for its client.
   */
  noteOffline(session: ClientSession, connection: ClientConnection): void {
    const { clock } = this.#parts;
    this.#online.remove(connection);
    this.#parts.counters.disconnected++;
    this.#parts.gauges.connections.set(this.#online.length);
    this.#parts.subscriptions.noteOnline(session, false);
    session.deliveredEarlier += connection.traffic.messagesSent;
    session.disconnectedAtMs = clock.nowMs();
    const { router } = this.#parts;
    // Where nothing can be moved, what waits in the journal need not be read.
    const movable = session.survives ? groupsWithOthers(session, router) : undefined;
    redistribute(session.detach(movable), session);
    if (session.expiryS === 0) {
      this.end(session, "disconnected");
      return;
    }
    this.#note(session);
    this.#awaitClient(session, 0);
    // From now on the time counts, also when the broker dies.
    if (session.will !== undefined) this.#parts.durability.store.ticket();
  }

  /** The client is away since `goneMs`: its will has a delay, its session an end. */
  #awaitClient(session: ClientSession, goneMs: number): void {
    const { timers } = this.#parts;
    this.#scheduleWill(session, goneMs);
    if (session.expiryS === SESSION_NEVER_EXPIRES) return;
    session.expiryTimer ??= new CallbackTimer(() => this.#expire(session));
    timers.schedule(session.expiryTimer, session.expiryS * 1000 - goneMs);
  }

  /** Ends a session with everything that belongs to it; a will that still waits is published now. */
  end(session: ClientSession, reason: SessionTerminatedEvent["reason"]): void {
    if (session.isEnded) return;
    session.isEnded = true;
    this.#cancelTimers(session);
    this.#parts.counters.sessionsEnded++;
    if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId);
    this.#inOrder.remove(session);
    this.#parts.gauges.sessions.add(-1);
    this.#setPersistent(session, false);
    this.#parts.subscriptions.removeAll(session);
    redistribute(session.detach(), session);
    session.end();
    if (session.journal !== undefined) {
      this.#parts.durability.note();
      this.#parts.durability.store.removeSession(session.journal.key);
    }
    this.#tellEnd(session, reason);
    this.publishWill(session);
  }

  #tellEnd({ eventClient }: ClientSession, reason: SessionTerminatedEvent["reason"]): void {
    const { events, clock } = this.#parts;
    if ((events.mask & EventBit.sessionTerminated) === 0) return;
    const timestampMs = clock.nowMs();
    events.client({ type: "session.terminated", client: eventClient, timestampMs, reason });
  }

  /** Publishes the session's will, if it has one, and forgets it. */
  publishWill(session: ClientSession): void {
    const { will } = session;
    session.will = undefined;
    if (will === undefined) return;
    if (!session.isEnded) this.#note(session);
    const answer = this.#parts.publisher.publishMessage(
      this.#willMessage(session, will),
      will.identity,
    );
    if (isPromise(answer)) this.#awaitWill(session, answer);
  }

  #awaitWill({ clientId }: ClientSession, answer: Promise<unknown>): void {
    const published = answer.catch((error: unknown) =>
      this.#parts.logger.error("Cannot publish a will message", { clientId, error: String(error) })
    ).then(() => {
      this.willsUnderWay.delete(published);
    });
    this.willsUnderWay.add(published);
  }

  #willMessage(session: ClientSession, will: StoredWill): Message {
    const { events } = this.#parts;
    const expiresAtMs = will.messageExpiryS === undefined
      ? Infinity
      : this.#parts.clock.nowMs() + will.messageExpiryS * 1000;
    // The delay is not below the mountpoint, the topic is.
    const topic = withDelayFirst(will.message.topic, session.mountpoint.length);
    const message = topic === will.message.topic
      ? { ...will.message, expiresAtMs }
      : { ...will.message, topic, topicBytes: encodeUtf8(topic), expiresAtMs };
    if ((events.mask & MESSAGE_EVENTS) === 0) return message;
    return { ...message, origin: events.originOf(session.eventClient) };
  }

  #scheduleWill(session: ClientSession, goneMs: number): void {
    const { will } = session;
    if (will === undefined) return;
    const delayMs = will.delayS * 1000 - goneMs;
    if (delayMs <= 0) {
      this.publishWill(session);
      return;
    }
    // Not later than the end of the session, which publishes it anyway [MQTT-3.1.2-8].
    session.willTimer ??= new CallbackTimer(() => this.publishWill(session));
    this.#parts.timers.schedule(session.willTimer, delayMs);
  }

  #expire(session: ClientSession): void {
    this.#parts.counters.sessionsExpired++;
    this.end(session, "expired");
  }

  #cancelTimers(session: ClientSession): void {
    const { timers } = this.#parts;
    if (session.willTimer !== undefined) timers.cancel(session.willTimer);
    if (session.expiryTimer !== undefined) timers.cancel(session.expiryTimer);
  }
}
