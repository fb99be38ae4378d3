import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { Prng } from "../../src/base/mod.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";
import { seedOfRun } from "../unit/mqtt/frames.ts";
import { HostileClients } from "./broker_fuzz.ts";

/** Without `$FUZZ_SECONDS` the work is counted, so that a slow machine does the same. */
const ROUNDS = 200;
/** What a heap may grow by between two collections; a leak of a connection's buffers is more. */
const GROWTH_MAX_BYTES = 100_000_000;
/** Small limits: queues and buffers are full all the time, and memory has no reason to grow. */
const CONFIG = `
[mqtt]
max_packet_size = "64KB"
max_queued_messages = 50
max_outbound_buffer = "64KB"
max_retained_messages = 5
max_session_expiry = "5s"
session_expiry_3x = "5s"
receive_maximum = 10
`;

/** Memory of a process in bytes; 0 where the system does not tell it as Linux does. */
function residentBytes(pid: number): number {
  const path = `/proc/${pid}/status`;
  if (!existsSync(path)) return 0;
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(path, "utf8"))?.[1] ?? 0) * 1024;
}

test("hostile clients do not stop, slow down or fill up a broker that others use", () =>
  withBroker({ config: CONFIG }, async (broker) => {
    const seed = seedOfRun("broker_fuzz");
    const seconds = Number(process.env["FUZZ_SECONDS"] || 0);
    const startMs = performance.now();
    const hostile = new HostileClients(new Prng(seed), broker.port);
    const bystander = await TestClient.connect(broker.port, { clientId: "bystander" });
    await bystander.subscribe("only/for/the/bystander", { qos: 1 });
    let [round, warmBytes] = [0, 0];
    /** How much of the work is done, from 0 to 1. */
    const done = (): number =>
      seconds > 0 ? (performance.now() - startMs) / (seconds * 1000) : round / ROUNDS;
    for (; done() < 1; round++) {
      const context = `SEED=${seed}, round ${round}`;
      await hostile.next();
      await bystander.publish("only/for/the/bystander", context);
      assertEquals(String((await bystander.receive()).payload), context);
      // By then everything is loaded, compiled and full.
      if (warmBytes === 0 && done() > 0.5) warmBytes = residentBytes(broker.pid);
    }
    hostile.end();
    await bystander.expectNothing();
    const grownBytes = residentBytes(broker.pid) - warmBytes;
    process.stderr.write(
      `broker_fuzz: ${round} rounds, ${warmBytes} bytes, ${grownBytes} more at the end\n`,
    );
    assert(round > ROUNDS / 2, `only ${round} rounds: SEED=${seed}`);
    assert(grownBytes < GROWTH_MAX_BYTES, `grown by ${grownBytes} bytes: SEED=${seed}`);
    assertEquals(/bug|[Uu]ncaught|[Uu]nhandled|Cannot publish/.exec(broker.stderr()), null);
  }));
