/** Random statements, as the parser could have made them, and random events that they may match. */
import { Prng } from "../../../../src/base/mod.ts";
import type {
  Columns,
  Expression,
  Field,
  Flavor,
  Statement,
} from "../../../../src/rules/sql/mod.ts";
import { functionsFor } from "../../../../src/rules/functions/mod.ts";
import { columnsOf } from "./rig.ts";

const FUNCTIONS = [...functionsFor(() => 0)];
const COLUMNS = ["topic", "qos", "client_id", "username", "payload", "retain", "timestamp"];
const KEYS = ["a", "b", "c", "l", "o"];
const ALIASES = ["a", "b", "x", "qos", "payload", "from_x", "order"];
const ODD_NAMES = ["from", "with blank", 'quo"te', "2nd", "温度", "_", "$"];
const TEXTS = ["", "a", "b", "hello", "t/a", "t/+", "1", "5.5", "-3", "true", "false", "é", "😀"];
const ODD_TEXTS = ["it's", 'say "x"', "-- no comment", "a\nb", "\\", "undefined", '{"a":1}', "[1]"];
const NUMBERS = [0, 1, 2, 3, 5, 10, 0.5, 1.25, 1e21, 1e-7, 9007199254740991];
const FILTERS = ["t/#", "t/+", "+/a", "#", "t/a", "x/y"];
const OPERATORS = ["=", "=", "=", "<>", "<", ">", "<=", ">="] as const;

export class RandomStatements {
  readonly #prng: Prng;
  readonly #flavor: Flavor;
  /** Names that stand for what was selected, at the place that is being made. */
  #visible: string[] = [];
  #isCondition = false;

  constructor(prng: Prng, flavor: Flavor) {
    this.#prng = prng;
    this.#flavor = flavor;
  }

  statement(): Statement {
    this.#visible = [];
    const sources = this.#sources();
    return this.#prng.nextBoolean(0.7) ? this.#select(sources) : this.#foreach(sources);
  }

  /** With members of the names that statements ask for, and now and then something else. */
  event(): Columns {
    const prng = this.#prng;
    const payload = prng.nextBoolean(0.08)
      ? prng.pick(["no JSON", "", "[1,2]", "5", '{"a":', "null"])
      : Object.fromEntries(
        KEYS.filter(() => prng.nextBoolean(0.8)).map((key) => [
          key,
          key === "l" ? this.#list(2) : key === "o" ? this.#object(2) : this.#json(2),
        ]),
      );
    const topic = prng.pick(["t/a", "t/b", "x/y", "t", "$SYS/a"]);
    const username = prng.nextBoolean(0.8) ? "u_emqx" : undefined;
    return columnsOf({ payload, topic, username, qos: prng.nextInt(3) });
  }

  expression(depth: number): Expression {
    const prng = this.#prng;
    if (depth <= 0) return this.#leaf();
    switch (prng.nextInt(11)) {
      case 0:
      case 1:
      case 2:
        return this.#leaf();
      case 3:
        return { kind: "minus", operand: this.expression(depth - 1) };
      case 4:
      case 5: {
        const operator = prng.pick(["+", "-", "*", "/", "div"] as const);
        const [left, right] = [this.expression(depth - 1), this.expression(depth - 1)];
        return { kind: "arithmetic", operator, left, right };
      }
      case 6:
      case 7:
        return this.#call(depth);
      case 8:
        return this.#case(depth);
      default:
        return this.condition(depth);
    }
  }

