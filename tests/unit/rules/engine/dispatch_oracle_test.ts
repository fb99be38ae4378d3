/** Which rules fire, against asking each of them: what the index leaves out must be nothing that would match. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Prng } from "../../../../src/base/mod.ts";
import { compileRule } from "../../../../src/rules/engine/compile_rule.ts";
import { MessageColumns } from "../../../../src/rules/events/message_columns.ts";
import type { EventName, LegacyForm } from "../../../../src/rules/mod.ts";
import { type Message, MessageOrigin } from "../../../../src/session/mod.ts";
import { seededPrng } from "../../../support/seed.ts";
import { CLIENT, messageOf, RuleRig } from "../rule_rig.ts";

const RULES = 150;
const MESSAGES = 1500;
const GRANTED = { qos: 1, retain: false } as const;
const SURROUNDINGS = { node: "node1", nowMs: () => 0, addressOf: () => undefined };
const EVENTS = ["message.publish", "message.deliver", "message.acked", "message.dropped"] as const;
const NOTHING = [{ name: "do_nothing", params: {} }];

class Maker {
  readonly #prng: Prng;

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  pick<T>(values: readonly T[]): T {
    return values[this.#prng.nextInt(values.length)] as T;
  }

  topic(): string {
    return this.#levels(["a", "b", "c", "$x"], 4);
  }

  filter(): string {
    const filter = this.#levels(["a", "b", "c", "+", "+"], 3);
    return this.pick([filter, filter, `${filter}/#`, "#"]);
  }

  condition(depth = 0): string {
    const kind = this.#prng.nextInt(depth > 2 ? 3 : 6);
    const deeper = (): string => this.condition(depth + 1);
    switch (kind) {
      case 0:
      case 1:
        return `topic =~ '${this.filter()}'`;
      case 2:
        return `qos = ${this.#prng.nextInt(3)}`;
      case 3:
        return `(${deeper()} AND ${deeper()})`;
      case 4:
        return `(${deeper()} OR ${deeper()})`;
      default:
        return `NOT (${deeper()})`;
    }
  }

  statement(): string {
    const sources = Array.from(
      { length: 1 + this.#prng.nextInt(3) },
      () => `"${this.pick([this.filter(), this.filter(), ...EVENTS])}"`,
    );
    const where = this.#prng.nextInt(4) === 0 ? "" : ` WHERE ${this.condition()}`;
    return `SELECT topic FROM ${sources.join(", ")}${where}`;
  }

  #levels(words: readonly string[], max: number): string {
    const count = 1 + this.#prng.nextInt(max);
    return Array.from({ length: count }, () => this.pick(words)).join("/");
  }
}

function tell(rig: RuleRig, event: typeof EVENTS[number], message: Message): void {
  const origin = new MessageOrigin(CLIENT, 0);
  switch (event) {
    case "message.publish":
      return rig.publish(message.topic, "", message);
    case "message.deliver":
      return rig.sink?.onDeliver({ ...message, origin }, CLIENT, GRANTED);
    case "message.acked":
      return rig.sink?.onAcked({ ...message, origin }, CLIENT, GRANTED);
    case "message.dropped":
      return rig.sink?.onDropped(message, origin, "no_subscribers", undefined);
  }
}

test("the rules that fire are those that match when each of them is asked", async () => {
  const maker = new Maker(seededPrng("dispatch_oracle"));
  const rig = new RuleRig({ options: { maxRules: RULES } });
  const asked = [];
  for (let index = 0; index < RULES; index++) {
    const hook: EventName = maker.pick(EVENTS);
    const legacy: LegacyForm | undefined = index % 5 === 0 ? { name: "old", hook } : undefined;
    const sql = legacy === undefined
      ? maker.statement()
      : `SELECT topic FROM "${maker.filter()}" WHERE ${maker.condition()}`;
    await rig.engine.create({ sql, legacy, actions: NOTHING });
    asked.push({ sql, expected: 0, compiled: compileRule(sql, legacy, SURROUNDINGS.nowMs) });
  }
  for (let round = 0; round < MESSAGES; round++) {
    const message = messageOf(maker.topic(), "", { qos: maker.pick([0, 1, 2]) });
    const event = maker.pick(EVENTS);
    const granted = event === "message.publish" || event === "message.dropped" ? message : GRANTED;
    const told = { event, message, origin: undefined, receiver: undefined, granted };
    const columns = new MessageColumns(told, SURROUNDINGS);
    for (const rule of asked) {
      const { events, statement } = rule.compiled;
      if (events.includes(event) && statement.run(columns) !== "no-match") rule.expected++;
    }
    tell(rig, event, message);
  }
  const found = rig.engine.list().map(({ sql, counters }) => [sql, counters.matched]);
  assertEquals(found, asked.map(({ sql, expected }) => [sql, expected]));
  assert(asked.filter(({ expected }) => expected > 0).length > RULES / 2, "most rules fire");
});
