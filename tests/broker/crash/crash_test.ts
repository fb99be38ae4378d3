/** Acknowledged means on disk: `CRASH_ROUNDS` says how often the broker dies (4). */
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { seededPrng } from "../../support/seed.ts";
import { ENDS } from "../../support/restarts.ts";
import { describe } from "./checker.ts";
import { type CrashResult, runCrashes } from "./crash_run.ts";

const ROUNDS = Number(process.env["CRASH_ROUNDS"] || 4);

function report(name: string, { acknowledged, received, verdict }: CrashResult): void {
  process.stderr.write(
    `${name}: ${acknowledged} acknowledged, ${received} received, ${describe(verdict)}\n`,
  );
}

for (const end of ENDS) {
  for (const durability of ["fsync", "os"] as const) {
    const name = `${end} at full speed, ${ROUNDS} times, ${durability}`;
    test(`${name}: nothing acknowledged is lost, no QoS 2 message comes twice`, async () => {
      const result = await runCrashes({
        rounds: ROUNDS,
        end,
        prng: seededPrng(name),
        args: ["--set", `persistence.durability=${durability}`],
      });
      report(name, result);
      const { verdict, outdated } = result;
      const { lost, duplicates, misplaced, invented } = verdict;
      const faults = [lost, duplicates, misplaced, invented, outdated].map((each) => each.length);
      assertEquals(
        faults,
        [0, 0, 0, 0, 0],
        `${describe(verdict)}, retained: ${outdated.join("; ")}`,
      );
    });
  }
}

test("kill at full speed, off: messages are lost, and it is noticed", async () => {
  const name = "kill at full speed, off";
  const result = await runCrashes({
    rounds: 1,
    end: "kill",
    prng: seededPrng(name),
    args: ["--set", "persistence.durability=off"],
  });
  report(name, result);
  assert(result.verdict.lost.length > 0, describe(result.verdict));
});
