import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { ReasonCode } from "../../../../src/mqtt/mod.ts";
import type { Message } from "../../../../src/session/mod.ts";
import type { ActionDraft, JsonObject } from "../../../../src/rules/mod.ts";
import { CLIENT, FakeResource, messageOf, RuleRig } from "../rule_rig.ts";

function republish(params: JsonObject): ActionDraft {
  return { name: "republish", params: { target_qos: 0, payload_tmpl: "${payload}", ...params } };
}

const LEGACY = { name: "old", hook: "message.publish" };

async function counters(
  rig: RuleRig,
): Promise<readonly [matched: number, success: number, failed: number][]> {
  await Promise.resolve();
  return rig.engine.list().map(({ counters: { matched }, actions }) => [
    matched,
    actions.reduce((sum, each) => sum + each.counters.success, 0),
    actions.reduce((sum, each) => sum + each.counters.failed, 0),
  ]);
}

test("republish fills topic and payload with what was selected, and takes QoS and flags of the message", async () => {
  const rig = new RuleRig();
  const rule = await rig.engine.create({
    sql: 'SELECT payload.msg AS msg, client_id FROM "t/+"',
    actions: [
      republish({ target_topic: "out/${msg}", target_qos: -1, payload_tmpl: "<${client_id}>" }),
    ],
  });
  rig.publish("t/1", '{"msg":"hello"}', { qos: 1, retain: true, properties: Uint8Array.of(1, 1) });
  assertEquals(rig.texts, [["out/hello", "<c1>"]]);
  const [{ qos, retain, properties, publisherId } = assertNever()] = rig.published;
  assertEquals([qos, retain, properties.length], [1, true, 0]);
  assertEquals(publisherId, rule.actions[0]?.id);
  assertMatch(publisherId, /^republish_[0-9]{19}$/);
  assertEquals(await counters(rig), [[1, 1, 0]]);
});

test("republish sends the payload of the message as it is, whatever bytes it has", async () => {
  const rig = new RuleRig();
  await rig.engine.create({
    sql: 'SELECT qos FROM "t"',
    actions: [republish({ target_topic: "out" })],
  });
  const payload = Uint8Array.of(0xff, 0, 0x80, 0x41);
  rig.publish("t", payload);
  assertEquals(rig.published[0]?.payload, payload);
});

const NAMED: ReadonlyArray<readonly [fields: string, payload: string]> = [
  ["payload.x AS payload", "5"],
  ["*, payload.x AS payload", "5"],
  ["payload.o AS payload", '{"y":"z"}'],
  ["'text' AS payload, payload.x AS x", "text"],
  ["payload.nope AS payload", "undefined"],
  // These have the payload.
  ["payload", '{"x":5,"o":{"y":"z"}}'],
  ["payload AS payload", '{"x":5,"o":{"y":"z"}}'],
  ["payload.x", '{"x":5,"o":{"y":"z"}}'],
  ["payload.x AS payload.z", '{"x":5,"o":{"y":"z"}}'],
  ["qos", '{"x":5,"o":{"y":"z"}}'],
];

for (const [fields, payload] of NAMED) {
  test(`republish of \${payload} where SELECT has ${fields}`, async () => {
    const file = new FakeResource("f", "file");
    const rig = new RuleRig({ resources: [file] });
    const line = { $resource: "f", "payload_tmpl": "${payload}" };
    const actions = [
      republish({ target_topic: "out" }),
      { name: "data_to_file", params: line },
    ];
    await rig.engine.create({ sql: `SELECT ${fields} FROM "t"`, actions });
    rig.publish("t", '{"x":5,"o":{"y":"z"}}');
    assertEquals([rig.texts, file.texts], [[["out", payload]], [payload]]);
  });
}

test("republish in the form of EMQX 3.1 sends what was selected as JSON, to the topic as it is written", async () => {
  const rig = new RuleRig();
  await rig.engine.create({
    legacy: LEGACY,
    sql: 'select topic, qos from "t/#"',
    actions: [{ name: "built_in:republish_action", params: { target_topic: "old/${qos}" } }],
  });
  const properties = Uint8Array.of(1, 1);
  rig.publish("t/1", "x", { qos: 1, properties, expiresAtMs: 5 });
  assertEquals(rig.texts, [["old/${qos}", '{"topic":"t/1","qos":1}']]);
  const [message = assertNever()] = rig.published;
  assertEquals(
    [message.qos, message.properties, message.expiresAtMs, message.publisherId],
    [1, properties, 5, "built_in:republish_action:c1"],
  );
});

