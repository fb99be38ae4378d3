import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IConnectPacket } from "mqtt-packet";
import type { LimitsOptions } from "../../../src/broker/mod.ts";
import { BY_USERNAME, MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";

type Policy = LimitsOptions["sessionOwner"];

function brokerOf(sessionOwner: Policy): MemoryBroker {
  return new MemoryBroker({ authenticator: BY_USERNAME, limits: { sessionOwner } });
}

function asUser(
  username: string | undefined,
  fields: Partial<IConnectPacket> = {},
): Partial<IConnectPacket> {
  return {
    clientId: "shared",
    clean: false,
    properties: { sessionExpiryInterval: 1000 },
    ...(username === undefined ? {} : { username }),
    ...fields,
  };
}

/** Alice's session, with her away and a message waiting for her. */
function withQueued(memory: MemoryBroker, username: string | undefined): void {
  const alice = memory.connect(asUser(username));
  alice.subscribe("secret", 1);
  memory.runtime.settle();
  alice.peer.reset();
  memory.runtime.settle();
  memory.connect().publish("secret", "for alice", 1);
  memory.runtime.settle();
}

function payloadsOf(client: MemoryClient): string[] {
  return client.take().flatMap((packet) => packet.cmd === "publish" ? [`${packet.payload}`] : []);
}

for (const clean of [false, true]) {
  for (const other of ["bob", undefined]) {
    const who = `${other ?? "nobody in particular"}, clean start ${clean}`;

    test(`refuse: a session is not shown to another user: ${who}`, () => {
      const memory = brokerOf("refuse");
      withQueued(memory, "alice");
      const thief = memory.client(asUser(other, { clean }));
      memory.runtime.settle();
      const [connack, ...rest] = thief.expect("connack");
      assertEquals([connack.reasonCode, rest], [0x85, []]);
      assert(thief.peer.isHungUp);
      const alice = memory.connect(asUser("alice"));
      assertEquals(alice.connack.sessionPresent, true);
      assertEquals(memory.broker.counters.foreignSessions, 1);
    });

    test(`refuse: the owner's connection is not ended by another user: ${who}`, () => {
      const memory = brokerOf("refuse");
      const alice = memory.connect(asUser("alice"));
      const thief = memory.client(asUser(other, { clean }));
      memory.runtime.settle();
      assertEquals(thief.expect("connack")[0].reasonCode, 0x85);
      alice.send({ cmd: "pingreq" });
      memory.runtime.settle();
      alice.expect("pingresp");
      assertEquals(memory.broker.counters.sessionsTakenOver, 0);
    });

    test(`fresh: another user gets a session of its own, and nothing that waits: ${who}`, () => {
      const memory = brokerOf("fresh");
      withQueued(memory, "alice");
      const other2 = memory.client(asUser(other, { clean }));
      memory.runtime.settle();
      const [connack, ...rest] = other2.expect("connack");
      assertEquals([connack.reasonCode, connack.sessionPresent, rest], [0, false, []]);
      assertEquals(memory.broker.figures.subscriptions, 0);
      assertEquals(memory.broker.counters.sessions.queuedMessages, 0);
    });
  }
}

test("3.1.1 clients are refused with the return code for identifiers", () => {
  const memory = brokerOf("refuse");
  memory.connect(asUser("alice"));
  const thief = memory.client({ version: 4, clientId: "shared", username: "bob", clean: true });
  memory.runtime.settle();
  assertEquals(thief.expect("connack")[0].returnCode, 2);
});

test("the owner takes its own session over", () => {
  const memory = brokerOf("refuse");
  withQueued(memory, "alice");
  const first = memory.connect(asUser("alice"));
  const second = memory.client(asUser("alice"));
  memory.runtime.settle();
  const [connack, ...rest] = second.take();
  assertEquals(connack?.cmd === "connack" && connack.sessionPresent, true);
  assertEquals(rest.length, 1);
  assert(first.peer.isHungUp);
});

test("a session that ends with its connection has an owner while it lives, and none after", () => {
  const memory = brokerOf("refuse");
  const alice = memory.connect({ clientId: "shared", username: "alice" });
  const thief = memory.client({ clientId: "shared", username: "bob" });
  memory.runtime.settle();
  assertEquals(thief.expect("connack")[0].reasonCode, 0x85);
  alice.peer.reset();
  memory.runtime.settle();
  memory.connect({ clientId: "shared", username: "bob" });
});

test("what nobody in particular made is anybody's, until a user has it", () => {
  const memory = brokerOf("refuse");
  withQueued(memory, undefined);
  const anonymous = memory.client(asUser(undefined));
  memory.runtime.settle();
  assertEquals(payloadsOf(anonymous), ["for alice"]);
  const alice = memory.connect(asUser("alice"));
  assertEquals(alice.connack.sessionPresent, true);
  for (const other of ["bob", undefined]) {
    const late = memory.client(asUser(other));
    memory.runtime.settle();
    assertEquals(late.expect("connack")[0].reasonCode, 0x85);
  }
});

test("a user name that only an anonymous client claims owns nothing", () => {
  const memory = new MemoryBroker();
  memory.connect(asUser("alice"));
  const other = memory.connect(asUser("bob"));
  assertEquals(other.connack.sessionPresent, true);
  assertEquals(memory.broker.counters.foreignSessions, 0);
});

test("what was vouched for owns a session, not the user name that is claimed beside it", () => {
  const memory = new MemoryBroker({
    authenticator: {
      authenticate: ({ clientId, username, password, remoteAddress }) => ({
        clientId,
        username,
        remoteAddress,
        method: "jwt",
        subject: new TextDecoder().decode(password),
      }),
    },
  });
  const withToken = (username: string, token: string): Partial<IConnectPacket> =>
    asUser(username, { password: Buffer.from(token) });
  memory.connect(withToken("alice", "token of alice"));
  const thief = memory.client(withToken("alice", "token of bob"));
  memory.runtime.settle();
  assertEquals(thief.expect("connack")[0].reasonCode, 0x85);
  const again = memory.connect(withToken("other name", "token of alice"));
  assertEquals(again.connack.sessionPresent, true);
});

test("user names are compared as they are", () => {
  const memory = brokerOf("refuse");
  memory.connect(asUser("__proto__"));
  for (const other of ["constructor", "", "__PROTO__", "__proto__ "]) {
    const thief = memory.client(asUser(other));
    memory.runtime.settle();
    assertEquals(thief.expect("connack")[0].reasonCode, 0x85, other);
  }
});
