import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { MemoryRuntime } from "../../../support/memory_socket.ts";
import { MessageOrigin } from "../../../../src/session/mod.ts";
import { CLIENT, FakeResource, messageOf, RuleRig } from "../rule_rig.ts";

const GRANTED = { qos: 0, retain: false } as const;
const PUBLISHER = { clientId: "p", username: "pu", peername: "10.1.1.1:999" };

function originOf(): MessageOrigin {
  return new MessageOrigin(PUBLISHER, 1000);
}

/** Tells all that can happen to a message, but that it is published. */
function tellAll(rig: RuleRig, topic: string): void {
  const message = { ...messageOf(topic, "x", { qos: 2 }), origin: originOf() };
  rig.sink?.onDeliver(message, CLIENT, GRANTED);
  rig.sink?.onAcked(message, CLIENT, GRANTED);
  rig.sink?.onDropped(message, originOf(), "no_subscribers", undefined);
}

async function rigWith(...statements: string[]): Promise<RuleRig> {
  const rig = new RuleRig();
  for (const sql of statements) {
    await rig.engine.create({ sql, actions: [{ name: "inspect", params: {} }] });
  }
  return rig;
}

function inspected(rig: RuleRig): readonly unknown[] {
  return rig.log.filter(({ message }) => message === "Rule inspects").map(({ fields }) =>
    JSON.parse(String(fields["selected"]))
  );
}

test("each event of a message fires the rules that are for it, about topics that they name", async () => {
  const rig = await rigWith(
    "SELECT event, client_id, qos FROM \"message.deliver\" WHERE topic =~ 'a/+'",
    "SELECT event, client_id, peername FROM \"message.acked\" WHERE topic =~ 'a/#' AND qos = 0",
    'SELECT event, client_id FROM "message.dropped"',
    'SELECT event FROM "message.deliver", "message.dropped" WHERE topic =~ \'b\'',
    'SELECT event FROM "a/#"',
  );
  tellAll(rig, "a/1");
  assertEquals(inspected(rig), [
    { event: "message.deliver", client_id: "c1", qos: 0 },
    { event: "message.acked", client_id: "c1", peername: "10.1.1.1:999" },
    { event: "message.dropped", client_id: "p" },
  ]);
});

test("a rule about several events fires on each, and one about none of them on nothing", async () => {
  const rig = await rigWith(
    'SELECT event FROM "message.deliver", "message.acked", "message.publish"',
    'SELECT event FROM "client.connected"',
  );
  rig.publish("t");
  tellAll(rig, "t");
  assertEquals(inspected(rig), [
    { event: "message.publish" },
    { event: "message.deliver" },
    { event: "message.acked" },
  ]);
});

test("messages on $SYS that are published or dropped fire no rule; that they are delivered is news", async () => {
  const rig = await rigWith(
    'SELECT event FROM "message.publish", "message.deliver", "message.acked", "message.dropped"',
  );
  rig.publish("$SYS/broker/uptime");
  tellAll(rig, "$SYS/broker/uptime");
  assertEquals(inspected(rig), [{ event: "message.deliver" }, { event: "message.acked" }]);
});

test("an event of which the statement makes nothing is told to the others all the same", async () => {
  const rig = await rigWith("SELECT payload.a + 1 AS b FROM t", "SELECT topic FROM t");
  rig.publish("t", '{"a":"no number"}');
  rig.publish("t", '{"a":1}');
  assertEquals(inspected(rig), [{ topic: "t" }, { b: 2 }, { topic: "t" }]);
});

test("messages are wanted on topics that a rule is about, on all where one does not say", async () => {
  const rig = await rigWith("SELECT * FROM 't/+'", 'SELECT * FROM "client.connected"');
  const wanted = (): unknown[] => ["t/1", "u"].map((topic) => rig.sink?.wantsPublish?.(topic));
  assertEquals(wanted(), [true, false]);
  await rig.engine.create({ sql: "SELECT * FROM message.publish", actions: [] });
  assertEquals(wanted(), [true, true]);
});

const TO_FILE = {
  name: "data_to_file",
  params: { "$resource": "file", payload_tmpl: "${payload}" },
};
const NOTHING = { name: "do_nothing", params: {} };

async function outboundRig(
  rules: readonly {
    readonly sql: string;
    readonly actions: readonly (typeof TO_FILE | typeof NOTHING)[];
  }[],
): Promise<{ rig: RuleRig; runtime: MemoryRuntime; file: FakeResource }> {
  const runtime = new MemoryRuntime();
  const file = new FakeResource("file", "file");
  const options = { maxQueuedActions: 10_000 };
  const rig = new RuleRig({ resources: [file], runtime, options });
  for (const rule of rules) await rig.engine.create(rule);
  return { rig, runtime, file };
}

test("what only leaves the broker does so when the message is on its way, and as the message was", async () => {
  const { rig, runtime, file } = await outboundRig([
    { sql: "SELECT * FROM t", actions: [TO_FILE] },
    { sql: "SELECT * FROM u", actions: [NOTHING] },
  ]);
  const payload = new TextEncoder().encode("1");
  rig.publish("t", payload);
  rig.publish("u", "2");
  assertEquals(file.texts, []);
  assertEquals(rig.engine.list().map(({ counters }) => counters.matched), [0, 1]);
  runtime.settle();
  assertEquals(file.texts, ["1"]);
  assertEquals(rig.engine.list().map(({ counters }) => counters.matched), [1, 1]);
});

