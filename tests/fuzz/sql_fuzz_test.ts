import process from "node:process";
import { test } from "node:test";
import { assert } from "@std/assert";
import { seedOfRun } from "../unit/mqtt/frames.ts";
import { fuzzSql } from "./sql_fuzz.ts";

/** Without `$FUZZ_SECONDS` the work is counted, so that a slow machine does the same. */
const ROUNDS = 6000;

test("no text makes the SQL of rules fail in an unknown way", () => {
  const seed = seedOfRun("sql_fuzz");
  const seconds = process.env["FUZZ_SECONDS"];
  const budget = seconds ? { seconds: Number(seconds) } : { rounds: ROUNDS };
  const result = fuzzSql({ seed, ...budget });
  if (seconds) process.stderr.write(`sql_fuzz: ${JSON.stringify(result)}\n`);
  const { rounds, parsed, compiled, matched } = result;
  // The changes must neither all be harmless nor all be fatal at once.
  assert(parsed > rounds / 10 && parsed < rounds * 0.8, `${parsed} of ${rounds} parsed`);
  assert(compiled > rounds / 20, `${compiled} of ${rounds} compiled`);
  assert(matched > compiled / 20, `${matched} events matched by ${compiled} statements`);
});
