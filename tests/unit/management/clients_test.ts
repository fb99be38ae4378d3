import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ManagementError, type PublishRequest } from "../../../src/management/mod.ts";
import { ADMIN, ManagementRig } from "../../support/management_rig.ts";

const ENCODER = new TextEncoder();

function publishRequest(
  topic: string,
  payload: string,
  qos: 0 | 1 | 2 = 0,
  retain = false,
): PublishRequest {
  return { topic, payload: ENCODER.encode(payload), qos, retain, publisher: ADMIN };
}

test("clients.get() tells what CONNECT said and what has happened since", async () => {
  const rig = new ManagementRig();
  const { memory, service } = rig;
  memory.runtime.advance(1000);
  const client = memory.connect({
    clientId: "c",
    keepalive: 30,
    clean: false,
    properties: { sessionExpiryInterval: 100, receiveMaximum: 7 },
    will: { topic: "gone", payload: "bye" as never, qos: 1, retain: true },
  });
  client.subscribe("a/+", 1, 1);
  client.subscribe("$share/g/b", 2, 2);
  client.publish("nobody", "x", 1, 5);
  memory.runtime.settle();
  const view = (await service.clients.get("c", { includeSubscriptions: true }))!;
  assertEquals(view, {
    ...view,
    node: "broker@test",
    isConnected: true,
    protocolName: "MQTT",
    protocolVersion: 5,
    address: "memory",
    listenerName: "tcp:default",
    keepAliveS: 30,
    cleanStart: false,
    sessionExpiryS: 100,
    isPersistent: true,
    disconnectedAtMs: undefined,
    createdAtMs: memory.runtime.clock.nowMs(),
  });
  assertEquals(view.will?.topic, "gone");
  assertEquals([view.session.subscriptions, view.session.inflightMax], [2, 7]);
  const { received, sent } = view.traffic;
  assertEquals([received.packets, received.qos1, sent.packets], [4, 1, 4]);
  assertEquals(received.bytes > 0 && received.transfers === 4, true);
  assertEquals(
    view.subscriptions?.map(({ filter, topicFilter, shareName, qos }) => [
      filter,
      topicFilter,
      shareName,
      qos,
    ]),
    [["a/+", "a/+", undefined, 1], ["$share/g/b", "b", "g", 2]],
  );
  client.peer.reset();
  memory.runtime.settle();
  memory.runtime.advance(5000);
  const away = await service.clients.get("c");
  assertEquals([away?.isConnected, away?.traffic.received.packets, away?.will?.topic], [
    false,
    4,
    "gone",
  ]);
  assertEquals(away?.disconnectedAtMs, view.createdAtMs);
  assertEquals(await service.clients.get("nobody"), undefined);
});

test("clients.kick() says why, and the session stays", async () => {
  const rig = new ManagementRig();
  const client = rig.memory.connect({
    clientId: "c",
    properties: { sessionExpiryInterval: 100 },
    will: { topic: "w", payload: "x" as never, qos: 0, retain: true },
  });
  await rig.settled(rig.service.clients.kick("c"));
  assertEquals(client.expect("disconnect")[0].reasonCode, 0x98);
  assertEquals((await rig.service.clients.get("c"))?.isConnected, false);
  assert(await rig.service.retained.get("w") !== undefined, "the will was published");
  const error = await assertRejects(
    () => rig.settled(rig.service.clients.kick("c")),
    ManagementError,
  );
  assertEquals(error.code, "not-found");
});

test("clients.remove() ends connection and session, and publishes a delayed will at once", async () => {
  const rig = new ManagementRig();
  const watcher = rig.memory.connect({ clientId: "watcher" });
  watcher.subscribe("w", 0);
  rig.memory.connect({
    clientId: "c",
    properties: { sessionExpiryInterval: 100 },
    will: {
      topic: "w",
      payload: "x" as never,
      qos: 0,
      retain: false,
      properties: { willDelayInterval: 50 },
    },
  });
  rig.memory.runtime.settle();
  watcher.take();
  await rig.settled(rig.service.clients.remove("c"));
  rig.memory.runtime.settle();
  watcher.expect("publish");
  assertEquals(await rig.service.clients.get("c"), undefined);
  const again = rig.memory.connect({ clientId: "c", clean: false });
  assertEquals(again.connack.sessionPresent, false);
  const error = await assertRejects(
    () => rig.settled(rig.service.clients.remove("x")),
    ManagementError,
  );
  assertEquals(error.code, "not-found");
});

