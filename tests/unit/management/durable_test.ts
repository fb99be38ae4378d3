import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { ManagementError } from "../../../src/management/mod.ts";
import { LastingBroker } from "../../support/lasting_broker.ts";
import { ADMIN, managementOf } from "../../support/management_rig.ts";
import { withFolder } from "../../support/storage_rig.ts";

const RETAINED = {
  topic: "t",
  payload: Uint8Array.of(1),
  qos: 1,
  retain: true,
  publisher: ADMIN,
} as const;

/** What is known of a client from its CONNECT. */
const CONNECT_KEYS = [
  "username",
  "protocolName",
  "protocolVersion",
  "address",
  "port",
  "listenerName",
  "authentication",
  "keepAliveS",
  "cleanStart",
  "sessionExpiryS",
  "acceptedAtMs",
  "connectedAtMs",
  "createdAtMs",
  "will",
] as const;

/** Resolves with what was there when `work` did, or with undefined while it has not. */
function watch<T>(work: Promise<T>): { result: T | undefined } {
  const seen: { result: T | undefined } = { result: undefined };
  void work.then((result) => seen.result = result);
  return seen;
}

/** Time enough for everything that waits for nothing but promises. */
async function manyPromises(): Promise<void> {
  for (let count = 0; count < 200; count++) await Promise.resolve();
}

async function awayClient(broker: LastingBroker): Promise<void> {
  const client = broker.memory.client({
    clientId: "c",
    username: "u",
    keepalive: 30,
    clean: false,
    properties: { sessionExpiryInterval: 3600 },
    will: {
      topic: "w",
      payload: "x" as never,
      qos: 1,
      retain: false,
      properties: { willDelayInterval: 600 },
    },
  });
  await broker.pass(4);
  client.peer.reset();
  await broker.pass(4);
}

test("a command resolves when what it promises is on disk, and that outlives the broker", () =>
  withFolder(async (folder) => {
    const broker = await LastingBroker.start(folder);
    const service = managementOf(broker.memory, broker.store);
    await awayClient(broker);
    const subscribed = watch(service.clients.subscribe("c", [{ filter: "a/+", qos: 1 }]));
    const published = watch(service.messages.publish(RETAINED));
    await manyPromises();
    assertEquals([subscribed.result, published.result], [undefined, undefined]);
    await broker.pass(10);
    assertEquals([subscribed.result?.length, published.result?.reasonCode], [1, 0x10]);
    const again = await LastingBroker.start(broker.copyAsKilled());
    const later = managementOf(again.memory, again.store);
    const view = await later.clients.get("c", { includeSubscriptions: true });
    const before = await service.clients.get("c");
    for (const key of CONNECT_KEYS) assertEquals(view?.[key], before?.[key], key);
    assertEquals([view?.username, view?.address, view?.keepAliveS], ["u", "memory", 30]);
    const { items } = await later.clients.list({ limit: 10 }, { username: "u", cleanStart: false });
    assertEquals(items.length, 1);
    assertEquals(view?.subscriptions?.map(({ filter, qos }) => [filter, qos]), [["a/+", 1]]);
    assertEquals((await later.retained.get("t"))?.payload.length, 1);
    const removed = watch(later.clients.removeOffline("c").then(() => true));
    const cleared = watch(later.retained.remove("t"));
    await manyPromises();
    assertEquals([removed.result, cleared.result], [undefined, undefined]);
    await again.pass(10);
    assertEquals([removed.result, cleared.result], [true, true]);
    const last = await LastingBroker.start(again.copyAsKilled());
    assertEquals(last.memory.broker.figures.sessions, 0);
    assertEquals(last.memory.broker.figures.retainedMessages, 0);
    for (const each of [broker, again, last]) await each.stop();
  }));

test("while the store is failing, what must be stored is refused, and nothing has changed", () =>
  withFolder(async (folder) => {
    const broker = await LastingBroker.start(folder);
    const service = managementOf(broker.memory, broker.store);
    await awayClient(broker);
    broker.faults.arm(1, "from then on");
    // The first one finds out.
    void service.messages.publish(RETAINED);
    await broker.pass(10);
    assertEquals((await service.nodes.health()).isReady, false);
    const works = [
      () => service.messages.publish({ ...RETAINED, topic: "u" }),
      () => service.clients.subscribe("c", [{ filter: "b", qos: 0 }]),
      () => service.clients.unsubscribe("c", ["b"]),
      () => service.clients.remove("c"),
      () => service.clients.removeOffline("c"),
      () => service.retained.remove("t"),
    ];
    for (const work of works) {
      assertEquals(
        (await assertRejects(work as () => Promise<unknown>, ManagementError)).code,
        "unavailable",
      );
    }
    assertEquals((await service.clients.get("c"))?.session.subscriptions, 0);
    assertEquals(await service.retained.get("u"), undefined);
    broker.faults.heal();
    await broker.pass(10_000);
    await broker.stop();
  }));
