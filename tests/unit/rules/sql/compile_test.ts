import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  type CompileOptions,
  decodePayload,
  EvaluationFailure,
  parseStatement,
  RULE_EVENTS,
  SqlError,
} from "../../../../src/rules/sql/mod.ts";
import { columnsOf, compiled, NO_MATCH, NOW_MS, resultOf, SKIPPED } from "./rig.ts";

type Parts = readonly [events: string[], topicFilters: string[], index: string[] | undefined];

/** What the engine is told of a statement, so that most events need not come to it. */
const PARTS: ReadonlyArray<
  readonly [sql: string, options: Partial<CompileOptions>, parts: Parts]
> = [
  [`SELECT * FROM "message.publish"`, {}, [["message.publish"], [], undefined]],
  [`SELECT * FROM "t/a", 't/+'`, {}, [["message.publish"], ["t/a", "t/+"], ["t/a", "t/+"]]],
  [`SELECT * FROM "t/a", "t/a"`, {}, [["message.publish"], ["t/a"], ["t/a"]]],
  [`SELECT * FROM "t/a", "message.publish"`, {}, [["message.publish"], [], undefined]],
  [`SELECT * FROM "client.connected", client.disconnected`, {}, [
    ["client.connected", "client.disconnected"],
    [],
    undefined,
  ]],
  [`SELECT * FROM "client.connected", "a/b"`, {}, [
    ["client.connected", "message.publish"],
    ["a/b"],
    undefined,
  ]],
  [`SELECT * FROM message.deliver, "a/b" WHERE topic =~ 'a/+'`, {}, [
    ["message.deliver", "message.publish"],
    ["a/b"],
    ["a/+"],
  ]],
  // `for` of 3.1.
  [`SELECT * FROM "t/a"`, { flavor: "3.1", onlyFor: "message.publish" }, [
    ["message.publish"],
    ["t/a"],
    ["t/a"],
  ]],
  [`SELECT * FROM "t/#"`, { flavor: "3.1", onlyFor: "client.connected" }, [
    ["client.connected"],
    [],
    undefined,
  ]],
  [`SELECT * FROM "t/#"`, { flavor: "3.1", onlyFor: "session.created" }, [[], [], undefined]],
  [`SELECT * FROM "client.connected", "t"`, { flavor: "3.1", onlyFor: "message.publish" }, [
    ["message.publish"],
    ["t"],
    ["t"],
  ]],
  [`SELECT * FROM "client.nope"`, { flavor: "3.1", onlyFor: "message.publish" }, [
    ["message.publish"],
    ["client.nope"],
    ["client.nope"],
  ]],
];

for (const [sql, options, [events, topicFilters, indexFilters]] of PARTS) {
  test(`compileStatement() knows what ${sql} is about ${JSON.stringify(options)}`, () => {
    const statement = compiled(sql, options);
    assertEquals(statement.events, events);
    assertEquals(statement.topicFilters, topicFilters);
    assertEquals(statement.indexFilters, indexFilters);
  });
}

const INDEXES: ReadonlyArray<readonly [where: string, index: string[] | undefined]> = [
  ["topic =~ 't/#'", ["t/#"]],
  ["topic =~ 't/#' AND payload.x = 1", ["t/#"]],
  ["payload.x = 1 AND (qos = 1 AND topic =~ 't/#')", ["t/#"]],
  ["topic = 't/a'", ["t/a"]],
  ["topic IN ('t/a', 't/b')", ["t/a", "t/b"]],
  ["topic =~ 't/#' OR topic = 'x'", ["t/#", "x"]],
  ["(topic =~ 'a' OR topic =~ 'b') AND topic =~ 't/#'", ["t/#"]],
  ["topic =~ 't/#' OR qos = 1", undefined],
  ["NOT topic =~ 't/#'", undefined],
  ["topic <> 't/a'", undefined],
  ["topic NOT IN ('t/a')", undefined],
  ["topic IN ('t/a', payload.x)", undefined],
  ["topic = 't/+'", undefined],
  ["topic = ''", undefined],
  ["topic =~ payload.f", undefined],
  ["payload.topic =~ 't/#'", undefined],
  ["topic.x = 't'", undefined],
  ["'t/a' =~ 't/#'", undefined],
  ["CASE WHEN topic =~ 't' THEN true END", undefined],
];

