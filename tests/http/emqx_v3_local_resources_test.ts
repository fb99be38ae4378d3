/** The broker's own resources, files and tables of SQLite, through the API of EMQX 3. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { within } from "../support/deadline.ts";
import { askV3, type Json } from "../support/emqx_v3.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { withRestarts } from "../support/restarts.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";

const OK = { code: 0 };

async function made(broker: RunningBroker, path: string, body: Json): Promise<Json> {
  const { code, message, data } = await askV3(broker, "POST", path, body);
  assertEquals([code, message], [0, undefined]);
  return data;
}

/** A rule that hands what it selects from `t/#` to a resource. */
async function addRule(broker: RunningBroker, name: string, $resource: string): Promise<Json> {
  return await made(broker, "/rules", {
    rawsql: 'SELECT topic, payload.n AS n FROM "t/#"',
    actions: [{ name, params: { $resource } }],
  });
}

async function publish(port: number, ...numbers: number[]): Promise<void> {
  const client = await TestClient.connect(port);
  for (const n of numbers) await client.publish(`t/${n}`, JSON.stringify({ n }), { qos: 1 });
  client.cut();
}

/** Waits until the first action of a rule has succeeded so often. */
async function succeeded(broker: RunningBroker, id: string, times: number): Promise<void> {
  const look = async (): Promise<void> => {
    let success = 0;
    while (success < times) {
      const { data } = await askV3(broker, "GET", `/rules/${id}`);
      [{ success }] = data.actions[0].metrics;
    }
    assertEquals(success, times);
  };
  await within(look(), `${times} successes of ${id}`);
}

test("a file gets a line of JSON for each match, goes on after kill -9, and stays when it is let go", () =>
  withRestarts({}, async (broker) => {
    const { running, dataDir } = broker;
    const config = { path: "out/matches.jsonl" };
    const resource = await made(running, "/resources", { type: "file", config });
    assertEquals(resource.config, config);
    const { id } = await addRule(running, "data_to_file", resource.id);
    await publish(broker.port, 1, 2);
    await succeeded(running, id, 2);
    await broker.restart("kill");
    await publish(broker.port, 3);
    await succeeded(broker.running, id, 1);
    const status = await askV3(broker.running, "GET", `/resource_status/${resource.id}`);
    assertEquals(status, { code: 0, data: { is_alive: true } });
    assertEquals(await askV3(broker.running, "DELETE", `/rules/${id}`), OK);
    assertEquals(await askV3(broker.running, "DELETE", `/resources/${resource.id}`), OK);
    const text = await readFile(join(dataDir, "sinks", config.path), "utf8");
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines, [1, 2, 3].map((n) => ({ topic: `t/${n}`, n })));
  }));

test("a table of SQLite gets a row for each match, and goes on after kill -9", () =>
  withRestarts({}, async (broker) => {
    const { running, dataDir } = broker;
    const config = { path: "rows.db", table: "seen", columns: { place: "topic", value: "n" } };
    const resource = await made(running, "/resources", { type: "sqlite", config, name: "rows" });
    assertEquals(resource.id, "sqlite:rows");
    const { id } = await addRule(running, "data_to_sqlite", resource.id);
    await publish(broker.port, 1);
    await succeeded(running, id, 1);
    await broker.restart("kill");
    await publish(broker.port, 2, 3);
    await succeeded(broker.running, id, 2);
    const database = new DatabaseSync(join(dataDir, "sinks", config.path), { readOnly: true });
    const rows = database.prepare("SELECT place, value FROM seen ORDER BY rowid").all();
    assertEquals(
      rows.map((row) => ({ ...row })),
      [1, 2, 3].map((n) => ({ place: `t/${n}`, value: n })),
    );
    database.close();
  }));

test("no resource of the API names a file outside its folder", () =>
  withRestarts({}, async ({ running, dataDir }) => {
    const before = await readdir(dataDir);
    for (const path of ["../escape", "/etc/escape", "a/../../escape", "", "x\u0000", ".", "a/.."]) {
      for (const [type, more] of [["file", {}], ["sqlite", { table: "t" }]] as const) {
        const body = { type, config: { path, ...more } };
        const answer = await askV3(running, "POST", "/resources", body);
        assertEquals(answer.code, 400, `${type} ${JSON.stringify(path)}`);
        assertMatch(answer.message, /^Bad Arguments: \w+ path/);
      }
    }
    assertEquals(await askV3(running, "GET", "/resources"), { code: 0, data: [] });
    assertEquals((await readdir(dataDir)).sort(), before.sort());
  }));

test("a broker that keeps nothing takes no files through the API", () =>
  withBroker({}, async (broker) => {
    const body = { type: "file", config: { path: "a" } };
    const { code, message } = await askV3(broker, "POST", "/resources", body);
    assertEquals(code, 400);
    assertMatch(message, /^Bad Arguments: /);
  }));
