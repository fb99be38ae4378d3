import { test } from "node:test";
import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import type { JsonValue, RecordStore } from "../../../../src/ports/mod.ts";
import { EventBit, RecordError } from "../../../../src/ports/mod.ts";
import {
  type ConfiguredRule,
  type RuleDraft,
  RuleError,
  type RuleErrorCode,
} from "../../../../src/rules/mod.ts";
import { MemoryStore } from "../../../../src/storage/mod.ts";
import { CLIENT, FakeResource, OPTIONS, RuleRig } from "../rule_rig.ts";

const NOTHING = [{ name: "do_nothing", params: {} }];
const ALL: RuleDraft = { sql: 'SELECT * FROM "message.publish"', actions: NOTHING };

function configured(name: string, sql: string, more: Partial<ConfiguredRule> = {}): ConfiguredRule {
  return { name, sql, description: "", isEnabled: true, actions: NOTHING, ...more };
}

function matched(rig: RuleRig): readonly number[] {
  return rig.engine.list().map(({ counters }) => counters.matched);
}

async function refusal(work: () => unknown): Promise<RuleError> {
  return await assertRejects(async () => await work(), RuleError);
}

test("RuleEngine.create() gives a rule of EMQX 3.2 a name, and what it fires on", async () => {
  const rig = new RuleRig();
  const rule = await rig.engine.create({
    sql: 'SELECT * FROM "client.connected", "t/#"',
    actions: [{
      name: "republish",
      params: { target_topic: "a", target_qos: 1, payload_tmpl: "" },
    }],
    description: "mine",
  });
  assertMatch(rule.id, /^rule:[0-9a-f]{8}$/);
  assertMatch(rule.actions[0]?.id ?? "", /^republish_[0-9]{19}$/);
  const { legacy, events, description, isEnabled, isReadOnly, problem, counters } = rule;
  assertEquals([legacy, events, description], [
    undefined,
    ["client.connected", "message.publish"],
    "mine",
  ]);
  assertEquals([isEnabled, isReadOnly, problem], [true, false, undefined]);
  assertEquals(counters, { matched: 0, speed: 0, speedMax: 0, speedLast5m: 0 });
  assertEquals(rig.engine.get(rule.id), rule);
});

test("RuleEngine.create() gives rules of EMQX 3.1 names of their own, also two at once", async () => {
  const rig = new RuleRig();
  const draft = {
    ...ALL,
    sql: 'select * from "t/a"',
    legacy: { name: "test-rule", hook: "message.publish" },
  };
  const [one, other] = [await rig.engine.create(draft), await rig.engine.create(draft)];
  assertMatch(one.id, /^test-rule:[0-9]{16,}$/);
  assertEquals(one.id === other.id, false);
  assertEquals(rig.engine.list(), [one, other]);
});

const REFUSED: readonly [
  what: string,
  draft: RuleDraft,
  code: RuleErrorCode,
  subject: string,
  detail: string,
][] = [
  [
    "an unknown action",
    { ...ALL, actions: [{ name: "fly", params: {} }] },
    "unknown-action",
    "fly",
    "",
  ],
  [
    "an unknown resource",
    { ...ALL, actions: [{ name: "data_to_webserver", params: { $resource: "r" } }] },
    "unknown-resource",
    "r",
    "",
  ],
  [
    "a resource of another type",
    { ...ALL, actions: [{ name: "data_to_webserver", params: { $resource: "file1" } }] },
    "invalid",
    "",
    "wrong_resource_type file",
  ],
  [
    "an action without its resource",
    { ...ALL, actions: [{ name: "data_to_webserver", params: {} }] },
    "invalid",
    "",
    "required_field_missing $resource",
  ],
  [
    "a parameter that is missing",
    { ...ALL, actions: [{ name: "republish", params: {} }] },
    "invalid",
    "",
    "required_field_missing target_topic",
  ],
  [
    "a parameter that is none of those allowed",
    {
      ...ALL,
      actions: [{
        name: "republish",
        params: { target_topic: "a", target_qos: 3, payload_tmpl: "" },
      }],
    },
    "invalid",
    "",
    "not_in_enum target_qos",
  ],
  [
    "a topic with a wildcard in a rule of EMQX 3.1",
    { ...ALL, actions: [{ name: "built_in:republish_action", params: { target_topic: "a/#" } }] },
    "invalid",
    "",
    "wrong_format target_topic",
  ],
  [
    "an unknown event",
    { ...ALL, sql: 'SELECT * FROM "message.sent"' },
    "unknown-event",
    "message.sent",
    "",
  ],
  ["an unknown column", { ...ALL, sql: 'SELECT colour FROM "t"' }, "unknown-column", "colour", ""],
  [
    "an unknown hook",
    { ...ALL, legacy: { name: "a", hook: "message.sent" } },
    "unknown-hook",
    "message.sent",
    "",
  ],
  ["no SQL", { ...ALL, sql: "DELETE FROM rules" }, "invalid", "", "sql_syntax_error line 1 col 1"],
  ["a topic filter that is none", { ...ALL, sql: 'SELECT * FROM "a/#/b"' }, "invalid", "", ""],
  [
    "too many actions",
    { ...ALL, actions: [...NOTHING, ...NOTHING, ...NOTHING, ...NOTHING, ...NOTHING] },
    "invalid",
    "",
    "too_many_actions",
  ],
  [
    "an empty name",
    { ...ALL, legacy: { name: "", hook: "message.publish" } },
    "invalid",
    "",
    "bad_name",
  ],
  [
    "a name that could do things to a terminal",
    { ...ALL, legacy: { name: "a\u001b[2J", hook: "message.publish" } },
    "invalid",
    "",
    "bad_name",
  ],
];

