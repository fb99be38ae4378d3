import { test } from "node:test";
import process from "node:process";
import { assertEquals } from "@std/assert";
import { parse } from "@std/toml";
import { Prng } from "../../../src/base/mod.ts";
import { locateToml } from "../../../src/config/toml_locator.ts";

/** `line:column` of key and value, by path. */
function located(source: string): Record<string, string> {
  const entries = [...locateToml(source).positions].map(([path, { key, value }]) => [
    path,
    `${key.line}:${key.column} ${value.line}:${value.column}`,
  ]);
  return Object.fromEntries(entries);
}

const CASES: readonly [name: string, source: string, expected: Record<string, string>][] = [
  ["a key", "a = 1", { a: "1:1 1:5" }],
  ["an indented key", "\n  a\t=  1", { a: "2:3 2:8" }],
  ["a key after a comment", "# b = 1\na = 1 # c = 2\nd = 2", { a: "2:1 2:5", d: "3:1 3:5" }],
  ["a table", "[t]\na = 1\n", { t: "1:1 1:1", "t.a": "2:1 2:5" }],
  ["a table in a table", "[t.u]\na = 1", { t: "1:1 1:1", "t.u": "1:1 1:1", "t.u.a": "2:1 2:5" }],
  ["a spaced header", "[ t . u ]\na=1", { t: "1:1 1:1", "t.u": "1:1 1:1", "t.u.a": "2:1 2:3" }],
  [
    "an array of tables",
    "[[l]]\na = 1\n[[l]]\na = 2",
    { l: "1:1 1:1", "l.0": "1:1 1:1", "l.0.a": "2:1 2:5", "l.1": "3:1 3:1", "l.1.a": "4:1 4:5" },
  ],
  [
    "a table in an element",
    "[[l]]\n[l.t]\na = 1\n[[l]]\n[l.t]\na = 2",
    {
      l: "1:1 1:1",
      "l.0": "1:1 1:1",
      "l.0.t": "2:1 2:1",
      "l.0.t.a": "3:1 3:5",
      "l.1": "4:1 4:1",
      "l.1.t": "5:1 5:1",
      "l.1.t.a": "6:1 6:5",
    },
  ],
  ["a dotted key", "a.b = 1\na.c = 2", { a: "1:1 1:7", "a.b": "1:3 1:7", "a.c": "2:3 2:7" }],
  [
    "an inline table",
    "a = { b = 1, c.d = [2] }",
    {
      a: "1:1 1:5",
      "a.b": "1:7 1:11",
      "a.c": "1:14 1:20",
      "a.c.d": "1:16 1:20",
      "a.c.d.0": "1:21 1:21",
    },
  ],
  [
    "an array over lines",
    "a = [ # one\n  1, # ]\n  'x]',\n]\nb = 2",
    { a: "1:1 1:5", "a.0": "2:3 2:3", "a.1": "3:3 3:3", b: "5:1 5:5" },
  ],
  [
    "an array of inline tables",
    "l = [{a=1},\n {a=2}]",
    { l: "1:1 1:5", "l.0": "1:6 1:6", "l.0.a": "1:7 1:9", "l.1": "2:2 2:2", "l.1.a": "2:3 2:5" },
  ],
  ["quoted keys", '"a.b" = 1\n\'c d\'.e = 2\n"\\u0078\\t" = 3', {
    '"a.b"': "1:1 1:9",
    '"c d"': "2:1 2:11",
    '"c d".e': "2:7 2:11",
    '"x\\t"': "3:1 3:14",
  }],
  ["strings with anything in them", 'a = "#\\"]" # x\nb = \'"\\\'\nc = 1', {
    a: "1:1 1:5",
    b: "2:1 2:5",
    c: "3:1 3:5",
  }],
  [
    "multi-line strings",
    'a = """\n[t]\nb = 1 \\"""\n""""\nc = \'\'\'\n"""\\\'\'\'\nd = 1',
    { a: "1:1 1:5", c: "5:1 5:5", d: "7:1 7:5" },
  ],
  ["Windows line ends", "[t]\r\na = 1\r\nb = 2\r\n", {
    t: "1:1 1:1",
    "t.a": "2:1 2:5",
    "t.b": "3:1 3:5",
  }],
  ["characters of two code units", '"😀" = "😀"\n', { '"😀"': "1:1 1:7" }],
  ["columns behind such characters", 'a = {x="😀",b=1}\n', {
    a: "1:1 1:5",
    "a.x": "1:6 1:8",
    "a.b": "1:12 1:14",
  }],
  ["dates and times", "a = 1979-05-27 07:32:00 # x\nb = 1", { a: "1:1 1:5", b: "2:1 2:5" }],
  ["nothing", "", {}],
];

