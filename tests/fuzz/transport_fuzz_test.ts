import { test } from "node:test";
import { assert } from "@std/assert";
import { seedOfRun } from "../unit/mqtt/frames.ts";
import { fuzzTransport } from "./transport_fuzz.ts";

test("no bytes in front of MQTT make a reader fail in an unknown way", () => {
  const { rounds, accepted, refused } = fuzzTransport({
    seed: seedOfRun("transport_fuzz"),
    rounds: 20_000,
  });
  // The changes must neither all be harmless nor all be fatal.
  assert(
    accepted > rounds / 10 && refused > rounds / 10,
    `${accepted} accepted, ${refused} refused`,
  );
});