for (const [what, draft, code, subject, detail] of REFUSED) {
  test(`RuleEngine.create() refuses ${what}, and keeps nothing of it`, async () => {
    const rig = new RuleRig({ resources: [new FakeResource("file1", "file")] });
    const error = await refusal(() => rig.engine.create(draft));
    assertEquals([error.code, error.subject], [code, subject]);
    if (detail !== "") assertEquals(error.detail.startsWith(detail), true, error.detail);
    assertEquals([rig.engine.list(), rig.records.list("rule").size], [[], 0]);
    assertEquals(rig.sink?.mask, 0);
  });
}

test("RuleEngine.create() refuses a rule beyond the limit, those of the configuration counted", async () => {
  const rig = new RuleRig({
    options: { maxRules: 2 },
    configured: [configured("a", 'SELECT * FROM "a"')],
  });
  const first = rig.engine.create(ALL);
  const error = await refusal(() => rig.engine.create(ALL));
  assertEquals(error.detail, "too_many_rules");
  await first;
  await rig.engine.remove((await first).id);
  await rig.engine.create(ALL);
});

test("a rule of EMQX 3.1 shows the configuration of its resource with its parameters", async () => {
  const resource = new FakeResource("built_in:test-resource", "built_in", { a: 2, b: 3 });
  const rig = new RuleRig({ resources: [resource] });
  const params = { $resource: "built_in:test-resource", a: 1 };
  const actions = [{ name: "built_in:inspect_action", params }];
  const legacy = { name: "r", hook: "message.publish" };
  const shown = async (draft: RuleDraft): Promise<unknown> =>
    (await rig.engine.create(draft)).actions[0]?.params;
  assertEquals(await shown({ sql: "select * from t", actions, legacy }), { ...params, a: 2, b: 3 });
  assertEquals(await shown({ sql: 'select * from "t"', actions }), params);
});

test("a rule is kept before anybody is told that it is there, and is not where it cannot be kept", async () => {
  const store = new MemoryStore();
  const steps: string[] = [];
  let failure: Error | undefined;
  const records: RecordStore = {
    list: (kind) => store.records.list(kind),
    get: (kind, key) => store.records.get(kind, key),
    put: async (kind, key, value) => {
      await Promise.resolve();
      if (failure !== undefined) throw failure;
      steps.push("kept");
      await store.records.put(kind, key, value);
    },
    remove: async (kind, key) => {
      if (failure !== undefined) throw failure;
      return await store.records.remove(kind, key);
    },
    reload: () => Promise.resolve(0),
  };
  const rig = new RuleRig({ records });
  const rule = await rig.engine.create(ALL).then((made) => {
    steps.push("told");
    return made;
  });
  assertEquals(steps, ["kept", "told"]);
  failure = new RecordError("unavailable", "the disk is full");
  assertEquals((await refusal(() => rig.engine.create(ALL))).code, "unavailable");
  assertEquals((await refusal(() => rig.engine.remove(rule.id))).code, "unavailable");
  assertEquals(rig.engine.list(), [rule]);
  rig.publish("t");
  assertEquals(matched(rig), [1]);
  failure = new RecordError("too-large", "it is too large");
  const error = await refusal(() => rig.engine.create(ALL));
  assertEquals([error.code, error.detail], ["invalid", "too_large"]);
});

