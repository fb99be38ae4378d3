import { type IpNetwork, ipNetworkContains, parseIpNetwork } from "../base/mod.ts";

/** Where requests may go: names ("hooks.example.org", "*.example.org"), addresses and networks ("10.0.0.0/8"). */
export interface HostRuleOptions {
  /** Empty: everywhere. */
  readonly allowHosts: readonly string[];
  /** Wins over `allowHosts`. */
  readonly denyHosts: readonly string[];
}

interface Patterns {
  readonly names: readonly string[];
  readonly networks: readonly IpNetwork[];
}

/** What an operator says of hosts; whoever configures a URL is not always the operator. */
export class HostRules {
  readonly #allow: Patterns;
  readonly #deny: Patterns;
  readonly #isOpen: boolean;
  /** Whether an address has to be looked at at all. */
  readonly hasRules: boolean;

  constructor({ allowHosts, denyHosts }: HostRuleOptions) {
    this.#allow = patternsOf(allowHosts);
    this.#deny = patternsOf(denyHosts);
    this.#isOpen = allowHosts.length === 0;
    this.hasRules = allowHosts.length + denyHosts.length > 0;
  }

  /** Whether a connection to `address`, which `host` stands for, may be opened. */
  mayConnect(host: string, address: string): boolean {
    if (isAmong(this.#deny, host, address)) return false;
    return this.#isOpen || isAmong(this.#allow, host, address);
  }
}

/** What stands in a list of hosts. */
export function isHostPattern(text: string): boolean {
  return parseIpNetwork(text) !== undefined ||
    /^(?:\*\.)?[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*$/u.test(text);
}

function patternsOf(texts: readonly string[]): Patterns {
  const names: string[] = [];
  const networks: IpNetwork[] = [];
  for (const text of texts) {
    const network = parseIpNetwork(text);
    if (network === undefined) names.push(text.toLowerCase());
    else networks.push(network);
  }
  return { names, networks };
}

function isAmong({ names, networks }: Patterns, host: string, address: string): boolean {
  // A name may end with the root's dot.
  const name = host.toLowerCase().replace(/\.$/, "");
  if (names.some((pattern) => nameMatches(pattern, name))) return true;
  const own = parseIpNetwork(address);
  return own !== undefined && networks.some((network) => ipNetworkContains(network, own));
}

function nameMatches(pattern: string, name: string): boolean {
  return pattern.startsWith("*.") ? name.endsWith(pattern.slice(1)) : name === pattern;
}
