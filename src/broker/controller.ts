import { isPromise, type MaybePromise } from "../base/mod.ts";
import {
  encodeUtf8,
  isValidTopicName,
  parseTopicFilter,
  ReasonCode,
  type SubscriptionRequest,
} from "../mqtt/mod.ts";
import { BROKER_IDENTITY, type Identity } from "../ports/mod.ts";
import type { Subscription } from "../routing/mod.ts";
import { type Message, NO_BYTES, NO_IDENTIFIERS } from "../session/mod.ts";
import type { BrokerCore } from "./broker_core.ts";
import type { ClientSession } from "./client_session.ts";
import { subscriptionViewOf } from "./client_view.ts";
import { needsStore } from "./handle_publish.ts";
import { inTurns } from "./in_turns.ts";
import { mountpointOf } from "./mountpoint.ts";
import type { MqttOptions } from "./options.ts";
import { type FilterProblem, subscriptionFor, wantsRetained } from "./subscription_terms.ts";
import type { SubscriptionView } from "./views.ts";

/** Places that are searched for retained messages in one turn. */
const SEARCHED_PER_TURN = 5000;

/** Why nothing of what was asked for was done. */
export type Refusal =
  | { readonly refused: "no-session" }
  | { readonly refused: "connected" }
  | { readonly refused: "store-failing" }
  | { readonly refused: "too-many"; readonly allowed: number }
  | { readonly refused: "filter"; readonly filter: string; readonly problem: FilterProblem };

/** What became of a message; `matched`: recipients and groups of its route. */
export interface PublishOutcome {
  readonly reasonCode: ReasonCode;
  readonly matched: number;
}

/**
 * The broker's door for whoever changes something on behalf of nobody who is connected. All is done at once; what is
 * promised is durable when the promise resolves.
 */
export class Controller {
  readonly #core: BrokerCore;
  readonly #node: string;

  constructor(core: BrokerCore, node: string) {
    this.#core = core;
    this.#node = node;
  }

  /** The limits that count now. */
  get options(): MqttOptions {
    return this.#core.options;
  }

  /** Nothing can be made durable at the moment. */
  get isStoreFailing(): boolean {
    return this.#core.durability.isFailing;
  }

  // --- messages ---------------------------------------------------------------------------------

  /** The message must be valid, and its bytes belong to the broker from now on. */
  async publish(message: Message, identity: Identity): Promise<PublishOutcome | Refusal> {
    const core = this.#core;
    const { durability, router, pipeline, sessions } = core;
    const route = router.route(message.topic);
    const matched = route.recipients.length + route.groups.length;
    const isStored = needsStore(route, message.retain) ||
      core.delayed.isDelayed(message.topic, 0);
    if (message.qos > 0 && durability.isFailing && isStored) {
      core.counters.publishRefused++;
      return { refused: "store-failing" };
    }
    core.counters.publishedByApi++;
    durability.begin();
    const publisher = message.publisherId === "" ? undefined : sessions.get(message.publisherId);
    const answer = pipeline.publishMessage(message, identity, publisher);
    if (!isPromise(answer)) return await this.#settled({ reasonCode: answer, matched });
    const reasonCode = await answer;
    await durability.committed(durability.store.ticket());
    return { reasonCode, matched };
  }

  /** Publishes on `$SYS/…`, which nobody may publish on but the broker; nothing where there is no `$SYS`. */
  announce(topic: string, text: string): void {
    const { options, pipeline, logger } = this.#core;
    if (options.sysIntervalMs === 0 || !isValidTopicName(topic)) return;
    const answer = pipeline.publishMessage({
      topic,
      topicBytes: encodeUtf8(topic),
      payload: encodeUtf8(text),
      qos: 0,
      retain: false,
      properties: NO_BYTES,
      expiresAtMs: Infinity,
      publisherId: "",
    }, BROKER_IDENTITY);
    if (!isPromise(answer)) return;
    answer.catch((error: unknown) =>
      logger.error("Cannot publish a $SYS topic", { topic, error: String(error) })
    );
  }

  /** Removes a retained message. False: there was none. */
  async removeRetained(topic: string): Promise<boolean | Refusal> {
    const { durability, retained } = this.#core;
    const wasThere = retained.get(topic) !== undefined;
    if (wasThere && durability.isFailing) return { refused: "store-failing" };
    durability.begin();
    if (retained.remove(topic)) durability.note();
    return await this.#settled(wasThere);
  }

  // --- clients ----------------------------------------------------------------------------------

  /** Ends the connection, which promises nothing that has to be on disk. False: there is none. */
  kick(clientId: string): boolean {
    const connection = this.#core.sessions.get(clientId)?.connection;
    connection?.disconnect(ReasonCode.administrativeAction, undefined);
    return connection !== undefined;
  }