test("what leaves the broker does so in the order in which it happened, whatever else rules do", async () => {
  const { rig, runtime, file } = await outboundRig([
    { sql: 'SELECT payload FROM "t/#", "u/#"', actions: [TO_FILE] },
    { sql: 'SELECT payload FROM "u/#"', actions: [NOTHING] },
    { sql: 'SELECT client_id AS payload FROM "client.disconnected"', actions: [TO_FILE] },
  ]);
  rig.publish("t/1", "1");
  rig.publish("u/1", "2");
  assertEquals(file.texts, ["1", "2"]);
  rig.publish("t/2", "3");
  const at = { timestampMs: 0, connectedAtMs: 0 };
  rig.tell({ type: "client.disconnected", client: CLIENT, reason: "normal", ...at });
  rig.publish("t/3", "4");
  runtime.settle();
  assertEquals(file.texts, ["1", "2", "3", "c1", "4"]);
});

test("nothing that was put off is lost when the engine is closed", async () => {
  const { rig, file } = await outboundRig([{ sql: "SELECT * FROM t", actions: [TO_FILE] }]);
  rig.publish("t", "1");
  rig.engine.close();
  assertEquals(file.texts, ["1"]);
});

/** What became of a rule so far: matches, its first action, what the resource was spared. */
function tally(rig: RuleRig, file: FakeResource): readonly unknown[] {
  const [rule] = rig.engine.list();
  return [rule?.counters.matched, rule?.actions[0]?.counters, file.offered.length, file.dropped];
}

test("while there is no room a message for a rule without a condition is counted, and nothing is made of it", async () => {
  const { rig, runtime, file } = await outboundRig([
    { sql: 'SELECT topic, payload FROM "t/+"', actions: [TO_FILE] },
  ]);
  file.isFull = true;
  for (const topic of ["t/1", "t/2", "u"]) rig.publish(topic, "x");
  assertEquals(tally(rig, file), [2, { success: 0, failed: 2 }, 0, 2]);
  assertEquals(rig.log.filter(({ level }) => level === "warn").map(({ fields }) => fields), [{
    rule: rig.engine.list()[0]?.id,
    action: rig.engine.list()[0]?.actions[0]?.id,
    reason: 'Cannot use resource "file": its buffer is full, or closed',
  }]);
  assertEquals(rig.engine.totals, { rules: 1, matched: 2, success: 0, failed: 2 });
  file.isFull = false;
  rig.publish("t/3", "y");
  runtime.settle();
  assertEquals(tally(rig, file), [3, { success: 0, failed: 2 }, 1, 2]);
});

test("while as much is under way as may be a message is counted at once", async () => {
  const [file, runtime] = [new FakeResource("file", "file"), new MemoryRuntime()];
  const rig = new RuleRig({ resources: [file], runtime, options: { maxQueuedActions: 2 } });
  await rig.engine.create({ sql: "SELECT * FROM t", actions: [TO_FILE] });
  for (let i = 0; i < 2; i++) rig.publish("t", "x");
  runtime.settle();
  for (let i = 0; i < 3; i++) rig.publish("t", "x");
  assertEquals(tally(rig, file), [5, { success: 0, failed: 3 }, 2, 0]);
  for (const settle of file.settles.splice(0)) settle(true);
  rig.publish("t", "x");
  runtime.settle();
  assertEquals(tally(rig, file), [6, { success: 2, failed: 3 }, 3, 0]);
});

test("where there is no room a rule is evaluated all the same if it may not match, or does more", async () => {
  const cases:
    readonly (readonly [string, readonly (typeof TO_FILE | typeof NOTHING)[], number])[] = [
      ["SELECT * FROM t WHERE payload.a = 1", [TO_FILE], 1],
      ["SELECT payload.a + 1 AS b FROM t", [TO_FILE], 1],
      ["FOREACH payload.list AS each DO each AS payload FROM t", [TO_FILE], 2],
      ["SELECT * FROM t", [TO_FILE, NOTHING], 2],
      ["SELECT * FROM t, message.deliver", [TO_FILE], 2],
    ];
  for (const [sql, actions, matched] of cases) {
    const { rig, runtime, file } = await outboundRig([{ sql, actions: [...actions] }]);
    file.isFull = true;
    rig.publish("t", '{"a":1,"list":[1]}');
    rig.publish("t", '{"a":"no number"}');
    rig.publish("u", "{}");
    runtime.settle();
    assertEquals([sql, rig.engine.list()[0]?.counters.matched], [sql, matched]);
    assertEquals([sql, file.dropped], [sql, 0]);
  }
});

test("a rule that can do something is told of what another one has no room for", async () => {
  const { rig, runtime, file } = await outboundRig([
    { sql: "SELECT * FROM t", actions: [TO_FILE] },
    { sql: "SELECT * FROM t", actions: [NOTHING] },
  ]);
  file.isFull = true;
  rig.publish("t", "x");
  runtime.settle();
  assertEquals(rig.engine.list().map(({ counters }) => counters.matched), [1, 1]);
  assertEquals(rig.engine.list().map(({ actions }) => actions[0]?.counters), [
    { success: 0, failed: 1 },
    { success: 1, failed: 0 },
  ]);
});
