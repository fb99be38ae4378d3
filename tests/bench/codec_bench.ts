/** What reading and writing packets costs: `deno run -A tests/bench/codec_bench.ts`, or the same with `bun`. */
import {
  AckView,
  type ConnectPacket,
  type ControlPacket,
  decodeAck,
  decodeControlPacket,
  decodePublish,
  decodeTopicName,
  encodeControlPacket,
  PacketType,
  type ProtocolVersion,
  PublishView,
  ReasonCode,
  writeAck,
} from "../../src/mqtt/mod.ts";
import {
  type ConnectFields,
  connectFrame,
  DISCONNECT_FRAME,
  type PublishFields,
  publishTemplate,
  subscribeFrame,
} from "./load/frames.ts";
import { Bench } from "./timing.ts";

/** Different packets of each kind, so that nothing can be computed once for all rounds. */
const PACKETS = 512;

const bench = new Bench("codec");

/** Frames one behind the other, as they stand in a chunk. */
class Stream {
  readonly bytes: Uint8Array;
  readonly starts: number[] = [];
  readonly bodyStarts: number[] = [];
  readonly ends: number[] = [];

  constructor(frames: readonly Uint8Array[]) {
    this.bytes = new Uint8Array(frames.reduce((sum, frame) => sum + frame.length, 0));
    let at = 0;
    for (const frame of frames) {
      this.bytes.set(frame, at);
      this.starts.push(at);
      this.bodyStarts.push(at + bodyStartOf(frame));
      at += frame.length;
      this.ends.push(at);
    }
  }
}

function bodyStartOf(frame: Uint8Array): number {
  let at = 1;
  while ((frame[at] as number) >= 0x80) at++;
  return at + 1;
}

function streamOf(frameOf: (index: number) => Uint8Array, count = PACKETS): Stream {
  return new Stream(Array.from({ length: count }, (_, index) => frameOf(index)));
}

function topicOf(index: number): string {
  return `bench/${index}/telemetry/temp`;
}

function measureDecode(
  name: string,
  frameOf: (index: number) => Uint8Array,
  version: ProtocolVersion,
): void {
  const view = new PublishView();
  const { bytes, starts, bodyStarts, ends } = streamOf(frameOf);
  bench.measure(`decodePublish, ${name}`, PACKETS, () => {
    let sum = 0;
    for (let i = 0; i < PACKETS; i++) {
      const bodyStart = bodyStarts[i] as number;
      decodePublish(view, bytes, starts[i] as number, bodyStart, ends[i] as number, version);
      sum += view.payloadStart + view.packetId + view.topicEnd;
    }
    return sum;
  });
}

function publish(fields: Partial<PublishFields>): (index: number) => Uint8Array {
  return (index) => {
    const { bytes, packetIdAt } = publishTemplate({
      topic: topicOf(index),
      payloadBytes: 64,
      qos: 0,
      version: 4,
      deliveries: 1,
      ...fields,
    });
    if (packetIdAt >= 0) bytes.set([(index + 1) >> 8, (index + 1) & 0xff], packetIdAt);
    return bytes;
  };
}

/** A PUBLISH of 5.0 with these properties. */
function publishWith(index: number, properties: readonly number[]): Uint8Array {
  const topic = new TextEncoder().encode(topicOf(index));
  const body = [0, topic.length, ...topic, properties.length, ...properties];
  for (let i = 0; i < 64; i++) body.push(0x78);
  return Uint8Array.from([0x30, 0x80 | (body.length & 0x7f), body.length >> 7, ...body]);
}

const CONTENT_TYPE = [0x03, 0, 10, ...new TextEncoder().encode("text/plain")];
const USER_PROPERTY = [0x26, 0, 3, 0x61, 0x62, 0x63, 0, 5, 0x76, 0x61, 0x6c, 0x75, 0x65];

measureDecode("3.1.1 QoS 0", publish({}), 4);
measureDecode("3.1.1 QoS 1", publish({ qos: 1 }), 4);
measureDecode("5.0 QoS 0 without properties", publish({ version: 5 }), 5);
measureDecode("5.0 with message expiry", publish({ version: 5, messageExpiryS: 60 }), 5);
measureDecode(
  "5.0 with content type and 3 user properties",
  (index) =>
    publishWith(index, [...CONTENT_TYPE, ...USER_PROPERTY, ...USER_PROPERTY, ...USER_PROPERTY]),
  5,
);

