import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IPublishPacket, Packet } from "mqtt-packet";
import type { AclAuthorizer } from "../../../src/auth/mod.ts";
import { SILENT_LOGGER } from "../../../src/base/mod.ts";
import type { ClientSession } from "../../../src/broker/client_session.ts";
import { BrokerCounters } from "../../../src/broker/counters.ts";
import { Permissions, Permit } from "../../../src/broker/permissions.ts";
import { BROKER_IDENTITY, type Identity } from "../../../src/ports/mod.ts";
import { Router } from "../../../src/routing/mod.ts";
import { NO_BYTES, type SessionContext } from "../../../src/session/mod.ts";
import { LastingBroker } from "../../support/lasting_broker.ts";
import { BY_USERNAME, MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";
import { withFolder } from "../../support/storage_rig.ts";
import { authorizer, policy, who } from "../auth/acl_rig.ts";

/** A broker whose clients are who they say they are, and may do what the rules allow. */
function start(rules: string, noMatch: "allow" | "deny" = "deny"): Started {
  const judge = authorizer(rules, noMatch);
  const memory = new MemoryBroker({ authenticator: BY_USERNAME, authorizer: judge });
  return { memory, judge };
}

interface Started {
  readonly memory: MemoryBroker;
  readonly judge: AclAuthorizer;
}

function topicsOf(client: MemoryClient): string[] {
  return publishesOf(client.take()).map(({ topic }) => topic);
}

function publishesOf(packets: readonly Packet[]): IPublishPacket[] {
  return packets.filter((packet) => packet.cmd === "publish");
}

function codeOf([packet]: readonly Packet[]): number {
  return (packet as { reasonCode?: number } | undefined)?.reasonCode ?? 0;
}

function subscribe(memory: MemoryBroker, client: MemoryClient, filter: string): number[] {
  client.subscribe(filter, 2);
  memory.runtime.settle();
  return client.expect("suback")[0].granted as number[];
}

function deliveredTo(
  memory: MemoryBroker,
  client: MemoryClient,
  topics: readonly string[],
): string[] {
  const publisher = memory.connect({ clientId: "publisher", username: "admin" });
  for (const topic of topics) publisher.publish(topic, "x");
  memory.runtime.settle();
  return topicsOf(client);
}

const ADMIN = "allow all # user=admin; ";

for (const version of [3, 4, 5] as const) {
  for (const qos of [0, 1, 2] as const) {
    test(`version ${version}: PUBLISH of QoS ${qos} to a denied topic goes nowhere`, () => {
      const { memory } = start(`${ADMIN}allow publish ok`);
      const subscriber = memory.connect({ username: "admin" });
      subscribe(memory, subscriber, "#");
      const publisher = memory.connect({ version, clientId: "p" });
      for (const topic of ["no", "ok", "no"]) publisher.publish(topic, "x", qos, 7);
      memory.runtime.settle();
      const answers = publisher.take();
      assertEquals(answers.length, qos === 0 ? 0 : 3);
      if (qos > 0) {
        const codes = answers.map((packet) => codeOf([packet]));
        // The third QoS 2 is no duplicate of the second for 3.x: it was refused as the first one was.
        const denied = version === 5 ? 0x87 : 0;
        assertEquals(codes[0], denied);
        if (qos === 1) assertEquals(codes, [denied, 0, denied]);
      }
      assertEquals(topicsOf(subscriber), version < 5 && qos === 2 ? [] : ["ok"]);
      assertEquals(memory.errors, []);
    });
  }
}

test("a client of 3.x goes on as if its denied messages had been taken", () => {
  const { memory } = start("allow publish ok");
  const client = memory.connect({ version: 4, clientId: "c" });
  client.publish("no", "x", 2, 1);
  memory.runtime.settle();
  client.expect("pubrec");
  client.send({ cmd: "pubrel", messageId: 1 });
  client.publish("no", "x", 1, 2);
  memory.runtime.settle();
  assertEquals(client.take().map(({ cmd }) => cmd), ["pubcomp", "puback"]);
  assertEquals(memory.broker.counters.aclDeniedPublish, 2);
});

test("every message is judged, whatever route was used last", () => {
  const { memory } = start(`${ADMIN}allow publish a; allow publish b`);
  const subscriber = memory.connect({ username: "admin" });
  subscribe(memory, subscriber, "#");
  const publisher = memory.connect({ clientId: "p" });
  for (const topic of ["a", "a", "no", "b", "a", "no", "a"]) publisher.publish(topic, "x");
  memory.runtime.settle();
  assertEquals(topicsOf(subscriber), ["a", "a", "b", "a", "a"]);
});

test("an alias is judged by its topic, also when it gets another one", () => {
  const { memory } = start(`${ADMIN}allow publish ok`);
  const subscriber = memory.connect({ username: "admin" });
  subscribe(memory, subscriber, "#");
  const publisher = memory.connect({ clientId: "p" });
  const send = (topic: string, messageId: number): number => {
    publisher.send({
      cmd: "publish",
      topic,
      payload: "x",
      qos: 1,
      retain: false,
      dup: false,
      messageId,
      properties: { topicAlias: 1 },
    });
    memory.runtime.settle();
    return codeOf(publisher.take());
  };
  assertEquals(
    [send("ok", 1), send("", 2), send("no", 3), send("", 4), send("ok", 5), send("", 6)],
    [
      0,
      0,
      0x87,
      0x87,
      0,
      0,
    ],
  );
  assertEquals(topicsOf(subscriber), ["ok", "ok", "ok", "ok"]);
});

test("what is denied is not retained, and does not clear what is", () => {
  const { memory } = start(`${ADMIN}allow publish ok`);
  const admin = memory.connect({ clientId: "a", username: "admin" });
  const retain = (client: MemoryClient, topic: string, payload: string): void => {
    client.send({ cmd: "publish", topic, payload, qos: 0, retain: true, dup: false });
    memory.runtime.settle();
  };
  retain(admin, "no/1", "kept");
  const client = memory.connect({ clientId: "p" });
  retain(client, "no/1", "");
  retain(client, "no/2", "x");
  retain(client, "ok", "x");
  subscribe(memory, admin, "$share/g/x");
  admin.subscribe("#", 0);
  memory.runtime.settle();
  const [, ...replayed] = admin.take();
  assertEquals(
    publishesOf(replayed).map(({ topic, payload }) => `${topic} ${payload}`).sort(),
    ["no/1 kept", "ok x"],
  );
});

test("deny_action disconnect: the client is told why and let go, without an answer to its packet", () => {
  for (const version of [4, 5] as const) {
    for (const qos of [0, 1, 2] as const) {
      const { memory, judge } = start("allow publish ok");
      judge.replace({ ...policy("allow publish ok"), denyAction: "disconnect" });
      const client = memory.connect({ version, clientId: "c" });
      client.publish("ok", "x", qos, 1);
      client.publish("no", "x", qos, 2);
      client.publish("ok", "x", qos, 3);
      memory.runtime.settle();
      const commands = client.take().map((packet) => `${packet.cmd} ${codeOf([packet])}`);
      const first = qos === 0
        ? []
        : [qos === 1 ? "puback" : "pubrec"].map((cmd) => `${cmd} ${version === 5 ? 0x10 : 0}`);
      assertEquals(commands, version === 5 ? [...first, "disconnect 135"] : first);
      assertEquals(memory.openConnections, 0);
    }
    const { memory, judge } = start("");
    judge.replace({ ...policy(""), denyAction: "disconnect" });
    const client = memory.connect({ version, clientId: "c" });
    client.subscribe("no", 0);
    memory.runtime.settle();
    const commands = client.take().map((packet) => `${packet.cmd} ${codeOf([packet])}`);
    assertEquals(commands, version === 5 ? ["disconnect 135"] : []);
    assertEquals(memory.openConnections, 0);
  }
});

test("SUBSCRIBE: each filter is judged, in 5.0 with 0x87, in 3.1.1 with 0x80, in 3.1 by hanging up", () => {
  const { memory } = start("allow subscribe ok/#");
  const send = (client: MemoryClient): void => {
    client.send({
      cmd: "subscribe",
      messageId: 1,
      subscriptions: ["ok/a", "no", "ok/#", "#", "$share/g/no", "$share/g/ok/b"].map((topic) => ({
        topic,
        qos: 1,
      })),
    });
    memory.runtime.settle();
  };
  const five = memory.connect();
  send(five);
  assertEquals(five.expect("suback")[0].granted, [1, 0x87, 1, 0x87, 0x87, 1]);
  const four = memory.connect({ version: 4, clientId: "four" });
  send(four);
  assertEquals(four.expect("suback")[0].granted, [1, 0x80, 1, 0x80, 0x80, 1]);
  const three = memory.connect({ version: 3, clientId: "three" });
  send(three);
  assertEquals(three.take(), []);
  assertEquals(memory.openConnections, 2);
  assertEquals(memory.broker.counters.aclDeniedSubscribe, 9);
});

test("a subscription that matches more than may be read gets what may be read", () => {
  const { memory } = start("deny subscribe secret/#; allow all #");
  const client = memory.connect({ clientId: "c" });
  assertEquals(subscribe(memory, client, "#"), [2]);
  assertEquals(subscribe(memory, client, "secret/#"), [0x87]);
  const topics = ["a", "secret/x", "b", "secret", "secret/x", "a"];
  assertEquals(deliveredTo(memory, client, topics), ["a", "b", "a"]);
  assertEquals(memory.broker.counters.aclDeniedReceive, 3);
});

test("two subscribers of one filter get each what they may read", () => {
  const { memory } = start("deny subscribe own/z client=x; allow all #");
  const x = memory.connect({ clientId: "x" });
  const y = memory.connect({ clientId: "y" });
  for (const client of [x, y]) subscribe(memory, client, "own/+");
  assertEquals(deliveredTo(memory, x, ["own/z", "own/a"]), ["own/a"]);
  assertEquals(topicsOf(y), ["own/z", "own/a"]);
});

test("a shared subscription hands out only to members that may read", () => {
  const { memory } = start("deny subscribe jobs/secret client=x; allow all #");
  const x = memory.connect({ clientId: "x" });
  const y = memory.connect({ clientId: "y" });
  for (const client of [x, y]) subscribe(memory, client, "$share/g/jobs/+");
  const publisher = memory.connect({ clientId: "p" });
  for (let n = 0; n < 10; n++) publisher.publish("jobs/secret", "x");
  for (let n = 0; n < 10; n++) publisher.publish("jobs/open", "x");
  memory.runtime.settle();
  const [atX, atY] = [topicsOf(x), topicsOf(y)];
  assertEquals(atX.filter((topic) => topic === "jobs/secret"), []);
  assertEquals(atY.filter((topic) => topic === "jobs/secret").length, 10);
  assertEquals(atX.length + atY.length, 20);
  assert(atX.length >= 4, `${atX.length}`);
});

test("a shared message whose members may not read it matches nobody", () => {
  const { memory } = start("deny subscribe jobs/secret client=x; allow all #");
  subscribe(memory, memory.connect({ clientId: "x" }), "$share/g/jobs/+");
  const publisher = memory.connect({ clientId: "p" });
  publisher.publish("jobs/secret", "x", 1);
  memory.runtime.settle();
  assertEquals(codeOf(publisher.take()), 0x10);
});

test("what a member leaves behind does not go to one that may not read it", () => {
  const { memory } = start("deny subscribe jobs/secret client=y; allow all #");
  const x = memory.connect({ clientId: "x", properties: { receiveMaximum: 100 } });
  subscribe(memory, x, "$share/g/jobs/+");
  const publisher = memory.connect({ clientId: "p" });
  publisher.publish("jobs/secret", "1", 1, 1);
  publisher.publish("jobs/open", "2", 1, 2);
  memory.runtime.settle();
  const y = memory.connect({ clientId: "y" });
  subscribe(memory, y, "$share/g/jobs/+");
  const z = memory.connect({ clientId: "z" });
  subscribe(memory, z, "$share/g/jobs/+");
  x.peer.end();
  memory.runtime.settle();
  assert(!topicsOf(y).includes("jobs/secret"));
  assert(topicsOf(z).includes("jobs/secret"));
});

test("retained messages are replayed where they may be read", () => {
  const { memory } = start("deny subscribe secret/#; allow all #");
  const publisher = memory.connect({ clientId: "p" });
  for (const topic of ["a", "secret/x", "b"]) {
    publisher.send({
      cmd: "publish",
      topic,
      payload: "x",
      qos: 1,
      retain: true,
      dup: false,
      messageId: 1,
    });
  }
  memory.runtime.settle();
  const client = memory.connect({ clientId: "c" });
  client.subscribe("#", 1);
  memory.runtime.settle();
  assertEquals(topicsOf(client).sort(), ["a", "b"]);
});

test("a retained message that had to wait is judged when its turn comes", () => {
  const { memory, judge } = start("allow all #");
  const publisher = memory.connect({ clientId: "p" });
  for (const topic of ["a", "b", "c"]) {
    publisher.send({
      cmd: "publish",
      topic,
      payload: "x",
      qos: 1,
      retain: true,
      dup: false,
      messageId: 1,
    });
  }
  memory.runtime.settle();
  const client = memory.connect({ clientId: "c", properties: { receiveMaximum: 1 } });
  client.subscribe("+", 1);
  memory.runtime.settle();
  const [first] = publishesOf(client.take());
  const rest = ["a", "b", "c"].filter((topic) => topic !== first?.topic);
  judge.replace(policy(`deny subscribe ${rest[0]}; allow all #`));
  const seen: string[] = [];
  let next = first;
  while (next !== undefined) {
    seen.push(next.topic);
    client.send({ cmd: "puback", messageId: next.messageId as number });
    memory.runtime.settle();
    [next] = publishesOf(client.take());
  }
  assertEquals(seen, [first?.topic, rest[1]]);
});

test("a subscription made before a rule changed gets nothing that is denied now, and again later", () => {
  const { memory, judge } = start("allow all #");
  const client = memory.connect({ clientId: "c" });
  subscribe(memory, client, "#");
  subscribe(memory, client, "$share/g/s/#");
  const topics = ["a", "b", "s/1"];
  assertEquals(deliveredTo(memory, client, topics), ["a", "b", "s/1", "s/1"]);
  judge.replace(policy("deny subscribe b s/#; allow all #"));
  assertEquals(deliveredTo(memory, client, topics), ["a"]);
  judge.replace(policy("", "allow"));
  assertEquals(deliveredTo(memory, client, topics), ["a", "b", "s/1", "s/1"]);
});

test("a route or alias that a publisher holds on to does not outlive a change of rules", () => {
  const { memory, judge } = start("allow all #");
  const client = memory.connect({ clientId: "c" });
  subscribe(memory, client, "#");
  const publisher = memory.connect({ clientId: "p" });
  const send = (): string[] => {
    const properties = { topicAlias: 1 };
    publisher.publish("t", "x");
    publisher.send({
      cmd: "publish",
      topic: "t",
      payload: "x",
      qos: 0,
      retain: false,
      dup: false,
      properties,
    });
    publisher.send({
      cmd: "publish",
      topic: "",
      payload: "x",
      qos: 0,
      retain: false,
      dup: false,
      properties,
    });
    memory.runtime.settle();
    return topicsOf(client);
  };
  assertEquals(send().length, 3);
  judge.replace(policy("deny subscribe t; allow all #"));
  assertEquals(send(), []);
  judge.replace(policy("allow all #"));
  assertEquals(send().length, 3);
  judge.replace(policy("deny publish t; allow all #"));
  assertEquals(send(), []);
});

/** A client that is away with three messages waiting, and two in flight. */
function away(memory: MemoryBroker): void {
  const terms = {
    clientId: "c",
    username: "u",
    clean: false,
    properties: { sessionExpiryInterval: 1000, receiveMaximum: 2 },
  };
  const client = memory.connect(terms);
  subscribe(memory, client, "#");
  const publisher = memory.connect({ clientId: "publisher", username: "admin" });
  for (const [index, topic] of ["a", "b", "c", "b", "d"].entries()) {
    publisher.publish(topic, String(index), index % 2 === 0 ? 1 : 2, index + 1);
  }
  memory.runtime.settle();
  assertEquals(publishesOf(client.take()).length, 2);
  client.peer.end();
  memory.runtime.settle();
}

/** All that comes to a client that acknowledges it. */
function drain(memory: MemoryBroker, client: MemoryClient): string[] {
  const seen: string[] = [];
  for (let packets = client.take(); packets.length > 0; packets = client.take()) {
    for (const packet of packets) {
      if (packet.cmd === "pubrel") {
        client.send({ cmd: "pubcomp", messageId: packet.messageId as number });
      }
      if (packet.cmd !== "publish") continue;
      seen.push(`${packet.topic}${packet.payload}`);
      const cmd = packet.qos === 1 ? "puback" : "pubrec";
      if (packet.qos > 0) client.send({ cmd, messageId: packet.messageId as number });
    }
    memory.runtime.settle();
  }
  return seen;
}

function comeBack(memory: MemoryBroker): MemoryClient {
  const client = memory.client({
    clientId: "c",
    username: "u",
    clean: false,
    properties: { sessionExpiryInterval: 1000, receiveMaximum: 2 },
  });
  memory.runtime.settle();
  return client;
}

test("queued messages, and those in flight, are judged by the rules of when they are sent", () => {
  const { memory, judge } = start("allow all #");
  away(memory);
  judge.replace(policy("deny subscribe b; allow all #"));
  assertEquals(drain(memory, comeBack(memory)), ["a0", "c2", "d4"]);
  assertEquals(memory.broker.counters.sessions.queuedMessages, 0);
  assertEquals(memory.broker.counters.sessions.inflight, 0);
});

test("nothing is lost of what waits when the rules allow it", () => {
  const { memory, judge } = start("allow all #");
  away(memory);
  judge.replace(policy("deny subscribe x; allow all #"));
  assertEquals(drain(memory, comeBack(memory)), ["a0", "b1", "c2", "b3", "d4"]);
});

test("what is denied while its client is away does not wait for it", () => {
  const { memory } = start("deny subscribe b user=u; allow all #");
  away(memory);
  assertEquals(drain(memory, comeBack(memory)), ["a0", "c2", "d4"]);
});

test("a session whose client comes back as somebody with fewer rights gets less", () => {
  let isSuperuser = true;
  const memory = new MemoryBroker({
    authenticator: {
      authenticate: ({ clientId, username, remoteAddress }): Identity => ({
        clientId,
        username,
        remoteAddress,
        method: "jwt",
        isSuperuser: isSuperuser || username === "admin",
      }),
    },
    authorizer: authorizer("deny subscribe b; allow all #"),
  });
  away(memory);
  isSuperuser = false;
  const client = comeBack(memory);
  assertEquals(drain(memory, client), ["a0", "c2", "d4"]);
  // Routes that were made while it was a superuser count no more.
  assertEquals(deliveredTo(memory, client, ["b", "e"]), ["e"]);
});

test("an identity's own rules count, also where there are no others", () => {
  const memory = new MemoryBroker({
    authenticator: {
      authenticate: ({ clientId, username, remoteAddress }): Identity => ({
        clientId,
        username,
        remoteAddress,
        method: "jwt",
        ...(clientId === "jwt"
          ? { aclRules: [{ permit: "deny", action: "all", topics: ["secret/#"] }] }
          : {}),
      }),
    },
    authorizer: authorizer("", "allow"),
  });
  const other = memory.connect({ clientId: "other" });
  subscribe(memory, other, "#");
  const client = memory.connect({ clientId: "jwt" });
  assertEquals(subscribe(memory, client, "secret/#"), [0x87]);
  assertEquals(subscribe(memory, client, "#"), [2]);
  assertEquals(deliveredTo(memory, client, ["secret/a", "b"]), ["b"]);
  assertEquals(topicsOf(other), ["secret/a", "b"]);
  client.publish("secret/a", "x", 1);
  memory.runtime.settle();
  assertEquals(codeOf(client.take()), 0x87);
});

test("a will that may not be published is refused with its CONNECT", () => {
  const { memory } = start(`${ADMIN}allow publish ok`);
  const will = (
    topic: string,
  ) => ({ topic, payload: Buffer.from("w"), qos: 0, retain: false } as const);
  for (const version of [4, 5] as const) {
    const client = memory.client({ version, clientId: `c${version}`, will: will("no") });
    memory.runtime.settle();
    const [connack] = client.expect("connack");
    assertEquals(version === 5 ? connack.reasonCode : connack.returnCode, version === 5 ? 0x87 : 5);
  }
  assertEquals(memory.broker.figures.sessions, 0);
  assertEquals(codeOf(memory.client({ clientId: "d", will: will("ok") }).take()), 0);
  const { memory: open } = start("", "allow");
  const reserved = open.client({
    clientId: "e",
    username: "admin",
    will: will("$SYS/broker/version"),
  });
  open.runtime.settle();
  assertEquals(reserved.expect("connack")[0].reasonCode, 0x87);
});

for (const delay of [0, 60]) {
  test(`a will is judged again when it is published, after ${delay} s`, () => {
    const { memory, judge } = start("allow all #");
    const subscriber = memory.connect({ clientId: "s" });
    subscribe(memory, subscriber, "#");
    const clients = ["one", "two"].map((clientId) =>
      memory.connect({
        clientId,
        properties: { sessionExpiryInterval: 1000 },
        will: {
          topic: `will/${clientId}`,
          payload: Buffer.from("w"),
          qos: 1,
          retain: true,
          properties: { willDelayInterval: delay },
        },
      })
    );
    judge.replace(policy("deny publish will/one; allow all #"));
    for (const client of clients) client.peer.end();
    memory.runtime.settle();
    memory.runtime.advance(delay * 1000 + 2000);
    memory.runtime.settle();
    assertEquals(topicsOf(subscriber), ["will/two"]);
    assertEquals(memory.broker.figures.retainedMessages, 1);
  });
}

test("messages that come from within are judged by the identity behind them", () => {
  const { memory } = start("deny publish no; allow all #");
  const subscriber = memory.connect({ clientId: "s" });
  subscribe(memory, subscriber, "#");
  const publish = (topic: string, identity: Identity): unknown =>
    memory.broker.publisher.publishMessage({
      topic,
      topicBytes: new TextEncoder().encode(topic),
      payload: new TextEncoder().encode("x"),
      qos: 0,
      retain: false,
      properties: NO_BYTES,
      expiresAtMs: Infinity,
      publisherId: "",
    }, identity);
  const codes = [
    publish("no", who("u@api")),
    publish("ok", who("u@api")),
    publish("no", BROKER_IDENTITY),
  ];
  assertEquals(codes, [0x87, 0, 0]);
  memory.runtime.settle();
  assertEquals(topicsOf(subscriber), ["ok", "no"]);
});

test("after a restart, waiting messages and wills are judged by the rules of now", () =>
  withFolder(async (folder) => {
    const open = (rules: string): Promise<LastingBroker> =>
      LastingBroker.start(folder, {}, undefined, {
        authenticator: BY_USERNAME,
        authorizer: authorizer(rules),
      });
    const first = await open("allow all #");
    const terms = {
      clientId: "c",
      username: "u",
      clean: false,
      properties: { sessionExpiryInterval: 1000 },
    };
    const client = first.memory.client({
      ...terms,
      will: {
        topic: "will/c",
        payload: Buffer.from("w"),
        qos: 1,
        retain: true,
        properties: { willDelayInterval: 30 },
      },
    });
    await first.pass(100);
    client.subscribe("+", 1);
    await first.pass(100);
    client.peer.end();
    await first.pass(100);
    const publisher = first.memory.client({ clientId: "p" });
    await first.pass(100);
    for (const [index, topic] of ["a", "b", "c"].entries()) {
      publisher.publish(topic, "x", 1, index + 1);
    }
    await first.pass(100);
    const second = await LastingBroker.start(first.copyAsKilled(), {}, undefined, {
      authenticator: BY_USERNAME,
      authorizer: authorizer("deny all b will/c; allow all #"),
    });
    await second.pass(40_000);
    assertEquals(second.memory.broker.figures.retainedMessages, 0);
    assertEquals(second.memory.broker.counters.aclDeniedPublish, 1);
    // While nobody knows who will come for them, messages may wait.
    const late = second.memory.client({ clientId: "p" });
    await second.pass(100);
    for (const [index, topic] of ["b", "d"].entries()) late.publish(topic, "x", 1, index + 1);
    await second.pass(100);
    const back = second.memory.client(terms);
    await second.pass(100);
    assertEquals(topicsOf(back), ["a", "c", "d"]);
    await second.stop();
    await first.stop();
  }));

test("denials are logged with who, what and which rule, not without end, and cannot forge lines", () => {
  const lines: string[] = [];
  const log = (level: string) => (message: string, fields: object = {}): void => {
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  };
  const memory = new MemoryBroker({
    authenticator: BY_USERNAME,
    authorizer: authorizer("deny publish no/#; allow all #"),
    logger: {
      isEnabled: (level) => level !== "debug" && level !== "trace",
      error: log("error"),
      warn: log("warn"),
      info: log("info"),
      debug: log("debug"),
      trace: log("trace"),
    },
  });
  const client = memory.connect({ clientId: "c", username: "u" });
  for (let n = 0; n < 50; n++) client.publish("no/x", "x");
  memory.runtime.settle();
  assertEquals(lines.length, 5);
  const [line = ""] = lines;
  const parts = [
    'info Denied publish {"clientId":"c","username":"u","address":"',
    '"topic":"no/x"',
    '"source":"acl.rule.0"',
    '"rule":"permit=deny action=publish topics=[\\"no/#\\"]"',
  ];
  for (const part of parts) assert(line.includes(part), line);
  memory.runtime.advance(11_000);
  client.publish(`no/${"y".repeat(5000)}`, "x");
  memory.runtime.settle();
  assertEquals(lines.length, 6);
  assert(lines[5]?.includes('"leftOut":45') && lines[5].length < 600, lines[5]);
  // Whoever connects again and again gets no more than all together may have.
  for (let n = 0; n < 200; n++) memory.connect({ clientId: `c${n}` }).publish("no/x", "x");
  memory.runtime.settle();
  assert(lines.length <= 106, `${lines.length}`);
  assertEquals(memory.broker.counters.aclDeniedPublish, 251);
});

test("a rule about a shared subscription is about nothing else", () => {
  const { memory } = start("deny subscribe $share/g/#; allow all #");
  const client = memory.connect({ clientId: "c" });
  const granted = ["$share/g/a", "$share/h/a", "a"].map((filter) =>
    subscribe(memory, client, filter)
  );
  assertEquals(granted, [[0x87], [2], [2]]);
});

test("what an authorizer has allowed counts as long as its revision is the same", () => {
  let [decision, revision]: ["allow" | "deny", number] = ["allow", 1];
  const memory = new MemoryBroker({
    authorizer: {
      isActive: true,
      get revision(): number {
        return revision;
      },
      denyAction: "ignore",
      onChange: undefined,
      authorize: () => decision,
      mayReceive: () => true,
      isSame: () => true,
      explain: () => ({ decision, source: "test", rule: "test" }),
    },
  });
  const client = memory.connect({ clientId: "c" });
  const publish = (): number => {
    client.publish("t", "x", 1);
    memory.runtime.settle();
    return codeOf(client.take());
  };
  assertEquals(publish(), 0x10);
  decision = "deny";
  assertEquals(publish(), 0x10);
  revision++;
  assertEquals([publish(), publish()], [0x87, 0x87]);
});

test("an authorizer that fails lets nobody read", () => {
  const memory = new MemoryBroker({
    authorizer: Object.assign(authorizer("allow all #"), {
      mayReceive: () => {
        throw new Error("no directory");
      },
    }),
  });
  const client = memory.connect({ clientId: "c" });
  subscribe(memory, client, "#");
  assertEquals(deliveredTo(memory, client, ["a"]), []);
  assertEquals(memory.errors.length, 1);
  assertEquals(memory.broker.counters.aclErrors, 1);
});

test("a permit is its identity's: who authenticates anew is asked again", () => {
  const { memory, judge } = start("allow publish t user=u; allow subscribe #");
  const context = { isGuarded: false } as SessionContext;
  const permissions = new Permissions({
    authorizer: judge,
    router: new Router<ClientSession>(),
    context,
    counters: new BrokerCounters(),
    clock: memory.runtime.clock,
    logger: SILENT_LOGGER,
  });
  const router = new Router<ClientSession>();
  const route = router.route("t");
  const holder = { identity: who("u@c"), permit: new Permit() };
  assert(!permissions.isKnown(holder, route));
  assertEquals(permissions.mayPublishTo(holder, route), true);
  assert(permissions.isKnown(holder, route));
  holder.identity = who("v@c");
  assert(!permissions.isKnown(holder, route));
  assertEquals(permissions.mayPublishTo(holder, route), false);
});
