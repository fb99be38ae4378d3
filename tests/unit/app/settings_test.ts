import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { readConfiguration } from "../../../src/app/configuration.ts";
import { Settings } from "../../../src/app/settings.ts";
import { LineLogger } from "../../../src/base/mod.ts";
import type { Configuration } from "../../../src/config/mod.ts";
import { ManagementError } from "../../../src/management/mod.ts";
import type { JsonValue, RecordStore } from "../../../src/ports/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { FakeRuntime } from "./fake_runtime.ts";

/** Records whose disk takes only so many changes. */
class Records implements RecordStore {
  readonly #inner = new MemoryStore().records;
  changesLeft = Infinity;

  list(kind: string): ReadonlyMap<string, JsonValue> {
    return this.#inner.list(kind);
  }

  get(kind: string, key: string): JsonValue | undefined {
    return this.#inner.get(kind, key);
  }

  async put(kind: string, key: string, value: JsonValue): Promise<void> {
    // The one that fails is the last: what is undone goes through again.
    if (this.changesLeft-- === 0) throw new Error("the disk is full");
    await this.#inner.put(kind, key, value);
  }

  remove(kind: string, key: string): Promise<boolean> {
    return this.#inner.remove(kind, key);
  }

  reload(): Promise<number> {
    return Promise.resolve(0);
  }
}

interface Rig {
  readonly runtime: FakeRuntime;
  readonly settings: Settings;
  readonly records: Records;
  /** Everything that came into force. */
  readonly applied: Configuration[];
  change(changes: Record<string, unknown>): ReturnType<Settings["change"]>;
  refused(changes: Record<string, unknown>): Promise<ManagementError>;
}

async function start(
  given: { file?: string; sets?: readonly string[]; records?: Records } = {},
): Promise<Rig> {
  const runtime = new FakeRuntime();
  runtime.files.set("b.toml", given.file ?? "");
  const args = {
    configFile: "b.toml",
    sets: given.sets ?? [],
    logLevel: undefined,
    logFormat: undefined,
    isEphemeral: false,
  };
  const { loaded } = await readConfiguration(runtime, args);
  const logger = new LineLogger(
    loaded!.configuration.log,
    new ManualClock(),
    (line) => runtime.writeStderr(line),
  );
  const settings = new Settings({
    read: (stored) => readConfiguration(runtime, args, stored),
    loaded: loaded!,
    logger,
  });
  const applied: Configuration[] = [];
  settings.follow((configuration) => Promise.resolve(() => void applied.push(configuration)));
  const records = given.records ?? new Records();
  await settings.open(records);
  const change: Rig["change"] = (changes) =>
    settings.change(new Map(Object.entries(changes)) as Parameters<Settings["change"]>[0]);
  const refused: Rig["refused"] = (changes) =>
    assertRejects(() => change(changes), ManagementError);
  return { runtime, settings, records, applied, change, refused };
}

test("Settings.change() puts into force what can be, keeps all of it, and says which is which", async () => {
  const { settings, records, applied, change } = await start();
  const answer = await change({ "mqtt.max_qos": 1, "node.name": "other", "log.level": "debug" });
  assertEquals(answer, { appliedNow: ["log.level", "mqtt.max_qos"], afterRestart: ["node.name"] });
  assertEquals(applied.length, 1);
  assertEquals([applied[0]!.mqtt.maxQos, applied[0]!.node.name], [1, "broker@127.0.0.1"]);
  assertEquals(settings.configuration, applied[0]);
  assertEquals([...records.list("setting")], [
    ["mqtt.max_qos", 1],
    ["node.name", "other"],
    ["log.level", "debug"],
  ]);
  // What is asked for is what counts after a restart.
  const { value, origin } = (await settings.get("node.name"))!;
  assertEquals([value, origin], ["other", "api"]);
});

