/** The whole program against every packet that is wrong in one place. */
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { within } from "../../support/deadline.ts";
import { TestClient } from "../../support/mqtt_client.ts";
import { seededPrng } from "../../support/seed.ts";
import { withBroker } from "../../support/start_broker.ts";
import { type MalformedCase, malformedCases } from "./cases.ts";

const AT_ONCE = 64;
const CASES_BETWEEN_TRADES = 500;
const SETTINGS = ["--ephemeral", "--log-level", "warn", "--set", "mqtt.max_retained_messages=10"];

/** CONNECT with a client identifier that is assigned, and a clean session. */
const CONNECT = {
  4: Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0),
  5: Uint8Array.of(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 0, 0, 0, 0),
} as const;

/** Sends the case, ends our side and waits until the broker has done the same. */
function play(port: number, { what, bytes, version }: MalformedCase): Promise<void> {
  const done = new Promise<void>((resolve) => {
    const socket: Socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => undefined);
    socket.once("close", () => resolve());
    socket.resume();
    if (version !== undefined) socket.write(CONNECT[version]);
    socket.end(bytes);
  });
  return within(done, `the end of the connection that sent ${what}`);
}

async function playAll(port: number, cases: readonly MalformedCase[]): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < cases.length; index = next++) {
      await play(port, cases[index] as MalformedCase);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

test("20,000 packets that are wrong in one place harm nobody but who sends them", () => {
  const cases = malformedCases();
  assert(cases.length >= 20_000, `${cases.length} cases`);
  const prng = seededPrng("malformed packets");
  for (let n = cases.length - 1; n > 0; n--) {
    const other = prng.nextInt(n + 1);
    [cases[n], cases[other]] = [cases[other] as MalformedCase, cases[n] as MalformedCase];
  }
  return withBroker({ args: SETTINGS }, async (broker) => {
    const publisher = await TestClient.connect(broker.port);
    const subscriber = await TestClient.connect(broker.port);
    await subscriber.subscribe("bystander", { qos: 1 });
    const trade = async (payload: string): Promise<void> => {
      await publisher.publish("bystander", payload, { qos: 1 });
      assertEquals(String((await subscriber.receive()).payload), payload);
    };
    for (let at = 0; at < cases.length; at += CASES_BETWEEN_TRADES) {
      await playAll(broker.port, cases.slice(at, at + CASES_BETWEEN_TRADES));
      await trade(String(at));
    }
    assertEquals(broker.stderr().includes("this is a bug"), false, broker.stderr());
  });
});
