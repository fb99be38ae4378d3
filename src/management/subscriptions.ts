import type { ClientInclusion, Inspector, ListRow, PlacedSubscription } from "../broker/mod.ts";
import { ManagementError } from "./management_error.ts";
import { type PageStart, pageStart } from "./paging.ts";
import type { Page, PageRequest, SubscriptionQuery } from "./query.ts";
import type { SubscriptionsService } from "./service.ts";
import { Slices, type Turns } from "./slices.ts";
import type { SubscriptionView } from "./views.ts";

/** Sessions, subscriptions or filters that are looked at before the clock is. */
const STEP_ROWS = 32;
const BATCH_ROWS = 32;

/** Where a subscription stands: its session's number, and its own in that session. */
interface Place {
  readonly session: number;
  readonly order: number;
}

/** The subscriptions of this node. */
export class LocalSubscriptions implements SubscriptionsService {
  readonly #inspector: Inspector;
  readonly #turns: Turns;

  constructor(inspector: Inspector, turns: Turns) {
    this.#inspector = inspector;
    this.#turns = turns;
  }

  async list(
    request: PageRequest,
    query: SubscriptionQuery = {},
  ): Promise<Page<SubscriptionView>> {
    const { clientId, isConnected } = query;
    const isAll = matchesWholeSessions(query) && clientId === undefined &&
      isConnected === undefined;
    const reader = new PageReader(pageStart(request), !isAll, query.includeClients ?? false);
    const inspector = this.#inspector;
    const slices = new Slices(this.#turns);
    for await (const sessions of this.#sessions(query, slices)) {
      for (const session of sessions) {
        const isPassed = matchesWholeSessions(query) &&
          reader.passSession(session.sequence, inspector.subscriptionCount(session));
        if (!isPassed) await readSession(inspector, session, query, slices, reader);
      }
      if (reader.isDone) break;
    }
    return reader.page(isAll ? inspector.gauges.subscriptions.count : undefined);
  }

  async *stream(
    query: SubscriptionQuery = {},
    order: "client" | "filter" = "client",
  ): AsyncIterable<readonly SubscriptionView[]> {
    const views = order === "client" ? this.#byClient(query) : this.#byFilter(query);
    let batch: SubscriptionView[] = [];
    for await (const some of views) {
      for (const view of some) batch.push(view);
      if (batch.length < BATCH_ROWS) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  async *#byClient(
    query: SubscriptionQuery,
  ): AsyncGenerator<readonly SubscriptionView[], void, undefined> {
    const slices = new Slices(this.#turns);
    const collector = new Collector(query.includeClients ?? false);
    for await (const sessions of this.#sessions(query, slices)) {
      for (const session of sessions) {
        await readSession(this.#inspector, session, query, slices, collector);
        if (collector.views.length >= BATCH_ROWS) yield collector.release();
      }
    }
    yield collector.release();
  }

  async *#byFilter(
    query: SubscriptionQuery,
  ): AsyncGenerator<readonly SubscriptionView[], void, undefined> {
    const slices = new Slices(this.#turns);
    const { routes } = this.#inspector;
    for (let sequence = 0;;) {
      const rows = routes.after(sequence, STEP_ROWS);
      const filters = rows.map((row) => routes.view(row).topicFilter);
      sequence = rows.at(-1)?.sequence ?? 0;
      for (const filter of filters) {
        if (query.topicFilter === undefined || query.topicFilter === filter) {
          yield* this.#ofFilter(filter, query, slices);
        }
      }
      if (rows.length < STEP_ROWS) return;
      await slices.giveWay();
    }
  }

  async *#ofFilter(
    filter: string,
    query: SubscriptionQuery,
    slices: Slices,
  ): AsyncGenerator<readonly SubscriptionView[], void, undefined> {
    const { clientId, isConnected, shareName, includeClients = false } = query;
    const needsClient = includeClients !== false || isConnected !== undefined;
    let views: SubscriptionView[] = [];
    for (const view of this.#inspector.subscribersOf(filter, includeClients || needsClient)) {
      if (clientId !== undefined && view.clientId !== clientId) continue;
      if (shareName !== undefined && view.shareName !== shareName) continue;
      if (isConnected !== undefined && view.client?.isConnected !== isConnected) continue;
      views.push(includeClients !== false ? view : { ...view, client: undefined });
      if (views.length < STEP_ROWS) continue;
      yield views;
      views = [];
      await slices.giveWay();
    }
    if (views.length > 0) yield views;
  }

  /** Sessions that a query is about, some at a time: who is served must be done with them in the same turn. */
  async *#sessions(
    { clientId, isConnected }: SubscriptionQuery,
    slices: Slices,
  ): AsyncGenerator<readonly ListRow[], void, undefined> {
    const sessions = this.#inspector.subscribers(isConnected);
    if (clientId !== undefined) {
      const session = this.#inspector.subscriber(clientId);
      if (session !== undefined && sessions.matches(session)) yield [session];
      return;
    }
    for (let sequence = 0;;) {
      const rows = sessions.after(sequence, STEP_ROWS);
      // Before the rows are given out: one that has gone meanwhile has no number any more.
      sequence = rows.at(-1)?.sequence ?? 0;
      yield rows.filter((row) => sessions.matches(row) && sessions.view(row) > 0);
      if (rows.length < STEP_ROWS) return;
      await slices.giveWay();
    }
  }
}

/** Somebody who is shown one subscription after the other. */
interface Taker {
  readonly isDone: boolean;
  take(row: PlacedSubscription, place: Place): void;
}

/** Every subscription is a row by itself, no session is in or out as a whole. */
function matchesWholeSessions({ topicFilter, shareName }: SubscriptionQuery): boolean {
  return topicFilter === undefined && shareName === undefined;
}

/** Shows what matches of one session, in slices: what goes meanwhile is not shown any more. */
async function readSession(
  inspector: Inspector,
  session: ListRow,
  { topicFilter, shareName }: SubscriptionQuery,
  slices: Slices,
  taker: Taker,
): Promise<void> {
  const { sequence } = session;
  if (sequence === 0) return;
  let step = 0;
  for (const row of inspector.subscriptionsOf(session)) {
    if (taker.isDone) return;
    const isWanted = (topicFilter === undefined || row.topicFilter === topicFilter) &&
      (shareName === undefined || row.shareName === shareName);
    if (isWanted) taker.take(row, { session: sequence, order: row.order });
    if (++step % STEP_ROWS === 0) await slices.giveWay();
  }
}

/** All of them. */
class Collector implements Taker {
  readonly isDone = false;
  views: SubscriptionView[] = [];
  readonly #includeClients: ClientInclusion;

  constructor(includeClients: ClientInclusion) {
    this.#includeClients = includeClients;
  }

  take(row: PlacedSubscription): void {
    this.views.push(row.view(this.#includeClients));
  }

  /** What there is so far. */
  release(): SubscriptionView[] {
    const { views } = this;
    this.views = [];
    return views;
  }
}

/** Those of one page. */
class PageReader implements Taker {
  readonly #start: PageStart;
  readonly #first: Place;
  readonly #isCounting: boolean;
  readonly #includeClients: ClientInclusion;
  readonly #items: SubscriptionView[] = [];
  #count = 0;
  #passed = 0;
  #hasMore = false;
  #last: Place | undefined;

  constructor(start: PageStart, isCounting: boolean, includeClients: ClientInclusion) {
    this.#start = start;
    this.#first = placeOf(start.cursor);
    this.#isCounting = isCounting;
    this.#includeClients = includeClients;
  }

  /** The page is complete, and nobody wants to know how many there are behind it. */
  get isDone(): boolean {
    return !this.#isCounting && (this.#hasMore || this.#start.limit === 0);
  }

  /** Whether nothing of a session need be looked at: it is before or behind the page. */
  passSession(session: number, count: number): boolean {
    const { limit, skip } = this.#start;
    if (session < this.#first.session) {
      this.#count += count;
    } else if (this.#items.length >= limit && count > 0) {
      this.#count += count;
      this.#hasMore = true;
    } else if (session > this.#first.session && this.#passed + count <= skip) {
      this.#count += count;
      this.#passed += count;
    } else return false;
    return true;
  }

  take(row: PlacedSubscription, place: Place): void {
    const { limit, skip } = this.#start;
    this.#count++;
    if (isUpTo(place, this.#first) || ++this.#passed <= skip) return;
    if (this.#items.length >= limit) {
      this.#hasMore = true;
      return;
    }
    this.#items.push(row.view(this.#includeClients));
    this.#last = place;
  }

  /** `count`: where it is known. */
  page(count: number | undefined): Page<SubscriptionView> {
    const last = this.#hasMore ? this.#last : undefined;
    return {
      items: this.#items,
      count: count ?? this.#count,
      nextCursor: last === undefined ? undefined : `${last.session}.${last.order}`,
    };
  }
}

function placeOf(cursor: string | undefined): Place {
  if (cursor === undefined) return { session: 0, order: 0 };
  const [, session, order] = /^(\d{1,15})\.(\d{1,15})$/.exec(cursor) ?? [];
  if (session === undefined || order === undefined) {
    throw new ManagementError("invalid", `Cannot list: cursor is "${cursor}", which no page gave`);
  }
  return { session: Number(session), order: Number(order) };
}

function isUpTo(place: Place, limit: Place): boolean {
  return place.session < limit.session ||
    (place.session === limit.session && place.order <= limit.order);
}
