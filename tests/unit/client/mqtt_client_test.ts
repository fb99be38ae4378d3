import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  generate,
  type IPublishPacket,
  type ISubscribePacket,
  type IUnsubscribePacket,
  type Packet,
  parser,
} from "mqtt-packet";
import {
  CannotPublish,
  ClientLoop,
  type ClientRuntime,
  ClientSession,
  ConnectionLost,
  ConnectionRefused,
  encodePublishProperties,
  MqttClient,
  type MqttClientHandler,
  type MqttClientOptions,
  type OutgoingMessage,
} from "../../../src/client/mod.ts";
import {
  type ConnectPacket,
  decodeUtf8,
  encodeUtf8,
  type ProtocolVersion,
  type PublishView,
  type Qos,
} from "../../../src/mqtt/mod.ts";
import { ConnectError, type Takeover } from "../../../src/runtime/mod.ts";
import { type MemoryPeer, MemoryRuntime } from "../../support/memory_socket.ts";

const CONNECT: ConnectPacket = {
  type: "connect",
  version: 5,
  clientId: "me",
  cleanStart: true,
  keepAliveS: 60,
  receiveMaximum: 65_535,
  topicAliasMaximum: 0,
  requestResponseInformation: false,
  requestProblemInformation: true,
  userProperties: [],
};

/** A client, and a server that does what the test says. */
class Rig implements MqttClientHandler {
  readonly memory: MemoryRuntime;
  readonly client: MqttClient;
  readonly session: ClientSession;
  readonly version: ProtocolVersion;
  peer: MemoryPeer | undefined;
  /** What the handler was told, in short. */
  readonly told: string[] = [];
  readonly connecting: Promise<unknown>;
  readonly #loop: ClientLoop;
  onEach: (view: PublishView) => void = () => undefined;

  constructor(
    options: Partial<MqttClientOptions> = {},
    connect: Partial<ConnectPacket> = {},
    memory = new MemoryRuntime(),
  ) {
    this.memory = memory;
    this.version = connect.version ?? 5;
    this.session = options.session ?? new ClientSession();
    const runtime = {
      defer: (fn: () => void) => memory.defer(fn),
      every: (ms: number, fn: () => void) => memory.every(ms, fn),
      connectTcp: (_options: unknown, take: Takeover) =>
        new Promise((resolve) => {
          this.peer = memory.connect((socket) => {
            resolve(socket);
            return take(socket);
          });
        }),
    };
    this.#loop = new ClientLoop(runtime as unknown as ClientRuntime, memory.clock);
    this.client = new MqttClient(this.#loop, {
      connect: { ...CONNECT, ...connect },
      timeoutMs: 5000,
      inflightMax: 20,
      keepsMessages: true,
      ...options,
      session: this.session,
    }, this);
    this.connecting = this.client.connect({ transport: "tcp", host: "h", port: 1 });
    this.connecting.catch(() => undefined);
  }

  /** A client that is connected; what it has sent for that is taken. */
  static async connected(
    options: Partial<MqttClientOptions> = {},
    connect: Partial<ConnectPacket> = {},
    connack: object = {},
  ): Promise<Rig> {
    const rig = new Rig(options, connect);
    await rig.accept(connack);
    return rig;
  }

  async accept(connack: object = {}): Promise<Packet[]> {
    await this.memory.settled();
    const [first] = this.packets();
    assertEquals(first?.cmd, "connect");
    this.send({ cmd: "connack", sessionPresent: false, reasonCode: 0, returnCode: 0, ...connack });
    await this.connecting;
    return this.packets();
  }

  send(packet: object): void {
    this.peer!.send(generate(packet as Packet, { protocolVersion: this.version }));
    this.memory.settle();
  }

  /** What the client has sent since the last call. */
  packets(): Packet[] {
    this.memory.settle();
    const found: Packet[] = [];
    const reading = parser({ protocolVersion: this.version });
    reading.on("packet", (packet: Packet) => found.push(packet));
    reading.parse(Buffer.from(this.peer!.take()));
    return found;
  }

  /** The same in short: "publish 1 dup". */
  sent(): string[] {
    return this.packets().map((packet) => {
      const dup = packet.cmd === "publish" && packet.dup ? " dup" : "";
      const reason = "reasonCode" in packet && packet.reasonCode ? ` rc${packet.reasonCode}` : "";
      return `${packet.cmd}${
        packet.messageId === undefined ? "" : ` ${packet.messageId}`
      }${dup}${reason}`;
    });
  }

  onMessage(view: PublishView): void {
    const payload = decodeUtf8(view.bytes, view.payloadStart, view.frameEnd);
    this.told.push(`${this.client.topicOf(view)}=${payload}`);
    this.onEach(view);
  }

  onPublished(packetId: number, reasonCode: number): void {
    this.told.push(`published ${packetId}${reasonCode === 0 ? "" : ` rc${reasonCode}`}`);
  }

  onSuback({ packetId, reasonCodes }: { packetId: number; reasonCodes: readonly number[] }): void {
    this.told.push(`suback ${packetId}: ${reasonCodes.join(" ")}`);
  }

  onDisconnect({ reasonCode }: { reasonCode: number }): void {
    this.told.push(`disconnect ${reasonCode}`);
  }

  onDrained(): void {
    this.told.push("drained");
  }

  onClose(cause: string, detail: string | undefined): void {
    this.told.push(`close ${cause}${detail === undefined ? "" : `: ${detail}`}`);
  }
}

