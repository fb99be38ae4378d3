import { test } from "node:test";
import { assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import { type ConfiguredApp, ManagementError } from "../../../src/management/mod.ts";
import type { Credentials } from "../../../src/ports/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { ManagementRig } from "../../support/management_rig.ts";

async function codeOf(work: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(work, ManagementError)).code;
}

const CONFIGURED: ConfiguredApp = {
  id: "admin",
  secret: "public",
  name: "admin",
  description: "",
  isEnabled: true,
  expiresAtS: undefined,
};

test("apps.add() makes up a secret that nobody guesses, and the application may log in", async () => {
  const { service: { apps } } = new ManagementRig();
  const secret = await apps.add("a", undefined, { name: "App", description: "d" });
  assertMatch(secret, /^[0-9A-Za-z]{15,22}$/);
  assertNotEquals(await apps.add("b", "", {}), secret);
  assertEquals([await apps.authenticate("a", secret), await apps.authenticate("a", "x")], [
    true,
    false,
  ]);
  assertEquals(await apps.authenticate("nobody", secret), false);
  assertEquals(await apps.secretOf("a"), secret);
  const [a] = await apps.list();
  assertEquals(a, {
    ...a!,
    id: "a",
    name: "App",
    description: "d",
    isEnabled: true,
    expiresAtS: undefined,
  });
  assertEquals("secret" in a!, false);
  assertEquals(await codeOf(() => apps.add("a", "s", {})), "conflict");
  assertEquals(await codeOf(() => apps.add("", "s", {})), "invalid");
});

test("apps.change() leaves what is not named; disabled and expired ones may not log in", async () => {
  const rig = new ManagementRig();
  const { apps } = rig.service;
  await apps.add("a", "s", { name: "n" });
  const nowS = Math.floor(rig.memory.runtime.clock.nowMs() / 1000);
  await apps.change("a", { isEnabled: false });
  assertEquals(await apps.authenticate("a", "s"), false);
  await apps.change("a", { isEnabled: true, expiresAtS: nowS - 10 });
  assertEquals(await apps.authenticate("a", "s"), false);
  await apps.change("a", { expiresAtS: nowS + 10 });
  assertEquals(await apps.authenticate("a", "s"), true);
  rig.memory.runtime.advance(20_000);
  assertEquals(await apps.authenticate("a", "s"), false);
  await apps.change("a", { expiresAtS: "never" });
  assertEquals([await apps.authenticate("a", "s"), (await apps.get("a"))?.name], [true, "n"]);
  assertEquals(await codeOf(() => apps.change("x", {})), "not-found");
  assertEquals(await codeOf(() => apps.change("a", { expiresAtS: 0.5 })), "invalid");
  assertEquals([await apps.remove("a"), await apps.remove("a")], [true, false]);
});

test("an application of the configuration stays as an API left it, until its entry changes", async () => {
  let configured: readonly ConfiguredApp[] = [CONFIGURED];
  const store = new MemoryStore();
  const { service: { apps } } = new ManagementRig({ store }, { apps: () => configured });
  assertEquals(await apps.authenticate("admin", "public"), true);
  assertEquals(await codeOf(() => apps.add("admin", "s", {})), "conflict");
  await apps.change("admin", { isEnabled: false });
  assertEquals(await apps.authenticate("admin", "public"), false);
  assertEquals(await apps.remove("admin"), true);
  assertEquals(await apps.list(), []);
  // As after a restart.
  const later = new ManagementRig({ store }, { apps: () => configured }).service.apps;
  assertEquals(await later.get("admin"), undefined);
  configured = [{ ...CONFIGURED, secret: "another" }];
  assertEquals(await later.authenticate("admin", "another"), true);
});

