import { mkdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { Prng, SILENT_LOGGER, SystemClock } from "../../../../src/base/mod.ts";
import { RecordError, type RecordStore } from "../../../../src/ports/mod.ts";
import {
  type ConfiguredResource,
  type JsonObject,
  type ResourceDraft,
  ResourceManager,
  RuleError,
} from "../../../../src/rules/mod.ts";
import { type IntervalHandle, loadRuntime, type Runtime } from "../../../../src/runtime/mod.ts";
import { HostRules, SqliteThread } from "../../../../src/sinks/mod.ts";
import { MemoryStore } from "../../../../src/storage/mod.ts";
import { within } from "../../../support/deadline.ts";
import { withFolder } from "../../../support/storage_rig.ts";
import { WebService } from "../../../support/web_service.ts";

const ENTRY = new URL("../../../support/sink_thread.ts", import.meta.url).href;
/** Nothing listens there, and nobody may. */
const NOWHERE = "http://127.0.0.1:1";

/** Resources of one run after the other. */
class Rig {
  readonly records: RecordStore = new MemoryStore().records;
  readonly alarms = new Map<string, string>();
  onAlarm: () => void = () => undefined;
  hosts = new HostRules({ allowHosts: [], denyHosts: [] });
  manager: ResourceManager;
  readonly #runtime: Runtime;

  private constructor(
    runtime: Runtime,
    readonly folder: string,
    private maxResources: number,
    private sqlite = new SqliteThread(ENTRY),
  ) {
    this.#runtime = runtime;
    this.manager = this.#open();
  }

  static async start(folder: string, maxResources = 1000): Promise<Rig> {
    return new Rig(await loadRuntime(), folder, maxResources);
  }

  /** In which no time passes. */
  static async startTimeless(): Promise<Rig> {
    const runtime = await loadRuntime();
    const every = (): IntervalHandle => ({ stop: () => undefined });
    return new Rig(new Proxy(runtime, { get: (all, name) => memberOf(all, name, every) }), "", 10);
  }

  /** In which everybody's patience ends at once, and the thread of tables never answers. */
  static async startStuck(folder: string): Promise<Rig> {
    const runtime = await loadRuntime();
    const every: Runtime["every"] = (delayMs, fn) => runtime.every(Math.min(delayMs, 1), fn);
    const impatient = new Proxy(runtime, { get: (all, name) => memberOf(all, name, every) });
    const never = (): Promise<void> => new Promise(() => undefined);
    const stuck = { acquire: () => undefined, ask: never, release: never };
    return new Rig(impatient, folder, 10, stuck as unknown as SqliteThread);
  }

  async restart(): Promise<void> {
    await this.manager.close();
    this.manager = this.#open();
  }

  async create(draft: Partial<ResourceDraft> & { config: JsonObject }): Promise<string> {
    return (await this.manager.create({ type: "web_hook", ...draft })).id;
  }

  /** Offers one thing, and waits for what becomes of it. */
  offer(id: string, data: JsonObject): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const isTaken = this.manager.get(id)?.offer({ kind: "row", row: data }, resolve);
      if (isTaken !== true) reject(new Error("there is no room"));
    });
  }

  #open(): ResourceManager {
    const clock = new SystemClock();
    return new ResourceManager({
      records: this.records,
      clock,
      logger: SILENT_LOGGER,
      maxResources: this.maxResources,
      alarms: {
        raise: ({ id, description }) => {
          this.alarms.set(id, description);
          this.onAlarm();
        },
        clear: (id) => this.alarms.delete(id),
      },
      surroundings: {
        runtime: this.#runtime,
        prng: new Prng(1),
        hosts: () => this.hosts,
        filesFolder: () => this.folder === "" ? undefined : this.folder,
        sqlite: this.sqlite,
      },
    });
  }
}

function memberOf(runtime: Runtime, name: string | symbol, every: Runtime["every"]): unknown {
  if (name === "every") return every;
  const member: unknown = Reflect.get(runtime, name);
  return typeof member === "function" ? member.bind(runtime) : member;
}

