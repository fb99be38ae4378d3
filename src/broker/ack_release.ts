import type { Clock } from "../base/mod.ts";
import type { IntervalHandle } from "../runtime/mod.ts";
import type { BrokerCounters } from "./counters.ts";
import type { CommitWaiter, Durability } from "./durability.ts";

/** Somebody who waits for acknowledgements of what is stored. */
export interface OwedClient {
  /** Sends up to `most` of those that wait for nothing after `ticket`, in order; returns how many. */
  releaseAcks(ticket: number, most: number): number;
  /** It waits for more. */
  readonly isOwed: boolean;
}

export interface AckReleaseParts {
  readonly clock: Clock;
  readonly durability: Durability;
  readonly counters: BrokerCounters;
  /** False: acknowledgements leave as soon as they may. */
  readonly givesWay: boolean;
  every(intervalMs: number, fn: () => void): IntervalHandle;
}

/** For how long after a message that nobody stores stored messages share the time with more like it, in milliseconds. */
const SHARING_MS = 1000;
/**
 * Part of the time that the packets of stored messages may then be worked on. What the system and the writer do for
 * them takes several times that.
 */
const SHARE = 0.07;
/** What was left of it in this time may be used later, in milliseconds. */
const BURST_MS = 2;
const TICK_MS = 1;
/** Acknowledgements that one client is sent before the next one's turn comes. */
const QUANTUM = 64;
/** So many messages tell what one takes ... */
const SAMPLE = 64;
/** ... which is never nothing, however coarse the clock, in milliseconds. */
const COST_MIN_MS = 0.0001;

/**
 * Sends acknowledgements when the commit is done that they wait for.
 *
 * Each invites the next message. Whoever stores as fast as the disk takes it would have the broker work on that most of the
 * time, and everybody else would wait behind it. So while there are messages that nobody stores, acknowledgements leave
 * at a pace at which the stored ones take a part of the time only. Alone they have all of it.
 */
export class AckRelease implements CommitWaiter {
  /** PUBLISH packets that wait for a commit, all there ever were. */
  owedPublishes = 0;
  readonly #parts: AckReleaseParts;
  /** Who has had a turn and was owed more; whose turn it is comes first. */
  readonly #clients = new Set<OwedClient>();
  /** Who has not, so as not to wait behind those: most of the time that is all that they want. */
  readonly #newcomers = new Set<OwedClient>();
  #interval: IntervalHandle | undefined;
  readonly #onTick = (): void => this.#tick();
  /** Messages that nobody stored, up to when they were last looked at. */
  #otherPublishes = 0;
  #otherMs = -Infinity;
  /** What may be worked on now, in milliseconds; below zero after a message that took longer. */
  #allowanceMs = BURST_MS * SHARE;
  #allowedMs = 0;
  /** What a message takes. */
  #costMs = 0.001;
  #spentMs = 0;
  #sampledPublishes = 0;

  constructor(parts: AckReleaseParts) {
    this.#parts = parts;
  }

  /** `client` waits for the next commit, or more of them. */
  owe(client: OwedClient): void {
    if (!this.#isAwaited) this.#parts.durability.tell(this);
    if (!this.#clients.has(client)) this.#newcomers.add(client);
  }

  /** `client` is gone. */
  leave(client: OwedClient): void {
    this.#clients.delete(client);
    this.#newcomers.delete(client);
  }

  get #isAwaited(): boolean {
    return this.#clients.size > 0 || this.#newcomers.size > 0;
  }

  /** Packets of somebody who waits were worked on for so long. */
  spent(ms: number): void {
    this.#spentMs += ms;
  }

  onCommitted(): boolean {
    this.#release();
    return this.#isAwaited;
  }

  /** Whatever is committed, at once: nobody will be there later. */
  stop(): void {
    this.#sendAll();
    this.#stopTicking();
  }

  #tick(): void {
    if (!this.#release()) this.#stopTicking();
  }

  #stopTicking(): void {
    this.#interval?.stop();
    this.#interval = undefined;
  }

  /** True: there may be more that has to wait for its pace alone. */
  #release(): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    if (!this.#isSharing(nowMs)) {
      this.#sendAll();
      return false;
    }
    this.#learnCost();
    const most = this.#affordable(nowMs);
    const sent = this.#sendSome(most);
    this.#allowanceMs -= sent * this.#costMs;
    if (sent < most || !this.#isAwaited) return false;
    this.#parts.counters.ackPauses++;
    this.#interval ??= this.#parts.every(TICK_MS, this.#onTick);
    return true;
  }

  #sendAll(): void {
    this.#sendRound(this.#newcomers, Infinity, Infinity);
    this.#sendRound(this.#clients, Infinity, Infinity);
  }

  /** Newcomers come first, with up to half of it; returns how many. */
  #sendSome(most: number): number {
    let sum = this.#sendRound(this.#newcomers, Math.ceil(most / 2), QUANTUM);
    while (sum < most) {
      let sent = this.#sendRound(this.#clients, most - sum, QUANTUM);
      sent += this.#sendRound(this.#newcomers, most - sum - sent, QUANTUM);
      if (sent === 0) break;
      sum += sent;
    }
    return sum;
  }

  /** To each of `clients` up to `quantum`, to all of them up to `most`; returns how many. */
  #sendRound(clients: Set<OwedClient>, most: number, quantum: number): number {
    const ticket = this.#parts.durability.committedTicket;
    let sum = 0;
    let left = clients.size;
    for (const client of clients) {
      if (left-- === 0 || sum >= most) break;
      const asked = Math.min(quantum, most - sum);
      const sent = client.releaseAcks(ticket, asked);
      sum += sent;
      if (!client.isOwed) clients.delete(client);
      else if (sent === asked) {
        clients.delete(client);
        this.#clients.add(client);
      }
    }
    return sum;
  }

  #countOthers(): number {
    return this.#parts.counters.publishReceived - this.owedPublishes;
  }

  #isSharing(nowMs: number): boolean {
    if (!this.#parts.givesWay) return false;
    const others = this.#countOthers();
    if (others !== this.#otherPublishes) {
      this.#otherPublishes = others;
      this.#otherMs = nowMs;
    }
    return nowMs - this.#otherMs < SHARING_MS;
  }

  #learnCost(): void {
    const publishes = this.owedPublishes - this.#sampledPublishes;
    if (publishes < SAMPLE) return;
    const costMs = this.#costMs + (this.#spentMs / publishes - this.#costMs) / 4;
    this.#costMs = Math.max(costMs, COST_MIN_MS);
    this.#sampledPublishes = this.owedPublishes;
    this.#spentMs = 0;
  }

  #affordable(nowMs: number): number {
    const allowanceMs = this.#allowanceMs + (nowMs - this.#allowedMs) * SHARE;
    this.#allowedMs = nowMs;
    this.#allowanceMs = Math.min(allowanceMs, BURST_MS * SHARE);
    if (this.#allowanceMs <= 0) return 0;
    // One that takes longer than all of it must leave some time.
    return Math.max(1, Math.floor(this.#allowanceMs / this.#costMs));
  }
}
