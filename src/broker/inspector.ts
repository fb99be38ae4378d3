import type { Sequenced } from "../base/mod.ts";
import {
  decodeMessageProperties,
  filterMatches,
  hasWildcard,
  parseTopicFilter,
} from "../mqtt/mod.ts";
import type { FilterFigures } from "../routing/mod.ts";
import type { RetainedEntry } from "../retain/mod.ts";
import type { Message } from "../session/mod.ts";
import type { BrokerCore } from "./broker_core.ts";
import type { ClientConnection } from "./client_connection.ts";
import { type ClientFilter, compileClientFilter } from "./client_filter.ts";
import type { ClientSession } from "./client_session.ts";
import { clientViewOf, subscriptionViewOf } from "./client_view.ts";
import type { CloseTally } from "./close_reason.ts";
import type { BrokerCounters } from "./counters.ts";
import type { BrokerGauges } from "./gauges.ts";
import { inTurns } from "./in_turns.ts";
import { type ListRow, type ListSource, RowList } from "./list_source.ts";
import type {
  ClientInclusion,
  ClientView,
  RetainedView,
  RouteView,
  SubscriptionView,
} from "./views.ts";

/** Places that are searched for retained messages in one turn. */
const SEARCHED_PER_TURN = 5000;

/** A subscription with its place among those of its session. */
export interface PlacedSubscription {
  readonly order: number;
  readonly filter: string;
  readonly topicFilter: string;
  readonly shareName: string;
  view(includeClient: ClientInclusion): SubscriptionView;
}

/** The broker's door for whoever looks: nothing changes, nothing of the inside gets out, every view is a copy. */
export class Inspector {
  readonly node: string;
  readonly #core: BrokerCore;

  /** `node`: what the views call this node. */
  constructor(core: BrokerCore, node: string) {
    this.#core = core;
    this.node = node;
  }

  get counters(): Readonly<BrokerCounters> {
    return this.#core.counters;
  }

  get gauges(): Readonly<BrokerGauges> {
    return this.#core.gauges;
  }

  /** Deadlines that are kept. */
  get timers(): number {
    return this.#core.timers.count;
  }

  /** Of any state, also before CONNECT and while closing. */
  get openConnections(): number {
    return this.#core.connections.size;
  }

  get retainedBytes(): number {
    return this.#core.retained.bytes;
  }

  /** Messages that wait for their time, and their bytes. */
  get delayed(): { readonly messages: number; readonly bytes: number } {
    const { count, bytes } = this.#core.delayed;
    return { messages: count, bytes };
  }

  /** Why connections of a listener ended. */
  closeTally(listenerName: string): Readonly<CloseTally> {
    return { ...this.#core.closeTallies.get(listenerName) };
  }

  // --- clients ----------------------------------------------------------------------------------

  /** Undefined also where it does not match the filter. */
  client(
    clientId: string,
    includeSubscriptions: boolean,
    filter: ClientFilter = {},
  ): ClientView | undefined {
    const session = this.#core.sessions.get(clientId);
    if (session === undefined || compileClientFilter(filter)?.(session) === false) return undefined;
    const isConnected = session.connection !== undefined;
    if (filter.isConnected !== undefined && filter.isConnected !== isConnected) return undefined;
    return clientViewOf(this.#core, this.node, session, includeSubscriptions);
  }

  /** In the order in which sessions began; with `isConnected: true` in the order in which their clients came. */
  clients(filter: ClientFilter, includeSubscriptions: boolean): ListSource<ClientView> {
    const { sessions } = this.#core;
    const condition = compileClientFilter(filter);
    const view = (session: ClientSession): ClientView =>
      clientViewOf(this.#core, this.node, session, includeSubscriptions);
    if (filter.isConnected === true) return this.#connected(condition, view);
    const isAway = filter.isConnected === undefined
      ? undefined
      : (session: ClientSession) => session.connection === undefined;
    return new RowList<ClientSession, ClientView>({
      rows: sessions.inOrder,
      condition: isAway === undefined || condition === undefined
        ? isAway ?? condition
        : (session) => isAway(session) && condition(session),
      view,
    });
  }

  #connected(
    condition: ((session: ClientSession) => boolean) | undefined,
    view: (session: ClientSession) => ClientView,
  ): ListSource<ClientView> {
    // A connection in the list has a session until it is taken out, in the same turn.
    const sessionOf = ({ session }: ClientConnection): ClientSession => session as ClientSession;
    return new RowList<ClientConnection, ClientView>({
      rows: this.#core.sessions.online,
      condition: condition === undefined
        ? undefined
        : (connection) => condition(sessionOf(connection)),
      view: (connection) => view(sessionOf(connection)),
    });
  }

  // --- subscriptions ----------------------------------------------------------------------------

  /** How many subscriptions a session has; `row`: of `subscribers`. */
  subscriptionCount(row: ListRow): number {
    return (row as ClientSession).subscriptions.size;
  }

  /** Sessions with the number of their subscriptions, in the order in which the sessions began. */
  subscribers(isConnected: boolean | undefined): ListSource<number> {
    return new RowList<ClientSession, number>({
      rows: this.#core.sessions.inOrder,
      condition: isConnected === undefined
        ? undefined
        : (session) => session.connection !== undefined === isConnected,
      view: (session) => session.subscriptions.size,
    });
  }

  /** The row that `subscribers` has for a client. */
  subscriber(clientId: string): ListRow | undefined {
    return this.#core.sessions.get(clientId);
  }

  /** The subscriptions of a session in the order in which they were made; may change while they are read. */
  *subscriptionsOf(row: ListRow): Generator<PlacedSubscription, void, undefined> {
    const session = row as ClientSession;
    for (const [filter, subscription] of session.subscriptions) {
      yield {
        order: subscription.order,
        filter,
        topicFilter: subscription.filter,
        shareName: subscription.shareName,
        view: (includeClient) => this.#subscriptionView(session, filter, includeClient),
      };
    }
  }

  #subscriptionView(
    session: ClientSession,
    filter: string,
    includeClient: ClientInclusion,
  ): SubscriptionView {
    const subscription = session.subscriptions.get(filter);
    if (subscription === undefined) throw new Error("A view is taken while the row is there");
    const client = includeClient === false
      ? undefined
      : this.client(session.clientId, includeClient === "with-subscriptions");
    return subscriptionViewOf(this.node, session, filter, subscription, client);
  }

  /** All subscriptions with one filter: first the ordinary ones, then group by group. */
  *subscribersOf(
    topicFilter: string,
    includeClients: ClientInclusion,
  ): Generator<SubscriptionView, void, undefined> {
    const { router } = this.#core;
    for (const { subscriber } of router.subscribersOf(topicFilter)) {
      yield* this.#viewUnder(subscriber, topicFilter, includeClients);
    }
    for (const group of router.filter(topicFilter)?.groups ?? []) {
      const filter = `$share/${group.shareName}/${topicFilter}`;
      for (const { subscriber } of group.members()) {
        yield* this.#viewUnder(subscriber, filter, includeClients);
      }
    }
  }

  /** Nothing where the subscription is gone meanwhile. */
  *#viewUnder(
    session: ClientSession,
    filter: string,
    includeClients: ClientInclusion,
  ): Generator<SubscriptionView, void, undefined> {
    if (!session.subscriptions.has(filter)) return;
    yield this.#subscriptionView(session, filter, includeClients);
  }