async function withRig(use: (rig: Rig) => Promise<void>, maxResources?: number): Promise<void> {
  await withFolder(async (folder) => {
    const rig = await Rig.start(folder, maxResources);
    await use(rig);
    await rig.manager.close();
  });
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const { code, detail } = await assertRejects(() => promise, RuleError);
  return `${code} ${detail}`.trim();
}

test("resources have the identifiers of both generations; the same type and name is the same one", () =>
  withRig(async (rig) => {
    const { manager } = rig;
    const legacy = { name: "a:b", config: { url: NOWHERE }, description: "one" };
    assertEquals(await rig.create(legacy), "web_hook:a:b");
    const first = await rig.create({ config: { url: NOWHERE } });
    assertMatch(first, /^resource:[0-9a-f]{8}$/);
    const second = await rig.create({ type: "built_in", config: { any: { thing: [1] } } });
    assertEquals(await rig.create({ ...legacy, description: "two" }), "web_hook:a:b");
    assertEquals(
      manager.list().map(({ id, type, name, description }) => [id, type, name, description]),
      [
        ["web_hook:a:b", "web_hook", "a:b", "two"],
        [first, "web_hook", undefined, ""],
        [second, "built_in", undefined, ""],
      ],
    );
    assertEquals(manager.list()[2]?.config, { any: { thing: [1] } });
  }));

test("resources outlive the program, and removed ones stay away", () =>
  withRig(async (rig) => {
    const kept = await rig.create({ name: "k", config: { url: NOWHERE, more: null } });
    const gone = await rig.create({ config: { url: NOWHERE } });
    const before = rig.manager.get(kept)?.view;
    assertEquals(await rig.manager.remove(gone), true);
    assertEquals(await rig.manager.remove(gone), false);
    await rig.restart();
    assertEquals(rig.manager.list(), before === undefined ? [] : [before]);
  }));

test("a resource that cannot be used any more is kept, takes nothing, and says why", () =>
  withRig(async (rig) => {
    const id = await rig.create({ type: "file", config: { path: "a" } });
    await rig.records.put("resource", id, {
      name: null,
      type: "file",
      config: { path: "../a" },
      description: "",
      createdAtMs: 1,
    });
    await rig.records.put("resource", "nonsense", ["no resource"]);
    await rig.restart();
    assertEquals(rig.manager.list().map((view) => view.id), [id]);
    assertMatch(rig.manager.get(id)?.view.problem ?? "", /"\.\.\/a" cannot be used/);
    await assertRejects(() => rig.offer(id, { a: 1 }), Error, "no room");
    assertEquals([await rig.manager.isAlive(id), await rig.manager.start(id)], [false, false]);
  }));

test("a resource that a rule uses stays", () =>
  withRig(async (rig) => {
    const id = await rig.create({ config: { url: NOWHERE } });
    rig.manager.findUser = (resource) => resource === id ? "rule:1" : undefined;
    assertEquals(await codeOf(rig.manager.remove(id)), "in-use dependency_exists rule:1");
    rig.manager.findUser = () => undefined;
    assertEquals(await rig.manager.remove(id), true);
  }));

test("a resource on its way out is there for nobody, and is again where it cannot go", () =>
  withRig(async (rig) => {
    const id = await rig.create({ config: { url: NOWHERE } });
    const seen: unknown[] = [];
    rig.records.remove = () => {
      seen.push(rig.manager.get(id));
      return Promise.reject(new RecordError("unavailable", "the disk is full"));
    };
    assertMatch(await codeOf(rig.manager.remove(id)), /^unavailable/);
    assertEquals(seen, [undefined]);
    assertEquals(rig.manager.get(id)?.id, id);
  }));

