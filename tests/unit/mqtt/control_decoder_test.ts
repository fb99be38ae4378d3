import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import {
  type ConnectPacket,
  type ControlPacket,
  decodeControlPacket,
  decodeMessageProperties,
  type PacketSender,
  peekProtocolVersion,
  ProtocolError,
  type ProtocolVersion,
  ReasonCode,
} from "../../../src/mqtt/mod.ts";
import {
  bin,
  bodyOf,
  bytesOf,
  embedded,
  hex,
  packet,
  type Part,
  props,
  str,
  u16,
  u32,
} from "./frames.ts";

const {
  malformedPacket,
  protocolError,
  topicNameInvalid,
  unsupportedProtocolVersion,
} = ReasonCode;

/** As it lies in a chunk; what is decoded must not refer to it. */
function decode(
  frame: Uint8Array,
  version: ProtocolVersion | undefined,
  sender: PacketSender = "client",
): ControlPacket {
  const { bytes: plain, start, end } = embedded(frame);
  const bytes = Buffer.from(plain);
  const decoded = decodeControlPacket(bytes, start, start + bodyOf(frame), end, version, sender);
  bytes.fill(0);
  return decoded;
}

const M3 = bytesOf(str("MQIsdp"), 3);
const M4 = bytesOf(str("MQTT"), 4);
const M5 = bytesOf(str("MQTT"), 5);
const USER = bytesOf(38, str("k"), str("v"));
const METHOD = bytesOf(21, str("m"));
const ID = u16(10);

/** Flags, keep alive, properties, client identifier and what follows. */
function connect5(flags: number, block: readonly Part[], ...payload: readonly Part[]): Uint8Array {
  return packet(0x10, M5, flags, u16(60), props(...block), str("id"), ...payload);
}

function connect4(flags: number, ...payload: readonly Part[]): Uint8Array {
  return packet(0x10, M4, flags, u16(60), str("id"), ...payload);
}

