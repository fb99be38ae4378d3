import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import {
  type ConnackPacket,
  type ConnectPacket,
  type ControlPacket,
  decodeControlPacket,
  encodeControlPacket,
  encodeMessageProperties,
  PacketEncodeError,
  type ProtocolVersion,
  ReasonCode,
} from "../../../src/mqtt/mod.ts";
import { bin, bodyOf, bytesOf, hex, packet, props, str, u16, u32 } from "./frames.ts";

const PAIRS = [
  { name: "b", value: "1" },
  { name: "10", value: "2" },
  { name: "b", value: "" },
  { name: "__proto__", value: "ü" },
  { name: "2", value: "\u{1f600}" },
];

const CONNECT: ConnectPacket = {
  type: "connect",
  version: 5,
  clientId: "id",
  cleanStart: true,
  keepAliveS: 60,
  username: "user",
  password: bytesOf(0, 255),
  will: {
    topic: "w",
    payload: bytesOf(1, 2),
    qos: 2,
    retain: true,
    delayS: 9,
    messageExpiryS: 0,
    properties: encodeMessageProperties({
      payloadFormatUtf8: true,
      contentType: "",
      responseTopic: "re",
      correlationData: bytesOf(0),
      userProperties: PAIRS,
    }),
  },
  sessionExpiryS: 0,
  receiveMaximum: 1,
  maximumPacketSize: 0xffffffff,
  topicAliasMaximum: 65_535,
  requestResponseInformation: true,
  requestProblemInformation: false,
  userProperties: PAIRS,
  authenticationMethod: "m",
  authenticationData: bytesOf(),
};

/** What an older version cannot say. */
const OLD_CONNECT = {
  ...CONNECT,
  will: { ...CONNECT.will!, delayS: 0, messageExpiryS: undefined, properties: bytesOf() },
  sessionExpiryS: undefined,
  receiveMaximum: 65_535,
  maximumPacketSize: undefined,
  topicAliasMaximum: 0,
  requestResponseInformation: false,
  requestProblemInformation: true,
  userProperties: [],
  authenticationMethod: undefined,
  authenticationData: undefined,
};

const CONNACK: ConnackPacket = {
  type: "connack",
  sessionPresent: true,
  reasonCode: ReasonCode.success,
  sessionExpiryS: 0,
  receiveMaximum: 100,
  maximumQos: 0,
  retainAvailable: false,
  maximumPacketSize: 1,
  assignedClientId: "assigned",
  topicAliasMaximum: 0,
  reasonString: "why",
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifiersAvailable: false,
  sharedSubscriptionAvailable: true,
  serverKeepAliveS: 0,
  responseInformation: "",
  serverReference: "elsewhere",
  authenticationMethod: "m",
  authenticationData: bytesOf(1),
  userProperties: PAIRS,
};

const REASON = { reasonString: "why", userProperties: PAIRS };
const NO_REASON = { reasonString: undefined, userProperties: [] };
const NO_CONNACK_PROPERTIES = Object.fromEntries(
  Object.keys(CONNACK).slice(3).map((key) => [key, undefined]),
);

