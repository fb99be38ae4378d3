import process from "node:process";
import { test } from "node:test";
import { assert } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";
import { seedOfRun } from "../unit/mqtt/frames.ts";
import { fuzzHttp } from "./http_fuzz.ts";

/** Without `$FUZZ_SECONDS` the work is counted, so that a slow machine does the same. */
const ROUNDS = 3000;

test("no request makes an HTTP API fail, and what is refused has changed nothing", () =>
  withBroker({}, async (broker) => {
    const seed = seedOfRun("http_fuzz");
    const seconds = process.env["FUZZ_SECONDS"];
    const budget = seconds ? { seconds: Number(seconds) } : { rounds: ROUNDS };
    const client = await TestClient.connect(broker.port, {
      version: 4,
      clean: false,
      clientId: "fuzz-client",
    });
    const { requests, accepted, refused } = await fuzzHttp({ seed, broker, ...budget });
    client.cut();
    // The changes must neither all be harmless nor all be fatal at once.
    assert(accepted > requests / 10, `${accepted} of ${requests} accepted`);
    assert(refused > requests / 10, `${refused} of ${requests} refused`);
  }));
