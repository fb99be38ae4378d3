import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { RecordedBanList } from "../../../src/access/mod.ts";
import { type LogFields, type Logger, SILENT_LOGGER } from "../../../src/base/mod.ts";
import {
  type Ban,
  BanError,
  type BanKind,
  RecordError,
  type RecordStore,
} from "../../../src/ports/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";

const NOW_MS = 1_700_000_000_000;
const NOBODY = { clientId: undefined, username: undefined, address: undefined };

function banOf(as: BanKind, who: string, fields: Partial<Ban> = {}): Ban {
  return {
    as,
    who,
    reason: "for a test",
    by: "tester",
    createdAtMs: NOW_MS,
    untilMs: undefined,
    ...fields,
  };
}

function listOf(
  options: { records?: RecordStore; maxBans?: number; logger?: Logger } = {},
): RecordedBanList {
  const { records = new MemoryStore().records, maxBans = 100, logger = SILENT_LOGGER } = options;
  return new RecordedBanList({ records, maxBans, logger });
}

/** Records that the disk does not take. */
class BrokenRecords extends MemoryStore {
  isBroken = false;

  get broken(): RecordStore {
    const inner = this.records;
    const fail = (): Promise<never> =>
      Promise.reject(new RecordError("unavailable", "Cannot store a record: disk full"));
    return {
      list: (kind) => inner.list(kind),
      get: (kind, key) => inner.get(kind, key),
      put: (kind, key, value) => this.isBroken ? fail() : inner.put(kind, key, value),
      remove: (kind, key) => this.isBroken ? fail() : inner.remove(kind, key),
      reload: () => inner.reload(),
    };
  }
}

test("a ban is found by what it goes by and by nothing else", async () => {
  const list = listOf();
  await list.put(banOf("clientid", "a"));
  await list.put(banOf("username", "b"));
  await list.put(banOf("peerhost", "10.0.0.1"));
  const find = (subject: Partial<typeof NOBODY | Record<string, string>>): string | undefined =>
    list.find({ ...NOBODY, ...subject }, NOW_MS)?.who;
  assertEquals(find({ clientId: "a" }), "a");
  assertEquals(find({ username: "b" }), "b");
  assertEquals(find({ address: "10.0.0.1" }), "10.0.0.1");
  assertEquals(find({ address: "::ffff:10.0.0.1" }), "10.0.0.1");
  assertEquals(find({ clientId: "b", username: "a", address: "10.0.0.2" }), undefined);
  assertEquals(find({}), undefined);
});

const NAMES = ["__proto__", "constructor", "hasOwnProperty", "toString"];

for (const name of NAMES) {
  test(`"${name}" is banned only when it was banned`, async () => {
    const list = listOf();
    await list.put(banOf("clientid", "other"));
    await list.put(banOf("peerhost", "10.0.0.0/8"));
    const subject = { clientId: name, username: name, address: name };
    assertEquals(list.find(subject, NOW_MS), undefined);
    await list.put(banOf("username", name));
    assertEquals(list.find(subject, NOW_MS)?.as, "username");
    assertEquals(await list.remove("username", name), true);
    assertEquals(list.find(subject, NOW_MS), undefined);
  });
}

test("networks ban every address in them, whatever their length", async () => {
  const list = listOf();
  for (const who of ["10.1.2.3/8", "192.168.1.128/25", "2001:db8::/33", "172.16.0.0/12"]) {
    await list.put(banOf("peerhost", who));
  }
  const found = (address: string): string | undefined =>
    list.find({ ...NOBODY, address }, NOW_MS)?.who;
  assertEquals(found("10.200.0.1"), "10.0.0.0/8");
  assertEquals(found("192.168.1.200"), "192.168.1.128/25");
  assertEquals(found("192.168.1.100"), undefined);
  assertEquals(found("2001:db8:7fff::1"), "2001:db8::/33");
  assertEquals(found("2001:db8:8000::1"), undefined);
  assertEquals(found("not an address"), undefined);
  assertEquals(await list.remove("peerhost", "10.9.9.9/8"), true, "the same network");
  assertEquals(found("10.200.0.1"), undefined);
  assertEquals(found("172.16.5.5"), "172.16.0.0/12");
});

test("a ban ends at its time, and is swept out of memory and records", async () => {
  const { records } = new MemoryStore();
  const list = listOf({ records });
  await list.put(banOf("clientid", "a", { untilMs: NOW_MS + 1000 }));
  const subject = { ...NOBODY, clientId: "a" };
  assertEquals(list.find(subject, NOW_MS + 999)?.who, "a");
  assertEquals(list.find(subject, NOW_MS + 1000), undefined);
  assertEquals(list.list(NOW_MS + 1000), []);
  assertEquals(list.count, 1);
  list.sweep(NOW_MS + 999);
  assertEquals(list.count, 1);
  list.sweep(NOW_MS + 1000);
  assertEquals([list.count, list.counters.expired], [0, 1]);
  await Promise.resolve();
  assertEquals(records.list("ban").size, 0);
});

