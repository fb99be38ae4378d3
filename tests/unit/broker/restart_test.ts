/** What a broker owes to others on behalf of clients that were there, or were to come back, when it ended. */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { IConnectPacket, IPublishPacket } from "mqtt-packet";
import { LastingBroker } from "../../support/lasting_broker.ts";
import type { MemoryClient } from "../../support/memory_broker.ts";
import { withFolder } from "../../support/storage_rig.ts";

const WHEN_ENDED = ["stop", "kill"] as const;

async function connect(
  broker: LastingBroker,
  clientId: string,
  fields: Partial<IConnectPacket> = {},
): Promise<MemoryClient> {
  const properties = { sessionExpiryInterval: 3600 };
  const client = broker.memory.client({ clientId, clean: false, properties, ...fields });
  await broker.pass(4);
  return client;
}

/** A session whose client is away. */
async function leaveBehind(
  broker: LastingBroker,
  clientId: string,
  filter: string,
  qos: 1 | 2,
  expiryS = 3600,
): Promise<void> {
  const client = await connect(broker, clientId, {
    properties: { sessionExpiryInterval: expiryS },
  });
  client.subscribe(filter, qos);
  await broker.pass(4);
  client.peer.reset();
}

function publishesTo(client: MemoryClient): IPublishPacket[] {
  return client.take().filter(({ cmd }) => cmd === "publish") as IPublishPacket[];
}

function payloadsTo(client: MemoryClient): string[] {
  return publishesTo(client).map(({ payload }) => String(payload));
}

async function restart(
  broker: LastingBroker,
  folder: string,
  end: "stop" | "kill",
): Promise<LastingBroker> {
  if (end === "stop") {
    await broker.stop();
    return LastingBroker.start(folder);
  }
  const copy = broker.copyAsKilled();
  await broker.abandon();
  return LastingBroker.start(copy);
}

function willTo(topic: string, willDelayInterval = 0): NonNullable<IConnectPacket["will"]> {
  const payload = Buffer.from(topic);
  return { topic, payload, qos: 1, retain: true, properties: { willDelayInterval } };
}

for (const end of WHEN_ENDED) {
  for (const how of ["is begun anew", "expires"] as const) {
    test(`${end}: what a group chose a member for goes to another one when the session of the first ${how}`, () =>
      withFolder(async (folder) => {
        const first = await LastingBroker.start(folder);
        await leaveBehind(first, "a", "$share/g/t", 1, 60);
        await leaveBehind(first, "b", "$share/g/t", 1);
        const publisher = first.memory.connect();
        for (let number = 1; number <= 6; number++) {
          publisher.publish("t", String(number), 1, number);
        }
        await first.pass(10);
        const broker = await restart(first, folder, end);
        if (how === "expires") await broker.pass(61_000);
        else await connect(broker, "a", { clean: true });
        const b = await connect(broker, "b");
        assertEquals(payloadsTo(b).sort(), ["1", "2", "3", "4", "5", "6"]);
        await broker.stop();
      }));
  }

  test(`${end}: what a member of a group had in flight at QoS 1 goes to another one when its session ends`, () =>
    withFolder(async (folder) => {
      const first = await LastingBroker.start(folder);
      const a = await connect(first, "a");
      a.subscribe("$share/g/t", 1);
      await first.pass(4);
      const publisher = first.memory.connect();
      for (let number = 1; number <= 3; number++) publisher.publish("t", String(number), 1, number);
      await first.pass(10);
      assertEquals(payloadsTo(a), ["1", "2", "3"]);
      const broker = await restart(first, folder, end);
      await leaveBehind(broker, "b", "$share/g/t", 1);
      await connect(broker, "a", { clean: true });
      assertEquals(payloadsTo(await connect(broker, "b")), ["1", "2", "3"]);
      await broker.stop();
    }));

  test(`${end}: wills of clients that were there reach stored sessions and topics, each after its delay`, () =>
    withFolder(async (folder) => {
      const first = await LastingBroker.start(folder);
      await leaveBehind(first, "watcher", "will/+", 1);
      await connect(first, "at once", { will: willTo("will/0") });
      await connect(first, "late", { will: willTo("will/100", 100) });
      const broker = await restart(first, folder, end);
      const watcher = await connect(broker, "watcher");
      assertEquals(payloadsTo(watcher), ["will/0"]);
      await broker.pass(95_000);
      assertEquals(payloadsTo(watcher), []);
      await broker.pass(6_000);
      assertEquals(payloadsTo(watcher), ["will/100"]);
      const newcomer = await connect(broker, "newcomer");
      newcomer.subscribe("will/+", 0);
      await broker.pass(4);
      assertEquals(payloadsTo(newcomer), ["will/0", "will/100"]);
      await broker.stop();
    }));

  test(`${end}: a will from behind a mountpoint is delayed as it asked for`, () =>
    withFolder(async (folder) => {
      const first = await LastingBroker.start(folder);
      first.memory.mountpoint = "m/";
      await connect(first, "gone", { will: willTo("$delayed/1000/w", 100) });
      const broker = await restart(first, folder, end);
      const watcher = await connect(broker, "watcher");
      watcher.subscribe("#", 0);
      await broker.pass(101_000);
      assertEquals(publishesTo(watcher), []);
      await broker.pass(1_001_000);
      assertEquals(publishesTo(watcher).map(({ topic }) => topic), ["m/w"]);
      await broker.stop();
    }));
}

