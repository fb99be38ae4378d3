/**
 * What a broker must do with whole messages, as plainly as it can be written: every list is searched, and time
 * passes in whole seconds. It knows sessions, subscriptions, retained messages, wills and expiry, but no packets.
 */
import { assertEquals } from "@std/assert";
import { filterMatches, parseTopicFilter, type Qos } from "../../../src/mqtt/mod.ts";
import type { ReceivedMessage } from "./sim_client.ts";

export interface OracleSubscription {
  /** As the client writes it. */
  readonly filter: string;
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  readonly identifier: number;
}

export interface OracleMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: Qos;
  readonly retain: boolean;
  /** Infinity: never. */
  readonly expiresAtMs: number;
}

export interface OracleWill {
  readonly message: Omit<OracleMessage, "expiresAtMs">;
  readonly messageExpiryS: number | undefined;
  readonly delayS: number;
}

/** One delivery that a session is owed. */
interface Owed {
  readonly message: OracleMessage;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly identifiers: readonly number[];
  /** A retained message for a new subscription: its place among the others is open. */
  readonly isReplay: boolean;
  /** A retained message that was still to come when the client left: it waits like all others. */
  readonly isQueuedReplay?: boolean;
}

interface OracleSession {
  readonly clientId: string;
  readonly subscriptions: Map<string, OracleSubscription>;
  isOnline: boolean;
  expiryS: number;
  endsAtMs: number;
  will: OracleWill | undefined;
  willDueMs: number;
  owed: Owed[];
}

/** A message for one member of a group, whichever. */
interface OwedToGroup {
  readonly key: string;
  readonly message: OracleMessage;
  /** Somebody was there, so it must arrive at once. */
  readonly isDue: boolean;
}

export class Oracle {
  nowMs: number;
  readonly sessions = new Map<string, OracleSession>();
  readonly retained = new Map<string, OracleMessage>();
  #owedToGroups: OwedToGroup[] = [];

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  get subscriptionCount(): number {
    return [...this.sessions.values()].reduce((sum, { subscriptions: { size } }) => sum + size, 0);
  }

  /** What happens later without anybody doing anything. */
  get deadlineCount(): number {
    const isSet = (deadlineMs: number): boolean => deadlineMs !== Infinity;
    const ofSessions = [...this.sessions.values()].filter(({ isOnline }) => !isOnline)
      .flatMap(({ endsAtMs, willDueMs }) => [endsAtMs, willDueMs]);
    const ofRetained = [...this.retained.values()].map(({ expiresAtMs }) => expiresAtMs);
    return [...ofSessions, ...ofRetained].filter(isSet).length;
  }

  /** Returns Session Present. */
  connect(clientId: string, cleanStart: boolean, expiryS: number, will?: OracleWill): boolean {
    if (this.sessions.get(clientId)?.isOnline === true) this.lose(clientId);
    const known = this.sessions.get(clientId);
    if (known !== undefined && cleanStart) this.#end(known);
    const isPresent = known !== undefined && !cleanStart;
    const session = isPresent ? known : {
      clientId,
      subscriptions: new Map(),
      owed: [],
      isOnline: true,
      expiryS,
      endsAtMs: Infinity,
      will,
      willDueMs: Infinity,
    };
    Object.assign(session, {
      isOnline: true,
      expiryS,
      endsAtMs: Infinity,
      will,
      willDueMs: Infinity,
    });
    this.sessions.set(clientId, session);
    return isPresent;
  }

  /** The connection is gone; `will`: it is published. */
  lose(clientId: string, options: { will?: boolean; expiryS?: number | undefined } = {}): void {
    const session = this.sessions.get(clientId);
    if (session?.isOnline !== true) return;
    session.isOnline = false;
    if (options.will === false) session.will = undefined;
    session.expiryS = options.expiryS ?? session.expiryS;
    // Retained messages that were still to come; those with more than QoS 0 come later.
    session.owed = session.owed.filter(({ isReplay, qos }) => !isReplay || qos > 0)
      .map((owed) => ({ ...owed, isQueuedReplay: owed.isReplay }));
    if (session.expiryS === 0) {
      this.#end(session);
      return;
    }
    session.endsAtMs = this.nowMs + session.expiryS * 1000;
    if (session.will === undefined) return;
    if (session.will.delayS === 0) this.#publishWill(session);
    else session.willDueMs = this.nowMs + session.will.delayS * 1000;
  }