test("republish under its name of EMQX 3.1 has templates where it is asked for them", async () => {
  const rig = new RuleRig();
  await rig.engine.create({
    sql: 'SELECT qos FROM "t"',
    actions: [{
      name: "built_in:republish_action",
      params: { target_topic: "out/${qos}", payload_tmpl: "q${qos}" },
    }],
  });
  rig.publish("t", "x", { qos: 2 });
  assertEquals(rig.texts, [["out/2", "q2"]]);
  assertEquals(rig.published[0]?.qos, 0);
});

const BAD_TOPICS: readonly [template: string, payload: string][] = [
  ["${payload.t}", '{"t":""}'],
  ["a/${payload.t}", '{"t":"#"}'],
  ["a/${payload.t}", '{"t":"+/b"}'],
  ["${payload.t}", '{"t":"$SYS/broker"}'],
  ["${payload.t}", '{"t":"a\\u0000"}'],
];

for (const [template, payload] of BAD_TOPICS) {
  test(`republish fails where the topic "${template}" becomes one of ${payload}`, async () => {
    const rig = new RuleRig();
    const params = { "target_topic": template.replace("payload.", "") };
    await rig.engine.create({
      sql: 'SELECT payload.t AS t FROM "in"',
      actions: [republish(params)],
    });
    rig.publish("in", payload);
    assertEquals(rig.published, []);
    assertEquals(await counters(rig), [[1, 0, 1]]);
    assertMatch(String(rig.log.at(-1)?.fields["reason"]), /Cannot republish: the topic is /);
  });
}

test("republish keeps to what the broker takes from everybody", async () => {
  const rig = new RuleRig();
  await rig.engine.create({
    sql: 'SELECT payload.t AS t, payload.p AS p FROM "in"',
    actions: [republish({ target_topic: "${t}", target_qos: -1, payload_tmpl: "${p}" })],
  });
  const tell = (t: string, p: string, qos: 0 | 1 | 2): void =>
    rig.publish("in", JSON.stringify({ t, p }), { qos });
  tell("1/2/3/4/5/6/7/8", "x".repeat(985), 1);
  tell("1/2/3/4/5/6/7/8/9", "x", 1);
  tell("1/2/3/4/5/6/7/8", "x".repeat(986), 1);
  tell("1", "x", 2);
  assertEquals(rig.published.length, 1);
  assertEquals(await counters(rig), [[4, 1, 3]]);
});

test("republish does not feed itself: the second time is a failure", async () => {
  const rig = new RuleRig();
  await rig.engine.create({
    sql: 'SELECT * FROM "t/#"',
    actions: [republish({ target_topic: "t/again" })],
  });
  rig.publish("t/1", "x");
  assertEquals(rig.texts, [["t/again", "x"]]);
  assertEquals(await counters(rig), [[2, 1, 1]]);
});

test("republish does not feed itself in the form of EMQX 3.1 either", async () => {
  const rig = new RuleRig();
  await rig.engine.create({
    legacy: LEGACY,
    sql: 'select * from "t/#"',
    actions: [{ name: "republish", params: { target_topic: "t/again" } }],
  });
  rig.publish("t/1", "x");
  assertEquals(rig.published.length, 1);
  assertEquals(await counters(rig), [[2, 1, 1]]);
});

test("a message that comes back to its action later, as after a delay, is known by its publisher", async () => {
  const rig = new RuleRig();
  rig.isLooped = false;
  await rig.engine.create({
    sql: 'SELECT * FROM "t"',
    actions: [republish({ target_topic: "t" })],
  });
  rig.publish("t", "x");
  rig.publish("t", "x", { publisherId: rig.published[0]?.publisherId ?? "" });
  assertEquals(rig.published.length, 1);
  assertEquals(await counters(rig), [[2, 1, 1]]);
});

test("rules of EMQX 3.1 that wait in between end after eight times", async () => {
  const rig = new RuleRig();
  rig.isLooped = false;
  await rig.engine.create({
    legacy: LEGACY,
    sql: 'select * from "t"',
    actions: [{ name: "republish", params: { target_topic: "t" } }],
  });
  rig.publish("t", "x");
  for (let count = 0; count < 20; count++) {
    rig.publish("t", "x", { publisherId: rig.published.at(-1)?.publisherId ?? "" });
  }
  assertEquals(rig.published.length, 8);
});

