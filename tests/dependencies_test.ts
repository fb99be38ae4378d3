import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { BUN_VERSION } from "./support/bun_version.ts";
import {
  type DependencyFiles,
  dependencyProblems,
  packageUseProblems,
} from "./support/dependency_rules.ts";
import { readProject, readProjectFile } from "./support/project_files.ts";

function ours(): DependencyFiles {
  return {
    packageJson: readProjectFile("package.json"),
    denoJson: readProjectFile("deno.json"),
    tsconfig: readProjectFile("tsconfig.json"),
    lock: readProjectFile("deno.lock"),
    table: readProjectFile("DEPENDENCIES.md"),
  };
}

test("package.json, deno.json, tsconfig.json, deno.lock and DEPENDENCIES.md agree", () => {
  assertEquals(dependencyProblems(ours()), []);
});

test("every package is declared, used, and no test package is in the program", () => {
  assertEquals(packageUseProblems(readProject(), ours()), []);
});

test("DEPENDENCIES.md names the Bun that the tests use", () => {
  assertStringIncludes(readProjectFile("DEPENDENCIES.md"), `Bun ${BUN_VERSION}`);
});

test("CHANGELOG.md has a section for the version of package.json", () => {
  const { version } = JSON.parse(readProjectFile("package.json")) as { version: string };
  assertStringIncludes(readProjectFile("CHANGELOG.md"), `\n## [${version}]`);
});

/** Five files that agree. */
const SOUND: DependencyFiles = {
  packageJson: JSON.stringify({
    dependencies: { "deno-std": "1.4.0" },
    devDependencies: { "mqtt": "5.16.0" },
  }),
  denoJson: JSON.stringify({
    imports: { "@std/toml": "npm:deno-std@1.4.0/toml/mod.js", "mqtt": "npm:mqtt@5.16.0" },
  }),
  tsconfig: JSON.stringify({
    compilerOptions: { paths: { "@std/toml": ["./node_modules/deno-std/toml/mod.js"] } },
  }),
  lock: JSON.stringify({
    specifiers: { "npm:deno-std@1.4.0": "1.4.0", "npm:mqtt@5.16.0": "5.16.0" },
    workspace: {
      dependencies: ["npm:deno-std@1.4.0", "npm:mqtt@5.16.0"],
      packageJson: { dependencies: ["npm:deno-std@1.4.0", "npm:mqtt@5.16.0"] },
    },
  }),
  table: "| package | version | for | why | else |\n|---|---|---|---|---|\n" +
    "| `deno-std` | 1.4.0 | a | b | c |\n| `mqtt` | 5.16.0 | a | b | c |\n",
};

test("dependencyProblems() finds none where all agree", () => {
  assertEquals(dependencyProblems(SOUND), []);
});

const PLANTED: ReadonlyArray<
  [file: keyof DependencyFiles, from: string, to: string, problem: string]
> = [
  ["packageJson", '"5.16.0"', '"^5.16.0"', 'mqtt has no exact version but "^5.16.0"'],
  ["packageJson", '"mqtt":"5.16.0"', '"mqtt":"5.16.0","ws":"8.0.0"', "nothing comes from ws"],
  ["denoJson", "mqtt@5.16.0", "mqtt@5.15.0", '"mqtt" is mqtt 5.15.0, package.json has 5.16.0'],
  ["denoJson", "npm:mqtt@5.16.0", "npm:mqtt", '"mqtt" is no npm package of one version'],
  ["denoJson", "toml/mod.js", "toml/parse.js", '"@std/toml" is not ./node_modules/deno-std'],
  ["tsconfig", '"@std/toml"', '"@std/cli"', '"@std/cli" is not in deno.json'],
  ["lock", '"npm:mqtt@5.16.0":"5.16.0"', '"npm:mqtt@5.16.0":"5.16.1"', "does not pin mqtt"],
  ["lock", '"npm:mqtt@5.16.0"]', '"npm:mqtt@5.1.0"]', "deno.lock: lists npm:deno-std@1.4.0 npm"],
  ["lock", '{"specifiers"', '{"tarball":"https://a.example/","specifiers"', "names a host"],
  ["table", "`mqtt` | 5.16.0", "`mqtt` | 5.15.0", "mqtt is 5.15.0, package.json has 5.16.0"],
  ["table", "`mqtt`", "`ws`", "ws is not in package.json"],
  ["table", "5.16.0 | a | b | c |", "5.16.0 | a | | c |", "mqtt does not fill its columns"],
];

for (const [file, from, to, problem] of PLANTED) {
  test(`dependencyProblems() finds ${to} in ${file}`, () => {
    assert(SOUND[file].includes(from), `"${from}" is to be replaced`);
    const problems = dependencyProblems({ ...SOUND, [file]: SOUND[file].replace(from, to) });
    assertStringIncludes(problems.join("\n"), problem);
  });
}

test("packageUseProblems() finds unknown packages, test packages in src and unused ones", () => {
  const files = [
    { path: "src/base/a.ts", text: 'import "left-pad";\nimport { connect } from "mqtt";' },
    { path: "tests/a_test.ts", text: 'import { connect } from "mqtt";' },
  ];
  assertEquals(packageUseProblems(files, SOUND), [
    'src/base/a.ts:1: "left-pad" is not in deno.json',
    'src/base/a.ts:2: "mqtt" is for tests only',
    'deno.json: nothing imports "@std/toml"',
  ]);
});