test("rules are there again after a restart, in their order, with their names", async () => {
  const { records } = new MemoryStore();
  const rig = new RuleRig({ records });
  const legacy = { name: "old", hook: "message.publish" };
  const made = [
    await rig.engine.create({ ...ALL, description: "first" }),
    await rig.engine.create({ ...ALL, legacy, sql: 'select * from "t/#"' }),
    await rig.engine.create({ ...ALL, isEnabled: false }),
  ];
  const after = new RuleRig({ records });
  assertEquals(after.engine.list(), made);
  after.publish("t/1");
  after.publish("u");
  assertEquals(matched(after), [2, 1, 0]);
});

test("a rule never takes the name of one of an earlier run, whatever the clock says", async () => {
  const records = new MemoryStore().records;
  const legacy = { name: "test", hook: "message.publish" };
  const first = await new RuleRig({ records }).engine.create({ ...ALL, legacy });
  const rig = new RuleRig({ records });
  const second = await rig.engine.create({ ...ALL, legacy });
  assertEquals(rig.engine.list().map(({ id }) => id), [first.id, second.id]);
  assertEquals(first.id === second.id, false);
});

test("a rule that cannot be used any more is kept, shown and told of, and does nothing", async () => {
  const { records } = new MemoryStore();
  const rig = new RuleRig({ records });
  const rule = await rig.engine.create(ALL);
  const value = records.get("rule", rule.id) as { readonly [name: string]: JsonValue };
  await records.put("rule", rule.id, { ...value, sql: "SELECT * FROM nowhere WHERE fly(1) = 2" });
  await records.put("rule", "damaged", { sql: 1 });
  const after = new RuleRig({ records });
  const found = after.engine.get(rule.id);
  assertEquals([found?.isEnabled, found?.sql.includes("fly(1)")], [false, true]);
  assertMatch(found?.problem ?? "", /fly/);
  after.publish("nowhere");
  assertEquals(matched(after), [0]);
  const warnings = after.log.filter(({ level }) => level === "warn").map(({ fields }) =>
    fields["rule"]
  );
  assertEquals(warnings.sort(), ["damaged", rule.id].sort());
  // Nobody has thrown anything away, until somebody does.
  assertEquals([...records.list("rule").keys()], [rule.id, "damaged"]);
  assertEquals(await after.engine.remove(rule.id), true);
  assertEquals([...records.list("rule").keys()], ["damaged"]);
});

test("RuleEngine.remove() ends a rule for good, and says whether there was one", async () => {
  const rig = new RuleRig();
  const { id } = await rig.engine.create(ALL);
  assertEquals([await rig.engine.remove(id), await rig.engine.remove(id)], [true, false]);
  rig.publish("t");
  assertEquals([rig.engine.totals.matched, rig.sink?.mask, rig.records.list("rule").size], [
    0,
    0,
    0,
  ]);
});

test("totals count what rules did that are gone", async () => {
  const rig = new RuleRig();
  const { id } = await rig.engine.create({ ...ALL, actions: [...NOTHING, ...NOTHING] });
  rig.publish("t");
  await rig.engine.remove(id);
  assertEquals(rig.engine.totals, { rules: 0, matched: 1, success: 2, failed: 0 });
});

test("the mask names the events that enabled rules want, and a change of it is told", async () => {
  const rig = new RuleRig();
  assertEquals([rig.sink?.mask, rig.refreshes], [0, 0]);
  const rule = await rig.engine.create({
    ...ALL,
    sql: 'SELECT * FROM "client.connected", "session.subscribed"',
  });
  assertEquals([rig.sink?.mask, rig.refreshes], [
    EventBit.clientConnected | EventBit.sessionSubscribed,
    1,
  ]);
  await rig.engine.create({ ...ALL, isEnabled: false });
  assertEquals(rig.refreshes, 1);
  const other = await rig.engine.create({ ...ALL, sql: 'SELECT * FROM "client.connected"' });
  await rig.engine.remove(rule.id);
  assertEquals([rig.sink?.mask, rig.refreshes], [EventBit.clientConnected, 2]);
  await rig.engine.remove(other.id);
  assertEquals(rig.sink?.mask, 0);
});