test("Settings.open() finds what was changed before the restart", async () => {
  const { records, change } = await start();
  await change({ "mqtt.max_qos": 1, "listener.0.bind": "127.0.0.1:7" });
  const { settings } = await start({ records });
  assertEquals(settings.configuration.mqtt.maxQos, 1);
  assertEquals(settings.configuration.listeners[0]!.port, 7);
});

test("Settings.open() passes over keys that are gone and names what does not fit any more", async () => {
  const records = new Records();
  await records.put("setting", "mqtt.gone", 1);
  await records.put("setting", "mqtt.max_qos", 1);
  const { settings, runtime } = await start({ records });
  assertEquals(settings.configuration.mqtt.maxQos, 1);
  assertEquals(
    runtime.stderr.includes('passed over problem="mqtt.gone: found an unknown key"'),
    true,
  );
  await records.put("setting", "mqtt.max_qos", 9);
  const error = await assertRejects(() => start({ records }), Error);
  assertEquals(error.message.includes("stored setting: mqtt.max_qos: found 9"), true);
  const saved = await start({ records, sets: ["mqtt.max_qos=2"] });
  assertEquals(saved.settings.configuration.mqtt.maxQos, 2);
});

test("Settings.change() with undefined goes back to what the file says", async () => {
  const { settings, records, change } = await start({ file: "[mqtt]\nmax_qos = 1" });
  await change({ "mqtt.max_qos": 0 });
  assertEquals(settings.configuration.mqtt.maxQos, 0);
  await change({ "mqtt.max_qos": undefined });
  assertEquals(settings.configuration.mqtt.maxQos, 1);
  assertEquals(records.list("setting").size, 0);
});

test("Settings.change() refuses all of a change when one part of it is wrong", async () => {
  const { records, applied, refused } = await start();
  const cases: readonly [changes: Record<string, unknown>, detail: string][] = [
    [{ "mqtt.max_qos": 1, "mqtt.max_inflight": 0 }, "stored setting: mqtt.max_inflight: found 0; "],
    [{ "mqtt.max_qos": 1, "mqtt.nothing": 0 }, "mqtt.nothing: found an unknown key"],
    [{ "mqtt.max_qos": 1, "node.data_dir": "x" }, "node.data_dir: it is needed before"],
    [{ "mqtt.max_qos": 1, "http.0.bind": "0.0.0.0:1" }, "stored setting: http.0.bind: found"],
  ];
  for (const [changes, detail] of cases) {
    const { code, details } = await refused(changes);
    assertEquals(code, "invalid");
    assertEquals(details[0]!.startsWith(detail), true, details.join("\n"));
  }
  assertEquals([applied.length, records.list("setting").size], [0, 0]);
});

test("Settings.change() refuses what a flag fixes, and says which", async () => {
  const { records, applied, refused } = await start({ sets: ["mqtt.max_qos=2"] });
  const { code, details } = await refused({ "mqtt.max_qos": 1, "mqtt.max_inflight": 5 });
  assertEquals([code, details], ["conflict", ['mqtt.max_qos: "--set mqtt.max_qos" fixes it']]);
  assertEquals([applied.length, records.list("setting").size], [0, 0]);
});

test("Settings.change() that cannot be kept changes nothing, not even a part", async () => {
  const { records, applied, change, refused } = await start();
  await change({ "mqtt.max_inflight": 7 });
  records.changesLeft = 1;
  const { code } = await refused({ "mqtt.max_inflight": 8, "mqtt.max_qos": 1 });
  assertEquals(code, "unavailable");
  assertEquals([...records.list("setting")], [["mqtt.max_inflight", 7]]);
  assertEquals(applied.length, 1);
});

test("Settings.change() is refused while the file cannot be used, and says why", async () => {
  const { runtime, applied, refused } = await start();
  runtime.files.set("b.toml", "[mqtt]\nmax_qos = 7");
  const { details } = await refused({ "mqtt.max_inflight": 8 });
  assertEquals(details, ["b.toml:2:11: mqtt.max_qos: found 7; allowed: 0, 1, 2"]);
  assertEquals(applied.length, 0);
});

