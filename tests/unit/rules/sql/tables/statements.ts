/** Whole statements: one, what is changed of the event, and what is selected. */
import { type Changes, MESSAGE, NO_MATCH, SKIPPED } from "../rig.ts";

export type StatementRow = readonly [sql: string, changes: Changes, expected: unknown];

const P = 'FROM "message.publish"';

export const SELECT_ROWS: readonly StatementRow[] = [
  [`SELECT * ${P}`, {}, [MESSAGE]],
  [`select * from "t/a"`, {}, [MESSAGE]],
  [`SELECT * FROM "t/b"`, {}, NO_MATCH],
  [`SELECT * FROM 't/b', "t/+"`, {}, [MESSAGE]],
  ["SELECT qos FROM message.publish;", {}, [{ qos: 1 }]],
  ['SELECT qos -- how\nFROM "#" -- all\n ; -- end', {}, [{ qos: 1 }]],
  [`SELECT topic, qos ${P}`, {}, [{ topic: "t/a", qos: 1 }]],
  [`SELECT qos AS q, topic t ${P}`, {}, [{ q: 1, t: "t/a" }]],
  [`SELECT qos AS "q r" ${P}`, {}, [{ "q r": 1 }]],
  [`SELECT qos AS 'from' ${P}`, {}, [{ from: 1 }]],
  [`SELECT qos AS a.b.c, topic AS a.d ${P}`, {}, [{ a: { b: { c: 1 }, d: "t/a" } }]],
  [`SELECT qos AS "a.b" ${P}`, {}, [{ a: { b: 1 } }]],
  [`SELECT qos AS a."b".c ${P}`, {}, [{ a: { b: { c: 1 } } }]],
  [`SELECT qos AS a, topic AS a.b ${P}`, {}, [{ a: { b: "t/a" } }]],
  [`SELECT qos AS a.b, topic AS a ${P}`, {}, [{ a: "t/a" }]],
  [`SELECT payload.x AS order, qos AS limit ${P}`, { payload: { x: 1 } }, [{ order: 1, limit: 1 }]],
  // Without an alias: under its own name, or under what it is.
  [`SELECT payload.x.y, payload.z ${P}`, { payload: { x: { y: 1 }, z: 2 } }, [
    { payload: { x: { y: 1 }, z: 2 } },
  ]],
  [`SELECT payload.x, payload ${P}`, { payload: { x: 1 } }, [{ payload: '{"x":1}' }]],
  [`SELECT upper('a'), 'c', 1 + 1, true ${P}`, {}, [{ A: "A", c: "c", 2: 2, true: true }]],
  [`SELECT payload.o AS o, map_get('k', payload.o) ${P}`, { payload: { o: { k: { a: 1 } } } }, [
    { o: { k: { a: 1 } }, '{"a":1}': { a: 1 } },
  ]],
  [`SELECT *, payload.x ${P}`, { payload: { x: 1 } }, [{ ...MESSAGE, payload: { x: 1 } }]],
  [`SELECT payload.x AS qos, * ${P}`, { payload: { x: 9 } }, [{ ...MESSAGE, payload: '{"x":9}' }]],
  [`SELECT *, payload.x AS qos ${P}`, { payload: { x: 9 } }, [
    { ...MESSAGE, payload: '{"x":9}', qos: 9 },
  ]],
  // What is missing is not stored, null is.
  [`SELECT payload.nope, payload.nope AS n, payload.x AS x ${P}`, { payload: { x: null } }, [
    { x: null },
  ]],
  [`SELECT retain, username ${P}`, { username: undefined }, [{}]],
  [`SELECT payload.x AS "__proto__" ${P}`, { payload: { x: { hacked: true } } }, [
    JSON.parse('{"__proto__": {"hacked": true}}'),
  ]],
  // Names that were given are seen by what comes behind.
  [`SELECT payload.x AS a, a + 1 AS b, b * 2 AS c ${P}`, { payload: { x: 1 } }, [
    { a: 1, b: 2, c: 4 },
  ]],
  [`SELECT payload.x AS a, a.y AS b ${P}`, { payload: { x: { y: 5 } } }, [{ a: { y: 5 }, b: 5 }]],
  [`SELECT payload.x AS m.a, payload.y AS m.b, m AS copy ${P}`, { payload: { x: 1, y: 2 } }, [
    { m: { a: 1, b: 2 }, copy: { a: 1, b: 2 } },
  ]],
  [`SELECT payload.x AS a, 1 AS a.y, a, payload.x AS again ${P}`, {
    payload: { x: { y: 0, z: 2 } },
  }, [
    { a: { y: 1, z: 2 }, again: { y: 0, z: 2 } },
  ]],
  [`SELECT payload.x AS qos, qos AS q ${P}`, { payload: { x: 7 } }, [{ qos: 7, q: 7 }]],
  [`SELECT payload.nope AS qos, qos AS q ${P}`, {}, [{ q: 1 }]],
  [`SELECT 1 AS a, a + 1 AS a, a AS b ${P}`, {}, [{ a: 2, b: 2 }]],
  [`SELECT payload.x AS qos, payload.x AS m.qos, qos AS q ${P}`, { payload: { x: null } }, [
    { qos: null, m: { qos: null }, q: null },
  ]],
  [`SELECT payload AS payload, payload.x AS x ${P}`, { payload: { x: 3 } }, [
    { payload: '{"x":3}', x: 3 },
  ]],
  [`SELECT payload AS p, p.x AS x ${P}`, { payload: { x: 3 } }, [{ p: '{"x":3}' }]],
  [`SELECT json_decode(payload) AS p, p.x AS x ${P}`, { payload: { x: 3 } }, [
    { p: { x: 3 }, x: 3 },
  ]],
  [`SELECT upper(payload.nope) AS x ${P}`, {}, SKIPPED],
  [`SELECT 1 div 0 AS x ${P}`, {}, SKIPPED],
  [`SELECT * FROM "client.connected", "message.publish"`, {}, [MESSAGE]],
  [`SELECT * FROM "client.connected", "t/b"`, {}, NO_MATCH],
];

