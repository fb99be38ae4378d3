import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { malformedCases } from "../../broker/malformed/cases.ts";
import { heapBytes } from "../../support/heap_bytes.ts";
import { MemoryBroker } from "../../support/memory_broker.ts";

/** CONNECT with a clean session and a client identifier that is assigned. */
const CONNECT = {
  4: Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0),
  5: Uint8Array.of(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 0, 0, 0, 0),
} as const;

test("packets that are wrong in one place leave nothing behind, and are nobody's mistake but their sender's", () => {
  const cases = malformedCases();
  const memory = new MemoryBroker({ options: { maxRetainedMessages: 10 } });
  const bystander = memory.connect({ clientId: "bystander" });
  bystander.subscribe("bystander", 0);
  memory.runtime.settle();
  bystander.take();
  const round = (): number => {
    for (const { bytes, version } of cases) {
      const peer = memory.open();
      if (version !== undefined) peer.send(CONNECT[version]);
      peer.send(bytes);
      memory.runtime.settle();
      if (!peer.isClosed) peer.end();
      memory.runtime.settle();
    }
    bystander.publish("bystander", "still here");
    memory.runtime.settle();
    assertEquals(bystander.take().map(({ cmd }) => cmd), ["publish"]);
    assertEquals([memory.openConnections, memory.errors], [1, []]);
    return heapBytes();
  };
  round();
  const before = round();
  const after = round();
  assert(after < before * 1.05, `${before} bytes, and ${after} after ${cases.length} packets more`);
});