test("Settings.change() is refused when a part of the broker cannot be made ready for it", async () => {
  const { settings, records, refused } = await start();
  const before = settings.configuration;
  settings.follow(() => Promise.reject(new Error("Cannot read x\nCannot read y")));
  const { code, details } = await refused({ "mqtt.max_qos": 1 });
  assertEquals([code, details], ["invalid", ["Cannot read x", "Cannot read y"]]);
  assertEquals([settings.configuration, records.list("setting").size], [before, 0]);
});

test("Settings.change() gives the store all of a change in one go", async () => {
  const { records, change } = await start();
  await change({ "mqtt.max_inflight": 7, "mqtt.max_topic_alias": 5 });
  const turns: number[] = [];
  let turn = 0;
  const note = (): void => void turns.push(turn);
  const [put, remove] = [records.put.bind(records), records.remove.bind(records)];
  records.put = (...args) => (note(), put(...args));
  records.remove = (...args) => (note(), remove(...args));
  const changed = change({
    "mqtt.max_inflight": 8,
    "mqtt.max_topic_alias": undefined,
    "mqtt.max_qos": 1,
  });
  while (turns.length === 0) await Promise.resolve();
  turn++;
  await changed;
  assertEquals(turns, [0, 0, 0]);
});

test("Settings.inClear() shows what is used: secrets, and durations as numbers", async () => {
  const bridge =
    '[[bridge]]\nname = "b"\naddress = "mqtt://x"\npassword = "geheim"\nkeep_alive = "2m"\n';
  const { settings, change } = await start({ file: bridge });
  const keys = [
    "bridge.0.password",
    "bridge.0.keep_alive",
    "api.nanomq_v1.password",
    "mqtt.max_packet_size",
  ];
  const clear = await Promise.all(keys.map((key) => settings.inClear(key)));
  assertEquals(clear, ["geheim", 120, "public", 1024 * 1024]);
  const none = await Promise.all(
    ["bridge.0.username", "bridge", "x.y"].map((key) => settings.inClear(key)),
  );
  assertEquals(none, [undefined, undefined, undefined]);
  await change({ "api.nanomq_v1.password": "other" });
  assertEquals(await settings.inClear("api.nanomq_v1.password"), "other");
});

test("Settings.files() has what is named now and what will be, used or not", async () => {
  const { settings, change } = await start({
    file: "[[listener]]\n[[listener]]\ntype = 'tls'\nenable = false\ncert = 'old'\n",
  });
  await change({ "listener.1.cert": "new" });
  assertEquals([...settings.files()].sort(), ["new", "old"]);
});

test("Settings.reload() keeps what was set through an API", async () => {
  const { runtime, settings, change } = await start({ file: "[mqtt]\nmax_qos = 1" });
  await change({ "mqtt.max_qos": 0 });
  runtime.files.set("b.toml", "[mqtt]\nmax_qos = 2\nmax_inflight = 9");
  await settings.reload();
  const { maxQos, maxInflight } = settings.configuration.mqtt;
  assertEquals([maxQos, maxInflight], [0, 9]);
});

test("two changes at once are made one after the other, and both are kept", async () => {
  const { settings, records, applied, change } = await start();
  await Promise.all([change({ "mqtt.max_qos": 0 }), change({ "mqtt.max_inflight": 9 })]);
  const { maxQos, maxInflight } = settings.configuration.mqtt;
  assertEquals([maxQos, maxInflight, applied.length], [0, 9, 2]);
  assertEquals([...records.list("setting").keys()], ["mqtt.max_qos", "mqtt.max_inflight"]);
});

test("Settings.list() has every key once, and no secret", async () => {
  const { settings } = await start({ sets: ["api.smqtt.username=u", "api.smqtt.password=geheim"] });
  const views = await settings.list();
  assertEquals(new Set(views.map(({ key }) => key)).size, views.length);
  assertEquals(JSON.stringify(views).includes("geheim"), false);
});
