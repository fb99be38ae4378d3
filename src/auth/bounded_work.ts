import { Deque, formatIpNetwork, maskIpNetwork, parseIpNetwork } from "../base/mod.ts";
import type { Credentials } from "../ports/mod.ts";

export interface WorkLimits {
  /** Under way at the same time. */
  readonly runningMax: number;
  /** Waiting for that; more are declined. */
  readonly waitingMax: number;
}

export interface WorkFigures {
  /** As it is now. */
  readonly running: number;
  readonly waiting: number;
  /** Since the start: carried through, declined because too much waited, given up because nobody wanted it any more. */
  readonly finished: number;
  readonly declined: number;
  readonly abandoned: number;
}

/** Whom work is for. */
export interface WorkFor {
  /** Who shares with whom: see `BoundedWork`. */
  readonly party: string;
  /** Asked once, when it is the work's turn. */
  isWanted(): boolean;
}

/** Why work was not done: too much of it waits, or whom it was for is gone. */
export class NotDone {
  constructor(readonly why: "busy" | "left") {}
}

const BUSY = new NotDone("busy");
const LEFT = new NotDone("left");
const OURSELVES: WorkFor = { party: "", isWanted: () => true };

interface Waiting {
  readonly isWanted: () => boolean;
  readonly start: () => void;
  readonly giveUp: (why: NotDone) => void;
}

/**
 * Lets a limited number of expensive things happen at a time. A flood of clients can so take neither memory nor
 * processor without end: what is too much is declined.
 *
 * Parties, addresses for example, take turns, each with what it asked for first. Where too much waits, the party that
 * waits for most gives up its newest: who sends a thousand passwords keeps nobody out but others of its own.
 */
export class BoundedWork {
  limits: WorkLimits;
  /** By party; none is empty. The first in the map has the next turn. */
  readonly #waiting = new Map<string, Deque<Waiting>>();
  #waitingCount = 0;
  #running = 0;
  #finished = 0;
  #declined = 0;
  #abandoned = 0;

  constructor(limits: WorkLimits) {
    this.limits = limits;
  }

  get figures(): WorkFigures {
    return {
      running: this.#running,
      waiting: this.#waitingCount,
      finished: this.#finished,
      declined: this.#declined,
      abandoned: this.#abandoned,
    };
  }

  /** Rejects with what `work` rejects with. */
  run<T>(work: () => Promise<T>, { party, isWanted }: WorkFor = OURSELVES): Promise<T | NotDone> {
    if (this.#running < this.limits.runningMax) return this.#start(work);
    if (this.#waitingCount >= this.limits.waitingMax && !this.#makeRoomFor(party)) {
      this.#declined++;
      return Promise.resolve(BUSY);
    }
    return new Promise((resolve) => {
      const start = (): void => resolve(this.#start(work));
      const own = this.#waiting.get(party) ?? new Deque<Waiting>();
      this.#waiting.set(party, own);
      own.push({ isWanted: () => isWanted(), start, giveUp: resolve });
      this.#waitingCount++;
    });
  }

  /** False: nobody waits for more than this party does. */
  #makeRoomFor(party: string): boolean {
    let largest: Deque<Waiting> | undefined;
    let most = (this.#waiting.get(party)?.length ?? 0) + 1;
    for (const each of this.#waiting.values()) {
      if (each.length > most) [largest, most] = [each, each.length];
    }
    const newest = largest?.pop();
    if (newest === undefined) return false;
    this.#waitingCount--;
    this.#declined++;
    newest.giveUp(BUSY);
    return true;
  }

  async #start<T>(work: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#finished++;
      this.#startNext();
    }
  }

  #startNext(): void {
    while (this.#waitingCount > 0 && this.#running < this.limits.runningMax) {
      const next = this.#takeNext();
      if (next.isWanted()) {
        next.start();
        continue;
      }
      this.#abandoned++;
      next.giveUp(LEFT);
    }
  }

  #takeNext(): Waiting {
    const [party, own] = this.#waiting.entries().next().value as [string, Deque<Waiting>];
    const next = own.shift() as Waiting;
    // Behind all others, or gone.
    this.#waiting.delete(party);
    if (own.length > 0) this.#waiting.set(party, own);
    this.#waitingCount--;
    return next;
  }
}

/** Work for a client that connects: addresses take turns. */
export function workFor({ remoteAddress, hasLeft }: Credentials): WorkFor {
  return { party: partyOf(remoteAddress), isWanted: () => hasLeft?.() !== true };
}

const IPV6_SITE_BITS = 64;

/** Who is behind an address: of IPv6 everybody has a whole network to choose from. */
export function partyOf(address: string): string {
  const network = parseIpNetwork(address);
  if (network === undefined || network.family === 4) return address;
  return formatIpNetwork(maskIpNetwork(network, IPV6_SITE_BITS));
}
