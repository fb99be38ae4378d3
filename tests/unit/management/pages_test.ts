import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import {
  type ClientQuery,
  ManagementError,
  type Page,
  type PageRequest,
} from "../../../src/management/mod.ts";
import { ADMIN, ManagementRig } from "../../support/management_rig.ts";

/** Clients c0 to c9: odd ones persistent, those that 3 divides away, some with a user name. */
function tenClients(): ManagementRig {
  const rig = new ManagementRig();
  for (let index = 0; index < 10; index++) {
    const isPersistent = index % 2 === 1 || index % 3 === 0;
    const client = rig.memory.connect({
      version: index < 5 ? 4 : 5,
      clientId: `c${index}`,
      clean: !isPersistent,
      ...(index % 4 === 0 ? { username: `u${index % 8}` } : {}),
      ...(index >= 5 && isPersistent ? { properties: { sessionExpiryInterval: 100 } } : {}),
    });
    for (let filter = 0; filter < index; filter++) client.subscribe(`f/${filter}`, 0);
    rig.memory.runtime.settle();
    if (index % 3 === 0) client.peer.reset();
    rig.memory.runtime.advance(1000);
  }
  return rig;
}

async function clientIds(
  rig: ManagementRig,
  request: PageRequest,
  query: ClientQuery = {},
): Promise<Page<string>> {
  const page = await rig.settled(rig.service.clients.list(request, query));
  return { ...page, items: page.items.map(({ clientId }) => clientId.slice(1)) };
}

test("clients.list() by page number: the order of their beginning, and how many there are", async () => {
  const rig = tenClients();
  const pages: string[] = [];
  for (let page = 1; page <= 4; page++) {
    const { items, count, nextCursor } = await clientIds(rig, { limit: 4, page });
    pages.push(`${items.join("")} ${count} ${nextCursor !== undefined}`);
  }
  assertEquals(pages, ["0123 10 true", "4567 10 true", "89 10 false", " 10 false"]);
  assertEquals((await clientIds(rig, { limit: 10 })).nextCursor, undefined);
  const none = await clientIds(rig, { limit: 0, page: 3 });
  assertEquals([none.items, none.count], [[], 10]);
});

const FILTERS: ReadonlyArray<[what: string, query: ClientQuery, ids: string]> = [
  ["client identifier", { clientId: "c4" }, "4"],
  ["client identifier of nobody", { clientId: "x" }, ""],
  ["client identifier, but away", { clientId: "c4", isConnected: false }, ""],
  ["user name", { username: "u4" }, "4"],
  ["part of a client identifier", { clientIdContains: "7" }, "7"],
  ["part of a user name", { usernameContains: "u" }, "048"],
  ["connected", { isConnected: true }, "124578"],
  ["away", { isConnected: false }, "0369"],
  ["clean start", { cleanStart: true }, "248"],
  ["persistent", { isPersistent: true }, "0135679"],
  ["version", { protocolVersion: 5 }, "56789"],
  ["listener", { listenerName: "tcp:default" }, "0123456789"],
  ["another listener", { listenerName: "ws:default" }, ""],
  ["created from", { createdFromMs: 8000 }, "89"],
  ["created up to", { createdToMs: 2000 }, "012"],
  ["connected within", { connectedFromMs: 3000, connectedToMs: 5000 }, "345"],
  ["subscribed", { hasSubscriptions: false }, "0"],
  ["several", { isConnected: true, protocolVersion: 5, isPersistent: true }, "57"],
];

for (const [what, query, ids] of FILTERS) {
  test(`clients.list() finds by ${what}, whatever the page`, async () => {
    const rig = tenClients();
    const startMs = (await rig.service.clients.get("c0"))?.createdAtMs ?? 0;
    const at = (ms: number | undefined): number | undefined =>
      ms === undefined ? undefined : startMs + ms;
    const shifted = {
      ...query,
      createdFromMs: at(query.createdFromMs),
      createdToMs: at(query.createdToMs),
      connectedFromMs: at(query.connectedFromMs),
      connectedToMs: at(query.connectedToMs),
    };
    let found = "";
    for (let page = 1; page <= 6; page++) {
      const { items, count } = await clientIds(rig, { limit: 2, page }, shifted);
      assertEquals(count, ids.length);
      found += items.join("");
    }
    assertEquals(found, ids);
    assertEquals(await rig.settled(rig.service.clients.count(shifted)), ids.length);
    const streamed: string[] = [];
    for await (const views of rig.service.clients.stream(shifted)) {
      streamed.push(...views.map(({ clientId }) => clientId.slice(1)));
    }
    if (query.clientId === undefined) assertEquals(streamed.join(""), ids);
  });
}

test("clients.list() compares addresses, not their spelling", async () => {
  const rig = new ManagementRig();
  const bad = (): Promise<unknown> => clientIds(rig, { limit: 1 }, { address: "here" });
  assertEquals((await assertRejects(bad, ManagementError)).code, "invalid");
  assertEquals((await clientIds(rig, { limit: 1 }, { address: "::1" })).count, 0);
});

const BAD_PAGES: readonly PageRequest[] = [
  { limit: -1 },
  { limit: 1.5 },
  { limit: 10_001 },
  { limit: 1, page: 0 },
  { limit: 1, page: NaN },
  { limit: 1, cursor: "x" },
  { limit: 1, page: 1, cursor: "1" },
];

