/** The thread that writes may be gone at any moment; another one goes on where it was. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { StoreFailure } from "../../../src/ports/mod.ts";
import { NO_EVENTS, type WriterReply, type WriterRequest } from "../../../src/storage/mod.ts";
import { InlineWriter } from "../../support/inline_writer.ts";
import { seededPrng } from "../../support/seed.ts";
import {
  deliveryOf,
  messageOf,
  openInline,
  openThreaded,
  sessionRecord,
  TestTimers,
  withFolder,
} from "../../support/storage_rig.ts";
import { rememberedIn, StoreModel } from "./store_model.ts";

const STEPS = 2000;
const DEATH = "the thread has died";

/** When a thread dies, seen from a request. */
type Moment = "before it is done" | "before it is answered" | undefined;

/** Dies when `momentOf` a request says so, and does and says nothing more. */
class MortalWriter extends InlineWriter {
  isAlive = true;
  #answers = 0;
  readonly #momentOf: (request: WriterRequest, answers: number) => Moment;

  /** `momentOf`: told how many answers have arrived. */
  constructor(momentOf: (request: WriterRequest, answers: number) => Moment) {
    super(queueMicrotask);
    this.#momentOf = momentOf;
  }

  override send(request: WriterRequest): void {
    if (!this.isAlive) return;
    const moment = this.#momentOf(request, this.#answers);
    if (moment !== "before it is done") super.send(request);
    if (moment !== undefined) this.die();
    else queueMicrotask(() => this.#answers++);
  }

  die(): void {
    this.isAlive = false;
    const { onReply } = this;
    // Answers that are on their way get lost.
    this.onReply = () => {};
    queueMicrotask(() => onReply({ kind: "gone", error: DEATH }));
  }

  /** The connection of a thread goes with it. */
  override async end(): Promise<void> {
    this.onReply = () => {};
    if (!this.isAlive) super.send({ kind: "close" });
    await super.end();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await Promise.resolve();
}

test("a store whose writers die at any moment remembers everything, and nobody notices", async () => {
  const prng = seededPrng("a store whose writers die at any moment");
  await withFolder(async (folder) => {
    const timers = new TestTimers();
    let writers = 0;
    let deaths = 0;
    const momentOf = ({ kind }: WriterRequest, answers: number): Moment => {
      // One that dies of the first that it is sent is another matter.
      if (kind === "close" || answers < 2 || prng.nextBoolean(0.8)) return undefined;
      deaths++;
      return prng.pick(["before it is done", "before it is answered"] as const);
    };
    const createWriter = (): MortalWriter => {
      writers++;
      return new MortalWriter(momentOf);
    };
    const { store } = await openInline(folder, timers, { createWriter });
    store.load();
    const problems: string[] = [];
    const states: (StoreFailure | undefined)[] = [];
    store.events = {
      ...NO_EVENTS,
      onProblem: (problem) => void problems.push(problem),
      onStateChange: (failure) => void states.push(failure),
    };
    const model = new StoreModel(prng, store);
    let bytesWritten = 0;
    for (let step = 0; step < STEPS; step++) {
      model.step();
      if (!prng.nextBoolean(0.1)) continue;
      if (prng.nextBoolean()) store.ticket();
      const kept = prng.nextBoolean(0.2) ? store.records.put("user", "u", step) : undefined;
      timers.pass(prng.pick([0, 2, 100, 2000]));
      for (let turn = prng.nextInt(8); turn > 0; turn--) await Promise.resolve();
      // It may have to wait for the successor.
      const later = prng.nextBoolean(0.2) ? store.records.put("user", "v", step) : undefined;
      await settle();
      await kept;
      await later;
      assert(store.counters.bytesWritten >= bytesWritten, "what was written stays written");
      bytesWritten = store.counters.bytesWritten;
      if (prng.nextBoolean(0.1)) await store.flush();
    }
    assertEquals(states, []);
    assert(deaths > 10, `only ${deaths} deaths`);
    assertEquals(writers, deaths + 1);
    assert(problems.length > 5 && problems.every((text) => text.startsWith(DEATH)), problems[0]);
    const last = store.records.get("user", "u");
    await store.close();
    assertEquals(await rememberedIn(folder, prng), model.remembered());
    const again = await openInline(folder, new TestTimers());
    assertEquals(again.store.records.get("user", "u"), last);
    await again.store.close();
  });
});

test("writers that die of what they are sent are a failure, tried again ever less often, and nothing is lost", () =>
  withFolder(async (folder) => {
    const timers = new TestTimers();
    let isPoison = false;
    let writers = 0;
    const createWriter = (): MortalWriter => {
      writers++;
      return new MortalWriter(({ kind }) =>
        isPoison && kind === "commit" ? "before it is done" : undefined
      );
    };
    const { store } = await openInline(folder, timers, { createWriter });
    store.load();
    const key = store.createSession(sessionRecord("c"));
    await Promise.all([store.flush(), settle()]);
    isPoison = true;
    store.pushQueued(key, deliveryOf(messageOf("t", "1")));
    const flushed = store.flush();
    await assertRejects(() => flushed, Error, DEATH);
    assertEquals(store.failure?.error, DEATH);
    const before = writers;
    for (let second = 0; second < 60; second++) {
      timers.pass(1000);
      await settle();
    }
    const started = writers - before;
    assert(started > 5 && started < 30, `${started} writers in a minute`);
    isPoison = false;
    timers.pass(10_000);
    await settle();
    timers.pass(10_000);
    await settle();
    assertEquals(store.failure, undefined);
    await store.close();
    const { sessions } = await rememberedIn(folder, seededPrng("poison"));
    assertEquals(Object.keys(sessions), ["c"]);
  }));

test("what an ended session left behind goes, whoever was to remove it", () =>
  withFolder(async (folder) => {
    const timers = new TestTimers();
    let writer: MortalWriter | undefined;
    const createWriter = (): MortalWriter => writer = new MortalWriter(() => undefined);
    const { store } = await openInline(folder, timers, { createWriter });
    store.load();
    const key = store.createSession(sessionRecord("c"));
    for (let count = 0; count < 5000; count++) {
      store.pushQueued(key, deliveryOf(messageOf("t", "1")));
    }
    store.createSession(sessionRecord("d"));
    await Promise.all([store.flush(), settle()]);
    store.removeSession(key);
    await Promise.all([store.flush(), settle()]);
    writer?.die();
    await settle();
    for (let turn = 0; turn < 20; turn++) {
      timers.pass(1000);
      await settle();
    }
    // Its key is free again, as nothing is left under it.
    assertEquals(store.createSession(sessionRecord("e")), key);
    await store.close();
  }));

test("a real thread that dies has a successor", () =>
  withFolder(async (folder) => {
    const marker = join(folder, "die");
    const entry = new URL("../../support/mortal_thread.ts", import.meta.url).href;
    const { store } = await openThreaded(folder, "fsync", entry);
    store.load();
    const problems: string[] = [];
    store.events = { ...NO_EVENTS, onProblem: (problem) => void problems.push(problem) };
    const key = store.createSession(sessionRecord("c"));
    for (let round = 0; round < 3; round++) {
      store.pushQueued(key, deliveryOf(messageOf("t", String(round))));
      await store.flush();
      writeFileSync(marker, "");
      await store.records.put("user", "u", round);
      store.pushQueued(key, deliveryOf(messageOf("t", String(round))));
      await store.flush();
    }
    assertEquals([store.failure, existsSync(marker)], [undefined, false]);
    assertEquals(problems.length, 3);
    await store.close();
    const again = await openThreaded(folder, "fsync");
    assertEquals(again.store.load().sessions.map(({ queue }) => queue.count), [6]);
    assertEquals(again.store.records.get("user", "u"), 2);
    await again.store.close();
  }));

test("a successor that cannot open the database is tried again", () =>
  withFolder(async (folder) => {
    const timers = new TestTimers();
    let failures = 0;
    let writer: MortalWriter | undefined;
    class Blocked extends MortalWriter {
      override send(request: WriterRequest): void {
        if (request.kind !== "open" || failures === 0) return super.send(request);
        failures--;
        const reply: WriterReply = {
          kind: "failed",
          error: "database is locked",
          failure: "passing",
        };
        queueMicrotask(() => this.onReply(reply));
      }
    }
    const createWriter = (): MortalWriter => writer = new Blocked(() => undefined);
    const { store } = await openInline(folder, timers, { createWriter });
    store.load();
    store.createSession(sessionRecord("c"));
    failures = 3;
    writer?.die();
    const flushed = store.flush();
    await settle();
    await assertRejects(() => flushed, Error, "database is locked");
    for (let second = 0; second < 20; second++) {
      timers.pass(1000);
      await settle();
    }
    assertEquals([store.failure, failures, store.counters.commits], [undefined, 0, 1]);
    await store.close();
  }));
