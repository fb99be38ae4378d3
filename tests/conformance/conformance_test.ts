import { test } from "node:test";
import { loadCases, loadMacros } from "./cases.ts";
import { play } from "./play.ts";
import { openTarget, type RunningTarget } from "./target.ts";

const MACROS = loadMacros();
const ONLY = process.env["CONFORMANCE_ONLY"];

let target: RunningTarget | undefined;

test("conformance: a broker is there to be judged", async () => {
  target = await openTarget();
});

for (const one of loadCases().filter(({ title }) => ONLY === undefined || title.includes(ONLY))) {
  test(one.title, async () => {
    if (target === undefined) throw new Error("the broker did not start, see the first test");
    await play(one, MACROS, target);
  });
}

test("conformance: the broker ends in order", async () => {
  await target?.stop();
});
