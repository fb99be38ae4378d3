import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { RecordedBanList } from "../../../src/access/mod.ts";
import { SILENT_LOGGER } from "../../../src/base/mod.ts";
import type { BanKind } from "../../../src/ports/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { BY_USERNAME, MemoryBroker, type MemoryBrokerParts } from "../../support/memory_broker.ts";

function withBans(parts: MemoryBrokerParts = {}): {
  memory: MemoryBroker;
  bans: RecordedBanList;
  ban: (as: BanKind, who: string, ms?: number) => void;
} {
  const store = new MemoryStore();
  const bans = new RecordedBanList({
    records: store.records,
    logger: SILENT_LOGGER,
    maxBans: 100,
  });
  const memory = new MemoryBroker({ ...parts, store, bans });
  const ban = (as: BanKind, who: string, ms?: number): void => {
    const createdAtMs = memory.runtime.clock.nowMs();
    const untilMs = ms === undefined ? undefined : createdAtMs + ms;
    void bans.put({ as, who, reason: "test", by: "tester", createdAtMs, untilMs });
  };
  return { memory, bans, ban };
}

test("nothing is read from a banned network", () => {
  const { memory, ban } = withBans();
  ban("peerhost", "10.0.0.0/8");
  const banned = memory.open("10.1.2.3");
  banned.send(Uint8Array.of(0x10));
  const other = memory.open("11.1.2.3");
  memory.runtime.settle();
  assertEquals([banned.isHungUp, other.isHungUp], [true, false]);
  const { bytesReceived, bansRefused, connectionsAccepted } = memory.broker.counters;
  assertEquals([bytesReceived, bansRefused, connectionsAccepted], [0, 1, 1]);
  assertEquals([memory.openConnections, memory.broker.figures.connections], [1, 1]);
});

test("too many connections from banned addresses are not answered any more", () => {
  const { memory, ban } = withBans();
  ban("peerhost", "10.0.0.1");
  ban("peerhost", "::1");
  const attempts = (count: number): boolean[] =>
    Array.from({ length: count }, (_, i) => {
      const peer = memory.open(i % 2 === 0 ? "10.0.0.1" : "::1");
      memory.runtime.settle();
      return peer.isHungUp;
    });
  assertEquals(attempts(22), Array.from({ length: 22 }, (_, i) => i >= 20));
  assertEquals(memory.broker.counters.bansRefused, 2);
  memory.runtime.advance(50);
  assertEquals(attempts(2), [false, true]);
  assertEquals(memory.open("10.0.0.2").isHungUp, false);
});

const CONNECTS: ReadonlyArray<[as: BanKind, who: string]> = [
  ["clientid", "c"],
  ["username", "u"],
  ["peerhost", "10.0.0.7"],
];

for (const [as, who] of CONNECTS) {
  test(`a CONNECT with a banned ${as} is refused with the reason, before its password is looked at`, () => {
    let asked = 0;
    const authenticator = {
      authenticate: (credentials: Parameters<typeof BY_USERNAME.authenticate>[0]) => {
        asked++;
        return BY_USERNAME.authenticate(credentials);
      },
    };
    const { memory, ban } = withBans({ authenticator });
    ban(as, who, 1000);
    const five = memory.clientFrom("10.0.0.7", { clientId: "c", username: "u" });
    const four = memory.clientFrom("10.0.0.7", { clientId: "c", username: "u", version: 4 });
    memory.runtime.settle();
    assertEquals(five.expect("connack")[0].reasonCode, 0x8a);
    assertEquals(four.expect("connack")[0].returnCode, 5);
    assertEquals([five.peer.isHungUp, four.peer.isHungUp, asked], [true, true, 0]);
    assertEquals(memory.broker.counters.bansRefused, 2);
    memory.runtime.advance(1000);
    memory.connectFrom("10.0.0.7", { clientId: "c", username: "u" });
  });
}

test("a user name that an authenticator found out counts, too", () => {
  const { memory, ban } = withBans({
    authenticator: {
      authenticate: ({ clientId, remoteAddress }) => ({
        clientId,
        username: "of the token",
        remoteAddress,
        method: "jwt",
      }),
    },
  });
  ban("username", "of the token");
  const client = memory.client({ clientId: "c", username: "claimed" });
  memory.runtime.settle();
  assertEquals(client.expect("connack")[0].reasonCode, 0x8a);
  assertEquals(memory.broker.figures.sessions, 0);
});

test("a ban is in force for a client that waits for its authenticator", async () => {
  const answers: (() => void)[] = [];
  const { memory, ban } = withBans({
    authenticator: {
      authenticate: (credentials) =>
        new Promise((resolve) =>
          answers.push(() => resolve(BY_USERNAME.authenticate(credentials)))
        ),
    },
  });
  const client = memory.client({ clientId: "c" });
  await memory.runtime.settled();
  ban("clientid", "c");
  answers[0]!();
  await memory.runtime.settled();
  assertEquals(client.expect("connack")[0].reasonCode, 0x8a);
});

for (
  const [as, who] of [["clientid", "c"], ["username", "u"], ["peerhost", "10.0.0.0/24"]] as const
) {
  test(`a new ban by ${as} ends the connections that it names, and no other`, () => {
    const { memory, ban } = withBans({ authenticator: BY_USERNAME });
    const named = memory.connectFrom("10.0.0.7", { clientId: "c", username: "u" });
    const other = memory.connectFrom("10.0.1.7", { clientId: "d", username: "v" });
    const silent = memory.open("10.0.0.8");
    memory.runtime.settle();
    ban(as, who);
    memory.runtime.settle();
    const [packet] = named.expect("disconnect");
    assertEquals([packet.reasonCode, packet.properties?.reasonString], [0x98, "Banned"]);
    assertEquals([named.peer.isHungUp, other.peer.isHungUp], [true, false]);
    assertEquals(silent.isHungUp, as === "peerhost");
    assertEquals(memory.broker.counters.bansDisconnected, as === "peerhost" ? 2 : 1);
    assertEquals(memory.errors, []);
  });
}

test("a ban that has ended is swept out in time", () => {
  const { memory, bans, ban } = withBans();
  ban("clientid", "c", 1000);
  memory.runtime.advance(31_000);
  assertEquals([bans.count, bans.counters.expired], [0, 1]);
});