const topics = new Stream(
  Array.from({ length: PACKETS }, (_, index) => new TextEncoder().encode(topicOf(index))),
);
bench.measure("decodeTopicName, 22 bytes of ASCII", PACKETS, () => {
  let sum = 0;
  for (let i = 0; i < PACKETS; i++) {
    sum += decodeTopicName(topics.bytes, topics.starts[i] as number, topics.ends[i] as number)
      .length;
  }
  return sum;
});

for (const version of [4, 5] as const) {
  const view = new AckView();
  const bytes = new Uint8Array(4 * PACKETS);
  const label = version === 5 ? "5.0" : "3.1.1";
  let nextId = 0;
  bench.measure(`writeAck, PUBACK of ${label}`, PACKETS, () => {
    for (let i = 0; i < PACKETS; i++) {
      nextId = (nextId + 1) & 0xffff;
      writeAck(bytes, 4 * i, PacketType.puback, nextId | 1, ReasonCode.success, version);
    }
    return bytes[4 * PACKETS - 1] as number;
  });
  bench.measure(`decodeAck, PUBACK of ${label}`, PACKETS, () => {
    bytes[3] = nextId++ | 1;
    let sum = 0;
    for (let at = 0; at < bytes.length; at += 4) {
      decodeAck(view, bytes, at, at + 2, at + 4, version);
      sum += view.packetId;
    }
    return sum;
  });
}

function measureControl(
  name: string,
  frameOf: (index: number) => Uint8Array,
  version: ProtocolVersion | undefined,
): void {
  const count = 32;
  const { bytes, starts, bodyStarts, ends } = streamOf(frameOf, count);
  bench.measure(`decodeControlPacket, ${name}`, count, () => {
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const [start, bodyStart, end] = [starts[i], bodyStarts[i], ends[i]] as [
        number,
        number,
        number,
      ];
      sum += decodeControlPacket(bytes, start, bodyStart, end, version).type.length;
    }
    return sum;
  });
}

function connect(fields: Partial<ConnectFields>): (index: number) => Uint8Array {
  return (index) =>
    connectFrame({ clientId: `client-${index}`, version: 4, keepAliveS: 60, ...fields });
}

function connectWithWill(index: number): ConnectPacket {
  return {
    type: "connect",
    version: 5,
    clientId: `client-${index}`,
    cleanStart: true,
    keepAliveS: 60,
    username: "user",
    password: new Uint8Array(16),
    will: {
      topic: topicOf(index),
      payload: new Uint8Array(64),
      qos: 1,
      retain: false,
      delayS: 10,
      properties: Uint8Array.from([...CONTENT_TYPE, ...USER_PROPERTY]),
    },
    sessionExpiryS: 60,
    receiveMaximum: 100,
    topicAliasMaximum: 10,
    requestResponseInformation: false,
    requestProblemInformation: true,
    userProperties: [],
  };
}

measureControl("CONNECT of 3.1.1", connect({}), undefined);
measureControl(
  "CONNECT of 5.0",
  connect({ version: 5, sessionExpiryS: 60, username: "u" }),
  undefined,
);
measureControl(
  "CONNECT of 5.0 with a will",
  (index) => encodeControlPacket(connectWithWill(index), 5),
  undefined,
);
measureControl("SUBSCRIBE with 1 filter", (i) => subscribeFrame(i + 1, [topicOf(i)], 1, 4), 4);
const manyFilters = Array.from({ length: 100 }, (_, index) => `site/${index}/+/temp`);
measureControl("SUBSCRIBE with 100 filters", (i) => subscribeFrame(i + 1, manyFilters, 1, 5), 5);

measureControl("DISCONNECT of 3.1.1", () => DISCONNECT_FRAME, 4);

function measureEncode(name: string, packet: ControlPacket, version: ProtocolVersion): void {
  bench.measure(`encodeControlPacket, ${name}`, 100, () => {
    let sum = 0;
    for (let i = 0; i < 100; i++) sum += encodeControlPacket(packet, version).length;
    return sum;
  });
}

const CONNACK = { type: "connack", sessionPresent: false, reasonCode: ReasonCode.success } as const;
measureEncode("CONNACK of 3.1.1", CONNACK, 4);
measureEncode("CONNACK of 5.0", { ...CONNACK, receiveMaximum: 100, topicAliasMaximum: 32 }, 5);
const SUBACK = { type: "suback", packetId: 7, reasonCodes: [ReasonCode.grantedQos1] } as const;
measureEncode("SUBACK of 3.1.1", SUBACK, 4);
measureEncode("SUBACK of 5.0", SUBACK, 5);
measureEncode("UNSUBACK of 5.0", { ...SUBACK, type: "unsuback", reasonCodes: [0] }, 5);
measureEncode("PINGRESP", { type: "pingresp" }, 4);
bench.finish();
