import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { RecordedBanList } from "../../../src/access/mod.ts";
import { SILENT_LOGGER } from "../../../src/base/mod.ts";
import { BrokerCounters } from "../../../src/broker/counters.ts";
import { FlappingDetector } from "../../../src/broker/flapping.ts";
import type { BanList } from "../../../src/ports/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { MemoryBroker } from "../../support/memory_broker.ts";

const OPTIONS = { isEnabled: true, maxCount: 3, windowMs: 10_000, banMs: 60_000 };

function rig(): {
  clock: ManualClock;
  bans: BanList;
  detector: FlappingDetector;
  isBanned: (clientId: string) => boolean;
} {
  const clock = new ManualClock();
  const logger = SILENT_LOGGER;
  const bans = new RecordedBanList({ records: new MemoryStore().records, logger, maxBans: 100 });
  const counters = new BrokerCounters();
  const detector = new FlappingDetector(OPTIONS, { clock, logger, counters, bans });
  const isBanned = (clientId: string): boolean => {
    const subject = { clientId, username: undefined, address: undefined };
    return bans.find(subject, clock.nowMs()) !== undefined;
  };
  return { clock, bans, detector, isBanned };
}

test("one connection too many in the window bans a client, for the time that is configured", () => {
  const { clock, bans, detector, isBanned } = rig();
  for (let n = 0; n < 3; n++) {
    detector.noteEnd("a");
    clock.advance(3000);
  }
  assert(!isBanned("a"));
  detector.noteEnd("a");
  assert(isBanned("a"));
  assert(!isBanned("b"));
  const [ban] = bans.list(clock.nowMs());
  assertEquals(ban?.by, "flapping detector");
  assertEquals(ban?.reason, "more than 3 connections ended within 10 s");
  clock.advance(59_999);
  assert(isBanned("a"));
  clock.advance(1);
  assert(!isBanned("a"));
});

test("the window begins anew when it is over", () => {
  const { clock, detector, isBanned } = rig();
  for (let round = 0; round < 5; round++) {
    for (let n = 0; n < 3; n++) detector.noteEnd("a");
    clock.advance(10_000);
  }
  assert(!isBanned("a"));
});

test("clients are watched no longer than their window, and not more than there is room for", () => {
  const { clock, detector } = rig();
  for (let n = 0; n < 100; n++) detector.noteEnd(`client ${n}`);
  assertEquals(detector.watchedCount, 100);
  clock.advance(10_000);
  detector.noteEnd("a");
  assertEquals(detector.watchedCount, 1);
  for (let n = 0; n < 100_100; n++) detector.noteEnd(`client ${n}`);
  assertEquals(detector.watchedCount, 100_000);
});

test("nothing is watched unless it is enabled", () => {
  const { detector, isBanned } = rig();
  detector.noteEnd("a");
  detector.options = { ...OPTIONS, isEnabled: false };
  for (let n = 0; n < 10; n++) detector.noteEnd("a");
  assertEquals(detector.watchedCount, 0);
  assert(!isBanned("a"));
});

function brokerWithBans(): MemoryBroker {
  const store = new MemoryStore();
  const bans = new RecordedBanList({
    records: store.records,
    logger: SILENT_LOGGER,
    maxBans: 100,
  });
  return new MemoryBroker({ store, bans, limits: { flapping: OPTIONS } });
}

test("a client that comes and goes is refused, until its ban is over", () => {
  const memory = brokerWithBans();
  for (let n = 0; n < 4; n++) {
    memory.connect({ clientId: "c" }).peer.reset();
    memory.runtime.settle();
  }
  const refused = memory.client({ clientId: "c" });
  memory.runtime.settle();
  assertEquals(refused.expect("connack")[0].reasonCode, 0x8a);
  memory.connect({ clientId: "d" });
  memory.runtime.advance(60_000);
  memory.connect({ clientId: "c" });
  assertEquals(memory.broker.counters.flappingBans, 1);
});

test("two clients that take one identifier from each other are both sent away in the end", () => {
  const memory = brokerWithBans();
  for (let n = 0; n < 4; n++) memory.connect({ clientId: "c" });
  const fifth = memory.client({ clientId: "c" });
  memory.runtime.settle();
  assertEquals(fifth.expect("connack")[0].reasonCode, 0x8a);
  assert(fifth.peer.isHungUp);
  assertEquals([memory.openConnections, memory.broker.figures.sessions], [0, 0]);
  assertEquals(memory.errors, []);
});
