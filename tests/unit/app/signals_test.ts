import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { handleSignals } from "../../../src/app/signals.ts";
import { Exited, FakeRuntime } from "./fake_runtime.ts";

const STOPS = ["SIGTERM", "SIGINT"] as const;

for (const first of STOPS) {
  for (const second of STOPS) {
    test(`handleSignals() asks at ${first} and ends the program at ${second}`, () => {
      const runtime = new FakeRuntime();
      const asked: string[] = [];
      handleSignals(runtime, { onStop: (name) => asked.push(name), onReload: () => undefined });
      runtime.signal(first);
      assertEquals(asked, [first]);
      const { code } = assertThrows(() => runtime.signal(second), Exited);
      assertEquals(code, second === "SIGINT" ? 130 : 143);
      assertEquals(asked, [first]);
    });
  }
}

test("handleSignals() reloads at every SIGHUP", () => {
  const runtime = new FakeRuntime();
  let reloads = 0;
  handleSignals(runtime, { onStop: () => undefined, onReload: () => reloads++ });
  runtime.signal("SIGHUP");
  runtime.signal("SIGHUP");
  assertEquals(reloads, 2);
});
