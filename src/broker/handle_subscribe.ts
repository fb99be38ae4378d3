import { isPromise, type MaybePromise, then } from "../base/mod.ts";
import { ReasonCode, type SubscribePacket } from "../mqtt/mod.ts";
import { EventBit } from "../ports/mod.ts";
import type { Subscription } from "../routing/mod.ts";
import { type Message, NO_IDENTIFIERS } from "../session/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";
import { eventSubscriptionOf } from "./event_client.ts";
import { inTurns } from "./in_turns.ts";
import type { RetainedSearch } from "./retained_messages.ts";
import { type Candidate, candidateOf, wholeFilter } from "./subscribe_candidate.ts";
import { wantsRetained } from "./subscription_terms.ts";

/** Filters that are judged in one turn. */
const JUDGED_PER_TURN = 500;
/** Work in one turn when filters are entered: places that are searched for retained messages, and for each filter. */
const ENTERED_PER_TURN = 5000;
const FILTER_WORK = 10;
/** Retained messages that may wait for one session; further subscriptions that would bring more are refused. */
const REPLAYED_MESSAGES_MAX = 500_000;

interface Replay {
  readonly messages: readonly Message[];
  readonly subscription: Subscription;
}

/** SUBSCRIBE: each filter is judged by itself, all answers go into one SUBACK, retained messages follow it. */
export function handleSubscribe(from: ClientConnection, packet: SubscribePacket): void {
  const subscribing = new Subscribing(from, packet);
  const done = then(
    then(subscribing.judge(), () => subscribing.enter()),
    () => subscribing.reply(),
  );
  if (isPromise(done)) from.waitFor(done);
}

/**
 * One SUBSCRIBE on its way. There may be very many filters in it, and very many retained messages to look through for
 * each, so all of it is done in pieces; meanwhile the connection may be gone, and then nothing more happens.
 */
class Subscribing {
  readonly #from: ClientConnection;
  readonly #packet: SubscribePacket;
  readonly #session: ClientSession;
  readonly #candidates: Candidate[] = [];
  #permits: MaybePromise<boolean>[] = [];
  readonly #reasonCodes: ReasonCode[] = [];
  readonly #replays: Replay[] = [];
  #replayedMessages = 0;
  /** For the retained messages of the filter whose turn it is to be answered. */
  #search: RetainedSearch | undefined;
  /** It takes more than one turn. */
  #isLate = false;
  #ticket = 0;

  constructor(from: ClientConnection, packet: SubscribePacket) {
    this.#from = from;
    this.#packet = packet;
    this.#session = from.session as ClientSession;
  }

  /** Whether each filter is one, and whether the client may subscribe with it. */
  judge(): MaybePromise<void> {
    const { yieldTurn } = this.#from.core;
    return then(inTurns(yieldTurn, () => this.#judgeSome()), () => {
      if (!this.#permits.some(isPromise)) return;
      return Promise.all(this.#permits).then((late) => {
        this.#permits = late;
      });
    });
  }

