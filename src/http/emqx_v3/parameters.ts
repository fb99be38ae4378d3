import { type Call, RequestRefused } from "../kit/mod.ts";
import { Code, Failure } from "./result.ts";

/** A page as the product counts it. */
export interface Paging {
  readonly page: number;
  readonly limit: number;
}

/**
 * What a request says: pairs of the query, then members of the body; of what is said twice, the first counts. Texts of
 * the query stand for numbers and truth values where these are asked for.
 */
export class Parameters {
  readonly #query: ReadonlyMap<string, string>;
  readonly #body: ReadonlyMap<string, unknown>;

  private constructor(query: ReadonlyMap<string, string>, body: ReadonlyMap<string, unknown>) {
    this.#query = query;
    this.#body = body;
  }

  /** Reads the body whatever the method is. Throws `RequestRefused` where it is not a JSON object. */
  static async of(call: Call): Promise<Parameters> {
    const query = new Map<string, string>();
    for (const [name, value] of call.queryPairs()) if (!query.has(name)) query.set(name, value);
    const bytes = await call.bytes();
    if (bytes.length === 0) return new Parameters(query, new Map());
    const value = await call.json();
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new RequestRefused({ kind: "not-json", message: "Cannot use the body: no object" });
    }
    return new Parameters(query, new Map(Object.entries(value)));
  }

  /** As it was given; undefined: it was not, or as null. */
  get(name: string): unknown {
    return this.#query.get(name) ?? this.#body.get(name) ?? undefined;
  }

  /** All names with what they stand for, the query's first. */
  entries(): ReadonlyArray<readonly [name: string, value: unknown]> {
    const body = [...this.#body].filter(([name]) => !this.#query.has(name));
    return [...this.#query, ...body];
  }

  /** Undefined: not given. Throws `Failure` for anything but text. */
  text(name: string): string | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === "string") return value;
    throw wrong(name, value, "a text");
  }

  /** Text that is not empty; undefined: it is not given, empty, or no text. */
  filledText(name: string): string | undefined {
    const value = this.get(name);
    return typeof value === "string" && value !== "" ? value : undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.get(name);
    if (value === undefined || typeof value === "boolean") return value;
    if (this.#query.has(name) && (value === "true" || value === "false")) return value === "true";
    throw wrong(name, value, "true or false");
  }

  integer(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined) return undefined;
    const isDigits = this.#query.has(name) && /^-?\d{1,15}$/.test(String(value));
    const number = isDigits ? Number(value) : value;
    if (Number.isSafeInteger(number)) return number as number;
    throw wrong(name, value, "a whole number");
  }

  qos(): 0 | 1 | 2 {
    const qos = this.integer("qos") ?? 0;
    if (qos === 0 || qos === 1 || qos === 2) return qos;
    throw wrong("qos", qos, "0, 1 or 2");
  }

  /** A page below 1 is the first. */
  paging({ maxRowLimit }: { readonly maxRowLimit: number }): Paging {
    const limit = this.#whole("_limit") ?? maxRowLimit;
    const page = this.#whole("_page") ?? 1;
    if (limit < 0 || limit > maxRowLimit) {
      throw wrong("_limit", limit, `0 to ${maxRowLimit}`);
    }
    return { page: Math.max(1, page), limit };
  }

  #whole(name: string): number | undefined {
    const value = this.get(name);
    if (value === undefined || value === "") return undefined;
    if (/^-?\d{1,9}$/.test(String(value))) return Number(value);
    throw wrong(name, value, "a whole number");
  }
}

export function wrong(name: string, found: unknown, allowed: string): Failure {
  const shown = JSON.stringify(found) ?? "nothing";
  const short = shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
  return new Failure(Code.wrongType, `${name}: found ${short}, allowed ${allowed}`);
}

/** Of several that are needed, at least one is not given. */
export function missingOf(names: readonly string[]): Failure {
  const list = names.map((name) => `'${name}'`).join(", ");
  return new Failure(Code.missing, `missing mandatory params: [${list}]`);
}