export const WHERE_ROWS: readonly StatementRow[] = [
  [`SELECT payload.msg AS msg ${P} WHERE topic =~ 't/#' AND msg = 'hello'`, {}, [{ msg: "hello" }]],
  [
    `SELECT payload.msg AS msg ${P} WHERE topic =~ 't/#' AND msg = 'hello'`,
    { topic: "x" },
    NO_MATCH,
  ],
  [
    `SELECT payload.msg AS msg ${P} WHERE topic =~ 't/#' AND msg = 'hello'`,
    { payload: { msg: "bye" } },
    NO_MATCH,
  ],
  [
    `SELECT payload.temp AS t, topic(2) AS dev FROM "site/+/telemetry" WHERE t > 30`,
    { topic: "site/7/telemetry", payload: { temp: 31.5 } },
    [{ t: 31.5, dev: "7" }],
  ],
  [
    `SELECT payload.temp AS t, topic(2) AS dev FROM "site/+/telemetry" WHERE t > 30`,
    { topic: "site/7/telemetry", payload: { temp: 29 } },
    NO_MATCH,
  ],
  [
    `SELECT payload.temp AS t, topic(2) AS dev FROM "site/+/telemetry" WHERE t > 30`,
    { topic: "site/7/telemetry", payload: { temp: "warm" } },
    SKIPPED,
  ],
  [`SELECT payload.x AS qos ${P} WHERE qos = 7`, { payload: { x: 7 } }, [{ qos: 7 }]],
  [`SELECT payload.nope AS qos ${P} WHERE qos = 1`, {}, [{}]],
  [`SELECT payload.x AS m.a ${P} WHERE m.a = 1`, { payload: { x: 1 } }, [{ m: { a: 1 } }]],
  [`SELECT qos AS payload.n ${P} WHERE payload.msg = 'hello'`, {}, NO_MATCH],
  [`SELECT payload.msg, qos ${P} WHERE payload.msg = 'hello'`, {}, [
    { payload: { msg: "hello" }, qos: 1 },
  ]],
  [`SELECT qos ${P} WHERE payload.msg`, {}, NO_MATCH],
  [`SELECT qos ${P} WHERE is_not_null(payload.msg)`, {}, [{ qos: 1 }]],
  [`SELECT qos ${P} WHERE false`, {}, NO_MATCH],
  [`SELECT 1 div 0 AS x ${P} WHERE false`, {}, NO_MATCH],
  [`SELECT 1 div 0 AS x ${P} WHERE qos = 1`, {}, SKIPPED],
  [`SELECT 1 AS a.b, 1 div 0 AS x ${P} WHERE false`, {}, SKIPPED],
  [`SELECT qos ${P} WHERE payload.n > '5'`, { payload: { n: "five" } }, SKIPPED],
  [`SELECT qos ${P} WHERE payload.n > '5'`, { payload: { n: 7 } }, [{ qos: 1 }]],
];

const READINGS = { s: [{ v: 1 }, { v: 2 }, { v: 3 }], site: "A", n: [5, "x", null], o: {} };