function message(qos: Qos, text = "x", some: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    topic: encodeUtf8("t"),
    payload: encodeUtf8(text),
    qos,
    retain: false,
    properties: new Uint8Array(0),
    ...some,
  };
}

test("connect() resolves when the server accepts, and rejects when it refuses", async () => {
  for (const version of [3, 4, 5] as const) {
    const rig = await Rig.connected({}, { version });
    assertEquals([rig.client.isConnected, rig.client.room], [true, 20]);
    const refused = new Rig({}, { version });
    await refused.memory.settled();
    refused.packets();
    refused.send({ cmd: "connack", sessionPresent: false, reasonCode: 0x87, returnCode: 5 });
    const error = await assertRejects(() => refused.connecting, ConnectionRefused);
    assertEquals([error.connack.reasonCode, error.version], [0x87, version]);
    assertEquals([refused.peer!.isHungUp, refused.told], [true, []]);
  }
});

test("connect() rejects when there is no answer, another answer, or no connection", async () => {
  const silent = new Rig();
  await silent.memory.settled();
  silent.memory.advance(6000);
  assertInstanceOf(await silent.connecting.catch((error) => error), ConnectionLost);
  const odd = new Rig();
  await odd.memory.settled();
  odd.packets();
  odd.send({ cmd: "pingresp" });
  assertInstanceOf(await odd.connecting.catch((error) => error), ConnectionLost);
  const aborted = new Rig();
  aborted.client.abort();
  assertInstanceOf(await aborted.connecting.catch((error) => error), ConnectionLost);
  await aborted.memory.settled();
  assertEquals([aborted.peer!.isHungUp, aborted.packets()], [true, []]);
  const loop = new ClientLoop({
    connectTcp: () => Promise.reject(new ConnectError("h:1", "no", "E")),
    every: () => ({ stop: () => undefined }),
  } as unknown as ClientRuntime, new MemoryRuntime().clock);
  const options = { connect: CONNECT, timeoutMs: 1, inflightMax: 1, keepsMessages: false };
  const nowhere = new MqttClient(loop, options, {});
  await assertRejects(
    () => nowhere.connect({ transport: "tcp", host: "h", port: 1 }),
    ConnectError,
    "Cannot connect to h:1: no",
  );
});

test("messages of QoS 0, 1 and 2 go out, and their exchanges come to an end", async () => {
  const rig = await Rig.connected();
  const { client } = rig;
  assertEquals(
    [client.publish(message(0)), client.publish(message(1)), client.publish(message(2))],
    [0, 1, 2],
  );
  assertEquals(rig.sent(), ["publish", "publish 1", "publish 2"]);
  rig.send({ cmd: "pubrec", messageId: 2 });
  assertEquals(rig.sent(), ["pubrel 2"]);
  rig.send({ cmd: "puback", messageId: 1, reasonCode: 16 });
  rig.send({ cmd: "pubcomp", messageId: 2 });
  assertEquals(rig.told, ["published 1 rc16", "published 2"]);
  assertEquals(client.session.inflight.count, 0);
  // Refused by PUBREC: there is nothing to release. Of an exchange that is not known, the server is told.
  client.publish(message(2));
  rig.sent();
  rig.send({ cmd: "pubrec", messageId: 3, reasonCode: 0x97 });
  rig.send({ cmd: "pubrec", messageId: 9 });
  rig.send({ cmd: "pubcomp", messageId: 9 });
  assertEquals([rig.sent(), rig.told.at(-1)], [["pubrel 9 rc146"], "published 3 rc151"]);
});

test("no more messages are on their way than the server and the user allow", async () => {
  const rig = await Rig.connected({ inflightMax: 3 }, {}, { properties: { receiveMaximum: 2 } });
  assertEquals(rig.client.room, 2);
  rig.client.publish(message(1));
  rig.client.publish(message(2));
  assertEquals(rig.client.room, 0);
  rig.packets();
  rig.send({ cmd: "pubrec", messageId: 2 });
  assertEquals(rig.client.room, 0);
  rig.send({ cmd: "puback", messageId: 1 });
  rig.send({ cmd: "pubcomp", messageId: 2 });
  assertEquals(rig.client.room, 2);
});