test("rules of one event run in the order in which they were made; one that fails harms no other", async () => {
  const rig = new RuleRig();
  for (
    const [sql, name] of [
      ['SELECT topic FROM "#"', "1"],
      ['SELECT 1 div 0 AS x FROM "t/+"', "2"],
      ['SELECT topic FROM "t/a"', "3"],
      ['SELECT topic FROM "message.publish"', "4"],
    ] as const
  ) {
    await rig.engine.create({
      sql,
      actions: [{ name: "inspect", params: { name } }],
    });
  }
  rig.publish("t/a");
  const inspected = rig.log.filter(({ message }) => message === "Rule inspects");
  assertEquals(inspected.map(({ fields }) => fields["params"]), [
    '{"name":"1"}',
    '{"name":"3"}',
    '{"name":"4"}',
  ]);
  assertEquals(matched(rig), [1, 0, 1, 1]);
  const skipped = rig.log.find(({ level }) => level === "debug");
  assertMatch(String(skipped?.fields["reason"]), /zero/);
});

test("messages on $SYS fire no rule unless that is wanted", async () => {
  const rig = new RuleRig();
  await rig.engine.create(ALL);
  rig.publish("$SYS/broker/uptime");
  assertEquals(matched(rig), [0]);
  rig.engine.prepare({ ...rig.options, ignoreSysMessage: false }, [])();
  rig.publish("$SYS/broker/uptime");
  rig.publish("$other/topic");
  assertEquals(matched(rig), [2]);
});

test("rules of the configuration come first, cannot be removed, and change with it", async () => {
  const rig = new RuleRig({
    configured: [configured("b", 'SELECT * FROM "t"'), configured("a", 'SELECT * FROM "t"')],
  });
  const made = await rig.engine.create(ALL);
  assertEquals(rig.engine.list().map(({ id, isReadOnly }) => [id, isReadOnly]), [
    ["b", true],
    ["a", true],
    [made.id, false],
  ]);
  const error = await refusal(() => rig.engine.remove("a"));
  assertEquals([error.code, error.subject], ["read-only", "a"]);
  rig.publish("t");
  const change = rig.engine.prepare(rig.options, [
    configured("b", 'SELECT * FROM "t"'),
    configured("c", 'SELECT * FROM "u"', { isEnabled: false }),
  ]);
  rig.publish("t");
  assertEquals(matched(rig), [2, 2, 2]);
  change();
  rig.publish("t");
  rig.publish("u");
  // One that is as it was has counted on.
  assertEquals(rig.engine.list().map(({ id, counters }) => [id, counters.matched]), [
    ["b", 3],
    ["c", 0],
    [made.id, 4],
  ]);
});

test("a configuration that cannot be used changes nothing, and says which rule it is", () => {
  const rig = new RuleRig({ configured: [configured("a", 'SELECT * FROM "t"')] });
  const error = assertThrows(
    () =>
      rig.engine.prepare(rig.options, [
        configured("b", 'SELECT * FROM "t"'),
        configured("c", 'SELECT * FROM "t"', {
          actions: [{ name: "data_to_file", params: { $resource: "r" } }],
        }),
      ]),
    RuleError,
  );
  assertMatch(error.message, /Cannot use rule "c": Cannot use resource "r": there is none/);
  rig.publish("t");
  assertEquals(rig.engine.list().map(({ id, counters }) => [id, counters.matched]), [["a", 1]]);
});

test("a rule that is as it was needs its resource all the same", () => {
  const resource = new FakeResource("r", "file");
  const rules = [
    configured("a", 'SELECT * FROM "t"', {
      actions: [{ name: "data_to_file", params: { $resource: "r" } }],
    }),
  ];
  const rig = new RuleRig({ resources: [resource], configured: rules });
  const becomes = (type: string | undefined) => (): void =>
    rig.engine.prepare(rig.options, rules, () => type)();
  assertThrows(becomes(undefined), RuleError, 'Cannot use resource "r": there is none');
  assertThrows(becomes("web_hook"), RuleError, "its type is web_hook; allowed: file");
  const [before] = rig.engine.list();
  becomes("file")();
  assertEquals(rig.engine.list(), [before]);
});

