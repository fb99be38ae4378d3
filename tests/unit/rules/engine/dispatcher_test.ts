import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { MessageOrigin } from "../../../../src/session/mod.ts";
import { CLIENT, messageOf, RuleRig } from "../rule_rig.ts";

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