test("messages that come are handed on once, and acknowledged", async () => {
  const rig = await Rig.connected({}, { topicAliasMaximum: 5 });
  rig.send({ cmd: "publish", topic: "a", payload: "0", qos: 0, dup: false, retain: false });
  rig.send({
    cmd: "publish",
    topic: "a",
    payload: "1",
    qos: 1,
    messageId: 7,
    dup: false,
    retain: false,
  });
  const twice = { cmd: "publish", topic: "a", payload: "2", qos: 2, messageId: 8, retain: false };
  rig.send({ ...twice, dup: false });
  rig.send({ ...twice, dup: true });
  assertEquals(rig.told, ["a=0", "a=1", "a=2"]);
  assertEquals(rig.sent(), ["puback 7", "pubrec 8", "pubrec 8"]);
  rig.send({ cmd: "pubrel", messageId: 8 });
  rig.send({ cmd: "pubrel", messageId: 8 });
  assertEquals(rig.sent(), ["pubcomp 8", "pubcomp 8 rc146"]);
  const alias = (topic: string, topicAlias: number): object => ({
    cmd: "publish",
    topic,
    payload: "x",
    qos: 0,
    dup: false,
    retain: false,
    properties: { topicAlias },
  });
  rig.send(alias("long/topic", 5));
  rig.send(alias("", 5));
  assertEquals(rig.told.slice(3), ["long/topic=x", "long/topic=x"]);
  rig.send(alias("", 4));
  assertEquals([rig.sent(), rig.told.at(-1)], [
    ["disconnect rc148"],
    "close error: Cannot accept PUBLISH: topic alias 4",
  ]);
});

test("what is sent out of a handler leaves, too, and nothing is handed on after disconnect()", async () => {
  const rig = await Rig.connected();
  rig.onEach = () => rig.client.disconnect();
  const packet = {
    cmd: "publish",
    topic: "a",
    payload: "1",
    qos: 1,
    dup: false,
    retain: false,
  } as const;
  const chunk = [1, 2].map((messageId) =>
    generate({ ...packet, messageId }, { protocolVersion: 5 })
  );
  rig.peer!.send(Buffer.concat(chunk));
  assertEquals(rig.sent(), ["puback 1", "disconnect"]);
  assertEquals(rig.told, ["a=1", "close local"]);
});

test("a client that is silent sends PINGREQ, and gives up where nobody answers", async () => {
  const rig = await Rig.connected({}, { keepAliveS: 10 });
  rig.memory.advance(8000);
  rig.client.publish(message(0));
  assertEquals(rig.sent(), ["publish"]);
  rig.memory.advance(9000);
  assertEquals(rig.sent(), []);
  rig.memory.advance(1500);
  assertEquals(rig.sent(), ["pingreq"]);
  rig.send({ cmd: "pingresp" });
  rig.memory.advance(10_200);
  assertEquals(rig.sent(), ["pingreq"]);
  rig.memory.advance(11_000);
  assertEquals(rig.told, ["close error: there was no answer to PINGREQ in time"]);
  const other = await Rig.connected({}, { keepAliveS: 10 }, { properties: { serverKeepAlive: 3 } });
  other.memory.advance(3200);
  assertEquals(other.sent(), ["pingreq"]);
  const never = await Rig.connected({}, { keepAliveS: 0 });
  never.memory.advance(1_000_000);
  assertEquals(never.sent(), []);
});

/** A session with one message awaiting PUBACK, one PUBREC, one PUBCOMP, and a subscription under way. */
async function interrupted(keepsMessages: boolean): Promise<ClientSession> {
  const rig = await Rig.connected({ keepsMessages });
  rig.client.publish(message(1, "one"));
  rig.client.publish(message(2, "two"));
  rig.client.publish(message(2, "three"));
  rig.client.subscribe([
    { filter: "f", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 },
  ]);
  rig.packets();
  rig.send({ cmd: "pubrec", messageId: 3 });
  rig.peer!.end();
  rig.memory.settle();
  assertEquals(rig.told, ["close peer"]);
  return rig.session;
}

test("the next connection of a session sends again what was not acknowledged, in its order", async () => {
  const again = new Rig({ session: await interrupted(true) });
  const packets = await again.accept({ sessionPresent: true });
  assertEquals(
    packets.map((packet) => [packet.cmd, packet.messageId, "dup" in packet && packet.dup]),
    [
      ["publish", 1, true],
      ["publish", 2, true],
      ["pubrel", 3, false],
    ],
  );
  assertEquals(again.client.room, 17);
  // A server that has forgotten the session gets what it did not have as something new.
  const anew = new Rig({ session: await interrupted(true) });
  const sent = await anew.accept();
  assertEquals(
    sent.map((packet) => [packet.cmd, packet.messageId, "dup" in packet && packet.dup]),
    [
      ["publish", 1, false],
      ["publish", 2, false],
    ],
  );
  const unkept = new Rig({ session: await interrupted(false) });
  assertEquals(await unkept.accept(), []);
  assertEquals(unkept.client.room, 20);
});