  subscribe(clientId: string, subscription: OracleSubscription): void {
    const session = this.sessions.get(clientId) as OracleSession;
    const { filter, retainHandling, identifier } = subscription;
    const isNew = !session.subscriptions.has(filter);
    session.subscriptions.set(filter, subscription);
    const { plain, shareName } = parse(filter);
    if (shareName !== undefined || retainHandling === 2 || (retainHandling === 1 && !isNew)) return;
    for (const message of this.retained.values()) {
      if (message.expiresAtMs <= this.nowMs || !filterMatches(plain, message.topic)) continue;
      session.owed.push({
        message,
        qos: Math.min(message.qos, subscription.qos) as Qos,
        retain: true,
        identifiers: identifier === 0 ? [] : [identifier],
        isReplay: true,
      });
    }
  }

  /** False: there was none. */
  unsubscribe(clientId: string, filter: string): boolean {
    return this.sessions.get(clientId)?.subscriptions.delete(filter) ?? false;
  }

  publish(message: OracleMessage, publisherId: string | undefined): void {
    if (message.retain) this.#retain(message);
    for (const session of this.sessions.values()) this.#publishTo(session, message, publisherId);
    for (const key of this.#groupKeys(message.topic)) {
      const members = this.#membersOf(key);
      const isDue = members.some(({ isOnline }) => isOnline);
      this.#owedToGroups.push({ key, message, isDue });
    }
  }

