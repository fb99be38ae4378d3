import process from "node:process";
import { test } from "node:test";
import { assert } from "@std/assert";
import { seedOfRun } from "../unit/mqtt/frames.ts";
import { fuzzBrokerInMemory } from "./broker_memory_fuzz.ts";

/** Without `$FUZZ_SECONDS` the work is counted, so that a slow machine does the same. */
const PERIODS = 5;
/** What a heap may grow by from the second period on; what one period makes and forgets is far more. */
const GROWTH_MAX_BYTES = 30_000_000;

test("hostile clients leave nothing in a broker, and others do not notice them", async () => {
  const seed = seedOfRun("broker_memory_fuzz");
  const seconds = process.env["FUZZ_SECONDS"];
  const budget = seconds ? { seconds: Number(seconds) } : { periods: PERIODS };
  const result = await fuzzBrokerInMemory({ seed, ...budget });
  process.stderr.write(`broker_memory_fuzz: ${JSON.stringify(result)}\n`);
  const { periods, connections, packets, protocolErrors, pairMessages } = result;
  // The streams must neither all be harmless nor all be fatal at once.
  assert(connections > 20 * periods, `${connections} connections in ${periods} periods`);
  assert(packets > 5 * connections, `${packets} packets on ${connections} connections`);
  assert(protocolErrors > connections / 20, `${protocolErrors} of ${connections} refused`);
  assert(pairMessages > 50 * periods, `${pairMessages} messages of the pair`);
  const grownBytes = result.heapBytesLate - result.heapBytesEarly;
  assert(periods < 3 || grownBytes < GROWTH_MAX_BYTES, `grown by ${grownBytes} bytes`);
});