test("bans are there again after a restart; what makes no sense is passed over and said", async () => {
  const { records } = new MemoryStore();
  const first = listOf({ records });
  const bans = [
    banOf("clientid", "größe", { untilMs: NOW_MS + 5 }),
    banOf("username", "u", { createdAtMs: NOW_MS + 1 }),
    banOf("peerhost", "10.0.0.0/8", { createdAtMs: NOW_MS + 2 }),
  ];
  for (const ban of bans) await first.put(ban);
  for (
    const [index, wrong] of [
      null,
      [],
      {},
      { as: "peerhost", who: "x", reason: "", by: "", createdAtMs: 0, untilMs: null },
      { as: "clientid", who: "x", reason: "", by: "", createdAtMs: 0, untilMs: "soon" },
      { as: "everybody", who: "x", reason: "", by: "", createdAtMs: 0, untilMs: null },
    ].entries()
  ) await records.put("ban", `wrong ${index}`, wrong);
  const warnings: LogFields[] = [];
  const logger = {
    ...SILENT_LOGGER,
    warn: (_: string, fields: LogFields = {}) => warnings.push(fields),
  };
  assertEquals(listOf({ records, logger }).list(NOW_MS), bans);
  assertEquals(warnings.length, 6);
});

test("a ban takes the place of the one before", async () => {
  const list = listOf({ maxBans: 1 });
  await list.put(banOf("peerhost", "10.0.0.1", { untilMs: NOW_MS + 1 }));
  await list.put(banOf("peerhost", "::ffff:10.0.0.1", { reason: "again" }));
  assertEquals(list.list(NOW_MS).map(({ who, reason }) => [who, reason]), [["10.0.0.1", "again"]]);
});

test("a full list refuses, unless bans in it have ended", async () => {
  const list = listOf({ maxBans: 2 });
  await list.put(banOf("clientid", "a", { untilMs: NOW_MS + 10 }));
  await list.put(banOf("clientid", "b"));
  const error = await assertRejects(() => list.put(banOf("clientid", "c")), BanError);
  assertEquals(
    error.message,
    'Cannot ban clientid "c": there are 2 bans, allowed are 2',
  );
  assertEquals([list.count, list.counters.refused], [2, 1]);
  await list.put(banOf("clientid", "c", { createdAtMs: NOW_MS + 10 }));
  assertEquals(list.list(NOW_MS + 10).map(({ who }) => who), ["b", "c"]);
});

const WRONG: ReadonlyArray<[what: string, ban: Ban, problem: string]> = [
  ["an empty name", banOf("username", ""), 'username "": allowed is any text but the empty one'],
  [
    "an address that is none",
    banOf("peerhost", "10.0.0.300"),
    'peerhost "10.0.0.300": allowed is an address or a network, such as "10.0.0.1" or "10.0.0.0/8"',
  ],
];

for (const [what, ban, problem] of WRONG) {
  test(`${what} cannot be banned`, async () => {
    const list = listOf();
    const error = await assertRejects(() => list.put(ban), BanError);
    assertEquals(error.message, `Cannot ban ${problem}`);
    assertEquals(list.count, 0);
  });
}

test("a reason and an author have a length", async () => {
  const list = listOf();
  const reason = "x".repeat(1001);
  await assertRejects(() => list.put(banOf("clientid", "a", { reason })), BanError, "1001");
  const by = "x".repeat(257);
  await assertRejects(() => list.put(banOf("clientid", "a", { by })), BanError, "257");
});

test("whoever ends connections is told once the ban is in force", async () => {
  const list = listOf();
  const told: [string, boolean][] = [];
  list.onBanned = (ban) => {
    const found = list.find({ ...NOBODY, clientId: ban.who }, NOW_MS);
    told.push([ban.who, found !== undefined]);
  };
  await list.put(banOf("clientid", "a"));
  assertEquals(told, [["a", true]]);
});

test("what cannot be stored is not in force", async () => {
  const store = new BrokenRecords();
  const list = listOf({ records: store.broken });
  await list.put(banOf("clientid", "a", { reason: "first" }));
  store.isBroken = true;
  await assertRejects(() => list.put(banOf("clientid", "a", { reason: "second" })), RecordError);
  await assertRejects(() => list.put(banOf("clientid", "b")), RecordError);
  await assertRejects(() => list.remove("clientid", "a"), RecordError);
  assertEquals(list.list(NOW_MS).map(({ who, reason }) => [who, reason]), [["a", "first"]]);
  assertEquals(await list.remove("clientid", "b"), false);
});
