import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { architectureProblems, RANK } from "./support/architecture_rules.ts";
import { type ProjectFile, readProject } from "./support/project_files.ts";

test("imports point downward and enter folders through mod.ts; the map names every folder", () => {
  assertEquals(architectureProblems(readProject()), []);
});

const MAP: ProjectFile = {
  path: "ARCHITECTURE.md",
  text: Object.keys(RANK).map((folder) => `\`${folder}/\``).join(" "),
};

/** A small tree without a fault, to which each case adds one file. */
const SOUND: readonly ProjectFile[] = [
  MAP,
  { path: "main.ts", text: 'import { main } from "./src/app/cli.ts";' },
  { path: "src/app/mod.ts", text: 'import { Broker } from "../broker/mod.ts";' },
  { path: "src/app/cli.ts", text: 'import "./mod.ts";' },
  { path: "src/broker/mod.ts", text: 'import type { A } from "../mqtt/mod.ts";' },
  { path: "src/mqtt/mod.ts", text: 'import { a } from "mqtt-packet";\nexport * from "./a.ts";' },
  { path: "src/mqtt/a.ts", text: 'import { b } from "../base/mod.ts";' },
  { path: "src/base/mod.ts", text: 'import a from "../../a.toml" with { type: "text" };' },
  { path: "src/runtime/mod.ts", text: "" },
];

test("architectureProblems() finds none in a sound tree", () => {
  assertEquals(architectureProblems(SOUND), []);
});

const PLANTED: ReadonlyArray<[what: string, path: string, text: string, problem: string]> = [
  [
    "an upward import",
    "src/mqtt/z.ts",
    'import { c } from "../broker/mod.ts";',
    'src/mqtt/z.ts:1: imports "src/broker/mod.ts" upward, rank 4 from rank 1',
  ],
  [
    "an upward import of types only",
    "src/mqtt/z.ts",
    '\nimport type { C } from "../broker/mod.ts";',
    'src/mqtt/z.ts:2: imports "src/broker/mod.ts" upward, rank 4 from rank 1',
  ],
  [
    "a dynamic import upward",
    "src/base/z.ts",
    'const a = await import("../runtime/mod.ts");',
    'src/base/z.ts:1: imports "src/runtime/mod.ts" upward, rank 1 from rank 0',
  ],
  [
    "a stranger of the same rank",
    "src/mqtt/z.ts",
    'export * from "../runtime/mod.ts";',
    'src/mqtt/z.ts:1: imports "src/runtime/mod.ts", a stranger of the same rank 1',
  ],
  [
    "a folder entered by the window",
    "src/broker/z.ts",
    'import { a } from "../mqtt/a.ts";',
    'src/broker/z.ts:1: enters "src/mqtt/a.ts" not through its mod.ts',
  ],
  [
    "an import from the tests",
    "src/broker/z.ts",
    'import { a } from "../../tests/support/a.ts";',
    'src/broker/z.ts:1: imports "tests/support/a.ts", which is not below src',
  ],
  [
    "a folder without a rank",
    "src/helpers/mod.ts",
    "",
    "src/helpers:1: has no rank",
  ],
  [
    "a folder without a door",
    "src/retain/a.ts",
    "",
    "src/retain:1: has no mod.ts",
  ],
  [
    "a file in no folder",
    "src/a.ts",
    "",
    "src:1: a file stands in src itself, in no folder",
  ],
];

for (const [what, path, text, problem] of PLANTED) {
  test(`architectureProblems() finds ${what}`, () => {
    const problems = architectureProblems([...SOUND, { path, text }]);
    assertEquals(problems.filter((found) => found === problem), [problem]);
  });
}

test("architectureProblems() finds a main.ts that knows more than src/app", () => {
  const main = { path: "main.ts", text: 'import "./src/broker/mod.ts";' };
  const others = SOUND.filter(({ path }) => path !== "main.ts");
  assertEquals(architectureProblems([...others, main]), [
    'main.ts:1: imports "src/broker/mod.ts": main.ts knows src/app only',
  ]);
});

test("architectureProblems() finds a folder that the map forgot", () => {
  const map = { path: "ARCHITECTURE.md", text: MAP.text.replace("`mqtt/`", "mqtt") };
  assertEquals(architectureProblems([map, ...SOUND.slice(1)]), [
    "src/mqtt:1: ARCHITECTURE.md does not name `mqtt/`",
  ]);
});