/** What is delayed comes back when nobody is republishing any more, with the name of its publisher alone. */
function afterDelays(rig: RuleRig, countMax: number): void {
  rig.isLooped = false;
  for (let at = 0; at < rig.published.length && at < countMax; at++) {
    const { topic, publisherId } = rig.published[at] ?? assertNever();
    rig.publish(topic.replace(/^\$delayed\/\d+\//, ""), "x", { publisherId });
  }
}

for (const kind of ["another one", "one of EMQX 3.1"]) {
  test(`a rule and ${kind} that feed each other with delays between end after eight messages`, async () => {
    const rig = new RuleRig();
    rig.isLooped = false;
    await rig.engine.create({
      sql: 'SELECT * FROM "a"',
      actions: [republish({ target_topic: "$delayed/1/b" })],
    });
    const old = { name: "built_in:republish_action", params: { target_topic: "$delayed/1/a" } };
    const isLegacy = kind === "one of EMQX 3.1";
    await rig.engine.create({
      ...(isLegacy ? { legacy: LEGACY } : {}),
      sql: 'SELECT * FROM "b"',
      actions: [isLegacy ? old : republish({ target_topic: "$delayed/1/a" })],
    });
    rig.publish("a", "x");
    afterDelays(rig, 100);
    assertEquals(rig.published.length, 8);
    assertEquals(rig.published.at(-1)?.topic, "$delayed/1/a");
    // Whoever comes next is at the beginning.
    rig.publish("b", "y");
    assertEquals(rig.published.length, 9);
  });
}

test("rules that feed each other by acknowledgements, which come later, end after eight messages", async () => {
  const rig = new RuleRig();
  for (const [from, to] of [["a", "b"], ["b", "a"]] as const) {
    await rig.engine.create({
      sql: `SELECT * FROM "message.acked" WHERE topic = '${from}'`,
      actions: [republish({ target_topic: to })],
    });
  }
  const acked = (message: Message): void =>
    rig.sink?.onAcked(message, CLIENT, { qos: 1, retain: false });
  acked(messageOf("a", "x"));
  for (let at = 0; at < rig.published.length && at < 100; at++) {
    acked(rig.published[at] ?? assertNever());
  }
  assertEquals(rig.published.length, 8);
});

test("a delay does not make a chain longer that goes on at once behind it", async () => {
  const rig = new RuleRig();
  await rig.engine.create({
    sql: 'SELECT * FROM "a"',
    actions: [republish({ target_topic: "b" })],
  });
  await rig.engine.create({
    sql: 'SELECT * FROM "b"',
    actions: [republish({ target_topic: "$delayed/1/a" })],
  });
  rig.publish("a", "x");
  let waiting = 0;
  for (let rounds = 0; rounds < 20; rounds++) {
    for (const { topic, publisherId } of rig.published.slice(waiting)) {
      waiting++;
      if (topic === "$delayed/1/a") rig.publish("a", "x", { publisherId });
    }
  }
  assertEquals(rig.published.length, 8);
});

test("rules that feed each other end after eight messages", async () => {
  const rig = new RuleRig();
  for (let index = 0; index < 20; index++) {
    await rig.engine.create({
      sql: `SELECT * FROM "chain/${index}"`,
      actions: [republish({ target_topic: `chain/${index + 1}` })],
    });
  }
  rig.publish("chain/0", "x");
  assertEquals(rig.texts.map(([topic]) => topic).at(-1), "chain/8");
  assertEquals(rig.published.length, 8);
});

test("two rules that feed each other do so once", async () => {
  const rig = new RuleRig();
  await rig.engine.create({
    sql: 'SELECT * FROM "a"',
    actions: [republish({ target_topic: "b" })],
  });
  await rig.engine.create({
    sql: 'SELECT * FROM "b"',
    actions: [republish({ target_topic: "a" })],
  });
  rig.publish("a", "x");
  assertEquals(rig.texts.map(([topic]) => topic), ["b", "a"]);
  assertEquals(await counters(rig), [[2, 1, 1], [1, 1, 0]]);
  // The next message is another one.
  rig.publish("a", "y");
  assertEquals(rig.published.length, 4);
});

test("republish counts what the broker refuses as a failure, at once or later", async () => {
  const rig = new RuleRig();
  rig.answer = ReasonCode.notAuthorized;
  await rig.engine.create({
    sql: 'SELECT * FROM "t"',
    actions: [republish({ target_topic: "o" })],
  });
  rig.publish("t", "x");
  assertEquals(await counters(rig), [[1, 0, 1]]);
  rig.answer = Promise.resolve(ReasonCode.noMatchingSubscribers);
  rig.publish("t", "x");
  await rig.answer;
  await Promise.resolve();
  assertEquals(await counters(rig), [[2, 1, 1]]);
});

test("republish of an event that is about no message has QoS 0 where it is to have that of the message", async () => {
  const rig = new RuleRig();
  await rig.engine.create({
    sql: 'SELECT client_id, reason_code FROM "client.disconnected"',
    actions: [republish({ target_topic: "gone/${client_id}", target_qos: -1 })],
  });
  rig.tell({
    type: "client.disconnected",
    client: CLIENT,
    timestampMs: 1,
    reason: "kicked",
    connectedAtMs: 0,
  });
  assertEquals(rig.texts, [["gone/c1", "undefined"]]);
  assertEquals(rig.published[0]?.qos, 0);
});

function assertNever(): never {
  throw new Error("nothing was published");
}