for (const [where, index] of INDEXES) {
  test(`indexFilters of ${where}`, () => {
    assertEquals(
      compiled(`SELECT qos FROM "message.publish" WHERE ${where}`).indexFilters,
      index,
    );
  });
}

test("indexFilters are of the column, not of what was selected under its name", () => {
  const sql = `SELECT payload.t AS topic FROM "message.publish" WHERE topic =~ 't/#'`;
  assertEquals(compiled(sql).indexFilters, undefined);
});

test("indexFilters are the shorter list of FROM and WHERE, and both are checked", () => {
  const statement = compiled(`SELECT qos FROM "a", "b/#" WHERE topic =~ 'b/+'`);
  assertEquals(statement.indexFilters, ["b/+"]);
  assertEquals(resultOf(statement, columnsOf({ topic: "b/1" })), [{ qos: 1 }]);
  assertEquals(resultOf(statement, columnsOf({ topic: "a" })), NO_MATCH);
  const longer = compiled(`SELECT qos FROM "a" WHERE topic IN ('a', 'b')`);
  assertEquals(longer.indexFilters, ["a"]);
});

test("a rule for message.publish whose FROM names other events alone is refused", () => {
  const options = { flavor: "3.1", onlyFor: "message.publish" } as const;
  const refused = () => compiled(`SELECT * FROM "client.connected"`, options);
  assertEquals(assertThrows(refused, SqlError).code, "unknown-event");
});

test("isCertain: one thing is selected of every event, whatever is in it", () => {
  const cases: readonly (readonly [sql: string, isCertain: boolean])[] = [
    ["SELECT * FROM t", true],
    ['SELECT topic, payload AS text, * FROM "t/#"', true],
    ["SELECT * FROM t WHERE qos = 1", false],
    ["SELECT payload.a FROM t", false],
    ["SELECT qos + 1 AS more FROM t", false],
    ["SELECT topic AS a.b FROM t", false],
    ["FOREACH payload.list FROM t", false],
  ];
  for (const [sql, isCertain] of cases) {
    assertEquals([sql, compiled(sql).isCertain], [sql, isCertain]);
  }
});

test("columnsUsed are those that the statement may read", () => {
  const sql = `SELECT payload.x AS a, upper(username), clientip() FROM "#" WHERE a = qos`;
  assertEquals(
    [...compiled(sql).columnsUsed].sort(),
    ["payload", "peername", "qos", "username"],
  );
  assertEquals(compiled(`SELECT *, qos FROM "#"`).columnsUsed, "all");
  assertEquals(compiled(`FOREACH payload.x DO * FROM "#"`).columnsUsed, "all");
});

test("the payload is decoded when it is looked into, and once", () => {
  let decoded = 0;
  let asked: string[] = [];
  const columns = {
    event: "message.publish" as const,
    names: [],
    get: (name: string) => {
      asked.push(name);
      return name === "topic" ? "t/a" : name === "payload" ? '{"x": 1}' : undefined;
    },
    payloadObject: () => {
      decoded++;
      return { x: 1 };
    },
  };
  const statement = compiled(
    `SELECT payload.x AS x, qos, username FROM "#" WHERE topic =~ 'b/#' AND x = 1`,
  );
  assertEquals(statement.run(columns), "no-match");
  assertEquals([decoded, asked], [0, ["topic", "topic"]]);
  asked = [];
  const other = compiled(`SELECT payload.x AS x, qos, x + x AS y FROM "#" WHERE x = 2 OR x = 1`);
  assertEquals(other.run(columns), [{ x: 1, y: 2 }]);
  assertEquals([decoded, asked], [1, ["topic", "qos"]]);
});

test("a statement keeps nothing of an event, and says why it was skipped", () => {
  const statement = compiled(`SELECT payload.x AS x, upper(x) AS u FROM "#"`);
  assertEquals(resultOf(statement, columnsOf({ payload: { x: "a" } })), [{ x: "a", u: "A" }]);
  assertEquals(resultOf(statement, columnsOf({ payload: {} })), SKIPPED);
  assertEquals(statement.lastFailure, "expected a text, found nothing");
  assertEquals(resultOf(statement, columnsOf({ payload: { x: 5 } })), SKIPPED);
  assertEquals(statement.lastFailure, "expected a text, found 5");
  assertEquals(resultOf(statement, columnsOf({ payload: { x: "b" } })), [{ x: "b", u: "B" }]);
  assertEquals(statement.lastFailure, undefined);
});

