import type { EventName } from "./events.ts";
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