const REFUSED: ReadonlyArray<readonly [type: string, config: JsonObject, code: string]> = [
  ["kafka", {}, "unknown-resource-type"],
  ["web_hook", {}, "invalid required_field_missing url"],
  ["web_hook", { url: "ftp://a" }, "invalid wrong_format url"],
  ["web_hook", { url: NOWHERE, method: "GET" }, "invalid not_in_enum method"],
  ["web_hook", { url: NOWHERE, headers: [] }, "invalid wrong_type headers"],
  ["web_hook", { url: NOWHERE, headers: { "a b": "1" } }, "invalid wrong_format headers.a b"],
  ["web_hook", { url: NOWHERE, headers: { a: "1\r\nb: 2" } }, "invalid wrong_format headers.a"],
  ["web_hook", { url: NOWHERE, pool_size: 0 }, "invalid out_of_range pool_size"],
  ["web_hook", { url: NOWHERE, pool_size: 1.5 }, "invalid wrong_type pool_size"],
  ["web_hook", { url: NOWHERE, queue_max: 2.5 }, "invalid wrong_type queue_max"],
  ["file", { path: "a", max_files: 0.5 }, "invalid wrong_type max_files"],
  ["file", {}, "invalid required_field_missing path"],
  ["file", { path: "/etc/passwd" }, "invalid wrong_path path"],
  ["file", { path: "a/../../b" }, "invalid wrong_path path"],
  ["file", { path: "" }, "invalid wrong_path path"],
  ["file", { path: "." }, "invalid wrong_path path"],
  ["sqlite", { path: "a.db" }, "invalid required_field_missing table"],
  ["sqlite", { path: "../a.db", table: "t" }, "invalid wrong_path path"],
  ["sqlite", { path: "a.db", table: "t", columns: { a: 1 } }, "invalid wrong_type columns.a"],
  ["sqlite", { path: "a.db", table: "" }, "invalid wrong_table"],
];

for (const [type, config, code] of REFUSED) {
  test(`no resource of type ${type} is like ${JSON.stringify(config)}`, () =>
    withRig(async (rig) => {
      const found = await codeOf(rig.manager.create({ type, config }));
      assert(found.startsWith(code), found);
      assertEquals(rig.manager.list(), []);
      assert((await codeOf(rig.manager.test({ type, config }))).startsWith(code));
    }));
}

const UNNAMED: ReadonlyArray<readonly [texts: Partial<ResourceDraft>, code: string]> = [
  [{ name: "" }, "invalid bad_name"],
  [{ name: "x".repeat(257) }, "invalid bad_name"],
  [{ name: "a\u001b[2Jb" }, "invalid bad_name"],
  [{ description: "x".repeat(4097) }, "invalid bad_description"],
  [{ name: "n", description: "\u0000" }, "invalid bad_description"],
];

for (const [texts, code] of UNNAMED) {
  test(`no resource is called ${JSON.stringify(texts).slice(0, 60)}`, () =>
    withRig(async (rig) => {
      const draft = { type: "built_in", config: {}, ...texts };
      assertEquals(await codeOf(rig.manager.create(draft)), code);
      assertEquals(rig.manager.list(), []);
      const long = { name: "x".repeat(256), description: "on\ntwo lines".padEnd(4096) };
      assertEquals(
        await rig.create({ type: "built_in", config: {}, ...long }),
        `built_in:${long.name}`,
      );
    }));
}

test("there are no files where there is no folder for them, and no more resources than there may be", async () => {
  const rig = await Rig.start("", 1);
  const file = { type: "file", config: { path: "a" } };
  assertEquals(await codeOf(rig.manager.create(file)), "invalid wrong_path path");
  await rig.create({ name: "a", config: { url: NOWHERE } });
  await rig.create({ name: "a", config: { url: NOWHERE } });
  assertEquals(
    await codeOf(rig.create({ config: { url: NOWHERE } })),
    "invalid too_many_resources",
  );
});

