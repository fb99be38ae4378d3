import { existsSync, readFileSync, writeFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { loadCases, loadMacros } from "./cases.ts";
import { casesByNumber, coverageTables, loadStatements, STANDARDS } from "./coverage.ts";
import { expand } from "./play.ts";
import { parseNotation } from "./notation.ts";

const STATEMENTS = loadStatements();
const README = new URL("README.md", import.meta.url);
const PROJECT = new URL("../../", import.meta.url);

/**
 * The numbers of each standard by section, as its body counts them. They skip: 5.0 has no 2.2.1-1, and
 * calls one statement 4.2-1.
 */
const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  "3.1.1": [
    "1.5.3 1-3, 2.2.2 1-2, 2.3.1 1-7, 3.1.0 1-2, 3.1.2 1-24, 3.1.3 1-11, 3.1.4 1-5, 3.2.0 1-1",
    "3.2.2 1-6, 3.3.1 1-12, 3.3.2 1-3, 3.3.4 1-1, 3.3.5 1-2, 3.6.1 1-1, 3.8.1 1-1, 3.8.3 1-4",
    "3.8.4 1-6, 3.9.3 1-2, 3.10.1 1-1, 3.10.3 1-2, 3.10.4 1-6, 3.12.4 1-1, 3.14.1 1-1, 3.14.4 1-3",
    "4.1.0 1-2, 4.3.1 1-1, 4.3.2 1-2, 4.3.3 1-2, 4.4.0 1-1, 4.5.0 1-2, 4.6.0 1-6, 4.7.1 1-3",
    "4.7.2 1-1, 4.7.3 1-4, 4.8.0 1-2, 6.0.0 1-4, 7.0.0 1-2, 7.1.1 1-1, 7.1.2 1-1",
  ],
  "5.0": [
    "1.5.4 1-3, 1.5.5 1-1, 1.5.7 1-1, 2.1.3 1-1, 2.2.1 2-6, 2.2.2 1-1, 3.1.0 1-2, 3.1.2 1-30",
    "3.1.3 1-12, 3.1.4 1-6, 3.2.0 1-2, 3.2.2 1-22, 3.3.1 1-13, 3.3.2 1-20, 3.3.4 1-10, 3.4.2 1-3",
    "3.5.2 1-3, 3.6.1 1-1, 3.6.2 1-3, 3.7.2 1-3, 3.8.1 1-1, 3.8.3 1-5, 3.8.4 1-8, 3.9.2 1-2",
    "3.9.3 1-2, 3.10.1 1-1, 3.10.3 1-2, 3.10.4 1-6, 3.11.2 1-2, 3.11.3 1-2, 3.12.4 1-1, 3.14.0 1-1",
    "3.14.1 1-1, 3.14.2 1-4, 3.14.4 1-3, 3.15.1 1-1, 3.15.2 1-3, 4.1.0 1-2, 4.2 1-1, 4.3.1 1-1",
    "4.3.2 1-5, 4.3.3 1-13, 4.4.0 1-2, 4.5.0 1-2, 4.6.0 1-6, 4.7.0 1-1, 4.7.1 1-2, 4.7.2 1-1",
    "4.7.3 1-4, 4.8.2 1-6, 4.9.0 1-3, 4.12.0 1-7, 4.12.1 1-2, 4.13.1 1-1, 4.13.2 1-1, 6.0.0 1-4",
  ],
};

function expectedNumbers(standard: string): string[] {
  return (NUMBERS[standard] ?? []).join(", ").split(", ").flatMap((entry) => {
    const [section = "", range = ""] = entry.split(" ");
    const [first = 0, last = 0] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => `MQTT-${section}-${first + i}`);
  });
}

for (const standard of STANDARDS) {
  const statements = STATEMENTS[standard];
  const cases = casesByNumber(standard);

  test(`statements.json has every numbered statement of MQTT ${standard} once`, () => {
    assertEquals(statements.map(({ number }) => number), expectedNumbers(standard));
  });

  test(`every statement of MQTT ${standard} that counts as tested has a case or a test file`, () => {
    const missing = statements.filter(({ status, number, by }) =>
      status === "tested" && !cases.has(number) &&
      (by === undefined || !existsSync(new URL(by, PROJECT)))
    );
    assertEquals(missing, []);
  });

  test(`every statement of MQTT ${standard} that is not tested says why`, () => {
    const silent = statements.filter(({ status, why }) => status !== "tested" && !why);
    assertEquals(silent, []);
  });

  test(`no case cites a number that MQTT ${standard} does not have or that counts as not tested`, () => {
    const tested = new Set(
      statements.filter(({ status }) => status === "tested").map(({ number }) => number),
    );
    assertEquals([...cases].filter(([number]) => !tested.has(number)), []);
  });
}

test("no two cases have the same title", () => {
  const titles = loadCases().map(({ title }) => title);
  assertEquals(titles.filter((title, index) => titles.indexOf(title) !== index), []);
});

test("there are the 300 cases that were asked for, and more", () => {
  const names = new Set(loadCases().map(({ file, name }) => `${file} ${name}`));
  assertEquals(names.size > 300, true);
});

test("every step of every case can be read", () => {
  const macros = loadMacros();
  const names = { token: "token", connection: "A" };
  for (const one of loadCases()) {
    for (const step of one.steps.flatMap((each) => expand(each, macros[one.version], 0))) {
      const [, verb = "", notation = ""] = /^[A-Z] (\S+) ?(.*)$/s.exec(step) ?? [];
      if (verb === "differ") continue;
      const several = verb === "<any" || verb === "<one";
      for (const packet of several ? notation.split(";") : [notation]) parseNotation(packet, names);
    }
  }
});

test("README.md shows the figures as they are", () => {
  const text = readFileSync(README, "utf8");
  const [before = "", after = ""] = text.split(/<!-- figures -->[\s\S]*<!-- end of figures -->/);
  const fresh =
    `${before}<!-- figures -->\n\n${coverageTables()}\n\n<!-- end of figures -->${after}`;
  if (process.env["CONFORMANCE_WRITE"] === "1") writeFileSync(README, fresh);
  assertEquals(readFileSync(README, "utf8"), fresh, "CONFORMANCE_WRITE=1 writes them");
});
