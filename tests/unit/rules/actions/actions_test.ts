import { test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  type ActionDraft,
  actionForms,
  findActionForm,
  type JsonObject,
} from "../../../../src/rules/mod.ts";
import { FakeResource, RuleRig } from "../rule_rig.ts";

const RESOURCES = ["web_hook", "file", "sqlite"] as const;

/** What a resource gets of a message, by each action of a rule. */
async function offered(
  type: typeof RESOURCES[number],
  sql: string,
  actions: readonly ActionDraft[],
  payload = '{"a":1}',
): Promise<readonly unknown[]> {
  const resource = new FakeResource("r", type);
  const rig = new RuleRig({ resources: [resource] });
  await rig.engine.create({ sql, actions });
  rig.publish("t", payload, { retain: true });
  return resource.texts;
}

function to(name: string, params: JsonObject = {}): ActionDraft {
  return { name, params: { $resource: "r", ...params } };
}

test("data_to_webserver and its older name send what was selected as JSON", async () => {
  const actions = [to("data_to_webserver"), to("web_hook:publish_action")];
  const text = '{"a":1,"topic":"t","retain":1}';
  const sql = 'SELECT payload.a AS a, topic, retain FROM "t"';
  assertEquals(await offered("web_hook", sql, actions), [text, text]);
});

test("an event web hook sends who and what, or what its template says", async () => {
  const template = {
    who: "${client_id}",
    x: "${nope}",
    text: "no ${client_id}",
    list: ["${qos}", 5, null, { deep: "${payload}" }],
  };
  const actions = [to("web_hook:event_action"), to("web_hook:event_action", { template })];
  const sql = 'SELECT client_id, event, qos, payload, topic FROM "t"';
  assertEquals(await offered("web_hook", sql, actions, "p"), [
    '{"event":"message.publish","client_id":"c1"}',
    '{"who":"c1","x":null,"text":"no ${client_id}","list":[1,5,null,{"deep":"p"}]}',
  ]);
});

test("data_to_file writes what was selected as JSON, or what its template says", async () => {
  const actions = [
    to("data_to_file"),
    to("data_to_file", { payload_tmpl: "${a.b},${topic},${nope}" }),
  ];
  const sql = 'SELECT payload.a AS a, topic FROM "t"';
  assertEquals(await offered("file", sql, actions, '{"a":{"b":2}}'), [
    '{"a":{"b":2},"topic":"t"}',
    "2,t,undefined",
  ]);
});

test("data_to_file has the payload as it came, whatever bytes it has", async () => {
  const resource = new FakeResource("f", "file");
  const rig = new RuleRig({ resources: [resource] });
  const params = { $resource: "f", "payload_tmpl": "${payload}" };
  await rig.engine.create({
    sql: 'SELECT topic FROM "t"',
    actions: [{ name: "data_to_file", params }],
  });
  const payload = Uint8Array.of(0xff, 0, 0x80, 0x41);
  rig.publish("t", payload);
  assertEquals(resource.offered, [{ kind: "bytes", bytes: payload }]);
});

test("data_to_sqlite hands over a row", async () => {
  const sql = 'SELECT payload.a AS a, payload.nope AS nope, topic FROM "t"';
  assertEquals(await offered("sqlite", sql, [to("data_to_sqlite")]), [{ a: 1, topic: "t" }]);
});

test("an action whose resource does not take what was selected says so, and does not speak of room", async () => {
  const resource = new FakeResource("r", "sqlite");
  const rig = new RuleRig({ resources: [resource] });
  const actions = [{ name: "data_to_sqlite", params: { $resource: "r" } }];
  const { id } = await rig.engine.create({ sql: 'SELECT payload.nope AS x FROM "t"', actions });
  resource.isPicky = true;
  rig.publish("t");
  assertEquals(rig.engine.get(id)?.actions[0]?.counters, { success: 0, failed: 1 });
  assertEquals(
    rig.log.at(-1)?.fields["reason"],
    'Cannot use resource "r": it does not run, or cannot take what was selected',
  );
});

test("inspect writes what there is, without what sounds like a secret", async () => {
  const rig = new RuleRig();
  const { id } = await rig.engine.create({
    sql: 'SELECT payload FROM "t"',
    actions: [{ name: "inspect", params: { a: 1, headers: { Authorization: "Bearer x" } } }],
  });
  rig.publish("t", '{"password":"p"}');
  const line = rig.log.find(({ message }) => message === "Rule inspects");
  const { rule, event, selected, params, columns } = line?.fields ?? {};
  assertEquals([line?.level, rule, event], ["info", id, "message.publish"]);
  assertEquals(params, '{"a":1,"headers":{"Authorization":"******"}}');
  assertEquals(JSON.parse(String(selected)), { payload: '{"password":"p"}' });
  assertEquals(JSON.parse(String(columns)).topic, "t");
});

test("do_nothing succeeds", async () => {
  const rig = new RuleRig();
  const { id } = await rig.engine.create({
    sql: 'SELECT * FROM "t"',
    actions: [{ name: "do_nothing", params: {} }],
  });
  rig.publish("t");
  assertEquals(rig.engine.get(id)?.actions[0]?.counters, { success: 1, failed: 0 });
});

test("the catalogue of EMQX 3.2 goes by English titles, and every name leads to its form", () => {
  const titles = actionForms("3.2").map(({ title }) => (title as { readonly en: string }).en);
  assertEquals(titles, titles.toSorted());
  for (const form of [...actionForms("3.1"), ...actionForms("3.2")]) {
    assertEquals(findActionForm(form.name), form);
  }
  assertEquals(findActionForm("toString"), undefined);
});
