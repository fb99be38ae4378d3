import { type Clock, Timer, type TimerWheel, TokenBucket } from "../base/mod.ts";
import type { LimitsOptions } from "./options.ts";

/** Who is read more slowly. */
export interface ReadRateOwner {
  /** Enough time has passed. */
  onRatePaid(): void;
}

/**
 * How much of one client is read in a second, in messages and in bytes. A client above its rate is not read until it
 * has waited for what it sent, so nothing is lost and nothing is refused: its own sending comes to a halt.
 */
export class ReadRate extends Timer {
  readonly #timers: TimerWheel;
  readonly #clock: Clock;
  readonly #owner: ReadRateOwner;
  readonly #messages: TokenBucket | undefined;
  readonly #bytes: TokenBucket | undefined;

  /** Undefined where no rate is configured, so that whoever has none pays nothing. */
  static of(
    limits: LimitsOptions,
    context: { readonly timers: TimerWheel; readonly clock: Clock },
    owner: ReadRateOwner,
  ): ReadRate | undefined {
    if (limits.messagesInRate === 0 && limits.bytesInRate === 0) return undefined;
    return new ReadRate(limits, context, owner);
  }

  private constructor(
    { messagesInRate, bytesInRate }: LimitsOptions,
    { timers, clock }: { readonly timers: TimerWheel; readonly clock: Clock },
    owner: ReadRateOwner,
  ) {
    super();
    this.#timers = timers;
    this.#clock = clock;
    this.#owner = owner;
    const nowMs = clock.monotonicMs();
    this.#messages = messagesInRate === 0 ? undefined : new TokenBucket(messagesInRate, nowMs);
    this.#bytes = bytesInRate === 0 ? undefined : new TokenBucket(bytesInRate, nowMs);
  }

  /** A packet was read. True: no further one until `onRatePaid`. */
  spend(isMessage: boolean, packetBytes: number): boolean {
    const nowMs = this.#clock.monotonicMs();
    const forBytes = this.#bytes?.take(packetBytes, nowMs) ?? 0;
    const forMessages = isMessage ? this.#messages?.take(1, nowMs) ?? 0 : 0;
    const waitMs = Math.max(forBytes, forMessages);
    if (waitMs === 0) return false;
    this.#timers.schedule(this, waitMs);
    return true;
  }

  override fire(): void {
    this.#owner.onRatePaid();
  }

  /** The connection is gone, or has another rate. True: it was being held up. */
  stop(): boolean {
    return this.#timers.cancel(this);
  }
}
