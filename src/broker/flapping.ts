import type { Clock, Logger } from "../base/mod.ts";
import type { BanList } from "../ports/mod.ts";
import type { BrokerCounters } from "./counters.ts";
import type { FlappingOptions } from "./options.ts";

/** Client identifiers that are watched at a time; the one watched longest gives way. */
const WATCHED_MAX = 100_000;
/** What stands in the ban as its author. */
export const FLAPPING_BANS_BY = "flapping detector";

interface Watched {
  count: number;
  readonly sinceMs: number;
}

export interface FlappingDetectorParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: BrokerCounters;
  /** Where the bans go; without one nothing is watched. */
  readonly bans: BanList | undefined;
}

/** Bans clients that come and go again and again, by client identifier: each coming costs more than a message. */
export class FlappingDetector {
  options: FlappingOptions;
  readonly #parts: FlappingDetectorParts;
  /** In the order in which their windows began. */
  readonly #watched = new Map<string, Watched>();

  constructor(options: FlappingOptions, parts: FlappingDetectorParts) {
    this.options = options;
    this.#parts = parts;
  }

  /** Client identifiers whose connections are counted. */
  get watchedCount(): number {
    return this.#watched.size;
  }

  /** A connection of this client, which had been let in, is over. */
  noteEnd(clientId: string): void {
    const { isEnabled, maxCount, windowMs } = this.options;
    if (!isEnabled || this.#parts.bans === undefined) {
      if (this.#watched.size > 0) this.#watched.clear();
      return;
    }
    const nowMs = this.#parts.clock.monotonicMs();
    this.#forgetBefore(nowMs - windowMs);
    const known = this.#watched.get(clientId);
    if (known === undefined) {
      if (this.#watched.size >= WATCHED_MAX) this.#forgetOldest();
      this.#watched.set(clientId, { count: 1, sinceMs: nowMs });
      return;
    }
    known.count++;
    if (known.count <= maxCount) return;
    this.#watched.delete(clientId);
    this.#ban(clientId, this.#parts.bans);
  }

  #ban(clientId: string, bans: BanList): void {
    const { clock, logger, counters } = this.#parts;
    const { maxCount, windowMs, banMs } = this.options;
    const createdAtMs = clock.nowMs();
    counters.flappingBans++;
    logger.warn("Banned a client that comes and goes too often", { clientId, banMs });
    bans.put({
      as: "clientid",
      who: clientId,
      reason: `more than ${maxCount} connections ended within ${windowMs / 1000} s`,
      by: FLAPPING_BANS_BY,
      createdAtMs,
      untilMs: createdAtMs + banMs,
    }).catch((error: unknown) =>
      logger.error("Cannot keep a ban", { clientId, error: String(error) })
    );
  }

  #forgetBefore(startMs: number): void {
    for (const [clientId, { sinceMs }] of this.#watched) {
      if (sinceMs > startMs) return;
      this.#watched.delete(clientId);
    }
  }

  #forgetOldest(): void {
    for (const clientId of this.#watched.keys()) {
      this.#watched.delete(clientId);
      this.#parts.counters.flappingForgotten++;
      return;
    }
  }
}
