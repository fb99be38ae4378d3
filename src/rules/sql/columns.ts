import type { EventName } from "./events.ts";
import { decodePayload } from "./json.ts";
import type { SqlObject, SqlValue } from "./value.ts";

/**
 * What a rule sees of one event. Whatever costs something (a text made of bytes, JSON that is read) is made when it is
 * asked for the first time, and once for all rules.
 */
export interface Columns {
  readonly event: EventName;
  /** What `*` selects, in order; names without a value are left out of the result. */
  readonly names: readonly string[];
  /**
   * Undefined where this event has none. Beside `names` it knows what functions and the specification add: "flags",
   * "headers", "retain" and the like.
   */
  get(name: string): SqlValue;
  /** What `payload.…` looks into: see `decodePayload`. */
  payloadObject(): SqlObject;
}

/** Columns that lie ready, as those of a test of a rule. */
export class RecordColumns implements Columns {
  readonly event: EventName;
  readonly names: readonly string[];
  readonly #values: ReadonlyMap<string, SqlValue>;
  #payload: SqlObject | undefined;

  /** `hidden`: those of `values` that `*` does not select. */
  constructor(
    event: EventName,
    values: ReadonlyMap<string, SqlValue>,
    hidden: ReadonlySet<string> = new Set(),
  ) {
    this.event = event;
    this.#values = values;
    this.names = [...values.keys()].filter((name) => !hidden.has(name));
  }

  get(name: string): SqlValue {
    return this.#values.get(name);
  }

  payloadObject(): SqlObject {
    if (this.#payload === undefined) {
      const text = this.get("payload");
      this.#payload = decodePayload(typeof text === "string" ? text : "");
    }
    return this.#payload;
  }
}