  #judgeSome(): boolean {
    const { subscriptions, subscriptionIdentifier } = this.#packet;
    const { permissions } = this.#from.core;
    const end = Math.min(subscriptions.length, this.#candidates.length + JUDGED_PER_TURN);
    if (this.#isOver) return true;
    for (const request of subscriptions.slice(this.#candidates.length, end)) {
      const candidate = candidateOf(this.#from, request, subscriptionIdentifier);
      const { subscription } = candidate;
      this.#candidates.push(candidate);
      this.#permits.push(
        subscription !== undefined &&
          permissions.maySubscribe(this.#from, wholeFilter(subscription)),
      );
    }
    return end === subscriptions.length;
  }

  /** Enters what is permitted, and finds the retained messages for it. */
  enter(): MaybePromise<void> {
    if (this.#isOver) return;
    const { permissions, yieldTurn } = this.#from.core;
    const isDenied = this.#candidates.some(({ subscription }, index) =>
      subscription !== undefined && this.#permits[index] !== true
    );
    if (isDenied && permissions.disconnects) {
      this.#from.disconnect(ReasonCode.notAuthorized, undefined);
      return;
    }
    if ((this.#from.core.events.mask & EventBit.clientSubscribe) !== 0) this.#tell();
    const waiting = inTurns(yieldTurn, () => this.#enterSome());
    if (waiting !== undefined) this.#isLate = true;
    return waiting;
  }

  #tell(): void {
    const { events, clock } = this.#from.core;
    const filters = this.#candidates.flatMap(({ subscription }, index) =>
      subscription !== undefined && this.#permits[index] === true
        ? [eventSubscriptionOf(subscription)]
        : []
    );
    if (filters.length === 0) return;
    const { eventClient: client } = this.#session;
    events.client({ type: "client.subscribe", client, timestampMs: clock.nowMs(), filters });
  }

  #enterSome(): boolean {
    if (this.#isOver) return true;
    const { durability } = this.#from.core;
    durability.begin();
    let left = ENTERED_PER_TURN;
    while (left > 0 && this.#reasonCodes.length < this.#candidates.length) {
      if (this.#search === undefined) {
        left -= FILTER_WORK;
        this.#enterNext();
      } else {
        const before = this.#search.visited;
        const isDone = this.#search.step(left);
        left -= this.#search.visited - before;
        if (isDone) this.#endSearch(this.#search);
      }
    }
    this.#from.spend(ENTERED_PER_TURN - left);
    // Other packets come between two turns, and what is noted belongs to one of them.
    this.#ticket = Math.max(this.#ticket, durability.end());
    return this.#reasonCodes.length === this.#candidates.length;
  }

  /** The next filter gets its answer, now or after the search for its retained messages. */
  #enterNext(): void {
    const { core } = this.#from;
    const session = this.#session;
    const index = this.#reasonCodes.length;
    const { subscription, request, refusal } = this.#candidates[index] as Candidate;
    if (subscription === undefined || this.#permits[index] !== true) {
      core.counters.subscribesRefused++;
      if (refusal === ReasonCode.notAuthorized) core.counters.subscribesNotAuthorized++;
      this.#reasonCodes.push(refusal);
      return;
    }
    const isNew = !session.subscriptions.has(request.filter);
    const isWanted = wantsRetained(subscription, isNew);
    if (this.#hasNoRoom(isNew) || (isWanted && this.#owesTooMuch)) {
      core.counters.subscribesRefused++;
      this.#reasonCodes.push(ReasonCode.quotaExceeded);
      return;
    }
    core.subscriptions.put(session, request.filter, subscription); // [MQTT-3.8.4-3]
    if (isWanted) this.#search = core.retained.replay(subscription.filter);
    else this.#reasonCodes.push(subscription.qos);
  }

  #endSearch({ found }: RetainedSearch): void {
    const index = this.#reasonCodes.length;
    const subscription = this.#candidates[index]?.subscription as Subscription;
    this.#search = undefined;
    this.#reasonCodes.push(subscription.qos);
    this.#replayedMessages += found.length;
    if (found.length > 0) this.#replays.push({ messages: found, subscription });
  }

  #hasNoRoom(isNew: boolean): boolean {
    const { options, durability } = this.#from.core;
    const { subscriptions, journal } = this.#session;
    if (journal !== undefined && durability.isFailing) return true;
    const { maxSubscriptions } = options;
    return isNew && maxSubscriptions > 0 && subscriptions.size >= maxSubscriptions;
  }

  get #owesTooMuch(): boolean {
    return this.#session.replayedMessages + this.#replayedMessages >= REPLAYED_MESSAGES_MAX;
  }

  /** SUBACK, once what it promises is durable, and the retained messages. */
  reply(): MaybePromise<void> {
    const from = this.#from;
    if (this.#isOver) return;
    if (from.version === 3 && this.#reasonCodes.some((code) => code >= 0x80)) {
      // The SUBACK of 3.1 has no failure: to grant what was refused would be a lie.
      from.closeReason ??= "refused";
      from.close();
      return;
    }
    const stored = from.core.durability.committed(this.#ticket);
    if (stored === undefined) {
      this.#answer();
      return;
    }
    this.#isLate = true;
    return stored.then(() => this.#answer());
  }

  #answer(): void {
    const from = this.#from;
    if (this.#isOver) return;
    const { packetId } = this.#packet;
    const reasonCodes = this.#reasonCodes;
    if (!from.out.send({ type: "suback", packetId, reasonCodes })) { // [MQTT-3.8.4-6]
      from.disconnect(ReasonCode.packetTooLarge, "SUBACK is larger than the client takes");
      return;
    }
    for (const { messages, subscription } of this.#replays) {
      const { identifier, qos } = subscription;
      const identifiers = identifier === 0 ? NO_IDENTIFIERS : [identifier];
      this.#session.replay(messages, qos, identifiers, this.#isLate);
      from.spend(messages.length);
    }
  }

  /** The connection is gone, or its session is another's by now. */
  get #isOver(): boolean {
    return !this.#from.isConnected || this.#from.session !== this.#session;
  }
}