  /** Ends connection and session; the will is published at once. */
  async end(
    clientId: string,
    options: { readonly onlyOffline: boolean },
  ): Promise<Refusal | undefined> {
    const { sessions, durability } = this.#core;
    const session = sessions.get(clientId);
    if (session === undefined) return { refused: "no-session" };
    if (options.onlyOffline && session.connection !== undefined) return { refused: "connected" };
    if (this.#cannotStore(session)) return { refused: "store-failing" };
    durability.begin();
    session.connection?.disconnect(ReasonCode.administrativeAction, undefined);
    sessions.end(session, "kicked");
    return await this.#settled(undefined);
  }

  /** All or nothing; identifiers of subscriptions are the client's alone, so there are none. */
  async subscribe(
    clientId: string,
    requests: readonly SubscriptionRequest[],
  ): Promise<Refusal | readonly SubscriptionView[]> {
    const core = this.#core;
    const session = core.sessions.get(clientId);
    if (session === undefined) return { refused: "no-session" };
    const wanted = this.#judge(session, requests);
    if ("refused" in wanted) return wanted;
    const replays: Subscription[] = [];
    core.durability.begin();
    const views: SubscriptionView[] = [];
    for (const [filter, subscription] of wanted) {
      const isNew = !session.subscriptions.has(filter);
      core.subscriptions.put(session, filter, subscription);
      views.push(subscriptionViewOf(this.#node, session, filter, subscription, undefined));
      if (wantsRetained(subscription, isNew)) replays.push(subscription);
    }
    await core.durability.committed(core.durability.end());
    for (const subscription of replays) await this.#replay(session, subscription);
    return views;
  }

  /** For each filter whether there was such a subscription. */
  async unsubscribe(
    clientId: string,
    filters: readonly string[],
  ): Promise<Refusal | readonly boolean[]> {
    const { sessions, durability, subscriptions } = this.#core;
    const session = sessions.get(clientId);
    if (session === undefined) return { refused: "no-session" };
    if (this.#cannotStore(session)) return { refused: "store-failing" };
    durability.begin();
    const mountpoint = mountpointOf(session.mountpoint);
    return await this.#settled(
      filters.map((written) =>
        subscriptions.remove(session, mountpoint?.mount(written, true) ?? written)
      ),
    );
  }

  // --- inside -----------------------------------------------------------------------------------

  /** The session is to outlive the broker, and its changes could not. */
  #cannotStore(session: ClientSession): boolean {
    return session.journal !== undefined && this.#core.durability.isFailing;
  }

  /** By filter behind the mountpoint; a filter that is there twice counts once, as it was written last. */
  #judge(
    session: ClientSession,
    requests: readonly SubscriptionRequest[],
  ): ReadonlyMap<string, Subscription> | Refusal {
    const { options } = this.#core;
    if (this.#cannotStore(session)) return { refused: "store-failing" };
    const wanted = new Map<string, Subscription>();
    const mountpoint = mountpointOf(session.mountpoint);
    for (const request of requests) {
      const { filter } = request;
      // What is no filter is judged as it is, to be refused as that.
      const isMounted = mountpoint !== undefined && parseTopicFilter(filter).valid;
      const place = isMounted ? mountpoint.mount(filter, true) : filter;
      const judged = subscriptionFor({ ...request, filter: place }, 0, options);
      if ("reasonCode" in judged) return { refused: "filter", filter, problem: judged };
      wanted.set(place, judged);
    }
    const added = [...wanted.keys()].filter((filter) => !session.subscriptions.has(filter)).length;
    const { maxSubscriptions } = options;
    if (
      added > 0 && maxSubscriptions > 0 && session.subscriptions.size + added > maxSubscriptions
    ) {
      return { refused: "too-many", allowed: maxSubscriptions };
    }
    return wanted;
  }

  /** A client that is away gets them when it comes back, as far as its queue has room. */
  async #replay(session: ClientSession, subscription: Subscription): Promise<void> {
    const { retained, yieldTurn } = this.#core;
    const search = retained.replay(subscription.filter);
    await inTurns(yieldTurn, () => search.step(SEARCHED_PER_TURN));
    // The session may have ended meanwhile; then there is nobody to send to.
    if (session.isEnded) return;
    if (session.isOnline) {
      session.replay(search.found, subscription.qos, NO_IDENTIFIERS, true);
      return;
    }
    for (const message of search.found) {
      const qos = message.qos < subscription.qos ? message.qos : subscription.qos;
      if (qos === 0 && !this.options.queueQos0Offline) continue;
      session.enqueue({
        message,
        qos,
        retain: true,
        identifiers: NO_IDENTIFIERS,
        group: undefined,
      });
    }
  }

  /** Resolves with `result` when what was noted since `begin` is durable. */
  #settled<T>(result: T): MaybePromise<T> {
    const { durability } = this.#core;
    const stored = durability.committed(durability.end());
    return stored === undefined ? result : stored.then(() => result);
  }
}
