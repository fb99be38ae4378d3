/** Metrics and stats of EMQX 3's REST API after a script of single packets, each figure worked out by hand. */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { within } from "../support/deadline.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";

const NODE = "broker@127.0.0.1";

/** A client that says and expects bytes, written in hexadecimal. */
class ByteClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.#received = Buffer.concat([this.#received, chunk]);
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
    this.#socket.write(Buffer.from(packet.replaceAll(" ", ""), "hex"));
    await this.hear(...answers);
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
    await within(once(this.#socket, "close"), "the end of a connection");
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
