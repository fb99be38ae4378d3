import type { ClientFilter, ClientInclusion } from "../broker/mod.ts";

export type { ClientFilter } from "../broker/mod.ts";

/**
 * Which part of a list. By page number, from 1, or behind a cursor that an earlier page gave; with neither the
 * list begins at its beginning.
 *
 * Lists have the order in which their rows came to be, so a row keeps its place among the others. Paging by cursor
 * shows nothing twice, and nothing is missing that was there all the time; page numbers shift when earlier rows go.
 */
export interface PageRequest {
  /** Rows of the page, up to `PAGE_LIMIT_MAX`; 0 gives the count alone. */
  readonly limit: number;
  readonly page?: number | undefined;
  readonly cursor?: string | undefined;
}

/** Rows that one page may have. */
export const PAGE_LIMIT_MAX = 10_000;

/** A part of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** Rows of the whole list, as far as they match. */
  readonly count: number;
  /** Where the next page begins; undefined: there is none. */
  readonly nextCursor: string | undefined;
}

/** Clients in the order in which their sessions began; with `isConnected: true`, in the order in which they connected. */
export interface ClientQuery extends ClientFilter {
  readonly includeSubscriptions?: boolean | undefined;
}

/** Which subscriptions. */
export interface SubscriptionQuery {
  readonly clientId?: string | undefined;
  /** Exactly this topic filter, without `$share/…`. */
  readonly topicFilter?: string | undefined;
  /** Whether the client must be connected. */
  readonly isConnected?: boolean | undefined;
  readonly shareName?: string | undefined;
  readonly includeClients?: ClientInclusion | undefined;
}

/** Which routes. */
export interface RouteQuery {
  /** Exactly this one; not a match. */
  readonly topicFilter?: string | undefined;
}

/** Which retained messages. */
export interface RetainedQuery {
  /** Topics that this filter matches; undefined: all, `$SYS` included. */
  readonly filter?: string | undefined;
}