test("a web service that comes and goes is told of by alarms, whoever finds out", () =>
  withRig(async (rig) => {
    const service = await WebService.start();
    const { port } = service;
    const config = { url: `${service.url}/x`, method: "PUT", headers: { "X-A": 1 } };
    const id = await rig.create({ config });
    const alarm = `resource_down/${id}`;
    assertEquals(await rig.offer(id, { a: "é" }), true);
    const [seen] = service.seen;
    assertEquals([seen?.method, seen?.body, seen?.headers["x-a"]], ["PUT", '{"a":"é"}', "1"]);
    assertEquals(await rig.manager.isAlive(id), true);
    await service.stop();
    assertEquals([await rig.manager.isAlive(id), rig.alarms.has(alarm)], [false, true]);
    assertEquals(await rig.manager.start(id), false);
    const again = await WebService.start(undefined, port);
    assertEquals([await rig.manager.isAlive(id), rig.alarms.has(alarm)], [true, false]);
    await again.stop();
    // After all tries, the last of them.
    assertEquals(await rig.offer(id, { a: 2 }), false);
    assertMatch(rig.alarms.get(alarm) ?? "", /ECONNREFUSED/);
    const { failed, retried } = rig.manager.get(id)?.view.counters ?? {};
    assertEquals([failed, retried], [1, 3]);
    const back = await WebService.start(undefined, port);
    assertEquals([await rig.offer(id, { a: 3 }), rig.alarms.has(alarm)], [true, false]);
    await back.stop();
    assertEquals(await rig.manager.isAlive(id), false);
    assertEquals([await rig.manager.remove(id), rig.alarms.size], [true, 0]);
  }));

/** A web hook that was found to be down, with two items that wait for it. */
async function startDown(): Promise<
  { rig: Rig; id: string; port: number; outcomes: Promise<boolean[]> }
> {
  const rig = await Rig.startTimeless();
  const gone = await WebService.start();
  const { port } = gone;
  await gone.stop();
  const id = await rig.create({ config: { url: `http://127.0.0.1:${port}`, pool_size: 1 } });
  const isDown = new Promise<void>((resolve) => rig.onAlarm = resolve);
  const outcomes = Promise.all([rig.offer(id, { n: 1 }), rig.offer(id, { n: 2 })]);
  await isDown;
  return { rig, id, port, outcomes };
}

test("what waits for a web service that was down goes there when somebody finds it up again", async () => {
  const { rig, id, port, outcomes } = await startDown();
  const service = await WebService.start(undefined, port);
  assertEquals(await rig.manager.isAlive(id), true);
  assertEquals(await within(outcomes, "both"), [true, true]);
  assertEquals(service.bodies, [{ n: 1 }, { n: 2 }]);
  await rig.manager.close();
  await service.stop();
});

test("starting a resource anew loses nothing that waits, be its place there or not", async () => {
  const { rig, id, port, outcomes } = await startDown();
  // Whoever is impatient does so twice.
  assertEquals(await Promise.all([rig.manager.start(id), rig.manager.start(id)]), [false, false]);
  const { queued, dropped } = rig.manager.list()[0]?.counters ?? {};
  assertEquals([queued, dropped], [2, 0]);
  const service = await WebService.start(undefined, port);
  assertEquals(await rig.manager.start(id), true);
  assertEquals(await within(outcomes, "both"), [true, true]);
  assertEquals(service.bodies, [{ n: 1 }, { n: 2 }]);
  await rig.manager.close();
  await service.stop();
});

test("a resource takes things while it starts anew, and what is under way comes to its end", () =>
  withRig(async (rig) => {
    const answers: (() => void)[] = [];
    const service = await WebService.start((response) =>
      void answers.push(() => response.end("fine"))
    );
    const id = await rig.create({ config: { url: service.url } });
    const first = rig.offer(id, { n: 1 });
    await service.until(({ seen }) => seen.length === 1, "the first request");
    const start = rig.manager.start(id);
    const second = rig.offer(id, { n: 2 });
    assertEquals(await start, true);
    await service.until(({ seen }) => seen.length === 2, "the second request");
    for (const answer of answers) answer();
    assertEquals(await Promise.all([first, second]), [true, true]);
    assertEquals(service.bodies, [{ n: 1 }, { n: 2 }]);
    await service.stop();
  }));

