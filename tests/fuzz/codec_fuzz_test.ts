import process from "node:process";
import { test } from "node:test";
import { assert } from "@std/assert";
import { seedOfRun } from "../unit/mqtt/frames.ts";
import { fuzzCodec } from "./codec_fuzz.ts";

/** Without `$FUZZ_SECONDS` the work is counted, so that a slow machine does the same. */
const ROUNDS = 5000;

test("no bytes make the splitter or a decoder fail in an unknown way", () => {
  const seed = seedOfRun("codec_fuzz");
  const seconds = process.env["FUZZ_SECONDS"];
  const budget = seconds ? { seconds: Number(seconds) } : { rounds: ROUNDS };
  const { rounds, accepted, refused } = fuzzCodec({ seed, ...budget });
  // The changes must neither all be harmless nor all be fatal at once.
  assert(accepted > rounds / 2, `${accepted} frames accepted in ${rounds} rounds`);
  assert(refused > rounds / 4, `${refused} of ${rounds} streams refused`);
});
