import { test } from "node:test";
import process from "node:process";
import { loadCases, loadMacros } from "./cases.ts";
import { play } from "./play.ts";
import { FOREIGN_PORT, Targets } from "./targets.ts";

const MACROS = loadMacros();
const TARGETS = new Targets();
/** Part of a title: only such cases are played. */
const ONLY = process.env["CONFORMANCE_ONLY"] ?? "";

/** A foreign broker has settings of its own. */
const CASES = loadCases().filter(({ title, settings }) =>
  title.includes(ONLY) && (FOREIGN_PORT === undefined || settings.length === 0)
);

test("conformance: the broker starts", async () => {
  await TARGETS.get([]);
});

for (const one of CASES) {
  test(one.title, async () => {
    await play(one, MACROS, await TARGETS.get(one.settings));
  });
}

test("conformance: the brokers end in good order", async () => {
  await TARGETS.stop();
});
