import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  parseStatement,
  printStatement,
  RULE_EVENTS,
  SqlError,
} from "../../../../src/rules/sql/mod.ts";
import { type Changes, columnsOf, compiled, resultOf, SKIPPED } from "./rig.ts";
import { CONDITION_ROWS, EXPRESSION_ROWS, REFUSAL_ROWS, STATEMENT_ROWS } from "./tables/all.ts";
import { MISSING_COLUMN_ROWS } from "./tables/functions.ts";
import { OLD_ROWS } from "./tables/statements.ts";

/** What a statement selects, as it is and when it has been printed. */
function bothResults(sql: string, changes: Changes, isOld: boolean): [unknown, unknown] {
  const event = RULE_EVENTS.find((each) => each === changes["event"]) ?? "message.publish";
  const flavor = isOld ? "3.1" : "3.2";
  const printed = printStatement(parseStatement(sql));
  const [first, second] = [sql, printed].map((text) =>
    resultOf(compiled(text, { flavor }), columnsOf(changes, event))
  );
  return [first, second];
}

function testStatement(sql: string, changes: Changes, expected: unknown, isOld = false): void {
  const [result, again] = bothResults(sql, changes, isOld);
  assertEquals(result, expected);
  assertEquals(again, expected, "printed and parsed again");
}

for (const [expression, payload, expected] of EXPRESSION_ROWS) {
  test(`SELECT ${JSON.stringify(expression)} of ${JSON.stringify(payload)}`, () => {
    const wanted = expected === SKIPPED ? SKIPPED : [expected === undefined ? {} : { r: expected }];
    testStatement(`SELECT ${expression} AS r FROM "message.publish"`, { payload }, wanted);
  });
}

for (const [call, missing, expected] of MISSING_COLUMN_ROWS) {
  test(`SELECT ${call} without a ${missing}`, () => {
    const wanted = expected === SKIPPED ? SKIPPED : [expected === undefined ? {} : { r: expected }];
    testStatement(`SELECT ${call} AS r FROM "message.publish"`, { [missing]: undefined }, wanted);
  });
}

for (const [condition, payload, expected] of CONDITION_ROWS) {
  test(`WHERE ${condition} with ${JSON.stringify(payload)}`, () => {
    const from = 'SELECT qos FROM "message.publish" WHERE';
    const wanted = expected === true ? [{ qos: 1 }] : expected === false ? "(no match)" : expected;
    testStatement(`${from} ${condition}`, { payload }, wanted);
    // As a value it is the same.
    const value = resultOf(
      compiled(`SELECT CASE WHEN ${condition} THEN true ELSE false END AS r FROM "#"`),
      columnsOf({ payload }),
    );
    assertEquals(value, expected === SKIPPED ? SKIPPED : [{ r: expected }]);
  });
}

for (const [sql, changes, expected] of STATEMENT_ROWS) {
  test(`${JSON.stringify(sql)} with ${JSON.stringify(changes)}`, () => {
    testStatement(sql, changes, expected);
  });
}

for (const [sql, changes, expected] of OLD_ROWS) {
  test(`as in 3.1: ${sql} with ${JSON.stringify(changes)}`, () => {
    testStatement(sql, changes, expected, true);
  });
}

for (const [sql, code, [line, column], words] of REFUSAL_ROWS) {
  test(`${JSON.stringify(sql)} is refused: ${code}`, () => {
    const error = assertThrows(() => compiled(sql), SqlError);
    assertEquals([error.code, error.line, error.column], [code, line, column], error.message);
    assert(error.detail.includes(words), error.message);
    assertEquals(error.message, `Cannot read SQL: line ${line} column ${column}: ${error.detail}`);
  });
}

test("the tables have every function, and no function beside", async () => {
  const { functionsFor } = await import("../../../../src/rules/functions/mod.ts");
  const known = [...functionsFor(() => 0).keys()].sort();
  const tested = new Set(
    EXPRESSION_ROWS.map(([expression]) => /^(\w+)\(/.exec(expression)?.[1]?.toLowerCase()),
  );
  assertEquals(known.filter((name) => !tested.has(name)), []);
  assertEquals(known.length, 86);
});

test("the tables have 250 rows and more", () => {
  const count = EXPRESSION_ROWS.length + CONDITION_ROWS.length + STATEMENT_ROWS.length;
  assert(count >= 250, `${count} rows`);
});