test("a configuration may not take away what rules need", async () => {
  const rig = new RuleRig({ resources: [new FakeResource("r", "file")] });
  const { id } = await rig.engine.create({
    ...ALL,
    actions: [{ name: "data_to_file", params: { $resource: "r" } }],
  });
  const error = assertThrows(() => rig.engine.prepare(rig.options, [], () => undefined), RuleError);
  assertEquals([error.code, error.message.includes(id)], ["in-use", true]);
  const other = assertThrows(() => rig.engine.prepare(rig.options, [], () => "sqlite"), RuleError);
  assertEquals([other.code, other.message.includes(id)], ["in-use", true]);
  rig.engine.prepare(rig.options, [], (name) => name === "r" ? "file" : undefined)();
});

test("whoever does nothing with a resource does not mind of what type it is", async () => {
  const rig = new RuleRig({ resources: [new FakeResource("r", "file")] });
  await rig.engine.create({ ...ALL, actions: [{ name: "inspect", params: { $resource: "r" } }] });
  rig.engine.prepare(rig.options, [], () => "sqlite")();
});

test("rules of the configuration keep their figures when others come in front of them", () => {
  const rule = (name: string): ConfiguredRule => ({
    name,
    sql: 'SELECT * FROM "t"',
    description: "",
    isEnabled: true,
    actions: [{
      name: "republish",
      params: { target_topic: `out/${name}`, target_qos: 0, payload_tmpl: "" },
    }],
  });
  const rig = new RuleRig({ configured: [rule("a"), rule("b")] });
  rig.publish("t");
  rig.engine.prepare(rig.options, [rule("new"), rule("b"), rule("a")])();
  rig.publish("t");
  assertEquals(rig.texts.map(([topic]) => topic), ["out/a", "out/b", "out/new", "out/b", "out/a"]);
  assertEquals(
    rig.engine.list().map(({ id, counters, actions }) => [
      id,
      counters.matched,
      actions[0]?.counters.success,
    ]),
    [["new", 1, 1], ["b", 2, 2], ["a", 2, 2]],
  );
});

test("RuleEngine.usersOf() knows who uses a resource, those included that are not kept yet", async () => {
  const rig = new RuleRig({ resources: [new FakeResource("r", "file")] });
  const making = rig.engine.create({
    ...ALL,
    actions: [{ name: "data_to_file", params: { $resource: "r" } }],
  });
  assertEquals(rig.engine.usersOf("r").length, 1);
  const { id } = await making;
  assertEquals([rig.engine.usersOf("r"), rig.engine.usersOf("s")], [[id], []]);
});

test("what one action may have under way is limited; the rest fails, and is counted", async () => {
  const resource = new FakeResource("r", "file");
  const rig = new RuleRig({ resources: [resource], options: { maxQueuedActions: 3 } });
  const { id } = await rig.engine.create({
    sql: 'SELECT payload FROM "t"',
    actions: [{ name: "data_to_file", params: { $resource: "r", payload_tmpl: "${payload}" } }],
  });
  const counters = (): unknown => rig.engine.get(id)?.actions[0]?.counters;
  for (const payload of ["1", "2", "3", "4", "5"]) rig.publish("t", payload);
  assertEquals([resource.texts, counters()], [["1", "2", "3"], { success: 0, failed: 2 }]);
  resource.settles[0]?.(true);
  resource.settles[1]?.(false);
  assertEquals(counters(), { success: 1, failed: 3 });
  rig.publish("t", "6");
  assertEquals(resource.texts.at(-1), "6");
  resource.isFull = true;
  rig.publish("t", "7");
  rig.resources.clear();
  rig.publish("t", "8");
  assertEquals(counters(), { success: 1, failed: 5 });
  // Of a row of failures the first one is news, and the next row only after a while.
  const news = (): number =>
    rig.log.filter(({ message }) => message === "An action of a rule fails").length;
  assertEquals(news(), 1);
  resource.settles[2]?.(true);
  rig.clock.advance(60_000);
  rig.publish("t", "9");
  rig.publish("t", "10");
  assertEquals(news(), 2);
});

test("a resource that drops what is oldest decides itself what there is room for", async () => {
  const resource = new FakeResource("r", "file", { when_full: "drop_oldest" });
  const rig = new RuleRig({ resources: [resource], options: { maxQueuedActions: 1 } });
  const { id } = await rig.engine.create({
    sql: 'SELECT payload FROM "t"',
    actions: [{ name: "data_to_file", params: { $resource: "r", payload_tmpl: "${payload}" } }],
  });
  rig.publish("t", "1");
  rig.publish("t", "2");
  resource.settles[0]?.(false);
  resource.settles[1]?.(true);
  assertEquals(resource.texts, ["1", "2"]);
  assertEquals(rig.engine.get(id)?.actions[0]?.counters, { success: 1, failed: 1 });
});

