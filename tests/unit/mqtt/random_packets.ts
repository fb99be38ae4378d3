/** Random packets, as mqtt-packet describes them, for the tests with mqtt-packet as the oracle. */
import { Buffer } from "node:buffer";
import type { Packet } from "mqtt-packet";
import type { Prng } from "../../../src/base/mod.ts";
import type { UserProperty } from "../../../src/mqtt/mod.ts";

/** What mqtt-packet takes as properties; pairs one by one, which keeps their order. */
export type ForeignProperties = Record<string, unknown>;

export interface RandomPublish {
  readonly version: 4 | 5;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetId: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly payloadFormatUtf8: boolean | undefined;
  readonly messageExpiryS: number | undefined;
  readonly topicAlias: number | undefined;
  readonly contentType: string | undefined;
  readonly responseTopic: string | undefined;
  readonly correlationData: Buffer | undefined;
  readonly subscriptionIdentifiers: readonly number[];
  readonly userProperties: readonly UserProperty[];
}

const LEVELS = ["", "a", "sport", "tennis", "player-1", "$SYS", "ü", "\u{1f600}", "x".repeat(60)];
const TEXTS = ["v", "text/plain", "ü€\u{1f600}", "\ufeffmark", "y".repeat(130), "0"];
const NAMES = ["key", "key", "b", "10", "2", "__proto__", "toString", ""];
const SIZES = [0, 1, 5, 64, 100, 127, 128, 300];

export function randomPublish(prng: Prng, version: 4 | 5): RandomPublish {
  const qos = prng.pick([0, 0, 1, 2] as const);
  const maybe = <T>(make: () => T): T | undefined =>
    version === 5 && prng.nextBoolean(0.3) ? make() : undefined;
  const topicAlias = maybe(() => 1 + prng.nextInt(65_535));
  return {
    version,
    qos,
    retain: prng.nextBoolean(),
    dup: qos > 0 && prng.nextBoolean(0.2),
    packetId: qos > 0 ? 1 + prng.nextInt(65_535) : 0,
    topic: topicAlias !== undefined && prng.nextBoolean() ? "" : randomTopic(prng),
    payload: randomBytes(prng),
    payloadFormatUtf8: maybe(() => prng.nextBoolean()),
    messageExpiryS: maybe(() => prng.nextUint32()),
    topicAlias,
    contentType: maybe(() => prng.pick(TEXTS)),
    responseTopic: maybe(() => randomTopic(prng)),
    correlationData: maybe(() => randomBytes(prng)),
    subscriptionIdentifiers: maybe(() => randomList(prng, () => randomIdentifier(prng))) ?? [],
    userProperties: maybe(() => randomPairs(prng)) ?? [],
  };
}

/** The properties of a PUBLISH in random order. */
export function foreignPublishProperties(prng: Prng, publish: RandomPublish): ForeignProperties {
  return shuffled(prng, {
    payloadFormatIndicator: publish.payloadFormatUtf8,
    messageExpiryInterval: publish.messageExpiryS,
    topicAlias: publish.topicAlias,
    contentType: publish.contentType,
    responseTopic: publish.responseTopic,
    correlationData: publish.correlationData,
    subscriptionIdentifier: publish.subscriptionIdentifiers,
    userProperties: foreignPairs(publish.userProperties),
  });
}

/** A packet that is neither PUBLISH nor an acknowledgement, with what 5.0 may put into it. */
export function randomControlPacket(prng: Prng, version: 3 | 4 | 5): Packet {
  const packet = prng.pick(MAKERS)(prng, version);
  // Which properties a packet has is decided here, in random order, and only where they are sent.
  const properties = version === 5 ? shuffled(prng, packet.properties) : undefined;
  return { ...packet, properties } as unknown as Packet;
}

type Maker = (
  prng: Prng,
  version: 3 | 4 | 5,
) => { cmd: string; properties: ForeignProperties } & Record<string, unknown>;

const SUBACK_CODES = [0, 1, 2, 0x80, 0x83, 0x87, 0x8f, 0x91, 0x97, 0x9e, 0xa1, 0xa2];
const UNSUBACK_CODES = [0, 0x11, 0x80, 0x83, 0x87, 0x8f, 0x91];
const CONNACK_CODES = [0, 0x80, 0x81, 0x84, 0x85, 0x86, 0x87, 0x88, 0x95, 0x9f];
const DISCONNECT_CODES = [0, 0x80, 0x81, 0x82, 0x8b, 0x8d, 0x8e, 0x9c, 0xa2];

