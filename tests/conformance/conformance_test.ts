import { test } from "node:test";
import process from "node:process";
import { loadCases, loadMacros, type RunnableCase } from "./cases.ts";
import { play } from "./play.ts";
import { FOREIGN_PORT, Targets } from "./targets.ts";

const MACROS = loadMacros();
const TARGETS = new Targets();
/** Part of a title: only such cases are played. */
const ONLY = process.env["CONFORMANCE_ONLY"] ?? "";

/** A foreign broker has settings of its own. Cases that wait are asked for last. */
const CASES = loadCases()
  .filter(({ title, settings }) =>
    title.includes(ONLY) && (FOREIGN_PORT === undefined || settings.length === 0)
  )
  .sort((one, other) => Number(one.waits ?? false) - Number(other.waits ?? false));

/** The cases in which time must pass, all under way at once. */
const waiting = new Map<RunnableCase, Promise<void>>();

async function playOne(one: RunnableCase): Promise<void> {
  await play(one, MACROS, await TARGETS.get(one));
}

test("conformance: the broker starts", async () => {
  await TARGETS.get({ settings: [] });
  for (const one of CASES.filter(({ waits }) => waits)) {
    const played = playOne(one);
    // The one who waits for it is its test, later.
    played.catch(() => undefined);
    waiting.set(one, played);
  }
});

for (const one of CASES) {
  test(one.title, async () => {
    await (waiting.get(one) ?? playOne(one));
  });
}

test("conformance: the brokers end in good order", async () => {
  await TARGETS.stop();
});