test("what is selected does not change what it was selected from", () => {
  const columns = columnsOf({ payload: { m: { a: 1 } } });
  const statement = compiled(`SELECT payload.m AS m, 2 AS m.b, map_put('c', 3, m) AS n FROM "#"`);
  const expected = [{ m: { a: 1, b: 2 }, n: { a: 1, b: 2, c: 3 } }];
  assertEquals(resultOf(statement, columns), expected);
  assertEquals(resultOf(statement, columns), expected);
  assertEquals(columns.payloadObject(), { m: { a: 1 } });
});

test("a name below an object adds to it, for what comes behind", () => {
  const knownColumns = (): ReadonlySet<string> => new Set(["sub_opts"]);
  const statement = compiled(
    `SELECT 1 AS sub_opts.x, sub_opts AS all, sub_opts.qos AS q FROM "#"`,
    { knownColumns },
  );
  assertEquals(resultOf(statement, columnsOf({ "sub_opts": { qos: 2 } })), [
    { "sub_opts": { x: 1 }, all: { qos: 2, x: 1 }, q: 2 },
  ]);
});

test("members may be called __proto__, and are members", () => {
  const sql = `SELECT payload.x AS "__proto__", payload.__proto__ AS y, map_put('__proto__', 1, ` +
    `payload.x) AS z, payload.x AS m."__proto__".n FROM "#"`;
  const columns = columnsOf({ payload: '{"x":{"bad":true},"__proto__":5}' });
  const [selected] = compiled(sql).run(columns) as [Record<string, unknown>];
  assertEquals(
    JSON.stringify(selected),
    '{"__proto__":{"bad":true},"y":5,"z":{"bad":true,"__proto__":1},' +
      '"m":{"__proto__":{"n":{"bad":true}}}}',
  );
  assertEquals([selected["bad"], Object.getPrototypeOf(selected)], [undefined, Object.prototype]);
});

test("many fields are evaluated in order, each before WHERE; few when they are asked for", () => {
  const sql = (fields: number) =>
    `SELECT ${"qos, ".repeat(fields - 1)} 1 div 0 AS x FROM "#" WHERE false`;
  assertEquals(resultOf(compiled(sql(64)), columnsOf()), NO_MATCH);
  assertEquals(resultOf(compiled(sql(65)), columnsOf()), SKIPPED);
});

test("asObject() gives elements that are no objects a name", () => {
  const plain = compiled(`FOREACH payload.n FROM "#"`);
  assertEquals(plain.asObject(5), { item: 5 });
  assertEquals(plain.asObject({ a: 1 }), { a: 1 });
  assertEquals(compiled(`FOREACH payload.n AS e FROM "#"`).asObject("x"), { e: "x" });
  assertEquals(compiled(`FOREACH payload.n AS a.e FROM "#"`).asObject([1]), { a: { e: [1] } });
});

test("timestamp() without a time of the event asks the wall clock", () => {
  let now = NOW_MS;
  const statement = compiled(`SELECT timestamp() AS t FROM "#"`, { nowMs: () => now++ });
  const columns = columnsOf({ timestamp: undefined });
  assertEquals(resultOf(statement, columns), [{ t: NOW_MS }]);
  assertEquals(resultOf(statement, columns), [{ t: NOW_MS + 1 }]);
});

test("a column is known when one of the events has it", () => {
  const knownColumns: CompileOptions["knownColumns"] = (event) =>
    new Set(event === "client.connected" ? ["keepalive"] : ["payload"]);
  const both = `SELECT keepalive, payload FROM "client.connected", "message.publish"`;
  assertEquals(compiled(both, { knownColumns }).events.length, 2);
  for (const event of RULE_EVENTS.slice(0, 2)) {
    const refused = () => compiled(`SELECT keepalive FROM "${event}"`, { knownColumns });
    assertEquals(assertThrows(refused, SqlError).subject, "keepalive");
  }
});

// Limits.

test("a statement has 16 KiB", () => {
  const filled = (bytes: number) => {
    const [head, tail] = ["SELECT '", `' AS r FROM "#"`];
    return head + "é".repeat((bytes - head.length - tail.length) / 2 | 0) + "x" + tail;
  };
  const sql = filled(16_383);
  assertEquals(new TextEncoder().encode(sql).length, 16_384);
  parseStatement(sql);
  const error = assertThrows(() => parseStatement(`${sql} `), SqlError);
  assertEquals([error.code, error.line, error.column], ["too-large", 1, 1]);
});

