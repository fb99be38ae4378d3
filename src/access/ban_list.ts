import type { Logger } from "../base/mod.ts";
import {
  type Ban,
  type BanCounters,
  BanError,
  type BanKind,
  type BanList,
  type BanSubject,
  type RecordStore,
} from "../ports/mod.ts";
import { BanIndex, canonicalName, hasEnded } from "./ban_index.ts";
import { banOfRecord, recordOfBan } from "./ban_record.ts";

const RECORD_KIND = "ban";
const REASON_LENGTH_MAX = 1000;
const BY_LENGTH_MAX = 256;

export interface RecordedBanListParts {
  /** Where bans outlive the broker; those of an earlier run are in force at once. */
  readonly records: RecordStore;
  readonly logger: Logger;
  /** Bans that are kept; further ones are refused. */
  readonly maxBans: number;
}

type PutOptions = NonNullable<Parameters<BanList["put"]>[1]>;

/** The bans of one broker: looked up in memory, kept as records. */
export class RecordedBanList implements BanList {
  onBanned: (ban: Ban) => void = () => {};
  readonly counters: BanCounters = { added: 0, expired: 0, removed: 0, refused: 0 };
  /** May change at any time; what is there stays. */
  maxBans: number;
  readonly #records: RecordStore;
  readonly #logger: Logger;
  readonly #index = new BanIndex();

  constructor({ records, logger, maxBans }: RecordedBanListParts) {
    this.#records = records;
    this.#logger = logger;
    this.maxBans = maxBans;
    for (const [key, value] of records.list(RECORD_KIND)) {
      const ban = banOfRecord(value);
      if (ban !== undefined) this.#index.set(ban);
      else logger.warn("Passed over a stored ban that makes no sense", { key });
    }
  }

  get count(): number {
    return this.#index.count;
  }

  find(subject: BanSubject, nowMs: number): Ban | undefined {
    return this.#index.count === 0 ? undefined : this.#index.find(subject, nowMs);
  }

  async put(
    asked: Ban,
    { sparesConnected }: PutOptions = { sparesConnected: false },
  ): Promise<void> {
    const ban = this.#checked(asked);
    const isNew = this.#index.get(ban.as, ban.who) === undefined;
    if (isNew) this.#makeRoom(ban);
    this.#index.set(ban);
    this.counters.added++;
    if (!sparesConnected) this.onBanned(ban);
    const key = keyOf(ban.as, ban.who);
    try {
      await this.#records.put(RECORD_KIND, key, recordOfBan(ban));
    } catch (error) {
      this.#takeBack(ban);
      throw error;
    }
  }

  async remove(as: BanKind, who: string): Promise<boolean> {
    const name = canonicalName(as, who);
    const ban = name === undefined ? undefined : this.#index.get(as, name);
    if (name === undefined || ban === undefined) return false;
    this.#index.delete(as, name);
    try {
      await this.#records.remove(RECORD_KIND, keyOf(as, name));
    } catch (error) {
      this.#takeBack(ban);
      throw error;
    }
    this.counters.removed++;
    return true;
  }

  list(nowMs: number): readonly Ban[] {
    const inForce = [...this.#index.values()].filter((ban) => !hasEnded(ban, nowMs));
    return inForce.sort((a, b) => a.createdAtMs - b.createdAtMs);
  }

  sweep(nowMs: number): void {
    for (const ban of [...this.#index.values()]) {
      if (!hasEnded(ban, nowMs)) continue;
      this.#index.delete(ban.as, ban.who);
      this.counters.expired++;
      this.#records.remove(RECORD_KIND, keyOf(ban.as, ban.who)).catch((error: unknown) =>
        // It has ended all the same, and is swept out again after the next start.
        this.#logger.warn("Cannot remove a ban that has ended", {
          who: ban.who,
          error: String(error),
        })
      );
    }
  }

  #checked(ban: Ban): Ban {
    const who = canonicalName(ban.as, ban.who);
    if (who === undefined) {
      const allowed = ban.as === "peerhost"
        ? 'allowed is an address or a network, such as "10.0.0.1" or "10.0.0.0/8"'
        : "allowed is any text but the empty one";
      throw new BanError(`Cannot ban ${ban.as} ${JSON.stringify(ban.who)}: ${allowed}`);
    }
    checkLength("reason", ban.reason, REASON_LENGTH_MAX);
    checkLength("author", ban.by, BY_LENGTH_MAX);
    return { ...ban, who };
  }

  #makeRoom(ban: Ban): void {
    if (this.#index.count < this.maxBans) return;
    this.sweep(ban.createdAtMs);
    if (this.#index.count < this.maxBans) return;
    this.counters.refused++;
    throw new BanError(
      `Cannot ban ${ban.as} ${
        JSON.stringify(ban.who)
      }: there are ${this.#index.count} bans, allowed are ${this.maxBans}`,
    );
  }

  /** The change could not be kept: in force is what the records say. */
  #takeBack({ as, who }: Ban): void {
    const value = this.#records.get(RECORD_KIND, keyOf(as, who));
    const kept = value === undefined ? undefined : banOfRecord(value);
    if (kept === undefined) this.#index.delete(as, who);
    else this.#index.set(kept);
  }
}

function keyOf(as: BanKind, who: string): string {
  return `${as}:${who}`;
}

function checkLength(what: string, text: string, max: number): void {
  if (text.length <= max) return;
  throw new BanError(`Cannot ban: ${what} of ${text.length} characters, allowed are ${max}`);
}
