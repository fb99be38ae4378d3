import { readdir, readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { DEFAULT_FILE, loadConfig } from "../src/config/mod.ts";
import { ROOT } from "../src/config/root.ts";
import { knownKeys } from "../src/config/schema_walk.ts";
import { readTomlValue } from "../src/config/toml_document.ts";
import { configTable, writtenKeys, writtenName } from "./unit/config/config_table.ts";

const PROJECT = new URL("../", import.meta.url);

function load(name: string, text: string): ReturnType<typeof loadConfig> {
  return loadConfig({ file: { name, text }, environment: {}, flags: [], isEphemeral: false });
}

test("config/broker.toml is what the program has built in", async () => {
  assertEquals(DEFAULT_FILE.text, await readFile(new URL("config/broker.toml", PROJECT), "utf8"));
});

test("config/broker.toml has every key of the schema once, in its order, and no other", () => {
  assertEquals(
    writtenKeys().map(({ section, name }) => `${section}.${name}`),
    knownKeys(ROOT).map(writtenName),
  );
});

for (const written of writtenKeys()) {
  const { section, name, value, isCommentedOut, isInCommentedOut } = written;
  test(`config/broker.toml has the default of ${section}.${name}`, () => {
    const known = knownKeys(ROOT).find((each) => writtenName(each) === `${section}.${name}`)!;
    const { key, isInOptional } = known;
    const standard = readTomlValue(value)?.value;
    assert(key.kind.read(standard).ok, `${value} is not allowed: ${key.kind.allowed}`);
    if (key.default !== undefined) assertEquals(standard, key.default);
    // A default that follows from other keys cannot stand there, or a copy of the file would set it.
    assertEquals(isInCommentedOut, isInOptional);
    assertEquals(isCommentedOut, isInOptional || key.default === undefined);
  });
}

test("every default is allowed", () => {
  for (const { pattern, key } of knownKeys(ROOT)) {
    assert(key.default === undefined || key.kind.read(key.default).ok, pattern.join("."));
  }
});

test("config/broker.toml explains every key", () => {
  for (const { section, name, comment } of writtenKeys()) {
    assert(/^[A-Z].{10,}\.$/.test(comment), `${section}.${name}: "${comment}"`);
  }
});

test("config/broker.toml gives what no file at all gives", () => {
  assertEquals(load("broker.toml", DEFAULT_FILE.text), load("empty.toml", ""));
});

for (const folder of ["examples", "drop-in"]) {
  test(`config/${folder} load without a warning`, async () => {
    const place = new URL(`config/${folder}/`, PROJECT);
    const names = (await readdir(place)).filter((name) => name.endsWith(".toml"));
    assert(names.length > 0);
    for (const name of names) {
      const { warnings } = load(name, await readFile(new URL(name, place), "utf8"));
      assertEquals(warnings, [], name);
    }
  });
}

const DROP_INS: readonly [name: string, ports: readonly number[], api: string][] = [
  ["smqtt", [1999], "smqtt"],
  ["nanomq", [8081], "nanomq-v1"],
  ["emqx-v3", [8080, 18_083], "emqx-v3"],
  ["tdmq", [80], "tdmq"],
];

for (const [name, ports, api] of DROP_INS) {
  test(`config/drop-in/${name}.toml serves ${api} on that product's ports, to this machine`, async () => {
    const text = await readFile(new URL(`config/drop-in/${name}.toml`, PROJECT), "utf8");
    const { http, listeners } = load(name, text);
    assertEquals(http.listeners.map(({ port }) => port), ports);
    for (const { host, apis } of http.listeners) {
      assertEquals([host, apis.includes(api as typeof apis[number])], ["127.0.0.1", true]);
    }
    assertEquals([listeners[0]?.port, listeners[0]?.allowAnonymous], [1883, true]);
  });
}

test("config/drop-in/tdmq.toml serves HTTPS once its comment signs are gone", async () => {
  const text = await readFile(new URL("config/drop-in/tdmq.toml", PROJECT), "utf8");
  const written = text.replaceAll(/^# (?=\[\[http\]\]|[a-z_]+ = )/gm, "");
  const { http } = load("tdmq.toml", written);
  assertEquals(http.listeners.map(({ port, tls }) => [port, tls?.verifyPeer]), [
    [80, undefined],
    [443, true],
  ]);
});

/** `UPDATE=1` writes the table instead of comparing it. */
test("the README has the table of configuration keys", async () => {
  const path = new URL("README.md", PROJECT);
  const readme = await readFile(path, "utf8");
  const [, before = "", table, after = ""] =
    /^(.*<!-- config:begin -->\n)(.*)(<!-- config:end -->.*)$/s.exec(readme) ?? [];
  assert(table !== undefined, "the README has the marks config:begin and config:end");
  const expected = `\n${configTable()}\n`;
  if (process.env["UPDATE"] === "1") await writeFile(path, before + expected + after);
  else assertEquals(table, expected);
});