export const FOREACH_ROWS: readonly StatementRow[] = [
  [`FOREACH payload.s AS e DO e.v AS v INCASE e.v > 1 ${P}`, { payload: READINGS }, [
    { v: 2 },
    { v: 3 },
  ]],
  [`FOREACH payload.s AS e INCASE e.v = 2 ${P}`, { payload: READINGS }, [{ v: 2 }]],
  [`FOREACH payload.s DO item.v AS v ${P}`, { payload: READINGS }, [{ v: 1 }, { v: 2 }, { v: 3 }]],
  [`FOREACH payload.n ${P}`, { payload: READINGS }, [5, "x", null]],
  [`FOREACH payload.site AS site, payload.s AS e DO site, e.v AS v ${P}`, { payload: READINGS }, [
    { site: "A", v: 1 },
    { site: "A", v: 2 },
    { site: "A", v: 3 },
  ]],
  [
    `FOREACH payload.s AS e DO e.v AS v, v * 10 AS w, topic INCASE e.v < 2 ${P}`,
    { payload: READINGS },
    [{ v: 1, w: 10, topic: "t/a" }],
  ],
  [`FOREACH payload.s AS e DO e.v AS v ${P} WHERE length(e) = 3`, { payload: READINGS }, [
    { v: 1 },
    { v: 2 },
    { v: 3 },
  ]],
  [`FOREACH payload.s AS e DO e.v AS v ${P} WHERE length(e) = 4`, { payload: READINGS }, NO_MATCH],
  [`FOREACH payload.s AS e DO *, e.v AS v INCASE e.v = 1 ${P}`, { payload: READINGS }, [
    { ...MESSAGE, payload: JSON.stringify(READINGS), e: { v: 1 }, v: 1 },
  ]],
  [`FOREACH payload.s AS e DO e.v AS r.v, e AS r.all INCASE e.v = 1 ${P}`, { payload: READINGS }, [
    { r: { v: 1, all: { v: 1 } } },
  ]],
  [`FOREACH payload.s AS a.e DO a.e.v AS v INCASE a.e.v = 3 ${P}`, { payload: READINGS }, [
    { v: 3 },
  ]],
  [`FOREACH payload.n AS e DO payload.nope AS e, e AS f INCASE is_num(e) ${P}`, {
    payload: READINGS,
  }, [{ f: 5 }]],
  [`FOREACH payload.o AS e ${P}`, { payload: READINGS }, []],
  [`FOREACH payload.nope AS e ${P}`, { payload: READINGS }, []],
  [`FOREACH payload AS e ${P}`, { payload: READINGS }, []],
  [`FOREACH json_decode(payload) AS e DO e ${P}`, { payload: [1, 2] }, [{ e: 1 }, { e: 2 }]],
  [`FOREACH split(topic, '/') AS level DO upper(level) AS l ${P}`, {}, [{ l: "T" }, { l: "A" }]],
  [`FOREACH payload.s AS e DO upper(e.v) AS v ${P}`, { payload: READINGS }, SKIPPED],
  [`FOREACH payload.s AS e INCASE e.v = 'x' ${P}`, { payload: READINGS }, SKIPPED],
  [`FOREACH *, payload.n AS e INCASE is_num(e) ${P}`, { payload: READINGS }, [5]],
  [`FOREACH payload.s AS e, e AS e, e AS f DO f.v AS v ${P}`, { payload: READINGS }, [
    { v: 1 },
    { v: 2 },
    { v: 3 },
  ]],
  [`FOREACH topic_filters AS f DO f.topic AS t FROM "client.subscribe"`, {
    event: "client.subscribe",
    "topic_filters": [{ topic: "a", qos: 0 }],
  }, [{ t: "a" }]],
];

/** Rules in the form of EMQX 3.1. */
export const OLD_ROWS: readonly StatementRow[] = [
  [`SELECT qos FROM "t/a" WHERE topic = t`, {}, NO_MATCH],
  [`SELECT qos FROM "#" WHERE topic = t`, { topic: "t" }, [{ qos: 1 }]],
  [`SELECT payload.x AS t FROM "#" WHERE topic = t`, { topic: "t", payload: { x: "t" } }, [
    { t: "t" },
  ]],
  [`SELECT payload.x AS t FROM "#" WHERE topic = t`, { topic: "t", payload: { x: "u" } }, NO_MATCH],
  [`SELECT nope, qos FROM "#"`, {}, [{ qos: 1 }]],
  [`SELECT qos FROM "#" WHERE nope.x = payload.x`, {}, [{ qos: 1 }]],
  [`SELECT qos FROM "#" WHERE username IN (u_emqx, other)`, {}, [{ qos: 1 }]],
];
