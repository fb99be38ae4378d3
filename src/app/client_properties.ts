import type { UserProperty } from "../mqtt/mod.ts";
import type { ParsedOptions } from "./options.ts";

/** Packets whose properties can be given. */
export type PropertyPacket =
  | "connect"
  | "publish"
  | "subscribe"
  | "unsubscribe"
  | "disconnect"
  | "will";

type Kind = "boolean" | "uint8" | "uint16" | "uint32" | "varint" | "text" | "bytes";

/** Values of properties by name, as they go into packets. */
export interface GivenProperties {
  readonly numbers: ReadonlyMap<string, number>;
  readonly texts: ReadonlyMap<string, string>;
  readonly userProperties: readonly UserProperty[];
}

const KINDS: Readonly<Record<string, readonly [kind: Kind, packets: readonly PropertyPacket[]]>> = {
  "authentication-data": ["bytes", ["connect"]],
  "authentication-method": ["text", ["connect"]],
  "content-type": ["text", ["publish", "will"]],
  "correlation-data": ["bytes", ["publish", "will"]],
  "maximum-packet-size": ["uint32", ["connect"]],
  "message-expiry-interval": ["uint32", ["publish", "will"]],
  "payload-format-indicator": ["boolean", ["publish", "will"]],
  "receive-maximum": ["uint16", ["connect"]],
  "request-problem-information": ["boolean", ["connect"]],
  "request-response-information": ["boolean", ["connect"]],
  "response-topic": ["text", ["publish", "will"]],
  "session-expiry-interval": ["uint32", ["connect", "disconnect"]],
  "subscription-identifier": ["varint", ["subscribe"]],
  "topic-alias": ["uint16", ["publish"]],
  "topic-alias-maximum": ["uint16", ["connect"]],
  "user-property": ["text", [
    "connect",
    "publish",
    "subscribe",
    "unsubscribe",
    "disconnect",
    "will",
  ]],
  "will-delay-interval": ["uint32", ["will"]],
};

const RANGES: Readonly<Record<Exclude<Kind, "text" | "bytes">, readonly [number, number]>> = {
  boolean: [0, 1],
  uint8: [0, 255],
  uint16: [0, 65_535],
  uint32: [0, 4_294_967_295],
  varint: [1, 268_435_455],
};
/** Zero makes no sense for them. */
const NEVER_ZERO = ["receive-maximum", "maximum-packet-size", "topic-alias"];

/** What `--property` was given for the packets that a command sends. */
export class PropertyOptions {
  readonly problems: string[] = [];
  readonly isGiven: boolean;
  readonly #byPacket = new Map<string, Collected>();

  constructor(parsed: ParsedOptions, packets: readonly PropertyPacket[]) {
    const all = parsed.lists("property");
    this.isGiven = all.length > 0;
    for (const words of all) this.#add(words, packets);
  }

  of(packet: PropertyPacket): GivenProperties {
    return this.#byPacket.get(packet) ?? new Collected();
  }

  #add([packet = "", name = "", ...values]: readonly string[], packets: readonly string[]): void {
    const key = packet.toLowerCase();
    const known = KINDS[name];
    if (!packets.includes(key)) {
      this.problems.push(`--property is for "${packet}", allowed are ${packets.join(", ")}`);
    } else if (known === undefined) {
      this.problems.push(`there is no property "${name}"`);
    } else if (!known[1].some((each) => each === key)) {
      this.problems.push(`property ${name} is not for ${key}`);
    } else this.#set(key, name, known[0], values);
  }

  #set(
    packet: string,
    name: string,
    kind: Kind,
    [value = "", second = ""]: readonly string[],
  ): void {
    const collected = this.#byPacket.get(packet) ?? new Collected();
    this.#byPacket.set(packet, collected);
    if (name === "user-property") {
      collected.userProperties.push({ name: value, value: second });
    } else if (collected.numbers.has(name) || collected.texts.has(name)) {
      this.problems.push(`property ${name} of ${packet} is given twice`);
    } else if (kind === "text" || kind === "bytes") collected.texts.set(name, value);
    else {
      const [lowest, max] = RANGES[kind];
      const min = NEVER_ZERO.includes(name) ? 1 : lowest;
      const number = Number(value);
      if (/^\d+$/.test(value) && number >= min && number <= max) {
        collected.numbers.set(name, number);
      } else this.problems.push(`property ${name} is "${value}", allowed are ${min} to ${max}`);
    }
  }
}

class Collected implements GivenProperties {
  readonly numbers = new Map<string, number>();
  readonly texts = new Map<string, string>();
  readonly userProperties: UserProperty[] = [];
}
