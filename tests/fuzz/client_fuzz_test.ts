import { test } from "node:test";
import { assert } from "@std/assert";
import { seedOfRun } from "../unit/mqtt/frames.ts";
import { fuzzClient } from "./client_fuzz.ts";

test("no server makes a client fail in an unknown way", async () => {
  const { connections, accepted, refused, messages } = await fuzzClient({
    seed: seedOfRun("client_fuzz"),
    connections: 1500,
  });
  // Most servers are heard out for a while, and many say something that cannot be.
  assert(
    accepted > connections / 2 && refused > connections / 10 && messages > connections,
    `${accepted} accepted, ${refused} refused, ${messages} messages`,
  );
});