test("kill: what has expired before it was sent is not sent, though it was about to be", () =>
  withFolder(async (folder) => {
    const first = await LastingBroker.start(folder);
    const properties = { sessionExpiryInterval: 3600, receiveMaximum: 2 };
    const subscriber = await connect(first, "s", { properties });
    subscriber.subscribe("t", 2);
    await first.pass(4);
    const publisher = first.memory.connect();
    const publish = (payload: string, qos: 1 | 2, messageExpiryInterval?: number): void =>
      publisher.send({
        cmd: "publish",
        topic: "t",
        payload,
        qos,
        retain: false,
        dup: false,
        messageId: Number(payload),
        ...(messageExpiryInterval === undefined ? {} : { properties: { messageExpiryInterval } }),
      });
    for (const payload of ["1", "2"]) publish(payload, 1);
    for (const payload of ["3", "4"]) publish(payload, 1, 10);
    publish("5", 1, 1000);
    publish("6", 1);
    // It may have been received under its identifier.
    publish("7", 2, 10);
    await first.pass(10);
    assertEquals(payloadsTo(subscriber), ["1", "2"]);
    const broker = await restart(first, folder, "kill");
    await broker.pass(20_000);
    const again = await connect(broker, "s");
    assertEquals(payloadsTo(again), ["1", "2", "5", "6", "7"]);
    assertEquals(broker.memory.broker.counters.sessions.droppedExpired, 2);
    await broker.stop();
  }));

test("a start writes of sessions that their clients were connected, and nothing else", () =>
  withFolder(async (folder) => {
    const first = await LastingBroker.start(folder);
    for (const clientId of ["a", "b", "c"]) await leaveBehind(first, clientId, "t", 1);
    for (const clientId of ["d", "e"]) await connect(first, clientId);
    await first.pass(1000);
    let broker = await restart(first, folder, "kill");
    await broker.pass(1000);
    assertEquals(broker.store.counters.rows, 2);
    broker = await restart(broker, folder, "kill");
    await broker.pass(1000);
    assertEquals([broker.store.counters.rows, broker.memory.broker.figures.sessions], [0, 5]);
    await broker.stop();
  }));

test("stop: the will of a session that ends with its connection reaches stored sessions and topics", () =>
  withFolder(async (folder) => {
    const first = await LastingBroker.start(folder);
    await leaveBehind(first, "watcher", "will", 1);
    first.memory.connect({ clientId: "gone", will: willTo("will") });
    const broker = await restart(first, folder, "stop");
    assertEquals(payloadsTo(await connect(broker, "watcher")), ["will"]);
    const newcomer = await connect(broker, "newcomer");
    newcomer.subscribe("will", 0);
    await broker.pass(4);
    assertEquals(publishesTo(newcomer).map(({ retain }) => retain), [true]);
    await broker.stop();
  }));

test("stop: a will that an authorizer takes its time to judge is waited for", () =>
  withFolder(async (folder) => {
    const answers: ((answer: "allow") => void)[] = [];
    let isSlow = false;
    const authorizer = {
      authorize: (): "allow" | Promise<"allow"> =>
        isSlow ? new Promise((resolve) => answers.push(resolve)) : "allow",
    };
    const first = await LastingBroker.start(folder, {}, undefined, { authorizer });
    await leaveBehind(first, "watcher", "will", 1);
    await connect(first, "gone", { will: willTo("will") });
    isSlow = true;
    const stopped = first.stop();
    await first.pass(1000);
    assertEquals(answers.length, 1);
    answers[0]?.("allow");
    await stopped;
    const broker = await LastingBroker.start(folder);
    assertEquals(payloadsTo(await connect(broker, "watcher")), ["will"]);
    await broker.stop();
  }));
