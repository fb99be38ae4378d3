import { readdir, readFile, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { DEFAULT_FILE, loadConfig } from "../src/config/mod.ts";
import { keysOf, SCHEMA, type SectionName } from "../src/config/schema.ts";
import { readTomlValue } from "../src/config/toml_document.ts";
import { configTable, writtenKeys } from "./unit/config/config_table.ts";

const ROOT = new URL("../", import.meta.url);
const SECTIONS = Object.keys(SCHEMA) as SectionName[];

function load(name: string, text: string): ReturnType<typeof loadConfig> {
  return loadConfig({ file: { name, text }, environment: {}, flags: [], isEphemeral: false });
}

test("config/broker.toml is what the program has built in", async () => {
  assertEquals(DEFAULT_FILE.text, await readFile(new URL("config/broker.toml", ROOT), "utf8"));
});

test("config/broker.toml has every key of the schema once, in its order, and no other", () => {
  const expected = SECTIONS.flatMap((section) =>
    keysOf(SCHEMA[section]).map((key) => `${section}.${key.name}`)
  );
  assertEquals(writtenKeys().map(({ section, name }) => `${section}.${name}`), expected);
});

for (const { section, name, value, isCommentedOut } of writtenKeys()) {
  test(`config/broker.toml has the default of ${section}.${name}`, () => {
    const key = keysOf(SCHEMA[section as SectionName]).find((each) => each.name === name)!;
    const written = readTomlValue(value)?.value;
    assert(key.kind.read(written).ok, `${value} is not allowed`);
    // A default that follows from other keys cannot stand there, or a copy of the file would set it.
    assertEquals(isCommentedOut ? undefined : written, key.default);
  });
}

test("config/broker.toml explains every key", () => {
  for (const { section, name, comment } of writtenKeys()) {
    assert(/^[A-Z].{10,}\.$/.test(comment), `${section}.${name}: "${comment}"`);
  }
});

test("config/broker.toml gives what no file at all gives", () => {
  assertEquals(load("broker.toml", DEFAULT_FILE.text), load("empty.toml", ""));
});

test("config/examples load without a warning", async () => {
  const folder = new URL("config/examples/", ROOT);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".toml"));
  assert(names.length > 0);
  for (const name of names) {
    const { warnings } = load(name, await readFile(new URL(name, folder), "utf8"));
    assertEquals(warnings, [], name);
  }
});

/** `UPDATE=1` writes the table instead of comparing it. */
test("the README has the table of configuration keys", async () => {
  const path = new URL("README.md", ROOT);
  const readme = await readFile(path, "utf8");
  const [, before = "", table, after = ""] =
    /^(.*<!-- config:begin -->\n)(.*)(<!-- config:end -->.*)$/s.exec(readme) ?? [];
  assert(table !== undefined, "the README has the marks config:begin and config:end");
  const expected = `\n${configTable()}\n`;
  if (process.env["UPDATE"] === "1") await writeFile(path, before + expected + after);
  else assertEquals(table, expected);
});