/** Texts that nest an expression in itself. */
const NESTINGS: ReadonlyArray<readonly [what: string, nest: (inner: string) => string]> = [
  ["sum", (inner) => `1 + (${inner})`],
  ["chain of sums", (inner) => `${inner} + 1`],
  ["chain of products", (inner) => `${inner} * 1`],
  ["sign", (inner) => `- ${inner}`],
  ["NOT", (inner) => `NOT ${inner}`],
  ["call", (inner) => `abs(${inner})`],
  ["comparison", (inner) => `(${inner}) = 1`],
  ["IN", (inner) => `1 IN (${inner})`],
  ["CASE", (inner) => `CASE WHEN ${inner} THEN 1 END`],
  ["CASE in parentheses", (inner) => `(CASE (${inner}) WHEN 1 THEN 1 END)`],
  ["AND", (inner) => `(true AND ${inner})`],
];

for (const [what, nest] of NESTINGS) {
  test(`an expression is at most 64 deep: ${what}`, () => {
    const nested = (depth: number) => {
      let text = "1";
      for (let count = 1; count < depth; count++) text = nest(text);
      return `SELECT ${text} AS r FROM "#"`;
    };
    resultOf(compiled(nested(64)), columnsOf());
    const error = assertThrows(() => compiled(nested(65)), SqlError);
    assertEquals([error.code, error.detail], ["too-large", "the expression is deeper than 64"]);
    // Far beyond the limit neither.
    assertEquals(assertThrows(() => compiled(nested(900)), SqlError).code, "too-large");
  });
}

test("parentheses that mean nothing may be nested, too, up to a limit", () => {
  const nested = (depth: number) => `SELECT ${"(".repeat(depth)}1${")".repeat(depth)} FROM "#"`;
  compiled(nested(64));
  assertEquals(assertThrows(() => compiled(nested(8000)), SqlError).code, "too-large");
});

test("chains of AND and of OR are as long as the statement", () => {
  const parts = Array.from({ length: 1000 }, (_, index) => `qos=${index}`);
  assertEquals(
    resultOf(compiled(`SELECT qos FROM "#" WHERE ${parts.join(" OR ")}`), columnsOf()),
    [{ qos: 1 }],
  );
  assertEquals(
    resultOf(compiled(`SELECT qos FROM "#" WHERE ${parts.join(" AND ")}`), columnsOf()),
    NO_MATCH,
  );
});

test("fields that need each other are as many as the statement has room for", () => {
  const fields = Array.from({ length: 1200 }, (_, index) => `a${index}+1 AS a${index + 1}`);
  const statement = compiled(`SELECT qos AS a0,${fields.slice(0, 900).join(",")} FROM "#"`);
  const [data] = statement.run(columnsOf()) as [Record<string, number>];
  assertEquals(data["a900"], 901);
});

test("what FOREACH selects of one event has 16 MiB together, however often one thing is in it", () => {
  const statement = compiled(
    'FOREACH payload.l AS e DO payload.big AS big, e AS e FROM "message.publish"',
  );
  const found = (big: unknown, length: number): string => {
    const payload = { big, l: Array.from({ length }, (_, index) => index) };
    const result = resultOf(statement, columnsOf({ payload }));
    return typeof result === "string" ? result : `${result.length} elements`;
  };
  const text = "x".repeat(100_000);
  assertEquals([found(text, 167), found(text, 168)], ["167 elements", SKIPPED]);
  assertEquals(statement.lastFailure, "FOREACH selects more than 16777216 bytes of one event");
  const members = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, 1]));
  assertEquals([found(members, 100), found(members, 1000)], ["100 elements", SKIPPED]);
  assertEquals(found([], 1000), "1000 elements");
});

test("FOREACH is skipped that takes longer than 250 ms, whatever it is that takes so long", () => {
  let nowMs = 0;
  let stepMs = 1;
  const monotonicMs = (): number => nowMs += stepMs;
  const statement = compiled(`FOREACH payload.l AS e DO e FROM "#"`, { monotonicMs });
  const columns = columnsOf({ payload: { l: new Array(1000).fill(7) } });
  // It looks at the clock at the beginning, and then behind every fourth element.
  assertEquals(resultOf(statement, columns).length, 1000);
  stepMs = 1.01;
  assertEquals(resultOf(statement, columns), SKIPPED);
  assertEquals(statement.lastFailure, "FOREACH takes longer than 250 ms");
  stepMs = 500;
  assertEquals(resultOf(statement, columnsOf({ payload: { l: [1, 2, 3] } })).length, 3);
});

