import { test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  type ControlPacket,
  decodeControlPacket,
  decodePublish,
  decodeUtf8,
  encodeControlPacket,
  PublishView,
  ReasonCode,
} from "../../../src/mqtt/mod.ts";
import {
  connectFrame,
  COUNTER,
  publishTemplate,
  readUint32,
  receiveMaximumOf,
  stampCounter,
  stampPayload,
  subscribeFrame,
  unsubscribeFrame,
  type Version,
} from "../../bench/load/frames.ts";

type PacketOf<T extends ControlPacket["type"]> = Extract<ControlPacket, { type: T }>;

/** Reads a frame that must be a packet of this type. */
function decode<T extends ControlPacket["type"]>(
  frame: Uint8Array,
  version: Version | undefined,
  type: T,
): PacketOf<T> {
  const packet = decodeControlPacket(frame, 0, bodyStartOf(frame), frame.length, version);
  assertEquals(packet.type, type);
  return packet as PacketOf<T>;
}

function bodyStartOf(frame: Uint8Array): number {
  let at = 1;
  while ((frame[at] as number) >= 0x80) at++;
  return at + 1;
}

for (const version of [3, 4, 5] as const) {
  test(`connectFrame() of version ${version} is what the broker's codec reads`, () => {
    const frame = connectFrame({
      clientId: "load-1",
      version,
      keepAliveS: 600,
      sessionExpiryS: 30,
      username: "user",
      password: "secret",
      will: { topic: "will/of", qos: 1, delayS: 3 },
    });
    const packet = decode(frame, undefined, "connect");
    const { clientId, keepAliveS, cleanStart, username, will } = packet;
    assertEquals([packet.version, clientId, keepAliveS, cleanStart, username], [
      version,
      "load-1",
      600,
      false,
      "user",
    ]);
    assertEquals([will?.topic, will?.qos, will?.delayS], ["will/of", 1, version === 5 ? 3 : 0]);
    if (version === 5) assertEquals(packet.sessionExpiryS, 30);
  });

  test(`subscribeFrame() and unsubscribeFrame() of version ${version} name their filters`, () => {
    const filters = Array.from({ length: 50 }, (_, index) => `site/${index}/+`);
    const first = decode(subscribeFrame(7, filters, 1, version), version, "subscribe");
    assertEquals(first.subscriptions.map(({ filter }) => filter), filters);
    assertEquals(new Set(first.subscriptions.map(({ qos }) => qos)), new Set([1]));
    const second = decode(unsubscribeFrame(8, filters, version), version, "unsubscribe");
    assertEquals([second.packetId, second.filters], [8, filters]);
  });
}

const PAYLOADS = [16, 100, 20_000];

for (const version of [4, 5] as const satisfies readonly Version[]) {
  for (const payloadBytes of PAYLOADS) {
    test(`publishTemplate() of version ${version}, ${payloadBytes} bytes: stamps land where they should`, () => {
      const template = publishTemplate({
        topic: `site/é/${COUNTER}/temp`,
        payloadBytes,
        qos: 1,
        version,
        deliveries: 1,
        messageExpiryS: 60,
        retain: true,
      });
      const { bytes, packetIdAt, payloadAt, counterAt } = template;
      bytes.set([1, 2], packetIdAt);
      stampCounter(bytes, counterAt, 0xabc01239);
      stampPayload(bytes, payloadAt, 0xfffffffe, 3, 4);
      const view = new PublishView();
      decodePublish(view, bytes, 0, bodyStartOf(bytes), bytes.length, version);
      assertEquals(decodeUtf8(bytes, view.topicStart, view.topicEnd), "site/é/abc01239/temp");
      assertEquals([view.packetId, view.qos, view.retain], [0x0102, 1, true]);
      assertEquals(view.payloadStart, payloadAt);
      assertEquals(view.frameEnd - view.payloadStart, payloadBytes);
      assertEquals(view.messageExpiryS, version === 5 ? 60 : -1);
      const stamps = [0, 4, 8].map((offset) => readUint32(bytes, payloadAt + offset));
      assertEquals(stamps, [0xfffffffe, 3, 4]);
    });
  }
}

test("receiveMaximumOf() finds the receive maximum among other properties", () => {
  const packet = {
    type: "connack",
    sessionPresent: false,
    reasonCode: ReasonCode.success,
    assignedClientId: "given",
    sessionExpiryS: 9,
    receiveMaximum: 123,
    topicAliasMaximum: 5,
    userProperties: [],
  } as const;
  const frame = encodeControlPacket(packet, 5);
  assertEquals(receiveMaximumOf(frame, bodyStartOf(frame) + 2, frame.length), 123);
  const plain = { type: "connack", sessionPresent: false, reasonCode: ReasonCode.success } as const;
  const without = encodeControlPacket(plain, 5);
  assertEquals(receiveMaximumOf(without, bodyStartOf(without) + 2, without.length), 65535);
});