for (const [name, source, expected] of CASES) {
  test(`locateToml() finds ${name}`, () => {
    assertEquals(located(source), expected);
    assertEquals(locateToml(source).problems, []);
    parse(source);
  });
}

const PROBLEMS: readonly [source: string, problems: string[]][] = [
  ["a = 1\na = 2", ['2:1 "a" is already defined in line 1']],
  ["[t]\na = 1\n[t]\na = 2", [
    '3:1 "t" is already defined in line 1',
    '4:1 "t.a" is already defined in line 2',
  ]],
  ["[t.u]\n[t]\nx = 1", []],
  ["t = 1\n[t]", ['2:1 "t" is already defined in line 1']],
  ["t = 1\n[t.u]", ['2:1 "t" is already defined in line 1']],
  ["l = []\n[[l]]", ['2:1 "l" is already defined in line 1']],
  ["[l]\n[[l]]", ['2:1 "l" is already defined in line 1']],
  ["[[l]]\n[l]", ['2:1 "l" is already defined in line 1']],
  ["a.b = 1\na = 2", ['2:1 "a" is already defined in line 1']],
  ["a = 1\na.b = 2", ['2:1 "a" is already defined in line 1']],
  ["a = {b = 1, b = 2}", ['1:13 "a.b" is already defined in line 1']],
  ["[[l]]\na = 1\n[[l]]\na = 2", []],
  ["[[l]]\n[l.t]\n[[l]]\n[l.t]", []],
  ["a = \"x\nb = 'y\nc = 1", ["1:5 string is not closed", "2:5 string is not closed"]],
  ['a = "x\\\nb = 1', ["1:5 string is not closed"]],
  ['a = 1\nb = """x\ny', ["2:5 multi-line string is not closed"]],
  ["a = '''", ["1:5 multi-line string is not closed"]],
  ["a = [1,\n2\n", ["1:5 array is not closed"]],
  ["a = [{b = [\n", ["1:11 array is not closed"]],
  ["a = {b = 1", ["1:5 inline table is not closed"]],
  ["[t\na = 1", ['1:1 table header is not closed with "]"']],
  ["[[t]\na = 1", ['1:1 table header is not closed with "]]"']],
];

for (const [source, expected] of PROBLEMS) {
  test(`locateToml() of ${JSON.stringify(source)} reports ${expected.length} problems`, () => {
    const found = locateToml(source).problems;
    assertEquals(
      found.map(({ position, message }) => `${position.line}:${position.column} ${message}`),
      expected,
    );
  });
}

/** Writes random TOML and notes where it put what: the oracle. */
class Writer {
  text = "";
  readonly expected: Record<string, string> = {};
  #line = 1;
  #column = 1;

  constructor(readonly random: Prng) {}