test("FOREACH goes over 1000 elements, and skips more", () => {
  const statement = compiled(`FOREACH payload.l AS e DO e FROM "#"`);
  const list = (length: number) => columnsOf({ payload: { l: new Array(length).fill(7) } });
  assertEquals(statement.run(list(1000)).length, 1000);
  assertEquals(resultOf(statement, list(1001)), SKIPPED);
  assertEquals(statement.lastFailure, "FOREACH over 1001 elements, allowed are 1000");
});

const MIB = 1_048_576;

/** Expressions whose result is larger than 1 MiB, and the text `x` of the payload that makes it so. */
const LARGE: ReadonlyArray<readonly [expression: string, length: number, character: string]> = [
  ["lower(payload())", MIB + 1, "A"],
  ["reverse(payload())", MIB + 1, "a"],
  ["strlen(payload())", MIB + 1, "a"],
  ["base64_encode(payload())", MIB - 100, "a"],
  ["json_encode(payload())", MIB - 100, '"'],
  ["upper(payload())", MIB / 2, "ß\u0390"],
  ["split(payload(), ',')", MIB + 1, ","],
  ["json_decode(payload())", MIB + 1, " "],
  ["map(payload())", MIB + 1, " "],
];

for (const [expression, length, character] of LARGE) {
  test(`results have 1 MiB: ${expression}`, () => {
    const statement = compiled(`SELECT ${expression} AS r FROM "#"`);
    assertEquals(resultOf(statement, columnsOf({ payload: character.repeat(length) })), SKIPPED);
    assert(statement.lastFailure?.includes("larger than 1048576 bytes"), statement.lastFailure);
  });
}

test("a payload is looked into up to 1 MiB", () => {
  const statement = compiled(`SELECT payload.x AS x FROM "#"`);
  const payload = (bytes: number) => `{"x": 1, "y": "${"z".repeat(bytes - 17)}"}`;
  assertEquals(resultOf(statement, columnsOf({ payload: payload(MIB) })), [{ x: 1 }]);
  assertEquals(resultOf(statement, columnsOf({ payload: payload(MIB + 1) })), SKIPPED);
});

test("JSON is at most 512 deep, be the brackets in texts or not", () => {
  const deep = (depth: number) => `{"x":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  assertEquals(Object.keys(decodePayload(deep(511))), ["x"]);
  assertThrowsFailure(() => decodePayload(deep(512)), "JSON is deeper than 512");
  assertThrowsFailure(() => decodePayload(deep(500_000)), "JSON is deeper than 512");
  const wide = JSON.stringify({ x: Array.from({ length: 2000 }, () => ({ a: [] })) });
  assertEquals(Object.keys(decodePayload(wide)), ["x"]);
  for (const inside of ['["[{', '["\\"[{', "[\\\\"]) {
    const texts = JSON.stringify({ x: inside.repeat(1000), y: inside });
    assertEquals(Object.keys(decodePayload(texts)), ["x", "y"]);
  }
});

function assertThrowsFailure(run: () => unknown, reason: string): void {
  let failure: unknown;
  try {
    run();
  } catch (error) {
    failure = error;
  }
  assertEquals(failure, new EvaluationFailure(reason));
}

test("what contains one thing many times may not grow without end", () => {
  const doubling = Array.from(
    { length: 60 },
    (_, index) => `map_put('b', m${index}, map_put('a', m${index}, m${index})) AS m${index + 1}`,
  );
  const statement = compiled(`SELECT map('{"x":1}') AS m0, ${doubling.join(", ")} FROM "#"`);
  assertEquals(resultOf(statement, columnsOf()), SKIPPED);
  const nested = Array.from(
    { length: 60 },
    (_, index) => `m${index} AS m${index + 1}.a, m${index} AS m${index + 1}.b`,
  );
  const aliases = compiled(`SELECT map('{"x":1}') AS m0, ${nested.join(", ")} FROM "#"`);
  assertEquals(resultOf(aliases, columnsOf()), SKIPPED);
});

test("a path that a client chose has 512 names at most", () => {
  const statement = compiled(`SELECT map_put(payload, 1, map('{}')) AS m FROM "#"`);
  assertEquals(resultOf(statement, columnsOf({ payload: "a.".repeat(100_000) })), SKIPPED);
});
