import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { AfterWork, type Job } from "../../../src/sinks/mod.ts";
import { MemoryRuntime } from "../../support/memory_socket.ts";

interface Named extends Job {
  readonly name: string;
}

/** Work of which each piece takes `tookMs`. */
class Rig {
  readonly runtime = new MemoryRuntime();
  readonly done: string[] = [];
  readonly work: AfterWork<Named>;

  constructor(tookMs = 0) {
    const { clock } = this.runtime;
    this.work = new AfterWork<Named>({
      runtime: this.runtime,
      monotonicMs: () => clock.monotonicMs(),
      run: ({ name }) => {
        clock.advance(tookMs);
        this.done.push(name);
      },
    });
  }

  add(name: string, bytes = 1): void {
    this.work.add({ name, bytes });
  }
}

test("AfterWork comes behind what else is put off to the end of the turn, also after it", () => {
  const rig = new Rig();
  rig.add("a");
  rig.runtime.defer(() => rig.done.push("flushed"));
  rig.add("b");
  assertEquals(rig.done, []);
  rig.runtime.settle();
  assertEquals(rig.done, ["flushed", "a", "b"]);
  rig.add("c");
  rig.runtime.settle();
  assertEquals([rig.done.at(-1), rig.work.length], ["c", 0]);
});

test("AfterWork gives way to the traffic where there is much of it", () => {
  const rig = new Rig(0.1);
  for (const name of "abcdefgh") rig.add(name);
  const doneInTurns: number[] = [];
  while (rig.runtime.turn()) doneInTurns.push(rig.done.length);
  // What comes after the end of a turn and what yields it run in one turn of this runtime.
  assertEquals(doneInTurns, [0, 6, 8]);
  assertEquals(rig.done.join(""), "abcdefgh");
});

test("AfterWork is done at once, and in order, where too much waits or something must not overtake it", () => {
  const rig = new Rig();
  for (let count = 0; count < 1025; count++) rig.add(`${count}`);
  assertEquals([rig.done, rig.work.length], [["0"], 1024]);
  rig.work.flush();
  assertEquals([rig.done.length, rig.done.at(-1), rig.work.length], [1025, "1024", 0]);
  rig.runtime.settle();
  assertEquals(rig.done.length, 1025);
});

test("AfterWork holds no more bytes than it may", () => {
  const rig = new Rig();
  rig.add("a", 600_000);
  rig.add("b", 400_000);
  assertEquals(rig.done, []);
  rig.add("c", 400_000);
  assertEquals(rig.done, ["a"]);
  rig.add("d", 2_000_000);
  assertEquals([rig.done, rig.work.length], [["a", "b", "c", "d"], 0]);
});
