import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { IPublishPacket } from "mqtt-packet";
import type { MqttOptions } from "../../../src/broker/mod.ts";
import { LastingBroker } from "../../support/lasting_broker.ts";
import { DEFAULT_LIMITS, DEFAULT_OPTIONS } from "../../support/memory_broker.ts";
import { openInline, TestTimers, withFolder } from "../../support/storage_rig.ts";

const COUNT = 3000;
const DURABLE = { clean: false, properties: { sessionExpiryInterval: 3600 } } as const;

/** A broker with two sessions that are away, in whose queues `COUNT` messages wait. */
async function startFilled(
  folder: string,
  options: Partial<MqttOptions> = {},
): Promise<LastingBroker> {
  const broker = await LastingBroker.start(folder, { maxQueuedMessages: 0, ...options });
  for (const clientId of ["a", "b"]) {
    const client = broker.memory.client({ clientId, ...DURABLE });
    await broker.pass(4);
    client.subscribe("t", 1);
    await broker.pass(4);
    client.peer.reset();
  }
  const publisher = broker.memory.connect({ version: 4 });
  for (let number = 1; number <= COUNT; number++) {
    publisher.publish("t", String(number), 1, number);
    if (number % 500 === 0) await broker.pass(10);
  }
  await broker.pass(10);
  return broker;
}

/** Numbers of the messages that a session gets. */
async function numbersOf(broker: LastingBroker, clientId: string): Promise<number[]> {
  const client = broker.memory.client({ clientId, ...DURABLE });
  const numbers: number[] = [];
  for (let idle = 0; idle < 3;) {
    await broker.pass(4);
    const packets = client.take().filter(({ cmd }) => cmd === "publish") as IPublishPacket[];
    idle = packets.length === 0 ? idle + 1 : 0;
    for (const { payload, messageId = 0 } of packets) {
      numbers.push(Number(payload));
      client.send({ cmd: "puback", messageId });
    }
  }
  return numbers;
}

function fromTo(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

test("a lower limit of queued messages holds for queues that are stored already, from the start on", () =>
  withFolder(async (folder) => {
    const first = await startFilled(folder);
    await first.stop();
    const broker = await LastingBroker.start(folder, { maxQueuedMessages: 700 });
    await broker.pass(50);
    const { sessions } = broker.memory.broker.counters;
    assertEquals([sessions.queuedMessages, sessions.droppedQueueFull], [1400, 2 * (COUNT - 700)]);
    assertEquals(await numbersOf(broker, "a"), fromTo(COUNT - 699, COUNT));
    await broker.stop();
    // It is so on disk, too.
    const again = await LastingBroker.start(folder, { maxQueuedMessages: 0 });
    await again.pass(50);
    assertEquals(again.memory.broker.counters.sessions.queuedMessages, 700);
    assertEquals(await numbersOf(again, "b"), fromTo(COUNT - 699, COUNT));
    await again.stop();
  }));

test("a lower limit holds from a reload on, a slice at a time", () =>
  withFolder(async (folder) => {
    const broker = await startFilled(folder);
    const { sessions } = broker.memory.broker.counters;
    broker.memory.broker.reconfigure({ ...DEFAULT_OPTIONS, maxQueuedMessages: 10 }, DEFAULT_LIMITS);
    broker.memory.runtime.turn();
    const left = sessions.queuedMessages;
    assertEquals(left > 2 * COUNT - 600 && left < 2 * COUNT, true, `${left}`);
    await broker.pass(50);
    assertEquals(sessions.queuedMessages, 20);
    assertEquals(await numbersOf(broker, "a"), fromTo(COUNT - 9, COUNT));
    await broker.stop();
  }));

test("where the newest are dropped, what waits already stays", () =>
  withFolder(async (folder) => {
    const broker = await startFilled(folder);
    const options = {
      ...DEFAULT_OPTIONS,
      maxQueuedMessages: 10,
      queueFull: "drop_newest",
    } as const;
    broker.memory.broker.reconfigure(options, DEFAULT_LIMITS);
    await broker.pass(50);
    assertEquals(broker.memory.broker.counters.sessions.queuedMessages, 2 * COUNT);
    await broker.stop();
  }));

test("when a client with a will went is on disk soon, so its delay counts though the broker dies", () =>
  withFolder(async (folder) => {
    const broker = await LastingBroker.start(folder);
    const will = {
      topic: "will",
      payload: Buffer.from("gone"),
      qos: 1,
      retain: false,
      properties: { willDelayInterval: 60 },
    } as const;
    const client = broker.memory.client({ clientId: "c", ...DURABLE, will });
    await broker.pass(4);
    client.expect("connack");
    const goneAtMs = broker.memory.runtime.clock.nowMs();
    client.peer.reset();
    await broker.pass(4);
    const copy = broker.copyAsKilled();
    await broker.abandon();
    const { store } = await openInline(copy, new TestTimers());
    assertEquals(store.load().sessions.map(({ record }) => record.disconnectedAtMs), [goneAtMs]);
    await store.close();
  }));
