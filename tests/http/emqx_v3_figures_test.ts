/** Metrics and stats of EMQX 3's REST API after a script of single packets, each figure worked out by hand. */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { generate, type Packet } from "mqtt-packet";
import { clockPasses, within } from "../support/deadline.ts";
import { ScramClient } from "../support/scram_client.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";

const NODE = "broker@127.0.0.1";

/** A client that says and expects bytes, written in hexadecimal. */
class ByteClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  /** Bytes that were sent and have come. */
  said = 0;
  heard = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.heard += chunk.length;
      socket.emit("more");
    });
  }

  static async open(port: number): Promise<ByteClient> {
    const socket = connect({ port, host: "127.0.0.1" });
    await within(once(socket, "connect"), "a connection");
    return new ByteClient(socket);
  }

  /** Sends, and waits for all that is to come; each text is a packet. */
  async say(packet: string, ...answers: readonly string[]): Promise<void> {
    this.send(Buffer.from(packet.replaceAll(" ", ""), "hex"));
    await this.hear(...answers);
  }

  send(packet: Uint8Array): void {
    this.said += packet.length;
    this.#socket.write(packet);
  }

  /** The next packet, whatever it is. */
  async next(): Promise<Buffer> {
    let length = this.#packetLength();
    while (length === undefined || this.#received.length < length) {
      await within(once(this.#socket, "more"), "a packet");
      length = this.#packetLength();
    }
    const packet = this.#received.subarray(0, length);
    this.#received = this.#received.subarray(length);
    return packet;
  }

  /** Of one with up to two bytes of length. */
  #packetLength(): number | undefined {
    const [, low = 0, high = 0] = this.#received;
    if (this.#received.length < 3 && low > 0) return undefined;
    return low < 128 ? 2 + low : 3 + (low & 0x7f) + (high << 7);
  }

  async closed(): Promise<void> {
    if (!this.#socket.closed) await within(once(this.#socket, "close"), "the end of a connection");
  }

  async hear(...answers: readonly string[]): Promise<void> {
    const expected = answers.join("").replaceAll(" ", "");
    while (this.#received.length < expected.length / 2) {
      await within(
        once(this.#socket, "more"),
        `${expected} after ${this.#received.toString("hex")}`,
      );
    }
    assertEquals(this.#received.toString("hex"), expected);
    this.#received = Buffer.alloc(0);
  }

  async close(): Promise<void> {
    this.#socket.end();
    await this.closed();
  }
}

async function data({ httpUrl }: RunningBroker, path: string): Promise<Record<string, number>> {
  const headers = { authorization: `Basic ${btoa("admin:public")}` };
  const reply = await fetch(`${httpUrl}/api/v3${path}`, { headers });
  return (await reply.json()).data;
}

async function publishByHttp({ httpUrl }: RunningBroker): Promise<void> {
  const reply = await fetch(`${httpUrl}/api/v3/mqtt/publish`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa("admin:public")}` },
    body: JSON.stringify({ topic: "t", payload: "x" }),
  });
  assertEquals(await reply.json(), { code: 0 });
}

/** Received: 62 and 55 bytes in 12 and 8 packets; sent: 55 and 18 in 11 and 5. */
async function script(broker: RunningBroker): Promise<ByteClient> {
  const a = await ByteClient.open(broker.port);
  const b = await ByteClient.open(broker.port);
  await a.say("10 0d 0004 4d515454 04 02 003c 0001 61", "20 02 0000");
  await b.say("10 0d 0004 4d515454 04 02 003c 0001 62", "20 02 0000");
  await a.say("82 06 0001 0001 74 02", "90 03 0001 02");
  // QoS 0, 1 and 2 from one to the other.
  await b.say("30 04 0001 74 78");
  await a.hear("30 04 0001 74 78");
  await b.say("32 06 0001 74 0001 78", "40 02 0001");
  await a.hear("32 06 0001 74 0001 78");
  await a.say("40 02 0001");
  await b.say("34 06 0001 74 0002 78", "50 02 0002");
  await b.say("62 02 0002", "70 02 0002");
  await a.hear("34 06 0001 74 0002 78");
  await a.say("50 02 0002", "62 02 0002");
  await a.say("70 02 0002");
  // Acknowledgements of nothing: two of them have an answer.
  await a.say("40 02 0063");
  await a.say("50 02 0063", "62 02 0063");
  await a.say("62 02 0063", "70 02 0063");
  await a.say("70 02 0063");
  // One is kept, and nobody subscribes to either.
  await b.say("31 04 0001 72 78");
  await b.say("30 04 0001 6e 78");
  await b.say("c0 00", "d0 00");
  await publishByHttp(broker);
  await a.hear("30 04 0001 74 78");
  await a.say("a2 05 0002 0001 74", "b0 02 0002");
  await a.say("c0 00", "d0 00");
  await a.say("e0 00");
  await a.close();
  return b;
}

const METRICS: Readonly<Record<string, number>> = {
  "bytes/received": 117,
  "bytes/sent": 73,
  "packets/received": 20,
  "packets/sent": 16,
  "packets/connect": 2,
  "packets/connack": 2,
  "packets/publish/received": 5,
  "packets/publish/sent": 4,
  "packets/puback/received": 2,
  "packets/puback/sent": 1,
  "packets/puback/missed": 1,
  "packets/pubrec/received": 2,
  "packets/pubrec/sent": 1,
  "packets/pubrec/missed": 1,
  "packets/pubrel/received": 2,
  "packets/pubrel/sent": 2,
  "packets/pubrel/missed": 1,
  "packets/pubcomp/received": 2,
  "packets/pubcomp/sent": 2,
  "packets/pubcomp/missed": 1,
  "packets/subscribe": 1,
  "packets/suback": 1,
  "packets/unsubscribe": 1,
  "packets/unsuback": 1,
  "packets/pingreq": 2,
  "packets/pingresp": 2,
  "packets/disconnect/received": 1,
  "packets/disconnect/sent": 0,
  "packets/auth": 0,
  // What came by HTTP is sent and was not received.
  "messages/received": 5,
  "messages/sent": 4,
  "messages/qos0/received": 3,
  "messages/qos0/sent": 2,
  "messages/qos1/received": 1,
  "messages/qos1/sent": 1,
  "messages/qos2/received": 1,
  "messages/qos2/sent": 1,
  "messages/qos2/expired": 0,
  "messages/qos2/dropped": 0,
  "messages/retained": 1,
  "messages/dropped": 2,
  "messages/expired": 0,
  "messages/forward": 0,
};

const STATS: Readonly<Record<string, number>> = {
  "connections/count": 1,
  "connections/max": 2,
  "sessions/count": 1,
  "sessions/max": 2,
  "sessions/persistent/count": 0,
  "sessions/persistent/max": 0,
  "topics/count": 0,
  "topics/max": 1,
  "routes/count": 0,
  "routes/max": 1,
  "subscribers/count": 0,
  "subscribers/max": 1,
  "subscriptions/count": 0,
  "subscriptions/max": 1,
  "subscriptions/shared/count": 0,
  "subscriptions/shared/max": 0,
  "retained/count": 1,
  "retained/max": 1,
};

test("every metric and every stat after a script of packets is what is counted by hand", () =>
  withBroker({ args: ["--set", "mqtt.sys_interval=0"] }, async (broker) => {
    const b = await script(broker);
    assertEquals(await data(broker, `/nodes/${NODE}/metrics`), METRICS);
    assertEquals(await data(broker, `/nodes/${NODE}/stats`), STATS);
    await b.close();
  }));

/** A CONNECT of 5.0 without reason strings in the answers; `flags`: 2 for a clean start. */
function connect5(clientId: string, flags: number, properties = ""): Buffer {
  const extra = Buffer.from(`1700${properties.replaceAll(" ", "")}`, "hex");
  const id = Buffer.from(clientId);
  const body = Buffer.concat([
    Buffer.from("00044d51545405", "hex"),
    Buffer.of(flags, 0, 60, extra.length),
    extra,
    Buffer.of(0, id.length),
    id,
  ]);
  return Buffer.concat([Buffer.of(0x10, body.length), body]);
}

async function open5(port: number, connect: Buffer): Promise<ByteClient> {
  const client = await ByteClient.open(port);
  client.send(connect);
  const connack = await client.next();
  assertEquals([connack[0], connack[3]], [0x20, 0]);
  return client;
}

const METHOD = "SCRAM-SHA-256";
const SERVER_FIRST = /r=[^,]*,s=[^,]*,i=\d+/;

/** SCRAM with CONNECT and once more: three AUTH each way. */
async function authenticate(port: number): Promise<ByteClient> {
  const client = await ByteClient.open(port);
  const say = (packet: Packet): void => client.send(generate(packet, { protocolVersion: 5 }));
  const auth = (reasonCode: number, authenticationData: Buffer): void =>
    say({
      cmd: "auth",
      reasonCode,
      properties: { authenticationMethod: METHOD, authenticationData },
    });
  const answer = async (talk: ScramClient): Promise<void> => {
    const packet = await client.next();
    assertEquals(packet[0], 0xf0);
    const [serverFirst = ""] = SERVER_FIRST.exec(packet.toString("latin1")) ?? [];
    auth(0x18, talk.final(Buffer.from(serverFirst)));
  };
  const first = new ScramClient("alice", "secret");
  say({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 5,
    clean: true,
    clientId: "c",
    keepalive: 60,
    properties: {
      requestProblemInformation: false,
      authenticationMethod: METHOD,
      authenticationData: first.first(),
    },
  });
  await answer(first);
  assertEquals((await client.next())[0], 0x20);
  const second = new ScramClient("alice", "secret");
  auth(0x19, second.first());
  await answer(second);
  assertEquals((await client.next())[0], 0xf0);
  return client;
}

/** What only 5.0 has, and what goes wrong. Returns the clients in the order of their coming. */
async function script5(broker: RunningBroker): Promise<ByteClient[]> {
  const { port } = broker;
  const lasting = connect5("a", 0, "11 00000e10");
  const away = await open5(port, lasting);
  await away.say("82 07 0001 00 0001 74 01", "90 04 0001 00 01");
  await away.say("e0 00");
  await away.closed();
  // One second to live, and nobody there.
  const b = await open5(port, connect5("b", 2));
  await b.say("32 0c 0001 74 0001 05 02 00000001 78", "40 02 0001");
  await clockPasses(Date.now() + 1000);
  const a = await open5(port, lasting);
  await a.say("c0 00", "d0 00");
  // One of QoS 2 is the most that may be unreleased: the first is for nobody, the second too many.
  await b.say("34 07 0001 6e 0002 00 78", "50 03 0002 10");
  await b.say("34 07 0001 6e 0003 00 78", "e0 02 93 00");
  await b.closed();
  const c = await authenticate(port);
  // AUTH of a client that agreed on no method.
  const d = await open5(port, connect5("d", 2));
  await d.say("f0 00", "e0 02 82 00");
  await d.closed();
  const headers = { authorization: `Basic ${btoa("admin:public")}` };
  const kick = { method: "DELETE", headers };
  const reply = await fetch(`${broker.httpUrl}/api/v3/connections/c`, kick);
  assertEquals(await reply.json(), { code: 0 });
  await c.hear("e0 02 98 00");
  await c.closed();
  return [away, b, a, c, d];
}

const METRICS5: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.keys(METRICS).map((name) => [name, 0])),
  // Five CONNECT, SUBSCRIBE, DISCONNECT, three PUBLISH, PINGREQ, four AUTH.
  "packets/received": 15,
  // As many CONNACK, SUBACK, PUBACK, PINGRESP, PUBREC, three DISCONNECT, three AUTH.
  "packets/sent": 15,
  "packets/connect": 5,
  "packets/connack": 5,
  "packets/publish/received": 3,
  "packets/puback/sent": 1,
  "packets/pubrec/sent": 1,
  "packets/subscribe": 1,
  "packets/suback": 1,
  "packets/pingreq": 1,
  "packets/pingresp": 1,
  "packets/disconnect/received": 1,
  "packets/disconnect/sent": 3,
  // Both ways.
  "packets/auth": 7,
  "messages/received": 3,
  "messages/qos1/received": 1,
  "messages/qos2/received": 2,
  "messages/qos2/dropped": 1,
  "messages/dropped": 1,
  "messages/expired": 1,
};

const STATS5: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.keys(STATS).map((name) => [name, 1])),
  // The session that waited, the one that authenticated, and the one that should not have.
  "connections/max": 3,
  "sessions/max": 3,
  "subscriptions/shared/count": 0,
  "subscriptions/shared/max": 0,
  "retained/count": 0,
  "retained/max": 0,
};

const CONFIG5 = `[mqtt]
sys_interval = 0
receive_maximum = 1
[[auth.user]]
username = "alice"
password = "secret"
`;

test("the same of AUTH, an expiry, QoS 2 above the receive maximum, and DISCONNECT of the broker", () =>
  withBroker({ config: CONFIG5 }, async (broker) => {
    const clients = await script5(broker);
    const sum = (bytes: (client: ByteClient) => number): number =>
      clients.reduce((total, client) => total + bytes(client), 0);
    assertEquals(await data(broker, `/nodes/${NODE}/metrics`), {
      ...METRICS5,
      "bytes/received": sum(({ said }) => said),
      "bytes/sent": sum(({ heard }) => heard),
    });
    assertEquals(await data(broker, `/nodes/${NODE}/stats`), STATS5);
    await clients[2]?.close();
  }));
