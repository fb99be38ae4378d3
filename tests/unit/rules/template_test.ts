import { test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  compileMemberTemplate,
  compileTemplate,
  EvaluationFailure,
  type SqlObject,
  type SqlValue,
} from "../../../src/rules/sql/mod.ts";
import { columnsOf } from "./sql/rig.ts";

const DATA: SqlObject = {
  topic: "t/a",
  qos: 1,
  half: 0.5,
  third: 1 / 3,
  sum: 0.1 + 0.2,
  yes: true,
  none: null,
  list: [1, "two"],
  payload: '{"x":1}',
  "with.dot": "never found",
  a: { b: { c: "deep" }, n: 7, "1": "one" },
  "_under_1": "ok",
};

const TEXTS: ReadonlyArray<readonly [template: string, text: string]> = [
  ["", ""],
  ["no place", "no place"],
  ["${topic}", "t/a"],
  ["repub/${topic}/x", "repub/t/a/x"],
  ["${topic}${qos}${topic}", "t/a1t/a"],
  ["${a.b.c}", "deep"],
  ["${a.b}", '{"c":"deep"}'],
  ["${a.1}", "one"],
  ["${list}", '[1,"two"]'],
  ["${list.0}", "undefined"],
  ["${half} ${third} ${sum}", "0.5 0.3333333333 0.3"],
  ["${yes}", "true"],
  ["${none}", "null"],
  ["${nope}", "undefined"],
  ["a${nope.x.y}b", "aundefinedb"],
  ["${topic.x}", "undefined"],
  ["${constructor} ${__proto__} ${a.toString}", "undefined undefined undefined"],
  ["${_under_1}", "ok"],
  ["${with.dot}", "undefined"],
  // What is no place stays as it is.
  ["${}", "${}"],
  ["${a b}", "${a b}"],
  ["${a-b}", "${a-b}"],
  ["$topic {topic} $ {topic}", "$topic {topic} $ {topic}"],
  ["${topic", "${topic"],
  ["$${topic}", "$t/a"],
  ["${${topic}}", "${t/a}"],
  ["${.}", "undefined"],
  ["ü${topic}😀", "üt/a😀"],
];

for (const [template, text] of TEXTS) {
  test(`compileTemplate() ${JSON.stringify(template)}`, () => {
    assertEquals(compileTemplate(template).render(DATA), text);
    // What was filled in is not looked at again.
    const echo = { topic: "${qos}", qos: "${topic}" };
    assertEquals(compileTemplate("${topic}${qos}").render(echo), "${qos}${topic}");
  });
}

test("compileTemplate() ${payload} alone is the payload as it came", () => {
  const event = columnsOf({ payload: "bytes as they are" });
  const template = compileTemplate("${payload}");
  assertEquals(template.isPayload, true);
  assertEquals(template.render({ payload: { x: 1 } }, event), "bytes as they are");
  assertEquals(template.render({}, event), "bytes as they are");
  assertEquals(template.render({ payload: { x: 1 } }), '{"x":1}');
  assertEquals(template.render({}, columnsOf({ payload: undefined })), "undefined");
  const more = compileTemplate("${payload}!");
  assertEquals([more.isPayload, more.render({}, event)], [false, "undefined!"]);
});

test("compileTemplate() makes 1 MiB at most", () => {
  const data = { x: "x".repeat(400_000) };
  assertEquals(compileTemplate("${x}${x}").render(data).length, 800_000);
  let failure: unknown;
  try {
    compileTemplate("${x}${x}${x}").render(data);
  } catch (error) {
    failure = error;
  }
  assertEquals(failure, new EvaluationFailure("a result is larger than 1048576 bytes"));
});

const MEMBERS: ReadonlyArray<readonly [template: SqlValue, result: SqlValue]> = [
  ["${topic}", "t/a"],
  ["${qos}", 1],
  ["${a}", { b: { c: "deep" }, n: 7, "1": "one" }],
  ["${none}", null],
  ["${nope}", null],
  ["${constructor}", null],
  ["${a.b}", "${a.b}"],
  [" ${topic}", " ${topic}"],
  ["${topic}${qos}", "${topic}${qos}"],
  ["plain", "plain"],
  [5, 5],
  [null, null],
  [true, true],
  [{ who: "${topic}", x: "${nope}" }, { who: "t/a", x: null }],
  [{ in: { in: ["${qos}", { y: "${yes}" }] }, "${topic}": 1 }, {
    in: { in: [1, { y: true }] },
    "${topic}": 1,
  }],
  [[], []],
  [{}, {}],
  [JSON.parse('{"__proto__": "${qos}"}'), JSON.parse('{"__proto__": 1}')],
];

for (const [template, result] of MEMBERS) {
  test(`compileMemberTemplate() ${JSON.stringify(template)}`, () => {
    const filled = compileMemberTemplate(template).render(DATA);
    assertEquals(filled, result);
    assertEquals(JSON.stringify(filled), JSON.stringify(result));
  });
}