test("clients.removeOffline() leaves a connected client alone", async () => {
  const rig = new ManagementRig();
  const client = rig.memory.connect({ clientId: "c", properties: { sessionExpiryInterval: 100 } });
  const remove = (): Promise<void> => rig.settled(rig.service.clients.removeOffline("c"));
  assertEquals((await assertRejects(remove, ManagementError)).code, "conflict");
  client.peer.reset();
  rig.memory.runtime.settle();
  await remove();
  assertEquals((await assertRejects(remove, ManagementError)).code, "not-found");
});

test("clients.subscribe() is a SUBSCRIBE without SUBACK, with retained messages", async () => {
  const rig = new ManagementRig();
  const { clients, messages } = rig.service;
  await rig.settled(messages.publish(publishRequest("a/1", "kept", 1, true)));
  const client = rig.memory.connect({ clientId: "c" });
  const [view] = await rig.settled(clients.subscribe("c", [{ filter: "a/+", qos: 1 }]));
  assertEquals([view?.filter, view?.qos], ["a/+", 1]);
  rig.memory.runtime.settle();
  const [kept, ...rest] = client.expect("publish");
  assertEquals([String(kept.payload), kept.retain, rest.length], ["kept", true, 0]);
  const { matched } = await rig.settled(messages.publish(publishRequest("a/2", "live")));
  rig.memory.runtime.settle();
  assertEquals([matched, String(client.expect("publish")[0].payload)], [1, "live"]);
  assertEquals(await rig.settled(clients.unsubscribe("c", ["a/+", "b"])), [true, false]);
  await rig.settled(messages.publish(publishRequest("a/2", "missed")));
  rig.memory.runtime.settle();
  assertEquals(client.take(), []);
});

test("clients.subscribe() for a client that is away brings it what comes, retained messages first", async () => {
  const rig = new ManagementRig();
  const { clients, messages } = rig.service;
  await rig.settled(messages.publish(publishRequest("a", "kept", 1, true)));
  rig.memory.connect({ clientId: "c", properties: { sessionExpiryInterval: 100 } }).peer.reset();
  rig.memory.runtime.settle();
  await rig.settled(clients.subscribe("c", [{ filter: "a", qos: 2 }]));
  await rig.settled(messages.publish(publishRequest("a", "later", 1)));
  const back = rig.memory.client({
    clientId: "c",
    clean: false,
    properties: { sessionExpiryInterval: 100 },
  });
  rig.memory.runtime.settle();
  const came = back.take().map((packet) =>
    packet.cmd === "publish" ? String(packet.payload) : packet.cmd
  );
  assertEquals(came, ["connack", "kept", "later"]);
});

test("clients.subscribe() changes nothing when one filter cannot be", async () => {
  const rig = new ManagementRig({ options: { maxSubscriptions: 2 } });
  rig.memory.connect({ clientId: "c" });
  const subscribe = (...filters: string[]): Promise<unknown> =>
    rig.settled(rig.service.clients.subscribe("c", filters.map((filter) => ({ filter, qos: 0 }))));
  const codes: string[] = [];
  for (const filters of [["a", "b/#/c"], ["a", "b", "c"], ["$share/g"]]) {
    codes.push((await assertRejects(() => subscribe(...filters), ManagementError)).code);
  }
  assertEquals(codes, ["invalid", "too-large", "invalid"]);
  const shared = { filter: "$share/g/a", qos: 0, noLocal: true } as const;
  await assertRejects(
    () => rig.settled(rig.service.clients.subscribe("c", [shared])),
    ManagementError,
    "no local",
  );
  assertEquals((await rig.service.clients.get("c"))?.session.subscriptions, 0);
  await subscribe("a", "b");
  await subscribe("a");
  assertEquals((await rig.service.clients.get("c"))?.session.subscriptions, 2);
});
