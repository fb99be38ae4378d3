/** The compiled closures against the oracle, and the printer against the parser, on random statements. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import {
  compileStatement,
  type Flavor,
  parseStatement,
  printStatement,
  type Statement,
} from "../../../../src/rules/sql/mod.ts";
import { seededPrng } from "../../../support/seed.ts";
import { oracle } from "./oracle.ts";
import { RandomStatements } from "./random_statement.ts";
import { OPTIONS } from "./rig.ts";

const STATEMENTS = 1500;
const EVENTS_EACH = 6;

/** What a statement says, without where it says it. */
function meaning(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (name, each) => name === "at" || name === "text" ? undefined : each),
  );
}

function explained<Result>(statement: Statement, event: string, run: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    throw new Error(`Cannot agree on ${printStatement(statement)} with ${event}: ${cause}`, {
      cause,
    });
  }
}

for (const flavor of ["3.2", "3.1"] as const satisfies readonly Flavor[]) {
  test(`closures select what the oracle selects, form ${flavor}`, () => {
    const prng = seededPrng(`rules/sql property ${flavor}`);
    const random = new RandomStatements(prng, flavor);
    let [matched, nothing] = [0, 0];
    for (let round = 0; round < STATEMENTS; round++) {
      const statement = random.statement();
      const again = explained(
        statement,
        "no event",
        () => parseStatement(printStatement(statement)),
      );
      const options = { ...OPTIONS, flavor };
      const [first, second] = [statement, again].map((each) =>
        explained(statement, "no event", () => compileStatement(each, options))
      );
      for (let count = 0; count < EVENTS_EACH; count++) {
        const event = random.event();
        const shown = JSON.stringify(event.names.map((name) => [name, event.get(name)]));
        explained(statement, shown, () => {
          const expected = oracle(statement, event, flavor) ?? "no-match";
          assertEquals(first!.run(event), expected);
          assertEquals(second!.run(event), expected);
          if (expected === "no-match") nothing++;
          else matched++;
        });
      }
    }
    const all = matched + nothing;
    assert(matched > all / 10 && nothing > all / 10, `${matched} of ${all} events matched`);
  });
}

test("a statement that is printed means the same when it is parsed", () => {
  const random = new RandomStatements(seededPrng("rules/sql printer"), "3.2");
  for (let round = 0; round < STATEMENTS; round++) {
    const statement = random.statement();
    const text = printStatement(statement);
    const again = explained(statement, "no event", () => parseStatement(text));
    assertEquals(meaning(again), meaning(statement), text);
    assertEquals(printStatement(again), text);
  }
});
