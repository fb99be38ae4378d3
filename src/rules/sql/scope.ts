import type { Columns } from "./columns.ts";
import type { SqlValue } from "./value.ts";

/** What compiled expressions work on: the event, and a place for each value that is computed on the way. */
export class Scope {
  columns: Columns;
  readonly slots: SqlValue[];

  constructor(slotCount: number) {
    this.columns = NO_COLUMNS;
    this.slots = new Array<SqlValue>(slotCount).fill(undefined);
  }

  /** Lets go of the event and of all that came out of it. */
  clear(): void {
    this.columns = NO_COLUMNS;
    // By hand: there are few, and a call of `fill` takes longer than most rules.
    for (let at = 0; at < this.slots.length; at++) this.slots[at] = undefined;
  }
}

export type Evaluate = (scope: Scope) => SqlValue;
export type Test = (scope: Scope) => boolean;

/** In the slot of a value that nobody has asked for yet. */
export const UNSET: SqlValue = Object.freeze({});

const NO_COLUMNS: Columns = {
  event: "message.publish",
  names: [],
  get: () => undefined,
  payloadObject: () => ({}),
};
