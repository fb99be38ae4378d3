/** The load generator as a program: a plan as JSON in its argument, the result as one line of JSON. */
import process from "node:process";
import { Load } from "./load.ts";
import type { LoadPlan } from "./plan.ts";

const plan = JSON.parse(process.argv[2] ?? "") as LoadPlan;
try {
  const result = await new Load(plan).run();
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
}
