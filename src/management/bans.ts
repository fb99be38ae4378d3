import type { Clock } from "../base/mod.ts";
import { type Ban, BanError, type BanKind, type BanList } from "../ports/mod.ts";
import { ManagementError } from "./management_error.ts";
import { pageStart } from "./paging.ts";
import type { Page, PageRequest } from "./query.ts";
import { storeError } from "./store_error.ts";
import type { BanRequest, BansService } from "./service.ts";

/** Who is kept out. */
export class LocalBans implements BansService {
  readonly #bans: BanList;
  readonly #clock: Clock;

  constructor(bans: BanList, clock: Clock) {
    this.#bans = bans;
    this.#clock = clock;
  }

  // A wrong request is to reject, not to throw.
  // deno-lint-ignore require-await
  async list(request: PageRequest): Promise<Page<Ban>> {
    const { limit, skip, cursor } = pageStart(request);
    const all = this.#bans.list(this.#clock.nowMs());
    const first = cursor === undefined ? skip : behind(all, cursor);
    const items = all.slice(first, first + limit);
    const last = items.at(-1);
    const hasMore = last !== undefined && first + items.length < all.length;
    const nextCursor = hasMore ? cursorOf(last) : undefined;
    return { items, count: all.length, nextCursor };
  }

  async put({ as, who, reason, by, untilMs, sparesConnected = false }: BanRequest): Promise<Ban> {
    const createdAtMs = this.#clock.nowMs();
    const ban = { as, who, reason: reason ?? "", by: by ?? "", createdAtMs, untilMs };
    const { refused } = this.#bans.counters;
    try {
      await this.#bans.put(ban, { sparesConnected });
    } catch (error) {
      if (!(error instanceof BanError)) throw storeError("ban", error);
      const isFull = this.#bans.counters.refused > refused;
      throw new ManagementError(isFull ? "too-large" : "invalid", error.message, { cause: error });
    }
    return ban;
  }

  async remove(as: BanKind, who: string): Promise<boolean> {
    try {
      return await this.#bans.remove(as, who);
    } catch (error) {
      throw storeError("lift the ban", error);
    }
  }
}

/** Bans have a time and a name, which others of the same time do not have. */
function cursorOf({ createdAtMs, as, who }: Ban): string {
  return `${createdAtMs}.${as}.${encodeURIComponent(who)}`;
}

/** The position behind the ban that a cursor names, or behind where it was. */
function behind(bans: readonly Ban[], cursor: string): number {
  const position = bans.findIndex((ban) => cursorOf(ban) === cursor);
  if (position >= 0) return position + 1;
  const createdAtMs = Number(/^(\d{1,15})\./.exec(cursor)?.[1] ?? NaN);
  if (Number.isNaN(createdAtMs)) {
    throw new ManagementError("invalid", `Cannot list: cursor is "${cursor}", which no page gave`);
  }
  const next = bans.findIndex((ban) => ban.createdAtMs > createdAtMs);
  return next < 0 ? bans.length : next;
}
