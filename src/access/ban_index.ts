import { formatIpNetwork, type IpNetwork, maskIpNetwork, parseIpNetwork } from "../base/mod.ts";
import type { Ban, BanKind, BanSubject } from "../ports/mod.ts";

/**
 * Bans by what they go by, each found by one look-up. Networks are kept by their text, so an address is looked up once
 * for each length of prefix that some ban has.
 */
export class BanIndex {
  readonly #bans: Readonly<Record<BanKind, Map<string, Ban>>> = {
    clientid: new Map(),
    username: new Map(),
    peerhost: new Map(),
  };
  /** How many bans have a prefix of that length, by family and length. */
  readonly #prefixes = new Map<string, { readonly network: IpNetwork; count: number }>();

  get count(): number {
    const { clientid, username, peerhost } = this.#bans;
    return clientid.size + username.size + peerhost.size;
  }

  get(as: BanKind, who: string): Ban | undefined {
    return this.#bans[as].get(who);
  }

  /** `ban.who` is as `canonicalName` gives it. */
  set(ban: Ban): void {
    const isNew = !this.#bans[ban.as].has(ban.who);
    this.#bans[ban.as].set(ban.who, ban);
    if (isNew && ban.as === "peerhost") this.#countPrefix(ban.who, 1);
  }

  delete(as: BanKind, who: string): boolean {
    const wasThere = this.#bans[as].delete(who);
    if (wasThere && as === "peerhost") this.#countPrefix(who, -1);
    return wasThere;
  }

  /** The first that names the subject and has not ended: by client identifier, user name, address. */
  find({ clientId, username, address }: BanSubject, nowMs: number): Ban | undefined {
    const bans = this.#bans;
    return inForce(clientId === undefined ? undefined : bans.clientid.get(clientId), nowMs) ??
      inForce(username === undefined ? undefined : bans.username.get(username), nowMs) ??
      (address === undefined || bans.peerhost.size === 0
        ? undefined
        : this.#findAddress(address, nowMs));
  }

  *values(): IterableIterator<Ban> {
    const { clientid, username, peerhost } = this.#bans;
    yield* clientid.values();
    yield* username.values();
    yield* peerhost.values();
  }

  #findAddress(text: string, nowMs: number): Ban | undefined {
    const address = parseIpNetwork(text);
    if (address === undefined) return undefined;
    for (const { network } of this.#prefixes.values()) {
      if (network.family !== address.family) continue;
      const name = formatIpNetwork(maskIpNetwork(address, network.prefix));
      const found = inForce(this.#bans.peerhost.get(name), nowMs);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #countPrefix(who: string, change: 1 | -1): void {
    const network = parseIpNetwork(who) as IpNetwork;
    const key = `${network.family}/${network.prefix}`;
    const known = this.#prefixes.get(key) ?? { network, count: 0 };
    known.count += change;
    if (known.count > 0) this.#prefixes.set(key, known);
    else this.#prefixes.delete(key);
  }
}

/** The one text that stands for whom a ban names; undefined where it can name nobody. */
export function canonicalName(as: BanKind, who: string): string | undefined {
  if (as !== "peerhost") return who === "" ? undefined : who;
  const network = parseIpNetwork(who);
  return network === undefined ? undefined : formatIpNetwork(network);
}

export function hasEnded(ban: Ban, nowMs: number): boolean {
  return ban.untilMs !== undefined && ban.untilMs <= nowMs;
}

function inForce(ban: Ban | undefined, nowMs: number): Ban | undefined {
  return ban === undefined || hasEnded(ban, nowMs) ? undefined : ban;
}