const MAKERS: readonly Maker[] = [
  randomConnect,
  (prng, version) => {
    const code = version === 5 ? prng.pick(CONNACK_CODES) : prng.nextInt(6);
    const properties = { ...optionalNumbers(prng), ...optionalTexts(prng), ...reason(prng) };
    const sessionPresent = code === 0 && version !== 3 && prng.nextBoolean();
    return { cmd: "connack", sessionPresent, reasonCode: code, returnCode: code, properties };
  },
  (prng, version) => ({
    cmd: "subscribe",
    messageId: 1 + prng.nextInt(65_535),
    subscriptions: randomList(prng, () => ({
      topic: randomTopic(prng) + prng.pick(["", "/#", "/+"]),
      qos: prng.nextInt(3),
      nl: version === 5 && prng.nextBoolean(),
      rap: version === 5 && prng.nextBoolean(),
      rh: version === 5 ? prng.nextInt(3) : 0,
    })),
    properties: {
      subscriptionIdentifier: prng.nextBoolean() ? randomIdentifier(prng) : undefined,
      userProperties: foreignPairs(randomPairs(prng)),
    },
  }),
  (prng, version) => ({
    cmd: "suback",
    messageId: 1 + prng.nextInt(65_535),
    granted: randomList(prng, () => prng.pick(version === 5 ? SUBACK_CODES : [0, 1, 2, 0x80])),
    properties: reason(prng),
  }),
  (prng) => ({
    cmd: "unsubscribe",
    messageId: 1 + prng.nextInt(65_535),
    unsubscriptions: randomList(prng, () => randomTopic(prng)),
    properties: { userProperties: foreignPairs(randomPairs(prng)) },
  }),
  (prng, version) => ({
    cmd: "unsuback",
    messageId: 1 + prng.nextInt(65_535),
    granted: version === 5 ? randomList(prng, () => prng.pick(UNSUBACK_CODES)) : [],
    properties: reason(prng),
  }),
  (prng, version) => ({
    cmd: "disconnect",
    reasonCode: version === 5 ? prng.pick(DISCONNECT_CODES) : 0,
    properties: {
      serverReference: prng.nextBoolean() ? prng.pick(TEXTS) : undefined,
      ...reason(prng),
    },
  }),
  (prng, version) => {
    if (version !== 5) return { cmd: prng.pick(["pingreq", "pingresp"]), properties: {} };
    const authenticationData = prng.nextBoolean() ? randomBytes(prng) : undefined;
    const properties = { authenticationMethod: "m", authenticationData, ...reason(prng) };
    return { cmd: "auth", reasonCode: prng.pick([0, 0x18]), properties };
  },
];

function randomConnect(prng: Prng, version: 3 | 4 | 5): ReturnType<Maker> {
  const username = prng.nextBoolean() ? prng.pick(TEXTS) : undefined;
  return {
    cmd: "connect",
    protocolId: version === 3 ? "MQIsdp" : "MQTT",
    protocolVersion: version,
    clean: true,
    clientId: prng.pick(TEXTS),
    keepalive: prng.nextInt(65_536),
    username,
    password: username !== undefined && prng.nextBoolean() ? randomBytes(prng) : undefined,
    will: prng.nextBoolean() ? undefined : {
      topic: randomTopic(prng),
      payload: randomBytes(prng),
      qos: prng.nextInt(3),
      retain: prng.nextBoolean(),
      properties: version !== 5 ? undefined : shuffled(prng, {
        willDelayInterval: prng.nextBoolean() ? prng.nextUint32() : undefined,
        messageExpiryInterval: prng.nextBoolean() ? prng.nextUint32() : undefined,
        payloadFormatIndicator: prng.nextBoolean() ? prng.nextBoolean() : undefined,
        contentType: prng.nextBoolean() ? prng.pick(TEXTS) : undefined,
        responseTopic: prng.nextBoolean() ? randomTopic(prng) : undefined,
        correlationData: prng.nextBoolean() ? randomBytes(prng) : undefined,
        userProperties: foreignPairs(randomPairs(prng)),
      }),
    },
    properties: {
      sessionExpiryInterval: prng.nextBoolean() ? prng.nextUint32() : undefined,
      receiveMaximum: prng.nextBoolean() ? 1 + prng.nextInt(65_535) : undefined,
      maximumPacketSize: prng.nextBoolean() ? 1 + prng.nextInt(2 ** 32 - 1) : undefined,
      topicAliasMaximum: prng.nextBoolean() ? prng.nextInt(65_536) : undefined,
      requestResponseInformation: prng.nextBoolean() ? prng.nextBoolean() : undefined,
      requestProblemInformation: prng.nextBoolean() ? prng.nextBoolean() : undefined,
      authenticationMethod: "method",
      authenticationData: prng.nextBoolean() ? randomBytes(prng) : undefined,
      userProperties: foreignPairs(randomPairs(prng)),
    },
  };
}