test("dashboardUsers: the administrator is there with a default password, and stays", async () => {
  const { service: { dashboardUsers } } = new ManagementRig({}, {
    dashboardPassword: () => "public",
  });
  assertEquals(await dashboardUsers.list(), [{ name: "admin", tags: "administrator" }]);
  assertEquals(await dashboardUsers.authenticate("admin", "public"), "right");
  assertEquals(await dashboardUsers.authenticate("admin", "x"), "wrong");
  assertEquals(await dashboardUsers.authenticate("x", "x"), "unknown");
  assertEquals(await codeOf(() => dashboardUsers.add("admin", "p", "")), "conflict");
  assertEquals(await codeOf(() => dashboardUsers.remove("admin")), "forbidden");
  const change = (old: string): Promise<void> => dashboardUsers.changePassword("admin", old, "new");
  assertEquals(await codeOf(() => change("wrong")), "forbidden");
  await change("public");
  assertEquals(await dashboardUsers.authenticate("admin", "public"), "wrong");
  assertEquals(await dashboardUsers.authenticate("admin", "new"), "right");
  await dashboardUsers.changeTags("admin", "boss");
  assertEquals(await dashboardUsers.list(), [{ name: "admin", tags: "boss" }]);
});

test("dashboardUsers: without a default password there is nobody until somebody is added", async () => {
  const rig = new ManagementRig();
  const { dashboardUsers } = rig.service;
  assertEquals(await dashboardUsers.list(), []);
  assertEquals(await dashboardUsers.authenticate("admin", "public"), "unknown");
  await dashboardUsers.add("u", "p", "viewer");
  assertEquals(await dashboardUsers.authenticate("u", "p"), "right");
  assertEquals(JSON.stringify(rig.store.records.get("dashboard_user", "u")).includes('"p"'), false);
  assertEquals(await codeOf(() => dashboardUsers.add("u", "p", "")), "conflict");
  assertEquals(await codeOf(() => dashboardUsers.add("", "p", "")), "invalid");
  assertEquals(await codeOf(() => dashboardUsers.changeTags("x", "")), "not-found");
  assertEquals(await codeOf(() => dashboardUsers.changePassword("x", "a", "b")), "not-found");
  assertEquals(await codeOf(() => dashboardUsers.changePassword("u", "p", "")), "invalid");
  await dashboardUsers.remove("u");
  assertEquals(await codeOf(() => dashboardUsers.remove("u")), "not-found");
});

test("bans: what is put keeps clients out, pages have the oldest first", async () => {
  const rig = new ManagementRig();
  const { bans } = rig.service;
  for (const who of ["a", "b", "c"]) {
    await bans.put({ as: "clientid", who, reason: "r", by: "me" });
    rig.memory.runtime.advance(10);
  }
  const first = await bans.list({ limit: 2 });
  assertEquals([first.items.map(({ who }) => who), first.count], [["a", "b"], 3]);
  const second = await bans.list({ limit: 2, cursor: first.nextCursor });
  assertEquals([second.items.map(({ who }) => who), second.nextCursor], [["c"], undefined]);
  const refused = rig.memory.client({ clientId: "a" });
  rig.memory.runtime.settle();
  assertEquals(refused.expect("connack")[0].reasonCode, 0x8a);
  assertEquals([await bans.remove("clientid", "a"), await bans.remove("clientid", "a")], [
    true,
    false,
  ]);
  // The row that the cursor names is gone; the page goes on behind where it was.
  await bans.remove("clientid", "b");
  assertEquals((await bans.list({ limit: 2, cursor: first.nextCursor })).items.length, 1);
  rig.memory.connect({ clientId: "a" });
  assertEquals(await codeOf(() => bans.put({ as: "peerhost", who: "here" })), "invalid");
  for (let count = 0; count < 99; count++) await bans.put({ as: "username", who: `${count}` });
  assertEquals(await codeOf(() => bans.put({ as: "username", who: "full" })), "too-large");
});