const PLAIN_CONNECT: ConnectPacket = {
  type: "connect",
  version: 4,
  clientId: "id",
  cleanStart: false,
  keepAliveS: 60,
  username: undefined,
  password: undefined,
  will: undefined,
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

test("decodeControlPacket() CONNECT of 3.1, 3.1.1 and 5.0", () => {
  const v3 = packet(0x10, M3, 2, u16(0), str("x"));
  const expected = { ...PLAIN_CONNECT, version: 3, clientId: "x", cleanStart: true, keepAliveS: 0 };
  assertEquals(decode(v3, undefined), expected as ConnectPacket);
  assertEquals(decode(connect4(0), undefined), PLAIN_CONNECT);
  assertEquals(decode(connect5(0, []), undefined), { ...PLAIN_CONNECT, version: 5 });
});

test("decodeControlPacket() CONNECT with all that 5.0 has", () => {
  const block = [17, u32(0xffffffff), 33, u16(1), 39, u32(1000), 34, u16(7), 25, 1, 23, 0]
    .concat(...[38, ...str("b"), ...str("1"), 38, ...str("a"), ...str(""), 38])
    .concat(...str("b"), ...str("2"), ...METHOD, 22, ...bin());
  const message = bytesOf(38, str("2"), str("x"), 3, str("\ufefft"), 1, 1, 38, str("1"), str("y"));
  const willBlock = [24, u32(5), message, 2, u32(9), 8, str("re"), 9, bin(0)];
  const will = [props(...willBlock), str("w/ü"), bin(0, 1, 0xff)];
  const frame = connect5(0xf6, block, ...will, str(""), bin(0xff, 0));
  assertEquals(decode(frame, undefined), {
    ...PLAIN_CONNECT,
    version: 5,
    cleanStart: true,
    username: "",
    password: bytesOf(0xff, 0),
    will: {
      topic: "w/ü",
      payload: bytesOf(0, 1, 0xff),
      qos: 2,
      retain: true,
      delayS: 5,
      messageExpiryS: 9,
      properties: bytesOf(message, 8, str("re"), 9, bin(0)),
    },
    sessionExpiryS: 0xffffffff,
    receiveMaximum: 1,
    maximumPacketSize: 1000,
    topicAliasMaximum: 7,
    requestResponseInformation: true,
    requestProblemInformation: false,
    userProperties: [
      { name: "b", value: "1" },
      { name: "a", value: "" },
      { name: "b", value: "2" },
    ],
    authenticationMethod: "m",
    authenticationData: bytesOf(),
  });
});

test("decodeControlPacket() keeps a byte order mark in every string [MQTT-1.5.4-3]", () => {
  const id = "\ufeffid\ufeff";
  const frame = packet(0x10, M4, 0xc4, u16(0), str(id), str("\ufeffw"), bin(), str(id), bin());
  const decoded = decode(frame, undefined) as ConnectPacket;
  assertEquals([decoded.clientId, decoded.username, decoded.will?.topic], [id, id, "\ufeffw"]);
});

test("decodeControlPacket() CONNECT of 5.0 with a password alone", () => {
  const decoded = decode(connect5(0x42, [], bin(1)), undefined) as ConnectPacket;
  assertEquals([decoded.username, decoded.password], [undefined, bytesOf(1)]);
});

test("decodeControlPacket() SUBSCRIBE", () => {
  const v4 = packet(0x82, ID, str("a/#"), 1, str("+"), 2);
  const plain = { noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
  assertEquals(decode(v4, 4), {
    type: "subscribe",
    packetId: 10,
    subscriptionIdentifier: 0,
    subscriptions: [{ filter: "a/#", qos: 1, ...plain }, { filter: "+", qos: 2, ...plain }],
    userProperties: [],
  });
  const v5 = packet(0x82, ID, props(USER, 11, 0xff, 0xff, 0xff, 0x7f), str(""), 0x2e, str("x"), 16);
  assertEquals(decode(v5, 5), {
    type: "subscribe",
    packetId: 10,
    subscriptionIdentifier: 268_435_455,
    subscriptions: [
      { filter: "", qos: 2, noLocal: true, retainAsPublished: true, retainHandling: 2 },
      { filter: "x", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 1 },
    ],
    userProperties: [{ name: "k", value: "v" }],
  });
});

test("decodeControlPacket() UNSUBSCRIBE", () => {
  const filters = ["a", "$share/g/b"];
  const expected = { type: "unsubscribe", packetId: 10, filters } as const;
  const payload = [str("a"), str("$share/g/b")];
  assertEquals(decode(packet(0xa2, ID, ...payload), 3), { ...expected, userProperties: [] });
  assertEquals(decode(packet(0xa2, ID, props(USER), ...payload), 5), {
    ...expected,
    userProperties: [{ name: "k", value: "v" }],
  });
});

test("decodeControlPacket() PINGREQ, DISCONNECT and AUTH", () => {
  for (const version of [3, 4, 5] as const) {
    assertEquals(decode(packet(0xc0), version), { type: "pingreq" });
    assertEquals(reasonOf(decode(packet(0xe0), version)), 0);
  }
  assertEquals(reasonOf(decode(packet(0xe0, 4), 5)), 4);
  assertEquals(decode(packet(0xe0, 0x81, props(17, u32(7), USER, 31, str("why"))), 5), {
    type: "disconnect",
    reasonCode: 0x81,
    sessionExpiryS: 7,
    reasonString: "why",
    serverReference: undefined,
    userProperties: [{ name: "k", value: "v" }],
  });
  assertEquals(decode(packet(0xf0, 0x18, props(METHOD, 22, bin(1, 2), USER)), 5), {
    type: "auth",
    reasonCode: 0x18,
    authenticationMethod: "m",
    authenticationData: bytesOf(1, 2),
    reasonString: undefined,
    userProperties: [{ name: "k", value: "v" }],
  });
  assertEquals(reasonOf(decode(packet(0xf0), 5, "server")), 0);
});

function reasonOf(decoded: ControlPacket): number {
  if ("reasonCode" in decoded) return decoded.reasonCode;
  throw new Error(`Cannot look at the reason code of ${decoded.type}`);
}

interface Bad {
  readonly name: string;
  readonly frame: Uint8Array;
  /** "first": the connection has had no CONNECT. */
  readonly version: ProtocolVersion | "first";
  readonly reasonCode: number;
  readonly sender: PacketSender;
}

function bad(
  name: string,
  frame: Uint8Array,
  version: ProtocolVersion | "first",
  reasonCode: number,
  sender: PacketSender = "client",
): Bad {
  return { name, frame, version, reasonCode, sender };
}

const WILL4 = [str("w"), bin(1)];

const BAD_CONNECTS: readonly Bad[] = [
  bad("flags of CONNECT [MQTT-2.1.3-1]", packet(0x11, M4, 2, 0, 0, str("x")), "first", 0x81),
  bad("SUBSCRIBE before CONNECT [MQTT-3.1.0-1]", packet(0x82, ID, str("a"), 0), "first", 0x82),
  bad("PUBLISH before CONNECT [MQTT-3.1.0-1]", packet(0x30, str("a")), "first", 0x82),
  bad("type 0 before CONNECT", packet(0x00), "first", 0x82),
  bad("second CONNECT [MQTT-3.1.0-2]", connect4(2), 4, 0x82),
  bad("second CONNECT of 5.0 [MQTT-3.1.0-2]", connect5(2, []), 5, 0x82),
  bad("empty CONNECT", packet(0x10), "first", malformedPacket),
  bad("protocol name cut off", packet(0x10, 0, 4, 0x4d), "first", malformedPacket),
  bad("protocol level missing", packet(0x10, str("MQTT")), "first", malformedPacket),
  bad("connect flags missing", packet(0x10, M4), "first", malformedPacket),
  bad("keep alive cut off", packet(0x10, M4, 2, 0), "first", malformedPacket),
  bad("client identifier missing", packet(0x10, M4, 2, u16(1)), "first", malformedPacket),
  ...[["MQTT", 3], ["MQTT", 6], ["MQTT", 0], ["MQIsdp", 4], ["MQIsdp", 5], ["mqtt", 4], ["", 4]]
    .concat([["MQTTX", 4], ["MQXsdp", 3], ["MQTT", 0x84], ["MQTT\0\0", 3]])
    .map(([name, level]) =>
      bad(
        `protocol ${JSON.stringify(name)} level ${level} [MQTT-3.1.2-1] [MQTT-3.1.2-2]`,
        packet(0x10, str(String(name)), Number(level), 2, u16(0), str("x")),
        "first",
        unsupportedProtocolVersion,
      )
    ),
  bad("reserved connect flag [MQTT-3.1.2-3]", connect4(3), "first", malformedPacket),
  bad("will QoS without will [MQTT-3.1.2-11]", connect4(0x0a), "first", malformedPacket),
  bad("will retain without will [MQTT-3.1.2-13]", connect4(0x22), "first", malformedPacket),
  bad("will QoS 3 [MQTT-3.1.2-12]", connect4(0x1e, ...WILL4), "first", malformedPacket),
  bad("password alone in 3.1.1 [MQTT-3.1.2-22]", connect4(0x42, bin(1)), "first", malformedPacket),
  bad("null character in client identifier", packet(0x10, M4, 2, 0, 0, bin(0)), "first", 0x81),
  bad(
    "surrogate in client identifier [MQTT-1.5.4-1]",
    packet(0x10, M4, 2, 0, 0, bin(0xed, 0xa0, 0x80)),
    "first",
    0x81,
  ),
  bad("ill-formed user name [MQTT-3.1.3-11]", connect4(0x82, bin(0xff)), "first", malformedPacket),
  bad("user name missing", connect4(0x82), "first", malformedPacket),
  bad("password missing", connect4(0xc2, str("u")), "first", malformedPacket),
  bad("password cut off", connect4(0xc2, str("u"), u16(3), 1, 2), "first", malformedPacket),
  bad("user name without its flag", connect4(0x02, str("u")), "first", malformedPacket),
  bad("a byte too many", connect4(0x02, 0), "first", malformedPacket),
  bad("will topic missing", connect4(0x06), "first", malformedPacket),
  bad("will payload missing", connect4(0x06, str("w")), "first", malformedPacket),
  bad("will payload cut off", connect4(0x06, str("w"), u16(2), 1), "first", malformedPacket),
  bad("will topic with +", connect4(0x06, str("w/+"), bin()), "first", topicNameInvalid),
  bad("will topic with #", connect4(0x06, str("#"), bin()), "first", topicNameInvalid),
  bad("will topic empty [MQTT-4.7.3-1]", connect4(0x06, str(""), bin()), "first", topicNameInvalid),
  bad("will topic ill-formed [MQTT-3.1.3-11]", connect4(0x06, bin(0xff), bin()), "first", 0x81),
  bad(
    "remaining length not minimal",
    bytesOf(0x10, 0x8f, 0, M5, 2, 0, 0, 0, str("xx")),
    "first",
    0x81,
  ),
  bad("property length missing", packet(0x10, M5, 2, u16(0)), "first", malformedPacket),
  bad(
    "property length not minimal [MQTT-1.5.5-1]",
    packet(0x10, M5, 2, 0, 0, 0x80, 0, str("x")),
    "first",
    0x81,
  ),
  bad("will properties missing", connect5(6, [], str("w"), bin()), "first", malformedPacket),
  bad("will delay among CONNECT properties", connect5(2, [24, u32(1)]), "first", malformedPacket),
  bad(
    "session expiry among will properties",
    connect5(6, [], props(17, u32(1)), ...WILL4),
    "first",
    0x81,
  ),
  bad("will delay twice", connect5(6, [], props(24, u32(0), 24, u32(0)), ...WILL4), "first", 0x82),
  bad("will payload format 2", connect5(6, [], props(1, 2), ...WILL4), "first", protocolError),
  bad("will response topic with +", connect5(6, [], props(8, str("+")), ...WILL4), "first", 0x82),
  bad(
    "will content type ill-formed",
    connect5(6, [], props(3, bin(0xff)), ...WILL4),
    "first",
    0x81,
  ),
  bad("receive maximum 0", connect5(2, [33, u16(0)]), "first", protocolError),
  bad("maximum packet size 0", connect5(2, [39, u32(0)]), "first", protocolError),
  bad("request problem information 2", connect5(2, [23, 2]), "first", protocolError),
  bad("request response information 2", connect5(2, [25, 2]), "first", protocolError),
  bad("authentication data without method", connect5(2, [22, bin(1)]), "first", protocolError),
  bad("session expiry cut off", connect5(2, [17, 0, 0, 0]), "first", malformedPacket),
  bad("session expiry 0 twice", connect5(2, [17, u32(0), 17, u32(0)]), "first", protocolError),
  bad("authentication method twice", connect5(2, [METHOD, METHOD]), "first", protocolError),
  bad("unknown property 99", connect5(2, [99, 0]), "first", malformedPacket),
  bad("property 0", connect5(2, [0]), "first", malformedPacket),
];

const REQUEST = [str("a"), 0];

const BAD_PACKETS: readonly Bad[] = [
  bad("type 0", packet(0x00), 4, malformedPacket),
  bad("type 15 before 5.0", packet(0xf0), 4, protocolError),
  bad("CONNACK from a client", packet(0x20, 0, 0), 4, protocolError),
  bad("SUBACK from a client", packet(0x90, ID, 0), 4, protocolError),
  bad("UNSUBACK from a client", packet(0xb0, ID), 4, protocolError),
  bad("PINGRESP from a client", packet(0xd0), 4, protocolError),

  bad("SUBSCRIBE with flags 0 [MQTT-3.8.1-1]", packet(0x80, ID, ...REQUEST), 4, malformedPacket),
  bad("SUBSCRIBE with flags 3 [MQTT-3.8.1-1]", packet(0x83, ID, 0, ...REQUEST), 5, malformedPacket),
  bad("SUBSCRIBE without a body", packet(0x82), 4, malformedPacket),
  bad("SUBSCRIBE with identifier 0 [MQTT-2.2.1-3]", packet(0x82, 0, 0, ...REQUEST), 4, 0x82),
  bad("SUBSCRIBE without filter [MQTT-3.8.3-2]", packet(0x82, ID), 4, protocolError),
  bad("SUBSCRIBE of 5.0 without filter [MQTT-3.8.3-2]", packet(0x82, ID, 0), 5, protocolError),
  bad("SUBSCRIBE without property length", packet(0x82, ID), 5, malformedPacket),
  bad("SUBSCRIBE without options", packet(0x82, ID, str("a")), 4, malformedPacket),
  bad("SUBSCRIBE with a filter cut off", packet(0x82, ID, 0, 2, 0x61), 4, malformedPacket),
  bad("SUBSCRIBE with QoS 3 [MQTT-3.8.3-4 of 3.1.1]", packet(0x82, ID, str("a"), 3), 4, 0x81),
  bad("SUBSCRIBE with QoS 3 in 5.0", packet(0x82, ID, 0, str("a"), 3), 5, protocolError),
  bad("SUBSCRIBE with 5.0 options in 3.1.1", packet(0x82, ID, str("a"), 4), 4, malformedPacket),
  bad("SUBSCRIBE with reserved bit 6 [MQTT-3.8.3-5]", packet(0x82, ID, 0, str("a"), 0x40), 5, 0x81),
  bad("SUBSCRIBE with reserved bit 7 [MQTT-3.8.3-5]", packet(0x82, ID, 0, str("a"), 0x80), 5, 0x81),
  bad("SUBSCRIBE with retain handling 3", packet(0x82, ID, 0, str("a"), 0x30), 5, protocolError),
  bad(
    "SUBSCRIBE shared with no local [MQTT-3.8.3-4]",
    packet(0x82, ID, 0, str("$share/g/a"), 4),
    5,
    0x82,
  ),
  bad(
    "SUBSCRIBE with an ill-formed filter [MQTT-3.8.3-1]",
    packet(0x82, ID, bin(0xff), 0),
    4,
    0x81,
  ),
  bad(
    "SUBSCRIBE with an ill-formed second filter",
    packet(0x82, ID, ...REQUEST, bin(0), 0),
    4,
    0x81,
  ),
  bad("SUBSCRIBE with identifier property 0", packet(0x82, ID, props(11, 0), ...REQUEST), 5, 0x82),
  bad("SUBSCRIBE with two identifiers", packet(0x82, ID, props(11, 1, 11, 2), ...REQUEST), 5, 0x82),
  bad("SUBSCRIBE with a reason string", packet(0x82, ID, props(31, str("r")), ...REQUEST), 5, 0x81),

  bad("UNSUBSCRIBE with flags 0 [MQTT-3.10.1-1]", packet(0xa0, ID, str("a")), 4, malformedPacket),
  bad("UNSUBSCRIBE with identifier 0", packet(0xa2, 0, 0, str("a")), 4, protocolError),
  bad("UNSUBSCRIBE without filter [MQTT-3.10.3-2]", packet(0xa2, ID), 4, protocolError),
  bad("UNSUBSCRIBE of 5.0 without filter", packet(0xa2, ID, 0), 5, protocolError),
  bad(
    "UNSUBSCRIBE with an ill-formed filter [MQTT-3.10.3-1]",
    packet(0xa2, ID, bin(0xc0)),
    4,
    0x81,
  ),
  bad("UNSUBSCRIBE with a filter cut off", packet(0xa2, ID, 0, 9, 0x61), 4, malformedPacket),
  bad("UNSUBSCRIBE with an identifier property", packet(0xa2, ID, props(11, 1), str("a")), 5, 0x81),

  bad("PINGREQ with flags", packet(0xc1), 4, malformedPacket),
  bad("PINGREQ with a body", packet(0xc0, 0), 5, malformedPacket),
  bad("PINGREQ with a long length", bytesOf(0xc0, 0x80, 0), 5, malformedPacket),

  bad("DISCONNECT with flags [MQTT-3.14.1-1]", packet(0xe1), 4, malformedPacket),
  bad("DISCONNECT with a body before 5.0", packet(0xe0, 0), 4, malformedPacket),
  bad("DISCONNECT with an unknown reason [MQTT-3.14.2-1]", packet(0xe0, 5), 5, protocolError),
  bad("DISCONNECT with a server's reason", packet(0xe0, 0x8b), 5, protocolError),
  bad("DISCONNECT with a reason of CONNACK", packet(0xe0, 0x84), 5, protocolError),
  bad("DISCONNECT with properties cut off", packet(0xe0, 0, 5, 17, 0), 5, malformedPacket),
  bad("DISCONNECT with bytes behind", packet(0xe0, 0, 0, 0), 5, malformedPacket),
  bad("DISCONNECT with two expiries", packet(0xe0, 0, props(17, u32(0), 17, u32(0))), 5, 0x82),
  bad("DISCONNECT with a will delay", packet(0xe0, 0, props(24, u32(0))), 5, malformedPacket),

  bad("AUTH with flags [MQTT-3.15.1-1]", packet(0xf1, 0x18, props(METHOD)), 5, malformedPacket),
  bad("AUTH of a client with success", packet(0xf0, 0, props(METHOD)), 5, protocolError),
  bad("AUTH of a client without a body", packet(0xf0), 5, protocolError),
  bad("AUTH with an unknown reason [MQTT-3.15.2-1]", packet(0xf0, 1, props(METHOD)), 5, 0x82),
  bad("AUTH without property length", packet(0xf0, 0x18), 5, malformedPacket),
  bad("AUTH without method", packet(0xf0, 0x18, props(USER)), 5, protocolError),
  bad("AUTH with data and no method", packet(0xf0, 0x18, props(22, bin(1))), 5, protocolError),
  bad("AUTH with bytes behind", packet(0xf0, 0x18, props(METHOD), 0), 5, malformedPacket),

  bad("CONNECT from a server", connect4(2), 4, protocolError, "server"),
  bad("SUBSCRIBE from a server", packet(0x82, ID, ...REQUEST), 4, protocolError, "server"),
  bad("PINGREQ from a server", packet(0xc0), 4, protocolError, "server"),
  bad("CONNACK flags [MQTT-3.2.2-1]", packet(0x20, 2, 0), 4, malformedPacket, "server"),
  bad("CONNACK cut off", packet(0x20, 0), 4, malformedPacket, "server"),
  bad("CONNACK too long", packet(0x20, 0, 0, 0), 4, malformedPacket, "server"),
  bad("CONNACK return code 6", packet(0x20, 0, 6), 4, protocolError, "server"),
  bad("CONNACK session present with 5 [MQTT-3.2.2-4]", packet(0x20, 1, 5), 4, 0x82, "server"),
  bad("CONNACK with session present refused", packet(0x20, 1, 0x87, 0), 5, protocolError, "server"),
  bad("CONNACK reason code 1", packet(0x20, 0, 1, 0), 5, protocolError, "server"),
  bad("CONNACK without properties", packet(0x20, 0, 0), 5, malformedPacket, "server"),
  bad("CONNACK maximum QoS 2", packet(0x20, 0, 0, props(36, 2)), 5, protocolError, "server"),
  bad("SUBACK without codes", packet(0x90, ID), 4, protocolError, "server"),
  bad("SUBACK code 3", packet(0x90, ID, 3), 4, protocolError, "server"),
  bad("SUBACK code 0x87 before 5.0 [MQTT-3.9.3-2]", packet(0x90, ID, 0x87), 4, 0x82, "server"),
  bad("SUBACK code 0x81", packet(0x90, ID, 0, 0x81), 5, protocolError, "server"),
  bad("UNSUBACK with codes before 5.0", packet(0xb0, ID, 0), 4, malformedPacket, "server"),
  bad("UNSUBACK without codes", packet(0xb0, ID, 0), 5, protocolError, "server"),
  bad("UNSUBACK code 1", packet(0xb0, ID, 0, 1), 5, protocolError, "server"),
  bad("DISCONNECT of a server with 4", packet(0xe0, 4), 5, protocolError, "server"),
  bad(
    "DISCONNECT of a server with expiry [MQTT-3.14.2-2]",
    packet(0xe0, 0, props(17, u32(1))),
    5,
    0x81,
    "server",
  ),
  bad(
    "AUTH of a server with re-authenticate",
    packet(0xf0, 0x19, props(METHOD)),
    5,
    0x82,
    "server",
  ),
];

for (const { name, frame, version, reasonCode, sender } of [...BAD_CONNECTS, ...BAD_PACKETS]) {
  test(`decodeControlPacket() refuses ${name}`, () => {
    const versionNow = version === "first" ? undefined : version;
    const error = assertThrows(() => decode(frame, versionNow, sender), ProtocolError);
    assertEquals(error.reasonCode as number, reasonCode, error.message);
  });
}

const C = "connect";
const K = "connack";
const W = "will";
const D = "disconnect";
const A = "auth";
const S = "subscribe";
const GIVERS = [K, "suback", "unsuback", D, A];

/** Table 2-4 of the standard without PUBLISH and its acknowledgements: an example and its places. */
const PROPERTIES: ReadonlyArray<[id: number, value: readonly Part[], places: readonly string[]]> = [
  [1, [1], [W]],
  [2, u32(1), [W]],
  [3, [str("t")], [W]],
  [8, [str("r")], [W]],
  [9, [bin(1)], [W]],
  [11, [1], [S]],
  [17, u32(1), [C, K, D]],
  [18, [str("c")], [K]],
  [19, u16(1), [K]],
  [21, [str("m")], [C, K, A]],
  [23, [1], [C]],
  [24, u32(1), [W]],
  [25, [1], [C]],
  [26, [str("i")], [K]],
  [28, [str("s")], [K, D]],
  [31, [str("r")], GIVERS],
  [33, u16(1), [C, K]],
  [34, u16(1), [C, K]],
  [35, u16(1), []],
  [36, [1], [K]],
  [37, [1], [K]],
  [38, [str("k"), str("v")], [C, W, S, "unsubscribe", ...GIVERS]],
  [39, u32(1), [C, K]],
  [40, [1], [K]],
  [41, [1], [K]],
  [42, [1], [K]],
];

/** A whole packet around one property block, and who sends it. */
const PLACES: Readonly<Record<string, [PacketSender, (...block: readonly Part[]) => Uint8Array]>> =
  {
    [C]: ["client", (...block): Uint8Array => connect5(2, block)],
    [W]: ["client", (...block): Uint8Array => connect5(6, [], props(...block), ...WILL4)],
    [K]: ["server", (...block): Uint8Array => packet(0x20, 0, 0, props(...block))],
    [S]: ["client", (...block): Uint8Array => packet(0x82, ID, props(...block), ...REQUEST)],
    suback: ["server", (...block): Uint8Array => packet(0x90, ID, props(...block), 0)],
    unsubscribe: ["client", (...block): Uint8Array => packet(0xa2, ID, props(...block), str("a"))],
    unsuback: ["server", (...block): Uint8Array => packet(0xb0, ID, props(...block), 0)],
    [D]: ["client", (...block): Uint8Array => packet(0xe0, 0, props(...block))],
    [A]: ["client", (...block): Uint8Array => packet(0xf0, 0x18, props(...block))],
  };

for (const [place, [sender, build]] of Object.entries(PLACES)) {
  const version = place === C || place === W ? undefined : 5;
  // AUTH is not complete without a method.
  const needed = place === A ? METHOD : bytesOf();
  for (const [id, value, places] of PROPERTIES) {
    const block = id === 21 ? [id, ...value] : [needed, id, ...value];
    if (places.includes(place)) {
      test(`decodeControlPacket() takes property ${id} in ${place} once`, () => {
        decode(build(...block), version, sender);
        const twice = build(...block, id, ...value);
        if (id === 38) {
          decode(twice, version, sender);
        } else {
          const error = assertThrows(() => decode(twice, version, sender), ProtocolError);
          assertEquals(error.reasonCode, protocolError);
        }
        for (let cut = 1; cut < bytesOf(...value).length; cut++) {
          const short = bytesOf(...block).slice(0, -cut);
          const error = assertThrows(() => decode(build(short), version, sender), ProtocolError);
          assertEquals(error.reasonCode, malformedPacket, hex(short));
        }
      });
    } else {
      test(`decodeControlPacket() refuses property ${id} in ${place}`, () => {
        const error = assertThrows(() => decode(build(...block), version, sender), ProtocolError);
        assertEquals(error.reasonCode, malformedPacket);
      });
    }
  }
}

test("decodeControlPacket() refuses every CONNECT that is cut short", () => {
  const block = [17, u32(1), 33, u16(1), METHOD, USER];
  const whole = connect5(0xf6, block, props(24, u32(1), USER), str("w"), bin(1), str("u"), bin(2));
  const body = whole.slice(bodyOf(whole));
  assertEquals(decode(packet(0x10, body), undefined).type, "connect");
  for (let length = 0; length < body.length; length++) {
    const frame = packet(0x10, body.subarray(0, length));
    const error = assertThrows(
      () => decode(frame, undefined),
      ProtocolError,
      undefined,
      `${length}`,
    );
    assertEquals(error.reasonCode, malformedPacket);
  }
});

test("decodeControlPacket() lets no state go from one packet to the next", () => {
  const subscribe = packet(0x82, ID, str("a"), 1);
  for (let round = 0; round < 3; round++) {
    decode(connect5(2, []), undefined);
    assertEquals(decode(subscribe, 4).type, "subscribe");
    assertThrows(() => decode(packet(0x82, ID, str("a"), 0xff), 4), ProtocolError);
    assertEquals(decode(subscribe, 4).type, "subscribe");
  }
});

test("decodeControlPacket() reads property names that objects have of themselves", () => {
  const names = ["__proto__", "constructor", "toString", "hasOwnProperty", "1", "0", "length"];
  const block = names.flatMap((
    name,
  ) => [38, ...str(name), ...str("v"), 38, ...str(name), ...str("")]);
  const decoded = decode(connect5(2, block), undefined) as ConnectPacket;
  assertEquals(
    decoded.userProperties,
    names.flatMap((name) => [{ name, value: "v" }, { name, value: "" }]),
  );
});

test("decodeControlPacket() gives will properties that decodeMessageProperties() reads", () => {
  const block = props(1, 0, USER, 24, u32(3), 9, bin(7));
  const decoded = decode(connect5(6, [], block, ...WILL4), undefined) as ConnectPacket;
  assertEquals(decodeMessageProperties(decoded.will!.properties), {
    payloadFormatUtf8: false,
    correlationData: bytesOf(7),
    userProperties: [{ name: "k", value: "v" }],
  });
});

test("peekProtocolVersion() finds ours and nothing else", () => {
  const peek = (body: Uint8Array): ProtocolVersion | undefined => {
    const { bytes, start, end } = embedded(body);
    return peekProtocolVersion(bytes, start, end);
  };
  assertEquals([peek(M3), peek(M4), peek(M5)], [3, 4, 5]);
  const others = [
    bytesOf(),
    bytesOf(0),
    bytesOf(0, 4),
    bytesOf(str("MQTT")),
    bytesOf(str("MQTT"), 3),
  ]
    .concat([bytesOf(str("MQIsdp"), 4), bytesOf(str("HTTP"), 4), bytesOf(0xff, 0xff, 4)]);
  for (const body of others) assertEquals(peek(body), undefined, hex(body));
});
