import type { Clock, Logger, TimerWheel } from "../base/mod.ts";
import { CallbackTimer, isPromise } from "../base/mod.ts";
import type { Publisher } from "../ports/mod.ts";
import type { Router } from "../routing/mod.ts";
import type { Message, SessionContext } from "../session/mod.ts";
import { ClientSession, type Will } from "./client_session.ts";
import type { BrokerCounters } from "./counters.ts";
import { redistribute } from "./delivery.ts";

/** A session expiry of this many seconds never ends [MQTT-3.1.2.11.2]. */
export const SESSION_NEVER_EXPIRES = 0xffffffff;

export interface SessionRegistryParts {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly logger: Logger;
  readonly router: Router<ClientSession>;
  readonly publisher: Publisher;
  readonly counters: BrokerCounters;
  readonly context: SessionContext;
}

/** All sessions by client identifier: their beginning, their time without a connection, their end. */
export class SessionRegistry {
  readonly #parts: SessionRegistryParts;
  readonly #sessions = new Map<string, ClientSession>();
  #onlineCount = 0;

  constructor(parts: SessionRegistryParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#sessions.size;
  }

  get onlineCount(): number {
    return this.#onlineCount;
  }

  get(clientId: string): ClientSession | undefined {
    return this.#sessions.get(clientId);
  }

  values(): IterableIterator<ClientSession> {
    return this.#sessions.values();
  }

  /** The session of a client that connects; one that is there is resumed, or ended for a clean start. */
  open(clientId: string, cleanStart: boolean): { session: ClientSession; isPresent: boolean } {
    const known = this.#sessions.get(clientId);
    if (known !== undefined && !cleanStart) {
      this.#cancelTimers(known);
      // The client is back before the delay was over [MQTT-3.1.3-9].
      known.will = undefined;
      return { session: known, isPresent: true };
    }
    if (known !== undefined) this.end(known);
    const { context, clock } = this.#parts;
    const session = new ClientSession(clientId, context, clock.nowMs());
    this.#sessions.set(clientId, session);
    return { session, isPresent: false };
  }

  /** The session's client is connected now. */
  online(session: ClientSession): void {
    session.disconnectedAtMs = 0;
    this.#onlineCount++;
    const { counters } = this.#parts;
    if (this.#onlineCount > counters.connectedMaximum) {
      counters.connectedMaximum = this.#onlineCount;
    }
  }

  /**
   * The session's connection is over. What other members of shared subscriptions can do goes to them; the will is
   * published or waits; the session ends or waits for its client.
   */
  offline(session: ClientSession): void {
    const { clock } = this.#parts;
    this.#onlineCount--;
    session.disconnectedAtMs = clock.nowMs();
    const others = new Set<ClientSession>([session]);
    const moved = session.detach((group) =>
      !session.survives || group.next(others)?.subscriber.isOnline === true
    );
    redistribute(moved, session);
    if (session.expiryS === 0) {
      this.end(session);
      return;
    }
    this.#scheduleWill(session);
    if (session.expiryS !== SESSION_NEVER_EXPIRES) {
      session.expiryTimer ??= new CallbackTimer(() => this.#expire(session));
      this.#parts.timers.schedule(session.expiryTimer, session.expiryS * 1000);
    }
  }

  /** Ends a session with everything that belongs to it; a will that still waits is published now. */
  end(session: ClientSession): void {
    if (session.isEnded) return;
    session.isEnded = true;
    this.#cancelTimers(session);
    if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId);
    for (const { filter, shareName } of session.subscriptions.values()) {
      this.#parts.router.unsubscribe(session, filter, shareName);
    }
    session.subscriptions.clear();
    redistribute(session.detach(() => true), session);
    session.end();
    this.publishWill(session);
  }

  /** Publishes the session's will, if it has one, and forgets it. */
  publishWill(session: ClientSession): void {
    const { will } = session;
    session.will = undefined;
    if (will === undefined) return;
    const answer = this.#parts.publisher.publishMessage(this.#willMessage(will), will.identity);
    if (isPromise(answer)) {
      answer.catch((error: unknown) =>
        this.#parts.logger.error("Cannot publish a will message", {
          clientId: session.clientId,
          error: String(error),
        })
      );
    }
  }

  #willMessage(will: Will): Message {
    const expiresAtMs = will.messageExpiryS === undefined
      ? Infinity
      : this.#parts.clock.nowMs() + will.messageExpiryS * 1000;
    return { ...will.message, expiresAtMs };
  }

  #scheduleWill(session: ClientSession): void {
    const { will } = session;
    if (will === undefined) return;
    if (will.delayS === 0) {
      this.publishWill(session);
      return;
    }
    // Not later than the end of the session, which publishes it anyway [MQTT-3.1.2-8].
    session.willTimer ??= new CallbackTimer(() => this.publishWill(session));
    this.#parts.timers.schedule(session.willTimer, will.delayS * 1000);
  }

  #expire(session: ClientSession): void {
    this.#parts.counters.sessionsExpired++;
    this.end(session);
  }

  #cancelTimers(session: ClientSession): void {
    const { timers } = this.#parts;
    if (session.willTimer !== undefined) timers.cancel(session.willTimer);
    if (session.expiryTimer !== undefined) timers.cancel(session.expiryTimer);
  }
}