test("rules of EMQX 3.1 fire on the event that they are for, whatever else FROM names", async () => {
  const rig = new RuleRig();
  const connected = { name: "c", hook: "client.connected" };
  const published = { name: "p", hook: "message.publish" };
  await rig.engine.create({ ...ALL, legacy: connected, sql: 'select * from "t/a"' });
  await rig.engine.create({ ...ALL, legacy: published, sql: 'select * from "t/a"' });
  await rig.engine.create({ ...ALL, legacy: { name: "s", hook: "session.created" } });
  rig.publish("t/a");
  rig.publish("t/b");
  rig.tell({
    type: "client.connected",
    client: CLIENT,
    timestampMs: 1,
    keepAliveS: 60,
    cleanStart: true,
    isSessionPresent: false,
    isBridge: false,
    connack: 0,
    connectedAtMs: 1,
  });
  assertEquals(matched(rig), [1, 1, 0]);
});

test("rules of EMQX 3.1 that are for subscriptions of sessions are kept, and fire as little as there", async () => {
  const rig = new RuleRig();
  for (const hook of ["session.subscribed", "session.unsubscribed"]) {
    const { events } = await rig.engine.create({ ...ALL, legacy: { name: "s", hook } });
    assertEquals(events, []);
  }
  assertEquals(rig.sink?.mask, 0);
  // Those of 3.2 do.
  await rig.engine.create({ ...ALL, sql: 'SELECT * FROM "session.subscribed"' });
  rig.tell({
    type: "session.subscribed",
    client: CLIENT,
    timestampMs: 1,
    isNew: true,
    subscription: {
      topic: "t",
      shareName: "",
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 0,
    },
  });
  assertEquals(matched(rig), [0, 0, 1]);
});

test("names of events have underscores for rules of EMQX 3.1 where that is wanted", async () => {
  const rig = new RuleRig({ options: { hasLegacyEventNames: true } });
  const actions = [{ name: "inspect", params: {} }];
  await rig.engine.create({
    sql: 'select event from "t"',
    actions,
    legacy: { name: "p", hook: "message.publish" },
  });
  await rig.engine.create({ sql: 'SELECT event FROM "t"', actions });
  rig.publish("t");
  assertEquals(
    rig.log.filter(({ message }) => message === "Rule inspects").map(({ fields }) =>
      fields["selected"]
    ),
    ['{"event":"message_publish"}', '{"event":"message.publish"}'],
  );
});

test("FOREACH does its actions for each element that it chooses", async () => {
  const resource = new FakeResource("r", "file");
  const rig = new RuleRig({ resources: [resource] });
  const actions = [{ name: "data_to_file", params: { $resource: "r" } }];
  await rig.engine.create({
    sql: 'FOREACH payload.s AS e DO e.v AS v INCASE e.v > 1 FROM "t"',
    actions,
  });
  await rig.engine.create({ sql: 'FOREACH payload.s AS e FROM "u"', actions });
  rig.publish("t", '{"s":[{"v":1},{"v":2}]}');
  rig.publish("u", '{"s":[5,{"v":1}]}');
  assertEquals(resource.texts, ['{"v":2}', '{"e":5}', '{"v":1}']);
  assertEquals(matched(rig), [1, 1]);
});

test("RuleEngine.sample() makes speeds of all rules", async () => {
  const rig = new RuleRig({ configured: [configured("a", 'SELECT * FROM "t"')] });
  await rig.engine.create(ALL);
  for (let count = 0; count < 20; count++) rig.publish("t");
  rig.engine.sample();
  assertEquals(rig.engine.list().map(({ counters }) => counters.speed), [2, 2]);
});

test("a rule engine that is not enabled wants no event, keeps its rules, and begins again at a reload", async () => {
  const rig = new RuleRig({ options: { isEnabled: false } });
  await rig.engine.create(ALL);
  assertEquals([rig.sink?.mask, rig.engine.list().length], [0, 1]);
  rig.engine.prepare({ ...OPTIONS, isEnabled: true }, [])();
  assertEquals(rig.sink?.mask, EventBit.messagePublish);
  rig.publish("a");
  assertEquals(matched(rig), [1]);
  const before = rig.refreshes;
  rig.engine.prepare({ ...OPTIONS, isEnabled: false }, [])();
  assertEquals([rig.sink?.mask, rig.refreshes > before], [0, true]);
});
