import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { JsonObject, RuleTest } from "../../../../src/rules/mod.ts";
import { RuleRig } from "../rule_rig.ts";

const HELLO =
  "SELECT payload.msg AS msg FROM \"message.publish\" WHERE topic =~ 't/#' AND msg = 'hello'";
const NO: RuleTest = { isMatch: false };

function selected(...values: JsonObject[]): RuleTest {
  return { isMatch: true, selected: values, isForeach: false };
}

const ROWS: readonly [sql: string, context: JsonObject, result: RuleTest][] = [
  [HELLO, { topic: "t/a", payload: '{"msg": "hello"}' }, selected({ msg: "hello" })],
  [HELLO, { topic: "x", payload: '{"msg": "hello"}' }, NO],
  [HELLO, {}, NO],
  [
    "SELECT payload.name AS n, qos, topic, flag('retain') AS r FROM t1",
    {},
    selected({ n: "ha", qos: 1, topic: "t1", r: false }),
  ],
  [
    "SELECT flag('retain') AS r, header('username') AS u, header('peername') AS p FROM t1",
    { retain: 1, username: "me", peername: "10.0.0.1:5" },
    selected({ r: true, u: "me", p: "10.0.0.1:5" }),
  ],
  ["SELECT flag('retain') AS r FROM t1", { flags: { retain: true } }, selected({ r: true })],
  // A payload is text, also where it is given as what that says.
  ['SELECT payload, payload.msg AS m FROM "t1"', { payload: { msg: "hello" } }, {
    isMatch: true,
    selected: [{ payload: '{"msg":"hello"}', m: "hello" }],
    isForeach: false,
  }],
  ['SELECT payload FROM "t1" WHERE payload = "5"', { payload: 5 }, selected({ payload: "5" })],
  ['SELECT topic FROM "t2"', {}, NO],
  ['SELECT 1 div 0 AS x FROM "t1"', {}, NO],
  ['SELECT reason_code FROM "client.disconnected"', {}, selected({ reason_code: "closed" })],
  [
    'SELECT qos, topic FROM "client.subscribe", "t/#"',
    { topic_filters: '[{"topic":"a","qos":2}]' },
    selected({ qos: 2, topic: "a" }),
  ],
  ['SELECT rc, rh FROM "session.subscribed"', {}, selected({ rc: 1, rh: 0 })],
  [
    'FOREACH payload.s AS e DO e.v AS v FROM "t1"',
    { payload: '{"s":[{"v":1},{"v":2}]}' },
    { isMatch: true, selected: [{ v: 1 }, { v: 2 }], isForeach: true },
  ],
  [
    'FOREACH payload.s AS e FROM "t1"',
    { payload: '{"s":[5,"a"]}' },
    { isMatch: true, selected: [5, "a"], isForeach: true },
  ],
];

test("RuleEngine.test() takes no longer than a rule may", () => {
  const rig = new RuleRig();
  const run = (): RuleTest =>
    rig.engine.test('FOREACH payload.l FROM "t1"', { payload: { l: [1, 2, 3, 4, 5] } });
  assertEquals(run().isMatch, true);
  // Each look at the clock is a second later than the one before.
  let nowMs = 0;
  Object.defineProperty(rig.clock, "monotonicMs", { value: () => nowMs += 1000 });
  assertEquals(run(), NO);
});

for (const [sql, context, result] of ROWS) {
  test(`RuleEngine.test() of ${sql} with ${JSON.stringify(context)}`, () => {
    const rig = new RuleRig();
    const found = rig.engine.test(sql, context);
    assertEquals(found, result);
    assertEquals(rig.engine.totals, { rules: 0, matched: 0, success: 0, failed: 0 });
  });
}