test("a disk that does not answer keeps nobody waiting", () =>
  withFolder(async (folder) => {
    const rig = await Rig.startStuck(folder);
    const draft = { type: "sqlite", config: { path: "a.db", table: "t" } };
    assertEquals(await within(rig.manager.test(draft), "the test"), false);
    const id = await rig.create(draft);
    assertEquals(await within(rig.manager.isAlive(id), "the check"), false);
    assertMatch(rig.alarms.get(`resource_down/${id}`) ?? "", /no answer in 5000 ms/);
    assertEquals(await within(rig.manager.start(id), "the start"), false);
    assertEquals(await within(rig.offer(id, { a: 1 }), "what was offered"), false);
    await within(rig.manager.close(), "the end");
  }));

test("files and tables are opened anew when their resources are started", () =>
  withRig(async (rig) => {
    const [path, other] = [join(rig.folder, "a.db"), join(rig.folder, "b.db")];
    const table = await rig.create({ type: "sqlite", config: { path: "a.db", table: "t" } });
    const file = await rig.create({ type: "file", config: { path: "a.log" } });
    for (const id of [table, file]) assertEquals(await rig.offer(id, { n: 1 }), true);
    // Somebody puts the database away, and wants another one.
    assertEquals(await rig.manager.start(table), true);
    renameSync(path, other);
    for (const id of [table, file]) {
      assertEquals(await rig.manager.start(id), true);
      assertEquals(await rig.offer(id, { n: 2 }), true);
    }
    const rows = [path, other].map((each) => {
      const database = new DatabaseSync(each);
      const found = database.prepare("SELECT n FROM t").all().map(({ n }) => n);
      database.close();
      return found;
    });
    assertEquals(rows, [[2], [1]]);
    assertEquals(readFileSync(join(rig.folder, "a.log"), "utf8"), '{"n":1}\n{"n":2}\n');
  }));

test("any answer of a web service is as good as any other", () =>
  withRig(async (rig) => {
    const service = await WebService.start((response) => {
      response.statusCode = 500;
      response.end();
    });
    const id = await rig.create({ config: { url: service.url } });
    assertEquals([await rig.offer(id, {}), service.seen.length], [true, 1]);
    await service.stop();
  }));

test("hosts that are denied later are denied", () =>
  withRig(async (rig) => {
    const service = await WebService.start();
    const id = await rig.create({ config: { url: service.url } });
    assertEquals(await rig.offer(id, {}), true);
    rig.hosts = new HostRules({ allowHosts: [], denyHosts: ["127.0.0.0/8"] });
    assertEquals([await rig.offer(id, {}), await rig.manager.isAlive(id)], [false, false]);
    assertEquals(service.seen.length, 1);
    await service.stop();
  }));

test("another configuration under the same name is used at once by whoever uses it", () =>
  withRig(async (rig) => {
    const [first, second] = [await WebService.start(), await WebService.start()];
    const id = await rig.create({ name: "a", config: { url: first.url } });
    await rig.offer(id, { n: 1 });
    assertEquals(await rig.create({ name: "a", config: { url: second.url } }), id);
    await rig.offer(id, { n: 2 });
    assertEquals([first.bodies, second.bodies], [[{ n: 1 }], [{ n: 2 }]]);
    await Promise.all([first.stop(), second.stop()]);
  }));