function optionalNumbers(prng: Prng): ForeignProperties {
  return {
    sessionExpiryInterval: prng.nextBoolean() ? prng.nextUint32() : undefined,
    receiveMaximum: prng.nextBoolean() ? 1 + prng.nextInt(65_535) : undefined,
    maximumQoS: prng.nextBoolean() ? prng.nextInt(2) : undefined,
    retainAvailable: prng.nextBoolean() ? prng.nextBoolean() : undefined,
    maximumPacketSize: prng.nextBoolean() ? 1 + prng.nextInt(2 ** 32 - 1) : undefined,
    topicAliasMaximum: prng.nextBoolean() ? prng.nextInt(65_536) : undefined,
    wildcardSubscriptionAvailable: prng.nextBoolean() ? prng.nextBoolean() : undefined,
    subscriptionIdentifiersAvailable: prng.nextBoolean() ? prng.nextBoolean() : undefined,
    sharedSubscriptionAvailable: prng.nextBoolean() ? prng.nextBoolean() : undefined,
    serverKeepAlive: prng.nextBoolean() ? prng.nextInt(65_536) : undefined,
  };
}

function optionalTexts(prng: Prng): ForeignProperties {
  return {
    assignedClientIdentifier: prng.nextBoolean() ? prng.pick(TEXTS) : undefined,
    responseInformation: prng.nextBoolean() ? prng.pick(TEXTS) : undefined,
    serverReference: prng.nextBoolean() ? prng.pick(TEXTS) : undefined,
    authenticationMethod: "method",
    authenticationData: prng.nextBoolean() ? randomBytes(prng) : undefined,
  };
}

function reason(prng: Prng): ForeignProperties {
  return {
    reasonString: prng.nextBoolean() ? prng.pick(TEXTS) : undefined,
    userProperties: foreignPairs(randomPairs(prng)),
  };
}

export function randomBytes(prng: Prng): Buffer {
  const size = prng.nextBoolean(0.001) ? 20_000 : prng.pick(SIZES);
  return Buffer.alloc(size, prng.nextInt(256));
}

/** Values are never empty: mqtt-packet forgets an empty one when its name comes again. */
export function randomPairs(prng: Prng): UserProperty[] {
  return Array.from({ length: prng.nextInt(4) }, () => ({
    name: prng.pick(NAMES),
    value: prng.pick(TEXTS),
  }));
}

export function foreignPairs(pairs: readonly UserProperty[]): unknown {
  if (pairs.length === 0) return undefined;
  return pairs.map(({ name, value }) => Object.fromEntries([[name, value]]));
}

function randomTopic(prng: Prng): string {
  const levels = Array.from({ length: 1 + prng.nextInt(4) }, () => prng.pick(LEVELS));
  return levels.join("/") || "/";
}

function randomIdentifier(prng: Prng): number {
  return 1 + prng.nextInt(prng.pick([127, 16_383, 268_435_455]));
}

function randomList<T>(prng: Prng, make: () => T): T[] {
  return Array.from({ length: 1 + prng.nextInt(3) }, make);
}

function shuffled(prng: Prng, properties: ForeignProperties): ForeignProperties {
  const entries = Object.entries(properties).filter(([, value]) =>
    value !== undefined && !(Array.isArray(value) && value.length === 0)
  );
  prng.shuffle(entries);
  return Object.fromEntries(entries);
}
