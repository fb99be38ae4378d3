import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { importsOf, splitSource } from "./source_text.ts";

const CODE: ReadonlyArray<[what: string, text: string, codeOnly: string]> = [
  ["a line comment", "a(); // b", "a();     "],
  ["a block comment over lines", "a /* b\nc */ d", "a     \n     d"],
  ["a string with an escaped quote", 'x = "a\\"b" + y', 'x = "    " + y'],
  ["a comment mark inside a string", '"//" + a', '"  " + a'],
  ["a template with code in it", "`a${b + `c${d}`}e` + f", "` ${b + ` ${d}`} ` + f"],
  ["a brace inside a template's code", "`${{ a: 1 }.a}b`", "`${{ a: 1 }.a} `"],
  ["a regular expression with a quote", `x = /["']/.test(y)`, "x = /    /.test(y)"],
  ["a regular expression with a slash in a class", "f(/[/]a/, b)", "f(/    /, b)"],
  ["a regular expression after a return", "return /a'b/;", "return /   /;"],
  ["a division", "a / b / c", "a / b / c"],
  ["a division after a bracket", "(a) / b['x'] / c", "(a) / b[' '] / c"],
];

for (const [what, text, codeOnly] of CODE) {
  test(`splitSource() blanks ${what}`, () => {
    assertEquals(splitSource(text).codeOnly, codeOnly);
  });
}

test("splitSource() keeps strings in withoutComments", () => {
  assertEquals(splitSource('a("//b"); // c').withoutComments, 'a("//b");     ');
});

test("splitSource() lists comments with their lines", () => {
  assertEquals(splitSource("a\n// b\n/* c\n d */ // e\n").comments, [
    { text: " b", line: 2, kind: "line" },
    { text: " c\n d ", line: 3, kind: "block" },
    { text: " e", line: 4, kind: "line" },
  ]);
});

test("importsOf() finds every form of import", () => {
  const text = [
    'import "./a.ts";',
    'import b from "./b.ts";',
    "import type { C } from './c.ts';",
    "import {",
    "  d,",
    '} from "./d.ts";',
    'export * from "./e.ts";',
    'const f = await import("./f.ts");',
  ].join("\n");
  assertEquals(importsOf(text).map(({ specifier, line }) => [specifier, line]), [
    ["./a.ts", 1],
    ["./b.ts", 2],
    ["./c.ts", 3],
    ["./d.ts", 6],
    ["./e.ts", 7],
    ["./f.ts", 8],
  ]);
});

test("importsOf() takes no import from a comment or a string", () => {
  assertEquals(importsOf('// import "a"\nx = `import "b"`; y = \'from "c"\';'), []);
});
