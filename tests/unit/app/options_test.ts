import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { COMMAND_TABLES } from "../../../src/app/command_line.ts";
import { commandHelp, wrap } from "../../../src/app/option_help.ts";
import { type CommandTable, optionsOf, parseOptions } from "../../../src/app/options.ts";

const TABLE: CommandTable = {
  name: "toast",
  summary: "Makes toast",
  usage: ["toast [options] BREAD"],
  operandsMax: 1,
  groups: [{
    title: "How",
    options: [
      { name: "host", letter: "h", value: "HOST", help: "where" },
      { name: "quiet", letter: "q", help: "says nothing" },
      { name: "verbose", letter: "v", help: "says more" },
      { name: "message", letter: "m", value: "TEXT", mayBeEmpty: true, help: "what it says" },
      { name: "level", value: "N", range: [-1, 9], help: "how brown" },
      { name: "side", value: "SIDE", oneOf: ["up", "down"], help: "which side" },
      {
        name: "property",
        letter: "D",
        value: "PACKET NAME VALUE",
        wordCount: ([, name]) => name === "pair" ? 4 : 3,
        help: "something of a packet",
      },
    ],
  }],
  closing: "Exit status: 0 toast.",
};

const GOOD: readonly [args: string[], given: Record<string, string[][]>, operands: string[]][] = [
  [[], {}, []],
  [["rye"], {}, ["rye"]],
  [["-h", "a"], { host: [["a"]] }, []],
  [["-ha", "rye"], { host: [["a"]] }, ["rye"]],
  [["--host", "a", "--host=b=c"], { host: [["a"], ["b=c"]] }, []],
  [["-qv"], { quiet: [[]], verbose: [[]] }, []],
  [["-vh", "a"], { verbose: [[]], host: [["a"]] }, []],
  [["-m", ""], { message: [[""]] }, []],
  [["--message="], { message: [[""]] }, []],
  // A letter takes whatever follows, as everywhere; a word that looks like an option can be a value.
  [["-m", "-q"], { message: [["-q"]] }, []],
  [["-m", "--quiet"], { message: [["--quiet"]] }, []],
  [["--message", "-q"], { message: [["-q"]] }, []],
  [["--message", "--unknown"], { message: [["--unknown"]] }, []],
  [["--message=--quiet"], { message: [["--quiet"]] }, []],
  [["--level", "-1"], { level: [["-1"]] }, []],
  [["--side", "up"], { side: [["up"]] }, []],
  [["-D", "a", "b", "c", "rye"], { property: [["a", "b", "c"]] }, ["rye"]],
  [["--property", "a", "pair", "c", "d"], { property: [["a", "pair", "c", "d"]] }, []],
  [["--property=a", "b", "c", "-q"], { property: [["a", "b", "c"]], quiet: [[]] }, []],
  [["-"], {}, ["-"]],
  [["-q", "--", "-v"], { quiet: [[]] }, ["-v"]],
  [["--help"], { help: [[]] }, []],
];

for (const [args, given, operands] of GOOD) {
  test(`parseOptions() reads "${args.join(" ")}"`, () => {
    const { parsed, problems } = parseOptions(TABLE, args);
    assertEquals(problems, []);
    assertEquals(Object.fromEntries(parsed.given.map((name) => [name, parsed.lists(name)])), given);
    assertEquals(parsed.operands, operands);
  });
}

const OTHER: CommandTable = {
  ...TABLE,
  name: "other",
  groups: [{ options: [{ name: "jam", value: "KIND", help: "which" }] }],
};

const BAD: readonly [args: string[], problems: string[]][] = [
  [["--hosst", "a"], ['unknown option "--hosst"; did you mean "--host"?']],
  [["-x"], ['unknown option "-x"']],
  [["-qx"], ['unknown option "-x"']],
  [["-h"], ["option --host needs a value"]],
  [["--host"], ["option --host needs a value"]],
  [["--host="], ["option --host needs a value"]],
  [["--host", "--quiet"], ["option --host needs a value"]],
  [["--host", "--quiet=1"], ["option --host needs a value", "option --quiet has no value"]],
  [["--quiet=1"], ["option --quiet has no value"]],
  [["--level", "10"], ['option --level is "10", allowed are -1 to 9']],
  [["--level", "1.5"], ['option --level is "1.5", allowed are -1 to 9']],
  [["--side", "left"], ['option --side is "left", allowed are up, down']],
  [["-D", "a", "b"], ["option --property needs PACKET NAME VALUE"]],
  [["a", "b", "c"], ['unexpected argument "b"', 'unexpected argument "c"']],
  [["--jam", "plum", "rye"], ['option --jam is not for "toast"']],
];

for (const [args, problems] of BAD) {
  test(`parseOptions() refuses "${args.join(" ")}"`, () => {
    assertEquals(parseOptions(TABLE, args, [TABLE, OTHER]).problems, problems);
  });
}

test("ParsedOptions: the last value counts, and all are there", () => {
  const { parsed } = parseOptions(TABLE, ["-h", "a", "-h", "b", "--level", "3"]);
  assertEquals([parsed.text("host"), parsed.texts("host")], ["b", ["a", "b"]]);
  assertEquals([parsed.number("level"), parsed.number("side")], [3, undefined]);
  assertEquals([parsed.has("host"), parsed.has("quiet")], [true, false]);
});

test("a letter that the command needs itself is not help", () => {
  const letters = optionsOf(TABLE).map(({ name, letter }) => [name, letter]);
  assertEquals(letters.slice(-2), [["help", undefined], ["version", undefined]]);
  assertEquals(optionsOf(OTHER).at(-2)?.letter, "h");
});

test("commandHelp() shows summary, usage, options in columns, closing", () => {
  assertEquals(
    commandHelp({ ...OTHER, introduction: "Jam goes on top." }),
    `Makes toast

Usage: broker toast [options] BREAD

Jam goes on top.

      --jam KIND          which

Exit status: 0 toast.
`,
  );
});

test("wrap() breaks between words and keeps line ends", () => {
  assertEquals(wrap("aa bb cc\ndddddd e", 5), ["aa bb", "cc", "dddddd", "e"]);
});

for (const table of COMMAND_TABLES) {
  test(`the table of "${table.name}" names each option once, and its help fits a terminal`, () => {
    const options = optionsOf(table);
    const names = options.map(({ name }) => name);
    const letters = options.flatMap(({ letter }) => letter ?? []);
    assertEquals([new Set(names).size, new Set(letters).size], [names.length, letters.length]);
    const help = commandHelp(table);
    for (const line of help.split("\n")) assert(line.length <= 100, line);
    for (const { name, help: text } of options.slice(0, -2)) {
      assert(help.includes(`--${name}`), name);
      assert(!text.endsWith("."), text);
    }
  });
}
