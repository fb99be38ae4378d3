import {
  type Clock,
  formatIpNetwork,
  maskIpNetwork,
  parseIpNetwork,
  TokenBucket,
} from "../base/mod.ts";
import type {
  ListenerContext,
  ListenerFigures,
  ListenerOptions,
  ListenerTerms,
} from "./listener.ts";

/** Who has one IPv6 address usually has all that share its first 64 bits. */
const IPV6_PREFIX = 64;

/** Who may come in through a listener: counts connections, in all and for each address. */
export class Gate implements ListenerFigures {
  connections = 0;
  accepted = 0;
  refused = 0;
  failedHandshakes = 0;
  #options: ListenerOptions;
  readonly #clock: Clock;
  #rate: TokenBucket | undefined;
  /** Connections by address. Holds only addresses that have some, so the listener's limit is its limit, too. */
  readonly #byAddress = new Map<string, number>();
  /** Stands for every connection where addresses do not matter. */
  #anybody: Visitor;

  constructor(options: ListenerOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#rate = this.#newRate();
    this.#anybody = new Visitor(this, options);
  }

  get options(): ListenerOptions {
    return this.#options;
  }

  /** Connections that are there go on under the terms that they came by. */
  change(options: ListenerOptions): void {
    const hasNewRate = options.connectRate !== this.#options.connectRate;
    this.#options = options;
    if (hasNewRate) this.#rate = this.#newRate();
    this.#anybody = new Visitor(this, options);
  }

  #newRate(): TokenBucket | undefined {
    const { connectRate } = this.#options;
    if (connectRate === 0) return undefined;
    return new TokenBucket(connectRate, this.#clock.monotonicMs());
  }

  /** Undefined: the connection is turned away. Else `release` must be called when it is gone. */
  enter(): Visitor | undefined {
    const isTooMuch = this.connections >= this.#options.maxConnections ||
      this.#rate?.tryTake(this.#clock.monotonicMs()) === false;
    if (isTooMuch) {
      this.refused++;
      return undefined;
    }
    this.connections++;
    this.accepted++;
    return this.countsAddresses ? new Visitor(this, this.#options) : this.#anybody;
  }

  /** Belongs to the visitor. False: there are enough from this address. */
  enterFrom(key: string): boolean {
    const count = this.#byAddress.get(key) ?? 0;
    if (count >= this.#options.maxConnectionsPerAddress) {
      this.refused++;
      this.accepted--;
      return false;
    }
    this.#byAddress.set(key, count + 1);
    return true;
  }

  /** Belongs to the visitor. */
  leave(key: string | undefined): void {
    this.connections--;
    if (key === undefined) return;
    const count = this.#byAddress.get(key) ?? 0;
    if (count > 1) this.#byAddress.set(key, count - 1);
    else this.#byAddress.delete(key);
  }

  get countsAddresses(): boolean {
    return this.#options.maxConnectionsPerAddress > 0;
  }
}

/** One connection at the gate. Its address may become known only later, as from the header of a proxy. */
export class Visitor implements ListenerContext {
  readonly options: ListenerTerms;
  readonly #gate: Gate;
  #key: string | undefined;

  /** Stands for many connections. */
  readonly #isAnybody: boolean;

  constructor(gate: Gate, options: ListenerOptions) {
    this.#gate = gate;
    this.options = options;
    this.#isAnybody = options.maxConnectionsPerAddress === 0;
  }

  /** False: the connection must go, there are enough from where it comes from. To be called once. */
  comesFrom(address: string): boolean {
    // A Unix socket has no addresses, and whoever may open it is one of us.
    if (this.#isAnybody || address === "") return true;
    const key = addressKey(address);
    if (!this.#gate.enterFrom(key)) return false;
    this.#key = key;
    return true;
  }

  release(): void {
    this.#gate.leave(this.#key);
  }
}

function addressKey(address: string): string {
  const network = parseIpNetwork(address);
  if (network === undefined) return address;
  return formatIpNetwork(network.family === 6 ? maskIpNetwork(network, IPV6_PREFIX) : network);
}