  condition(depth: number): Expression {
    const prng = this.#prng;
    const less = depth - 1;
    switch (depth <= 0 ? 0 : prng.nextInt(9)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const [left, right] = [this.expression(less), this.expression(less)];
        return { kind: "comparison", operator: prng.pick(OPERATORS), left, right, at: 0 };
      }
      case 4: {
        const right: Expression = { kind: "literal", value: prng.pick(FILTERS) };
        const left = prng.nextBoolean(0.8) ? this.#nameOf(["topic"]) : this.expression(less);
        return { kind: "comparison", operator: "=~", left, right, at: 0 };
      }
      case 5: {
        const operand = this.expression(less);
        const items = Array.from({ length: 1 + prng.nextInt(3) }, () => this.expression(less));
        return { kind: "in", operand, isNegated: prng.nextBoolean(), items };
      }
      case 6:
        return { kind: "not", operand: this.condition(less) };
      default: {
        const kind = prng.nextBoolean() ? "and" : "or";
        const length = 2 + prng.nextInt(3);
        return { kind, parts: Array.from({ length }, () => this.condition(less)) };
      }
    }
  }

  #select(sources: Statement["sources"]): Statement {
    const fields = this.#fields(1 + this.#prng.nextInt(4));
    return { kind: "select", fields, sources, where: this.#where(), text: "" };
  }

  #foreach(sources: Statement["sources"]): Statement {
    const prng = this.#prng;
    const fields = this.#fields(prng.nextInt(3));
    const value: Expression = prng.nextBoolean(0.8)
      ? this.#nameOf(["payload", "l"])
      : this.expression(1);
    const alias = prng.nextBoolean(0.7) ? this.#alias() : undefined;
    fields.push({ kind: "value", value, alias });
    const outer = this.#visible;
    if (alias !== undefined) this.#visible = [...outer, alias[0]!];
    const where = this.#where();
    this.#visible = [...outer, alias?.[0] ?? "item"];
    const inCase = this.#where();
    const each = prng.nextBoolean(0.7) ? this.#fields(1 + prng.nextInt(3)) : undefined;
    return { kind: "foreach", fields, each, inCase, sources, where, text: "" };
  }

  #where(): Expression | undefined {
    if (this.#prng.nextBoolean(0.3)) return undefined;
    this.#isCondition = true;
    const condition = this.condition(this.#prng.nextInt(4));
    this.#isCondition = false;
    return condition;
  }

  #sources(): Statement["sources"] {
    const { nextInt, pick } = bound(this.#prng);
    const names = ["message.publish", "message.publish", ...FILTERS];
    return Array.from({ length: 1 + nextInt(2) }, () => ({ name: pick(names), at: 0 }));
  }

  #fields(length: number): Field[] {
    const fields: Field[] = [];
    while (fields.length < length) {
      if (this.#prng.nextBoolean(0.1)) {
        fields.push({ kind: "all", at: 0 });
        continue;
      }
      const value = this.expression(this.#prng.nextInt(3));
      const alias = this.#prng.nextBoolean(0.7) ? this.#alias() : undefined;
      fields.push({ kind: "value", value, alias });
      if (alias !== undefined) this.#visible = [...this.#visible, alias[0]!];
    }
    return fields;
  }

  #alias(): string[] {
    const { nextBoolean, pick } = bound(this.#prng);
    const path = [nextBoolean(0.9) ? pick(ALIASES) : pick(ODD_NAMES)];
    while (nextBoolean(0.2)) path.push(nextBoolean(0.8) ? pick(KEYS) : pick(ODD_NAMES));
    return path;
  }

  #leaf(): Expression {
    const { nextBoolean, pick } = bound(this.#prng);
    if (nextBoolean(0.55)) return this.#name();
    const value = pick([
      ...NUMBERS,
      ...TEXTS,
      nextBoolean(0.3) ? pick(ODD_TEXTS) : "hello",
      true,
      false,
    ]);
    return { kind: "literal", value };
  }

  #name(): Expression {
    const { nextBoolean, pick } = bound(this.#prng);
    if (this.#flavor === "3.1" && nextBoolean(0.1)) {
      return this.#nameOf(nextBoolean() ? ["unknown1"] : ["unknown2", "a"]);
    }
    // Names that cannot be written without quotes cannot stand first.
    const visible = this.#visible.filter((name) => !ODD_NAMES.includes(name));
    if (visible.length > 0 && nextBoolean(0.4)) {
      return this.#nameOf(nextBoolean(0.6) ? [pick(visible)] : [pick(visible), pick(KEYS)]);
    }
    if (nextBoolean(0.3)) return this.#nameOf([pick(COLUMNS)]);
    const path = ["payload", nextBoolean(0.95) ? pick(KEYS) : pick(ODD_NAMES)];
    while (nextBoolean(0.25)) path.push(pick(KEYS));
    return this.#nameOf(path);
  }

  #nameOf(path: string[]): Expression {
    return { kind: "name", path, at: 0 };
  }

  #call(depth: number): Expression {
    const [name, { arities }] = this.#prng.pick(FUNCTIONS);
    const length = this.#prng.pick(arities);
    const inner = Array.from({ length }, () => this.expression(depth - 1));
    return { kind: "call", name, arguments: inner, at: 0 };
  }

  #case(depth: number): Expression {
    const prng = this.#prng;
    const less = depth - 1;
    const operand = prng.nextBoolean() ? this.expression(less) : undefined;
    const branches = Array.from({ length: 1 + prng.nextInt(3) }, () => ({
      when: operand === undefined ? this.condition(less) : this.expression(less),
      then: this.expression(less),
    }));
    const otherwise = prng.nextBoolean() ? this.expression(less) : undefined;
    return { kind: "case", operand, branches, otherwise };
  }

  #json(depth: number): unknown {
    const prng = this.#prng;
    switch (prng.nextInt(depth > 0 ? 10 : 8)) {
      case 0:
        return null;
      case 1:
        return prng.nextBoolean();
      case 2:
      case 3:
      case 4:
        return prng.nextBoolean(0.5) ? prng.pick(NUMBERS) : prng.nextInt(7) - 3;
      case 8:
        return this.#list(depth - 1);
      case 9:
        return this.#object(depth - 1);
      default:
        return prng.pick(TEXTS);
    }
  }

  #list(depth: number): unknown {
    return Array.from({ length: this.#prng.nextInt(4) }, () => this.#json(depth));
  }

  #object(depth: number): unknown {
    const keys = KEYS.filter(() => this.#prng.nextBoolean());
    return Object.fromEntries(keys.map((key) => [key, this.#json(depth)]));
  }
}

/** The methods, to be called without their owner. */
function bound(prng: Prng): Pick<Prng, "nextInt" | "nextBoolean" | "pick"> {
  return {
    nextInt: (below) => prng.nextInt(below),
    nextBoolean: (probability) => prng.nextBoolean(probability),
    pick: (items) => prng.pick(items),
  };
}