  // --- routes -----------------------------------------------------------------------------------

  /** In the order in which somebody first subscribed with each filter. */
  get routes(): ListSource<RouteView> {
    const { router } = this.#core;
    return new RowList<FilterFigures<ClientSession>, RouteView>({
      rows: {
        get length() {
          return router.filterCount;
        },
        after: (sequence, limit) => router.filtersAfter(sequence, limit),
        slice: (position, limit) => router.filtersFrom(position, limit),
      },
      condition: undefined,
      view: (row) => this.#routeView(row),
    });
  }

  /** Of exactly this filter, without `$share/…`. */
  route(topicFilter: string): RouteView | undefined {
    const row = this.#core.router.filter(topicFilter);
    return row === undefined ? undefined : this.#routeView(row);
  }

  #routeView({ filter, subscriberCount, groups }: FilterFigures<ClientSession>): RouteView {
    return {
      node: this.node,
      topicFilter: filter,
      subscribers: subscriberCount,
      shareNames: groups.map(({ shareName }) => shareName),
    };
  }

  // --- retained messages ------------------------------------------------------------------------

  retainedMessage(topic: string): RetainedView | undefined {
    const message = this.#core.retained.get(topic);
    return message === undefined ? undefined : retainedViewOf(message);
  }

  /**
   * In the order in which topics got their first message; undefined: all but those that begin with `$`. With a
   * filter that begins with `$` the order means nothing, and the list is of one moment.
   */
  async retained(filter: string | undefined): Promise<ListSource<RetainedView>> {
    const { retained, clock } = this.#core;
    const isAlive = ({ message }: RetainedEntry<Message>): boolean =>
      message.expiresAtMs > clock.nowMs();
    const view = ({ message }: RetainedEntry<Message>): RetainedView => retainedViewOf(message);
    if (filter === undefined || filter === "#") {
      return new RowList<RetainedEntry<Message> & Sequenced, RetainedView>({
        rows: retained.inOrder,
        // What has expired is gone with the next tick of the timers.
        condition: undefined,
        view,
      });
    }
    if (!hasWildcard(filter) || filter.startsWith("$")) {
      return await this.#retainedOfMoment(filter);
    }
    return new RowList<RetainedEntry<Message> & Sequenced, RetainedView>({
      rows: retained.inOrder,
      condition: (row) => filterMatches(filter, row.topic) && isAlive(row),
      view,
    });
  }

  async #retainedOfMoment(filter: string): Promise<ListSource<RetainedView>> {
    const { retained, yieldTurn } = this.#core;
    const search = retained.search(filter);
    await inTurns(yieldTurn, () => search.step(SEARCHED_PER_TURN));
    const found = search.found
      .sort((a, b) => a.topic < b.topic ? -1 : 1)
      .map((message, index) => ({ sequence: index + 1, message }));
    return new RowList<{ sequence: number; message: Message }, RetainedView>({
      rows: {
        length: found.length,
        after: (sequence, limit) => found.slice(sequence, sequence + limit),
        slice: (position, limit) => found.slice(position, position + limit),
      },
      condition: undefined,
      view: ({ message }) => retainedViewOf(message),
    });
  }
}

function retainedViewOf(message: Message): RetainedView {
  const { topic, payload, qos, publisherId, expiresAtMs, properties } = message;
  return {
    topic,
    payload,
    qos,
    publisherId,
    expiresAtMs: expiresAtMs === Infinity ? undefined : expiresAtMs,
    properties: decodeMessageProperties(properties),
  };
}

/** Whether a text is a filter that retained messages can be looked up with. */
export function isRetainedFilter(filter: string): boolean {
  const parsed = parseTopicFilter(filter);
  return parsed.valid && parsed.shareName === undefined;
}