const SUBSCRIPTIONS = [
  { filter: "a/#", qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
  { filter: "$share/g/ü", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 1 },
] as const;

const OLD_SUBSCRIPTIONS = SUBSCRIPTIONS.map((subscription) => ({
  ...subscription,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0 as const,
}));

/** `back`: what a version that loses something gives back. */
const TRIPS: ReadonlyArray<
  [versions: readonly ProtocolVersion[], given: ControlPacket, back?: ControlPacket]
> = [
  [[5], CONNECT],
  [[5], { ...CONNECT, username: undefined }],
  [[5], { ...CONNECT, password: undefined, will: undefined }],
  [[5], { ...CONNECT, clientId: "", cleanStart: false }],
  [[5], { ...CONNECT, password: new Uint8Array(65_535), authenticationMethod: "ü" }],
  [[4], CONNECT, { ...OLD_CONNECT, version: 4 }],
  [[3], { ...CONNECT, cleanStart: false }, { ...OLD_CONNECT, version: 3, cleanStart: false }],
  [[4], { ...OLD_CONNECT, version: 4, username: "", password: bytesOf() }],
  [[5], CONNACK],
  [[5], { ...CONNACK, sessionPresent: false, reasonCode: ReasonCode.banned }],
  [
    [4],
    CONNACK,
    { ...CONNACK, ...NO_CONNACK_PROPERTIES, userProperties: [] } as ConnackPacket,
  ],
  [
    [3],
    CONNACK,
    {
      ...CONNACK,
      ...NO_CONNACK_PROPERTIES,
      sessionPresent: false,
      userProperties: [],
    } as ConnackPacket,
  ],
  [[5], {
    type: "subscribe",
    packetId: 1,
    subscriptionIdentifier: 268_435_455,
    subscriptions: SUBSCRIPTIONS,
    userProperties: PAIRS,
  }],
  [
    [3, 4],
    {
      type: "subscribe",
      packetId: 65_535,
      subscriptionIdentifier: 1,
      subscriptions: SUBSCRIPTIONS,
      userProperties: PAIRS,
    },
    {
      type: "subscribe",
      packetId: 65_535,
      subscriptionIdentifier: 0,
      subscriptions: OLD_SUBSCRIPTIONS,
      userProperties: [],
    },
  ],
  [[5], { type: "suback", packetId: 7, reasonCodes: [0, 1, 2, 0x87, 0x8f, 0xa2], ...REASON }],
  [
    [3, 4],
    { type: "suback", packetId: 7, reasonCodes: [0, 1, 2, 0x87, 0x8f], ...REASON },
    { type: "suback", packetId: 7, reasonCodes: [0, 1, 2, 0x80, 0x80], ...NO_REASON },
  ],
  [[5], { type: "unsubscribe", packetId: 7, filters: ["a", ""], userProperties: PAIRS }],
  [
    [3, 4],
    { type: "unsubscribe", packetId: 7, filters: ["a", "b/+"], userProperties: PAIRS },
    { type: "unsubscribe", packetId: 7, filters: ["a", "b/+"], userProperties: [] },
  ],
  [[5], { type: "unsuback", packetId: 7, reasonCodes: [0, 0x11, 0x8f], ...REASON }],
  [
    [3, 4],
    { type: "unsuback", packetId: 7, reasonCodes: [0, 0x11], ...REASON },
    { type: "unsuback", packetId: 7, reasonCodes: [], ...NO_REASON },
  ],
  [[3, 4, 5], { type: "pingreq" }],
  [[3, 4, 5], { type: "pingresp" }],
  [[5], {
    type: "disconnect",
    reasonCode: ReasonCode.useAnotherServer,
    sessionExpiryS: undefined,
    serverReference: "elsewhere",
    ...REASON,
  }],
  [[5], {
    type: "auth",
    reasonCode: ReasonCode.continueAuthentication,
    authenticationMethod: "m",
    authenticationData: new Uint8Array(300).fill(7),
    ...REASON,
  }],
];

const FROM_CLIENT = new Set(["connect", "subscribe", "unsubscribe", "pingreq"]);

function decode(bytes: Uint8Array, type: string, version: ProtocolVersion): ControlPacket {
  const sender = FROM_CLIENT.has(type) ? "client" : "server";
  const versionNow = type === "connect" ? undefined : version;
  return decodeControlPacket(bytes, 0, bodyOf(bytes), bytes.length, versionNow, sender);
}

for (const [index, [versions, given, back = given]] of TRIPS.entries()) {
  for (const version of versions) {
    test(`encodeControlPacket() ${given.type} comes back in version ${version}, case ${index}`, () => {
      const bytes = encodeControlPacket(given, version);
      assertEquals(Object.getPrototypeOf(bytes), Uint8Array.prototype);
      assertEquals(decode(bytes, given.type, version), back);
    });
  }
}

const BYTES: ReadonlyArray<[given: ControlPacket, version: ProtocolVersion, bytes: Uint8Array]> = [
  [connack(ReasonCode.success), 4, packet(0x20, 0, 0)],
  [connack(ReasonCode.unsupportedProtocolVersion), 4, packet(0x20, 0, 1)],
  [connack(ReasonCode.clientIdentifierNotValid), 3, packet(0x20, 0, 2)],
  [connack(ReasonCode.serverUnavailable), 4, packet(0x20, 0, 3)],
  [connack(ReasonCode.serverBusy), 4, packet(0x20, 0, 3)],
  [connack(ReasonCode.badUserNameOrPassword), 4, packet(0x20, 0, 4)],
  [connack(ReasonCode.notAuthorized), 4, packet(0x20, 0, 5)],
  [connack(ReasonCode.banned), 4, packet(0x20, 0, 5)],
  [connack(ReasonCode.malformedPacket), 5, packet(0x20, 0, 0x81, 0)],
  [disconnect(ReasonCode.success), 4, packet(0xe0)],
  [disconnect(ReasonCode.sessionTakenOver), 5, packet(0xe0, 0x8e, 0)],
  [{ type: "suback", packetId: 258, reasonCodes: [2] }, 4, packet(0x90, 1, 2, 2)],
  [{ type: "suback", packetId: 1, reasonCodes: [0x9e] }, 5, packet(0x90, 0, 1, 0, 0x9e)],
  [{ type: "unsuback", packetId: 1, reasonCodes: [0] }, 4, packet(0xb0, 0, 1)],
  [{ type: "pingresp" }, 5, packet(0xd0)],
  [
    { ...CONNECT, will: undefined, username: undefined, userProperties: PAIRS.slice(0, 3) },
    5,
    packet(
      0x10,
      bytesOf(str("MQTT"), 5, 0x42, u16(60)),
      props(
        bytesOf(17, u32(0), 33, u16(1), 39, u32(0xffffffff), 34, u16(65_535), 25, 1, 23, 0),
        bytesOf(21, str("m"), 22, bin(), 38, str("b"), str("1"), 38, str("10"), str("2")),
        bytesOf(38, str("b"), str("")),
      ),
      str("id"),
      bin(0, 255),
    ),
  ],
];

for (const [given, version, bytes] of BYTES) {
  test(`encodeControlPacket() ${given.type} version ${version} is ${hex(bytes.slice(0, 5))}`, () => {
    assertEquals(hex(encodeControlPacket(given, version)), hex(bytes));
  });
}

test("encodeControlPacket() shortens what is longer than the client takes [MQTT-3.2.2-19]", () => {
  const code = ReasonCode.notAuthorized;
  const given = { type: "suback", packetId: 1, reasonCodes: [code], ...REASON } as const;
  const all = encodeControlPacket(given, 5);
  const pairs = encodeControlPacket({ ...given, reasonString: undefined }, 5);
  const least = encodeControlPacket({ type: "suback", packetId: 1, reasonCodes: [code] }, 5);
  assertEquals(encodeControlPacket(given, 5, all.length), all);
  assertEquals(encodeControlPacket(given, 5, all.length - 1), pairs);
  assertEquals(encodeControlPacket(given, 5, pairs.length), pairs);
  assertEquals(encodeControlPacket(given, 5, pairs.length - 1), least);
  assertEquals(encodeControlPacket(given, 5, 1), least, "to be refused by its length");
  const bare = { ...given, reasonString: undefined };
  assertEquals(encodeControlPacket(bare, 5, pairs.length - 1), least);
  assertEquals(encodeControlPacket({ type: "pingresp" }, 5, 1), packet(0xd0));
});

const REFUSED: ReadonlyArray<[what: string, given: ControlPacket, version: ProtocolVersion]> = [
  ["a reason code that 3.1.1 has not", connack(ReasonCode.packetTooLarge), 4],
  ["a reason string that is too long", disconnect(0, "x".repeat(65_536)), 5],
  ["a reason string with a null character", disconnect(0, "a\0b"), 5],
  ["a lone surrogate", disconnect(0, "\ud800"), 5],
  ["a long user property", { ...CONNACK, userProperties: [long("x".repeat(65_536))] }, 5],
  ["a null character in a property", { ...CONNACK, userProperties: [long("\0")] }, 5],
  ["a password without user name", { ...CONNECT, username: undefined }, 4],
  ["a password that is too long", { ...CONNECT, password: new Uint8Array(65_536) }, 5],
  ["a long will", { ...CONNECT, will: { ...CONNECT.will!, payload: new Uint8Array(65_536) } }, 5],
  ["an empty client identifier in 3.1", { ...CONNECT, clientId: "" }, 3],
  ["a keep alive of 18 hours", { ...CONNECT, keepAliveS: 65_536 }, 5],
  ["no reason codes", { type: "suback", packetId: 1, reasonCodes: [] }, 5],
  ["no filters", { type: "unsubscribe", packetId: 1, filters: [], userProperties: [] }, 5],
  ["a large number", { ...CONNACK, receiveMaximum: 65_536 }, 5],
  ["AUTH before 5.0", { type: "auth", reasonCode: 0x18, userProperties: [] }, 4],
];

for (const [what, given, version] of REFUSED) {
  test(`encodeControlPacket() refuses ${what}`, () => {
    assertThrows(() => encodeControlPacket(given, version), PacketEncodeError, "Cannot encode");
  });
}

function connack(reasonCode: ReasonCode): ConnackPacket {
  return { type: "connack", sessionPresent: false, reasonCode };
}

function disconnect(reasonCode: ReasonCode, reasonString?: string): ControlPacket {
  return { type: "disconnect", reasonCode, reasonString, userProperties: [] };
}

function long(value: string): { name: string; value: string } {
  return { name: "k", value };
}