for (const request of BAD_PAGES) {
  test(`list() refuses ${JSON.stringify(request)}`, async () => {
    const { service } = new ManagementRig();
    const lists = [
      () => service.clients.list(request),
      () => service.subscriptions.list(request),
      () => service.routes.list(request),
      () => service.retained.list(request),
      () => service.bans.list(request),
    ];
    for (const list of lists) {
      const error = await assertRejects(() => list() as Promise<unknown>, ManagementError);
      assertEquals(error.code, "invalid");
    }
  });
}

test("subscriptions.list() by page number goes from client to client", async () => {
  const rig = tenClients();
  const rows: string[] = [];
  let total = 0;
  for (let page = 1; page <= 12; page++) {
    const { items, count } = await rig.settled(rig.service.subscriptions.list({ limit: 4, page }));
    rows.push(...items.map(({ clientId, filter }) => `${clientId} ${filter}`));
    total = count;
  }
  const expected = Array.from(
    { length: 10 },
    (_, client) => Array.from({ length: client }, (_, filter) => `c${client} f/${filter}`),
  ).flat();
  assertEquals([rows, total], [expected, 45]);
});

test("subscriptions.list() counts what matches: connected, one filter, one group", async () => {
  const rig = tenClients();
  const count = async (query: Parameters<typeof rig.service.subscriptions.list>[1]) =>
    (await rig.settled(rig.service.subscriptions.list({ limit: 2, page: 2 }, query))).count;
  assertEquals(await count({ isConnected: true }), 1 + 2 + 4 + 5 + 7 + 8);
  assertEquals(await count({ topicFilter: "f/7" }), 2);
  assertEquals(await count({ clientId: "c4" }), 4);
  assertEquals(await count({ clientId: "nobody" }), 0);
  assertEquals(await count({ shareName: "g" }), 0);
  await rig.settled(rig.service.clients.subscribe("c1", [{ filter: "$share/g/f/7", qos: 0 }]));
  assertEquals(await count({ shareName: "g" }), 1);
  assertEquals(await count({ topicFilter: "f/7" }), 3);
});

test("subscriptions.stream() by filter has all of one filter together, groups behind the others", async () => {
  const rig = new ManagementRig();
  for (const clientId of ["a", "b"]) {
    const client = rig.memory.connect({ clientId });
    for (const filter of ["x", "$share/g/x", "y"]) client.subscribe(filter, 1);
  }
  rig.memory.runtime.settle();
  const rows: string[] = [];
  for await (const views of rig.service.subscriptions.stream({ includeClients: true }, "filter")) {
    rows.push(...views.map(({ filter, clientId, client }) => {
      assertEquals(client?.clientId, clientId);
      return `${filter} ${clientId}`;
    }));
  }
  assertEquals(rows, ["x a", "x b", "$share/g/x a", "$share/g/x b", "y a", "y b"]);
});

test("routes.list() has each filter once, with its subscribers and groups", async () => {
  const rig = new ManagementRig();
  for (const clientId of ["a", "b"]) {
    const client = rig.memory.connect({ clientId });
    for (const filter of ["x/+", "$share/g/x/+", "y"]) client.subscribe(filter, 1);
  }
  rig.memory.runtime.settle();
  const { items, count } = await rig.settled(rig.service.routes.list({ limit: 10 }));
  assertEquals([items, count], [[
    { node: "broker@test", topicFilter: "x/+", subscribers: 2, shareNames: ["g"] },
    { node: "broker@test", topicFilter: "y", subscribers: 2, shareNames: [] },
  ], 2]);
  const one = await rig.settled(rig.service.routes.list({ limit: 10 }, { topicFilter: "x/1" }));
  assertEquals([one.items, one.count], [[], 0]);
});

test("retained.list() and its filters; $SYS is shown to who asks for it, and stays", async () => {
  const rig = new ManagementRig({ options: { sysIntervalMs: 60_000 } });
  const { retained, messages } = rig.service;
  for (const topic of ["a/1", "a/2", "b"]) {
    const payload = Uint8Array.of(1);
    await rig.settled(
      messages.publish({ topic, payload, qos: 1, retain: true, publisher: ADMIN }),
    );
  }
  const topics = async (filter?: string): Promise<string[]> =>
    (await rig.settled(retained.list({ limit: 100 }, { filter }))).items.map(({ topic }) => topic);
  assertEquals(await topics(), ["a/1", "a/2", "b"]);
  assertEquals(await topics("a/+"), ["a/1", "a/2"]);
  assertEquals(await topics("b"), ["b"]);
  assertEquals((await topics("$SYS/#")).includes("$SYS/broker/version"), true);
  assertEquals((await rig.service.metrics.stats()).retained, { count: 3, max: 3 });
  assertEquals(await rig.settled(retained.removeMatching("a/#")), 2);
  assertEquals(await rig.settled(retained.removeMatching("$SYS/#")), 0);
  assertEquals(await rig.settled(retained.remove("b")), true);
  assertEquals(await rig.settled(retained.remove("b")), false);
  assertEquals(await topics(), []);
  assertEquals((await rig.service.metrics.stats()).retained, { count: 0, max: 3 });
  for (const filter of ["a/#/b", "", "$share/g/a"]) {
    const list = (): Promise<string[]> => topics(filter);
    assertEquals((await assertRejects(list, ManagementError)).code, "invalid");
  }
});