  /** What falls due on the way happens at its time. */
  advance(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const dues = [...this.sessions.values()].filter(({ isOnline }) => !isOnline)
        .map((session) => ({ session, dueMs: Math.min(session.endsAtMs, session.willDueMs) }))
        .filter(({ dueMs }) => dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs);
      const next = dues[0];
      if (next === undefined) break;
      this.nowMs = next.dueMs;
      if (next.session.endsAtMs <= next.dueMs) this.#end(next.session);
      else this.#publishWill(next.session);
    }
    this.nowMs = endMs;
    for (const [topic, { expiresAtMs }] of this.retained) {
      if (expiresAtMs <= endMs) this.retained.delete(topic);
    }
  }

  /** A session has got a message: it must be owed, and nothing older of QoS 1 and 2 may be. */
  receive(clientId: string, received: ReceivedMessage): void {
    const session = this.sessions.get(clientId) as OracleSession;
    const candidates = session.owed.filter((owed) =>
      // Empty payloads are all alike: what is left of the expiry tells them apart.
      owed.message.expiresAtMs > this.nowMs && isSame(owed, received) &&
      this.#expiryFor(owed.message, received) === received.messageExpiryS
    );
    const inOrder = candidates.find((owed) => this.#olderThan(session, owed).length === 0);
    if (inOrder === undefined) {
      this.#receiveForGroup(session, received);
      return;
    }
    session.owed.splice(session.owed.indexOf(inOrder), 1);
  }

  /** What a session must get before `owed`. */
  #olderThan({ owed: all }: OracleSession, owed: Owed): Owed[] {
    if (owed.isReplay) return [];
    return all.slice(0, all.indexOf(owed)).filter((other) =>
      !other.isReplay && (other.qos === 0) === (owed.qos === 0) &&
      other.message.expiresAtMs > this.nowMs
    );
  }

  /** Whoever is here and takes everything is owed nothing. */
  assertNothingOwed(clientId: string): void {
    const session = this.sessions.get(clientId);
    if (session?.isOnline !== true) return;
    session.owed = session.owed.filter(({ message }) => message.expiresAtMs > this.nowMs);
    assertEquals(session.owed, [], `${clientId} has not got everything`);
  }

  assertNothingOwedToGroups(): void {
    assertEquals(this.#owedToGroups.filter(({ isDue }) => isDue), [], "no member has got it");
  }

  #receiveForGroup(session: OracleSession, received: ReceivedMessage): void {
    const candidates = this.#owedToGroups.filter(({ message }) =>
      message.payload === received.payload && message.topic === received.topic &&
      message.expiresAtMs > this.nowMs &&
      this.#expiryFor(message, received) === received.messageExpiryS
    );
    const due = candidates.find(({ key, message, isDue }) => {
      const own = session.subscriptions.get(key);
      return isDue && own !== undefined && received.qos === Math.min(message.qos, own.qos) &&
        received.retain === (message.retain && own.retainAsPublished);
    });
    // What waited for somebody was granted to whoever was a member then.
    const owed = due ?? candidates.find(({ isDue }) => !isDue);
    if (owed === undefined) {
      const [got, all] = [JSON.stringify(received), JSON.stringify(session.owed)];
      throw new Error(`${session.clientId} is not owed, or not yet, ${got}; owed are ${all}`);
    }
    this.#owedToGroups.splice(this.#owedToGroups.indexOf(owed), 1);
  }

  /** What a receiver is to be told of the expiry, in seconds. */
  #expiryFor({ expiresAtMs }: OracleMessage, received: ReceivedMessage): number | undefined {
    // Before 5.0 there is no place for it.
    const isTold = received.identifiers !== undefined && expiresAtMs !== Infinity;
    return isTold ? (expiresAtMs - this.nowMs) / 1000 : undefined;
  }

  #retain(message: OracleMessage): void {
    // What would come too late does not come any more.
    for (const session of this.sessions.values()) {
      session.owed = session.owed.filter(({ isReplay, isQueuedReplay, message: { topic } }) =>
        topic !== message.topic || !isReplay || isQueuedReplay === true
      );
    }
    if (message.payload === "") this.retained.delete(message.topic);
    else this.retained.set(message.topic, message);
  }

  #publishTo(session: OracleSession, message: OracleMessage, publisherId?: string): void {
    const matching = [...session.subscriptions.values()].filter(({ filter, noLocal }) => {
      const { plain, shareName } = parse(filter);
      const isOwn = session.clientId === publisherId;
      return shareName === undefined && filterMatches(plain, message.topic) && !(noLocal && isOwn);
    });
    if (matching.length === 0) return;
    const granted = Math.max(...matching.map(({ qos }) => qos));
    const qos = Math.min(message.qos, granted) as Qos;
    if (qos === 0 && !session.isOnline) return;
    session.owed.push({
      message,
      qos,
      retain: message.retain && matching.some(({ retainAsPublished }) => retainAsPublished),
      identifiers: matching.map(({ identifier }) => identifier).filter((id) => id > 0)
        .sort((a, b) => a - b),
      isReplay: false,
    });
  }

  #groupKeys(topic: string): Set<string> {
    const keys = new Set<string>();
    for (const { subscriptions } of this.sessions.values()) {
      for (const filter of subscriptions.keys()) {
        const { plain, shareName } = parse(filter);
        if (shareName !== undefined && filterMatches(plain, topic)) keys.add(filter);
      }
    }
    return keys;
  }

  #membersOf(key: string): OracleSession[] {
    return [...this.sessions.values()].filter(({ subscriptions }) => subscriptions.has(key));
  }

  #end(session: OracleSession): void {
    session.isOnline = false;
    this.sessions.delete(session.clientId);
    if (session.will !== undefined) this.#publishWill(session);
  }

  #publishWill(session: OracleSession): void {
    const { will } = session;
    session.will = undefined;
    session.willDueMs = Infinity;
    if (will === undefined) return;
    const { messageExpiryS } = will;
    const expiresAtMs = messageExpiryS === undefined
      ? Infinity
      : this.nowMs + messageExpiryS * 1000;
    this.publish({ ...will.message, expiresAtMs }, undefined);
  }
}

function parse(filter: string): { plain: string; shareName: string | undefined } {
  const parsed = parseTopicFilter(filter);
  if (!parsed.valid) throw new Error(`"${filter}" is no topic filter`);
  return { plain: parsed.filter, shareName: parsed.shareName };
}

function isSame(owed: Owed, received: ReceivedMessage): boolean {
  return owed.message.payload === received.payload && owed.message.topic === received.topic &&
    owed.qos === received.qos && owed.retain === received.retain &&
    hasIdentifiers(received, owed.identifiers);
}

function hasIdentifiers({ identifiers }: ReceivedMessage, expected: readonly number[]): boolean {
  return identifiers === undefined || identifiers.join() === expected.join();
}
