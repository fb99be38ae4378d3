import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IAuthPacket, IConnectPacket } from "mqtt-packet";
import { ReasonCode } from "../../../src/mqtt/mod.ts";
import type {
  Authenticator,
  EnhancedExchange,
  ExchangeStep,
  Identity,
} from "../../../src/ports/mod.ts";
import { MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const METHOD = "TALK";

/**
 * A method of as many steps as the client likes: "more" goes on, "wait" goes on when the test says so, "fail" throws,
 * "NAME!" lets in as NAME, anything else is refused.
 */
function talkative(talk: { heard: string[]; answers: (() => void)[] }): Authenticator {
  const step = (clientId: string, data: Uint8Array | undefined): ExchangeStep => {
    const said = data === undefined ? "" : new TextDecoder().decode(data);
    if (said === "more" || said === "wait") return { continue: utf8("go on") };
    if (!said.endsWith("!")) return { denied: ReasonCode.notAuthorized, reason: said };
    const identity: Identity = {
      clientId,
      username: said.slice(0, -1),
      remoteAddress: "memory",
      method: "scram",
    };
    return { done: identity, data: utf8("bye") };
  };
  const exchange = (): EnhancedExchange => {
    let clientId = "";
    const hear = (data: Uint8Array | undefined): ExchangeStep | Promise<ExchangeStep> => {
      const said = data === undefined ? "nothing" : new TextDecoder().decode(data);
      talk.heard.push(said);
      if (said === "fail") throw new Error("broken");
      if (said !== "wait" && !said.startsWith("late ")) return step(clientId, data);
      const rest = data!.subarray(said === "wait" ? 0 : 5);
      return new Promise((resolve) => talk.answers.push(() => resolve(step(clientId, rest))));
    };
    return {
      begin: (credentials, data) => {
        clientId = credentials.clientId;
        return hear(data);
      },
      next: hear,
    };
  };
  return {
    authenticate: () => ({ denied: ReasonCode.notAuthorized }),
    enhanced: (method) => method === METHOD ? exchange() : undefined,
  };
}

interface Rig {
  readonly memory: MemoryBroker;
  readonly heard: string[];
  readonly answers: (() => void)[];
}

function rig(): Rig {
  const talk = { heard: [], answers: [] };
  return { memory: new MemoryBroker({ authenticator: talkative(talk) }), ...talk };
}

function begin(
  { memory }: Rig,
  said: string | undefined,
  fields: Partial<IConnectPacket> = {},
): MemoryClient {
  return memory.client({
    clientId: "c",
    ...fields,
    properties: {
      authenticationMethod: METHOD,
      ...(said === undefined ? {} : { authenticationData: Buffer.from(said) }),
    },
  });
}

function auth(said: string, reasonCode = 0x18, method = METHOD): IAuthPacket {
  return {
    cmd: "auth",
    reasonCode,
    properties: { authenticationMethod: method, authenticationData: Buffer.from(said) },
  };
}

/** What came, in short: "auth 18 TALK go on", "connack 0 TALK bye". */
function told(client: MemoryClient): string[] {
  return client.take().map((packet) => {
    const { cmd, reasonCode, properties } = packet as IAuthPacket;
    const parts = [cmd, reasonCode?.toString(16), properties?.authenticationMethod];
    const data = properties?.authenticationData;
    return [...parts, data === undefined ? undefined : String(data)]
      .filter((part) => part !== undefined).join(" ");
  });
}

test("an exchange of several steps ends in a CONNACK with method and data [MQTT-4.12.0-5]", async () => {
  const talk = rig();
  const client = begin(talk, "more");
  await talk.memory.runtime.settled();
  assertEquals(told(client), ["auth 18 TALK go on"]);
  client.send(auth("more"));
  await talk.memory.runtime.settled();
  assertEquals(told(client), ["auth 18 TALK go on"]);
  assertEquals(talk.memory.broker.figures.sessions, 0);
  client.send(auth("alice!"));
  await talk.memory.runtime.settled();
  assertEquals(told(client), ["connack 0 TALK bye"]);
  assertEquals(talk.heard, ["more", "more", "alice!"]);
  client.send({ cmd: "pingreq" });
  await talk.memory.runtime.settled();
  assertEquals(told(client), ["pingresp"]);
  assertEquals(talk.memory.errors, []);
});

test("a client may be let in, or refused, by its CONNECT alone", async () => {
  const talk = rig();
  const [good, bad, silent] = [begin(talk, "alice!"), begin(talk, "no"), begin(talk, undefined)];
  await talk.memory.runtime.settled();
  assertEquals(told(good), ["connack 0 TALK bye"]);
  assertEquals(told(bad), ["connack 87"]);
  assertEquals(told(silent), ["connack 87"]);
  assertEquals([good.peer.isClosed, bad.peer.isClosed], [false, true]);
});

test("a step that takes its time is waited for, and what is sent meanwhile comes after it", async () => {
  const talk = rig();
  const client = begin(talk, "wait");
  client.send(auth("late alice!"));
  client.subscribe("t", 1);
  await talk.memory.runtime.settled();
  assertEquals([told(client), talk.heard], [[], ["wait"]]);
  talk.answers.shift()!();
  await talk.memory.runtime.settled();
  assertEquals([told(client), talk.heard], [["auth 18 TALK go on"], ["wait", "late alice!"]]);
  talk.answers.shift()!();
  await talk.memory.runtime.settled();
  assertEquals(told(client).map((each) => each.split(" ")[0]), ["connack", "suback"]);
});

/** What a client may not do before CONNACK, and the code that it is told. */
const MISPLACED: readonly [
  what: string,
  packet: Parameters<MemoryClient["send"]>[0],
  code: string,
][] = [
  ["AUTH of another method", auth("alice!", 0x18, "OTHER"), "82"],
  ["AUTH to authenticate again", auth("alice!", 0x19), "82"],
  ["AUTH that says success", auth("alice!", 0x00), "82"],
  ["AUTH without a method", Uint8Array.of(0xf0, 0), "82"],
  ["PINGREQ", { cmd: "pingreq" }, "82"],
  [
    "PUBLISH",
    { cmd: "publish", topic: "t", payload: "x", qos: 0, dup: false, retain: false },
    "82",
  ],
  ["a packet that is none", Uint8Array.of(0xf1, 0), "81"],
];

for (const [what, packet, code] of MISPLACED) {
  test(`${what} in the midst of an exchange ends it`, async () => {
    const talk = rig();
    const client = begin(talk, "more");
    await talk.memory.runtime.settled();
    client.take();
    client.send(packet);
    await talk.memory.runtime.settled();
    assertEquals(told(client), [`connack ${code}`]);
    assert(client.peer.isClosed);
    assertEquals(talk.heard, ["more"]);
    assertEquals(talk.memory.broker.figures.sessions, 0);
    assertEquals(talk.memory.errors, []);
  });
}

test("DISCONNECT in the midst of an exchange is goodbye", async () => {
  const talk = rig();
  const client = begin(talk, "more");
  await talk.memory.runtime.settled();
  client.take();
  client.send({ cmd: "disconnect", reasonCode: 0 });
  await talk.memory.runtime.settled();
  assertEquals([told(client), client.peer.isClosed], [[], true]);
});

test("an exchange must end within the time for CONNECT, and leaves nothing", async () => {
  const talk = rig();
  const [slow, gone] = [begin(talk, "more"), begin(talk, "wait", { clientId: "d" })];
  await talk.memory.runtime.settled();
  gone.peer.reset();
  talk.memory.runtime.advance(11_000);
  await talk.memory.runtime.settled();
  assert(slow.peer.isClosed);
  talk.answers.shift()!();
  await talk.memory.runtime.settled();
  const { sessions, connections, timers } = talk.memory.broker.figures;
  assertEquals([sessions, connections, timers], [0, 0, 0]);
  assertEquals(talk.memory.errors, []);
});

test("an exchange that fails lets nobody in", async () => {
  const talk = rig();
  const client = begin(talk, "more");
  await talk.memory.runtime.settled();
  client.take();
  client.send(auth("fail"));
  await talk.memory.runtime.settled();
  assert(client.peer.isClosed);
  assertEquals(talk.memory.broker.figures.sessions, 0);
  assertEquals(talk.memory.errors.length, 1);
});

/** A client that is connected as alice. */
async function alice(talk: Rig): Promise<MemoryClient> {
  const client = begin(talk, "alice!");
  await talk.memory.runtime.settled();
  assertEquals(told(client), ["connack 0 TALK bye"]);
  return client;
}

test("a connected client authenticates again, and its traffic goes on meanwhile [MQTT-4.12.1-1]", async () => {
  const talk = rig();
  const client = await alice(talk);
  client.subscribe("t", 1);
  client.send(auth("wait", 0x19));
  client.publish("t", "meanwhile", 1, 2);
  await talk.memory.runtime.settled();
  assertEquals(client.take().map(({ cmd }) => cmd), ["suback", "publish", "puback"]);
  talk.answers.shift()!();
  await talk.memory.runtime.settled();
  assertEquals(told(client), ["auth 18 TALK go on"]);
  client.send({ cmd: "pingreq" });
  client.send(auth("alice!"));
  await talk.memory.runtime.settled();
  assertEquals(told(client), ["pingresp", "auth 0 TALK bye"]);
  // And once more: there is no end to it.
  client.send(auth("alice!", 0x19));
  await talk.memory.runtime.settled();
  assertEquals(told(client), ["auth 0 TALK bye"]);
  assertEquals(talk.memory.errors, []);
});

const LOST: readonly [
  what: string,
  packets: readonly Parameters<MemoryClient["send"]>[0][],
  code: string,
][] = [
  ["that fails", [auth("no", 0x19)], "87"],
  ["as another user", [auth("bob!", 0x19)], "87"],
  ["that fails in its second step", [auth("more", 0x19), auth("no")], "87"],
  ["by another method", [auth("alice!", 0x19, "OTHER")], "82"],
  ["while one is under way", [auth("more", 0x19), auth("alice!", 0x19)], "82"],
  ["while an answer is on its way", [auth("wait", 0x19), auth("alice!")], "82"],
  ["that nobody has begun", [auth("alice!")], "82"],
  ["that says success", [auth("alice!", 0x00)], "82"],
];

for (const [what, packets, code] of LOST) {
  test(`a new authentication ${what} ends the connection [MQTT-4.12.1-2]`, async () => {
    const talk = rig();
    const client = await alice(talk);
    for (const packet of packets) client.send(packet);
    await talk.memory.runtime.settled();
    assertEquals(told(client).at(-1), `disconnect ${code}`);
    assert(client.peer.isClosed);
    assertEquals(talk.memory.errors, []);
  });
}

test("what a client has shown is worth something until it expires, and no longer", () => {
  const atMs = (memory: MemoryBroker, ms: number): number => memory.runtime.clock.nowMs() + ms;
  let expiresAtMs = 0;
  const memory: MemoryBroker = new MemoryBroker({
    authenticator: {
      authenticate: ({ clientId, username, remoteAddress }) => ({
        clientId,
        username,
        remoteAddress,
        method: "jwt",
        expiresAtMs,
      }),
    },
  });
  expiresAtMs = atMs(memory, 60_000);
  const newer = memory.connect({ clientId: "five" });
  const older = memory.connect({ clientId: "four", version: 4 });
  expiresAtMs = Infinity;
  const lasting = memory.connect({ clientId: "lasting" });
  memory.runtime.advance(59_000);
  assertEquals([newer.peer.isClosed, older.peer.isClosed], [false, false]);
  memory.runtime.advance(1_500);
  assertEquals(told(newer), ["disconnect 87"]);
  assertEquals([newer.peer.isClosed, older.peer.isClosed, lasting.peer.isClosed], [
    true,
    true,
    false,
  ]);
  assertEquals(memory.errors, []);
});

test("the timer of an authentication goes with its connection", () => {
  const memory: MemoryBroker = new MemoryBroker({
    authenticator: {
      authenticate: ({ clientId, username, remoteAddress }) => ({
        clientId,
        username,
        remoteAddress,
        method: "jwt",
        expiresAtMs: memory.runtime.clock.nowMs() + 3_600_000,
      }),
    },
  });
  for (const clientId of ["a", "b", "c"]) {
    const client = memory.connect({ clientId });
    client.peer.reset();
  }
  memory.runtime.settle();
  memory.runtime.advance(10_000);
  assertEquals(memory.broker.figures.timers, 0);
});