test("access.authenticate() judges as CONNECT does, bans included", async () => {
  const rig = new ManagementRig({}, {
    authenticator: {
      authenticate: ({ username, clientId, remoteAddress }) =>
        username === "u" ? { username, clientId, remoteAddress, method: "config" } : "ignore",
    },
  });
  const { access, bans } = rig.service;
  const credentials: Credentials = {
    clientId: "c",
    isClientIdAssigned: false,
    username: "u",
    password: undefined,
    remoteAddress: "10.0.0.1",
    version: 5,
    allowAnonymous: false,
    listenerName: "http:1",
    peerCertificate: undefined,
    peerCertAs: "none",
  };
  const identity = await access.authenticate(credentials);
  assertEquals(identity !== "ignore" && "username" in identity && identity.username, "u");
  assertEquals(await access.authenticate({ ...credentials, username: "x" }), "ignore");
  for (
    const [as, who] of [["username", "u"], ["peerhost", "10.0.0.0/8"], ["clientid", "c"]] as const
  ) {
    await bans.put({ as, who });
    assertEquals(await access.authenticate(credentials), { denied: 0x8a });
    await bans.remove(as, who);
  }
});

test("users and clientIds are accounts that CONNECT is judged by", async () => {
  const { service: { users, clientIds } } = new ManagementRig();
  await users.add("u", "p");
  const [view] = await users.list();
  assertEquals([view?.name, view?.isSuperuser], ["u", false]);
  assertMatch(view?.verifierDigest ?? "", /^[0-9a-f]{64}$/);
  await users.changePassword("u", "q");
  assertNotEquals((await users.get("u"))?.verifierDigest, view?.verifierDigest);
  assertEquals(await codeOf(() => users.add("u", "p")), "conflict");
  assertEquals(await codeOf(() => users.changePassword("x", "p")), "not-found");
  assertEquals(await codeOf(() => clientIds.add("", "p")), "invalid");
  assertEquals(await clientIds.list(), []);
  assertEquals([await users.remove("u"), await users.remove("u")], [true, false]);
});

test("alarms are told, end, and the latest of each is remembered", async () => {
  const store = new MemoryStore();
  const rig = new ManagementRig({ store });
  const { alarms } = rig.service;
  const told: string[] = [];
  alarms.onChange = ({ id, clearedAtMs }) =>
    told.push(`${id} ${clearedAtMs === undefined ? "on" : "off"}`);
  const alarm = { id: "cpu", description: "81", severity: "warning", title: "CPU" } as const;
  const startMs = rig.memory.runtime.clock.nowMs();
  alarms.raise(alarm);
  rig.memory.runtime.advance(1000);
  alarms.raise({ ...alarm, description: "90" });
  const [present] = await alarms.present();
  assertEquals([present?.description, present?.raisedAtMs], ["90", startMs]);
  assertEquals([alarms.clear("cpu"), alarms.clear("cpu")], [true, false]);
  alarms.raise(alarm);
  alarms.clear("cpu");
  assertEquals(told, ["cpu on", "cpu on", "cpu off", "cpu on", "cpu off"]);
  assertEquals(await alarms.present(), []);
  const later = new ManagementRig({ store }).service.alarms;
  const history = await later.history();
  assertEquals(history.map(({ id, raisedAtMs }) => [id, raisedAtMs]), [["cpu", startMs + 1000]]);
});

test("nodes: this node, its figures, and whether it is ready", async () => {
  let isServing = true;
  const rig = new ManagementRig({}, { isServing: () => isServing });
  const { nodes } = rig.service;
  rig.memory.connect();
  rig.memory.runtime.advance(61_000);
  const [node] = await nodes.list();
  assertEquals(node, {
    ...node!,
    name: "broker@test",
    status: "running",
    version: "1.2.3",
    uptimeMs: 61_000,
    connections: 1,
    tasks: 1,
  });
  assertEquals(await nodes.get("other"), undefined);
  assertEquals((await nodes.health()).problems, ["No listener is open"]);
  isServing = false;
  assertEquals((await nodes.get("broker@test"))?.status, "stopping");
  assertEquals((await nodes.health()).isReady, false);
});
