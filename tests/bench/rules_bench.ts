/** The SQL of rules: what an event costs, matched or not, and what a statement costs once. */
import {
  type Columns,
  type CompiledStatement,
  compileStatement,
  compileTemplate,
  decodePayload,
  parseStatement,
  type SqlObject,
  type SqlValue,
} from "../../src/rules/sql/mod.ts";
import { Bench } from "./timing.ts";

const bench = new Bench("rules");
const EVENTS = 1000;
const KNOWN: ReadonlySet<string> = new Set(
  "client_id username event id payload peername qos timestamp topic node retain".split(" "),
);
const TYPICAL = `SELECT payload.temp AS t, topic(2) AS dev FROM "site/+/telemetry" WHERE t > 30`;
const PAYLOAD = '{"temp": 31.5, "humidity": 40, "unit": "C", "battery": {"v": 3.1, "low": false}}';
const decoder = new TextDecoder();

/** As the engine has them: text and JSON are made when somebody asks, and once. */
class BenchColumns implements Columns {
  readonly event = "message.publish";
  readonly names: readonly string[] = ["client_id", "event", "payload", "qos", "topic"];
  readonly #payload: Uint8Array;
  readonly #topic: string;
  #text: string | undefined;
  #object: SqlObject | undefined;

  constructor(topic: string, payload: Uint8Array) {
    this.#topic = topic;
    this.#payload = payload;
  }

  get(name: string): SqlValue {
    switch (name) {
      case "topic":
        return this.#topic;
      case "qos":
        return 1;
      case "payload":
        return this.#text ??= decoder.decode(this.#payload);
      case "client_id":
        return "device-17";
      case "event":
        return this.event;
      default:
        return undefined;
    }
  }

  payloadObject(): SqlObject {
    return this.#object ??= decodePayload(String(this.get("payload")));
  }
}

function compile(sql: string): CompiledStatement {
  return compileStatement(parseStatement(sql), { flavor: "3.2", knownColumns: () => KNOWN });
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Each event is new: what it costs to decode it is in the figure. */
function benchEvents(name: string, sql: string, topic: string, payload: string): void {
  const statement = compile(sql);
  const bytes = bytesOf(payload);
  bench.measure(name, EVENTS, () => {
    let selected = 0;
    for (let count = 0; count < EVENTS; count++) {
      selected += statement.run(new BenchColumns(topic, bytes)).length;
    }
    return selected;
  });
}

/** One event for many rules: what it costs to decode it is shared, and close to nothing. */
function benchRules(name: string, sql: string, topic: string, payload: string): void {
  const statements = Array.from({ length: EVENTS }, () => compile(sql));
  const bytes = bytesOf(payload);
  bench.measure(name, EVENTS, () => {
    const columns = new BenchColumns(topic, bytes);
    let selected = 0;
    for (const statement of statements) selected += statement.run(columns).length;
    return selected;
  });
}

const TOPIC = "site/17/telemetry";
const COLD = PAYLOAD.replace("31.5", "21.5");

benchEvents("an event whose topic is not that of FROM", TYPICAL, "site/17/state", PAYLOAD);
benchEvents("an event without a match, JSON decoded", TYPICAL, TOPIC, COLD);
benchEvents("an event with a match, JSON decoded", TYPICAL, TOPIC, PAYLOAD);
benchEvents(
  "an event without a match, no JSON needed",
  `SELECT * FROM "message.publish" WHERE qos = 2 AND client_id = 'device-17'`,
  TOPIC,
  PAYLOAD,
);
benchEvents(`an event with a match, SELECT *`, `SELECT * FROM "site/#"`, TOPIC, PAYLOAD);
benchEvents(
  "an event that a failure skips",
  `SELECT qos FROM "site/#" WHERE payload.unit > 30`,
  TOPIC,
  PAYLOAD,
);
benchRules("each of 1000 rules without a match, JSON shared", TYPICAL, TOPIC, COLD);
benchRules("each of 1000 rules with a match, JSON shared", TYPICAL, TOPIC, PAYLOAD);

const list = JSON.stringify({ s: Array.from({ length: 10 }, (_, v) => ({ v, unit: "C" })) });
benchEvents(
  "FOREACH over 10 elements, 5 chosen",
  `FOREACH payload.s AS e DO e.v AS v, topic(2) AS dev INCASE e.v > 4 FROM "site/#"`,
  TOPIC,
  list,
);

bench.measure("parse and compile the typical statement", 1, () => compile(TYPICAL).events.length);

const template = compileTemplate('{"device": "${dev}", "t": ${t}, "all": ${all}}');
const data: SqlObject = { dev: "17", t: 31.5, all: { a: 1 } };
bench.measure("render a template of 3 places", EVENTS, () => {
  let length = 0;
  for (let count = 0; count < EVENTS; count++) length += template.render(data).length;
  return length;
});
bench.finish();