test("a peer that takes little at a time gets everything, and DISCONNECT at the end", async () => {
  const rig = await Rig.connected();
  const { client, peer } = rig;
  peer!.room = 1000;
  const large = "y".repeat(20_000);
  for (let count = 0; count < 20; count++) client.publish(message(0, count % 2 ? large : "small"));
  assert(client.isCongested === false);
  for (let count = 0; count < 20; count++) client.publish(message(0, large));
  assert(client.isCongested);
  client.disconnect();
  rig.memory.settle();
  assertEquals([peer!.isHungUp, rig.told], [false, []]);
  for (let turn = 0; turn < 2000 && !peer!.isHungUp; turn++) {
    peer!.giveRoom(1000);
    rig.memory.settle();
  }
  const packets = rig.packets();
  assertEquals(packets.length, 41);
  assertEquals(packets.at(-1)?.cmd, "disconnect");
  assertEquals(rig.told, ["close local"]);
});

test("onDrained() tells when a congestion is over", async () => {
  const rig = await Rig.connected();
  rig.peer!.room = 1000;
  for (let count = 0; count < 20; count++) rig.client.publish(message(0, "y".repeat(20_000)));
  assert(rig.client.isCongested);
  rig.memory.settle();
  assertEquals(rig.told, []);
  rig.peer!.giveRoom(1_000_000);
  rig.memory.settle();
  assertEquals([rig.told, rig.client.isCongested], [["drained"], false]);
});

test("the server's goodbye is handed on, and so is its breaking the protocol", async () => {
  const goodbye = await Rig.connected();
  goodbye.send({ cmd: "disconnect", reasonCode: 0x8b });
  assertEquals(goodbye.told, ["disconnect 139", "close local"]);
  const broken = await Rig.connected({}, { version: 4 });
  broken.peer!.send(Uint8Array.of(0x40, 3, 0, 1, 0));
  assertEquals(broken.sent(), []);
  assertEquals(broken.told[0]?.startsWith("close error: Cannot read PUBACK"), true);
});

test("publish() refuses what the server has said that it does not take", async () => {
  const properties = { maximumQoS: 1, retainAvailable: false, maximumPacketSize: 100 };
  const { client } = await Rig.connected({}, {}, { properties });
  const cases: readonly [OutgoingMessage, string][] = [
    [message(2), "qos-not-supported"],
    [message(0, "x", { retain: true }), "retain-not-supported"],
    [message(0, "x".repeat(95)), "packet-too-large"],
  ];
  for (const [refused, problem] of cases) {
    assertEquals(assertThrows(() => client.publish(refused), CannotPublish).problem, problem);
  }
  assertEquals(client.publish(message(1, "x".repeat(80))), 1);
});

test("subscriptions and properties go out as they were given", async () => {
  const rig = await Rig.connected();
  const subscription = {
    filter: "a/#",
    qos: 1,
    noLocal: true,
    retainAsPublished: true,
    retainHandling: 2,
  } as const;
  assertEquals(rig.client.subscribe([subscription], 7, [{ name: "n", value: "v" }]), 1);
  assertEquals(rig.client.unsubscribe(["a/#"]), 2);
  const properties = encodePublishProperties({
    contentType: "c",
    userProperties: [{ name: "b", value: "1" }, { name: "a", value: "2" }],
    messageExpiryS: 9,
    topicAlias: 3,
  });
  rig.client.publish(message(0, "x", { properties }));
  const packets = rig.packets();
  const subscribe = packets[0] as ISubscribePacket;
  const unsubscribe = packets[1] as IUnsubscribePacket;
  const publish = packets[2] as IPublishPacket;
  assertEquals(subscribe.subscriptions, [{ topic: "a/#", qos: 1, nl: true, rap: true, rh: 2 }]);
  assertEquals(subscribe.properties?.subscriptionIdentifier, 7);
  assertEquals(unsubscribe.unsubscriptions, ["a/#"]);
  const { contentType, messageExpiryInterval, topicAlias, userProperties } = publish.properties ??
    {};
  assertEquals([contentType, messageExpiryInterval, topicAlias], ["c", 9, 3]);
  assertEquals(Object.entries({ ...userProperties }), [["b", "1"], ["a", "2"]]);
  rig.send({ cmd: "suback", messageId: 1, granted: [1] });
  assertEquals(rig.told, ["suback 1: 1"]);
});