  put(text: string): void {
    this.text += text;
    for (const character of text) {
      if (character === "\n") [this.#line, this.#column] = [this.#line + 1, 1];
      else this.#column++;
    }
  }

  get here(): string {
    return `${this.#line}:${this.#column}`;
  }

  document(): void {
    this.pairs("", 3);
    const names = ["t", "u", "v w"];
    for (const name of names) {
      const isArray = this.random.nextBoolean();
      const count = isArray ? 1 + this.random.nextInt(3) : 1;
      for (let index = 0; index < count; index++) {
        this.trivia();
        const path = quoted(name);
        const at = this.here;
        this.expected[path] ??= `${at} ${at}`;
        const element = isArray ? `${path}.${index}` : path;
        this.expected[element] = `${at} ${at}`;
        this.put(isArray ? `[[${path}]]` : `[${path}]`);
        this.put(this.random.pick(["\n", " # [x]\n", "\t\n\n"]));
        this.pairs(`${element}.`, 3);
      }
    }
  }

  pairs(prefix: string, max: number): void {
    const count = this.random.nextInt(max + 1);
    for (let index = 0; index < count; index++) {
      this.trivia();
      this.pair(prefix, index, 2, true);
      this.put(this.random.pick(["\n", " # a = 1\n", "\r\n"]));
    }
  }

  pair(prefix: string, index: number, depth: number, isMultiLine: boolean): void {
    const name = this.random.pick(["k", "key-", "9", "a.b", "é😀", "#"]) + index;
    let path = `${prefix}${quoted(name)}`;
    const at = this.here;
    this.put(quoted(name));
    let inner: string | undefined;
    if (this.random.nextBoolean(0.2)) {
      this.put(this.random.pick([".", " . "]));
      inner = this.here;
      this.put("sub");
    }
    this.put(this.random.pick(["=", " = ", "\t=  "]));
    const value = this.here;
    this.expected[path] = `${at} ${value}`;
    if (inner !== undefined) {
      path += ".sub";
      this.expected[path] = `${inner} ${value}`;
    }
    this.value(path, depth, isMultiLine);
  }

  value(path: string, depth: number, isMultiLine: boolean): void {
    const kind = this.random.nextInt(depth > 0 ? 8 : 5);
    if (kind === 0) this.put(this.random.pick(["1", "-2.5", "true", "0xff", "1e3", "inf"]));
    else if (kind === 1) this.put(this.random.pick(['"a # b"', '"\\"]}"', '""', '"😀\\u0041"']));
    else if (kind === 2) this.put(this.random.pick(["'[{'", "'\\'", "''", "'#'"]));
    else if (kind === 3) {
      this.put(this.random.pick(["1979-05-27", "07:32:00", "1979-05-27T07:32:00Z"]));
    } else if (kind === 4 && isMultiLine) {
      this.put(this.random.pick(['"""\n[x]\na = "1"\n"""', "'''\n]\n'''", '"""a\\\n  b"""']));
    } else if (kind <= 5) this.put("7");
    else if (kind === 6) this.array(path, depth, isMultiLine);
    else this.inlineTable(path, depth);
  }

  array(path: string, depth: number, isMultiLine: boolean): void {
    const gap = (): void =>
      this.put(
        isMultiLine ? this.random.pick(["", " ", "\n", " # ]\n  "]) : this.random.pick(["", " "]),
      );
    this.put("[");
    const count = this.random.nextInt(4);
    for (let index = 0; index < count; index++) {
      gap();
      this.expected[`${path}.${index}`] = `${this.here} ${this.here}`;
      this.value(`${path}.${index}`, depth - 1, isMultiLine);
      this.put(index < count - 1 || this.random.nextBoolean() ? "," : "");
    }
    gap();
    this.put("]");
  }

  inlineTable(path: string, depth: number): void {
    this.put("{");
    const count = this.random.nextInt(3);
    for (let index = 0; index < count; index++) {
      if (index > 0) this.put(",");
      this.put(this.random.pick(["", " "]));
      this.pair(`${path}.`, index, depth - 1, false);
      // The parser takes "]}" for an empty table.
      this.put(" ");
    }
    this.put("}");
  }

  trivia(): void {
    this.put(this.random.pick(["", "", "\n", "# x = [\n", "  ", '\t# "\n\n']));
  }
}

function quoted(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}

/** Every path of a parsed document, as the locator writes them. */
function pathsOf(value: unknown, prefix = ""): string[] {
  if (typeof value !== "object" || value === null || value instanceof Date) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const path = prefix + (Array.isArray(value) ? name : quoted(name));
    return [path, ...pathsOf(inner, `${path}.`)];
  });
}

test("locateToml() agrees with the writer of random documents, and its paths with the parser", () => {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const random = new Prng(seed);
  for (let round = 0; round < 500; round++) {
    const writer = new Writer(random);
    writer.document();
    const context = `SEED=${seed} round ${round}\n${writer.text}`;
    const found = locateToml(writer.text);
    assertEquals(found.problems, [], context);
    assertEquals(located(writer.text), writer.expected, context);
    assertEquals([...found.positions.keys()].sort(), pathsOf(parse(writer.text)).sort(), context);
  }
});

test("locateToml() ends on any text, and never throws", () => {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const random = new Prng(seed);
  const pieces = [
    "a",
    "=",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    '"""',
    "\n",
    " ",
    ".",
    ",",
    "#",
    "\\",
    "1",
    "[[",
    "]]",
  ];
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: random.nextInt(30) }, () => random.pick(pieces)).join("");
    locateToml(text);
  }
});
