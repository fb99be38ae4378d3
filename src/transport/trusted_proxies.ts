import { type IpNetwork, ipNetworkContains, parseIpNetwork } from "../base/mod.ts";

/** Loopback: where no networks are named, a proxy on this machine is meant. */
const THIS_MACHINE = ["127.0.0.0/8", "::1"];

/** Whose word on where a connection comes from is believed. */
export class TrustedProxies {
  readonly #networks: readonly IpNetwork[];

  /** `networks` as the configuration has them, which has checked them. */
  constructor(networks: readonly string[]) {
    this.#networks = networks.flatMap((text) => parseIpNetwork(text) ?? []);
  }

  /** Without any, those of this machine. */
  static orThisMachine(networks: readonly string[]): TrustedProxies {
    return new TrustedProxies(networks.length === 0 ? THIS_MACHINE : networks);
  }

  /** "" is the other end of a Unix socket, which the permissions of its file have let in. */
  has(address: string): boolean {
    if (address === "") return true;
    const inner = parseIpNetwork(address);
    return inner !== undefined &&
      this.#networks.some((network) => ipNetworkContains(network, inner));
  }

  /**
   * The client behind trusted proxies by `X-Forwarded-For`, whose last entry comes from the proxy at `address`: the
   * last one that is no proxy of ours. `address` itself where that is not to be believed or says nothing.
   */
  clientBehind(address: string, forwardedFor: string | undefined): string {
    if (forwardedFor === undefined || !this.has(address)) return address;
    let client = address;
    for (const entry of forwardedFor.split(",").reverse()) {
      const text = entry.trim();
      if (parseIpNetwork(text) === undefined || text.includes("/")) break;
      client = text;
      if (!this.has(text)) break;
    }
    return client;
  }
}