test("a file gets lines, a table rows", () =>
  withRig(async (rig) => {
    const file = await rig.create({ type: "file", config: { path: "below/out.jsonl" } });
    assertEquals(await rig.offer(file, { a: 1, b: "x" }), true);
    assertEquals(readFileSync(join(rig.folder, "below/out.jsonl"), "utf8"), '{"a":1,"b":"x"}\n');
    const config = { path: "out.db", table: "t", columns: { temp: "payload.t", dev: "d" } };
    const table = await rig.create({ type: "sqlite", config });
    assertEquals(await rig.manager.isAlive(table), true);
    assertEquals(await rig.offer(table, { payload: { t: 21 }, d: "a", more: 1 }), true);
    const database = new DatabaseSync(join(rig.folder, "out.db"));
    assertEquals({ ...database.prepare("SELECT * FROM t").get() }, { temp: 21, dev: "a" });
    database.close();
    const bytes = { kind: "bytes", bytes: new Uint8Array(1) } as const;
    assertEquals(rig.manager.get(table)?.offer(bytes, () => undefined), false);
  }));

test("a file that cannot be written raises an alarm", () =>
  withRig(async (rig) => {
    mkdirSync(join(rig.folder, "out"));
    const id = await rig.create({ type: "file", config: { path: "out" } });
    assertEquals([await rig.manager.isAlive(id), rig.alarms.size], [false, 1]);
  }));

test("what waits when a resource starts anew is delivered", () =>
  withRig(async (rig) => {
    const service = await WebService.start();
    const id = await rig.create({ config: { url: service.url, pool_size: 1 } });
    const all = Array.from({ length: 20 }, (_, n) => rig.offer(id, { n }));
    assertEquals(await rig.manager.start(id), true);
    assertEquals(new Set(await Promise.all(all)), new Set([true]));
    assertEquals(service.bodies.map(({ n }) => n), Array.from({ length: 20 }, (_, n) => n));
    await service.stop();
  }));

test("a resource takes no more than its queue has room for", () =>
  withRig(async (rig) => {
    const service = await WebService.start(() => undefined);
    const id = await rig.create({ config: { url: service.url, queue_max: 3 } });
    const resource = rig.manager.get(id);
    const settled: boolean[] = [];
    const taken = Array.from(
      { length: 5 },
      (_, n) => resource?.offer({ kind: "row", row: { n } }, (isDone) => settled.push(isDone)),
    );
    assertEquals(taken, [true, true, true, false, false]);
    assertEquals(resource?.isFull, true);
    resource?.countDropped();
    const { offered = 0, dropped = 0, queued = 0 } = resource?.view.counters ?? {};
    assertEquals([offered, dropped, queued], [6, 3, 3]);
    await rig.manager.close();
    assertEquals(settled, [false, false, false]);
    await service.stop();
  }));

test("resources of the configuration come and go with it; nobody else changes them", () =>
  withRig(async (rig) => {
    const { manager } = rig;
    const path = join(rig.folder, "any/where.jsonl");
    const own: ConfiguredResource = { id: "log", type: "file", config: { path }, description: "" };
    manager.prepare([own])();
    assertEquals(await rig.offer("log", { a: 1 }), true);
    assertEquals(readFileSync(path, "utf8"), '{"a":1}\n');
    assertEquals(manager.get("log")?.view.isReadOnly, true);
    assertEquals(await codeOf(manager.remove("log")), "read-only read_only log");
    const before = manager.get("log");
    manager.prepare([{ ...own }])();
    assertEquals(manager.get("log"), before);
    assertThrows(() => manager.prepare([{ ...own, config: {} }]), RuleError);
    assertEquals(manager.get("log"), before);
    manager.prepare([{ ...own, description: "other" }])();
    assertEquals(manager.get("log")?.view.description, "other");
    manager.prepare([])();
    assertEquals([manager.list(), rig.records.list("resource").size], [[], 0]);
  }));

test("a resource that cannot be stored is not there", () =>
  withRig(async (rig) => {
    const name = "x".repeat(70_000);
    const failure = await codeOf(rig.create({ name, config: { url: NOWHERE } }));
    assertMatch(failure, /^invalid /);
    assertEquals(rig.manager.list(), []);
  }));

test("names that nobody knows are said to be unknown", () =>
  withRig(async (rig) => {
    for (const ask of [rig.manager.start("nobody"), rig.manager.isAlive("nobody")]) {
      assertMatch(await codeOf(ask), /^unknown-resource/);
    }
  }));
