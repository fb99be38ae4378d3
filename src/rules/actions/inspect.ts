import type { Logger } from "../../base/mod.ts";
import type { EventColumns } from "../events/event_columns.ts";
import type { SqlObject, SqlValue } from "../sql/value.ts";
import type { JsonObject } from "../rule.ts";
import type { ActionOutcome, Performer } from "./action.ts";

/** Writes what was selected, the whole event and the action's parameters to the log, without secrets. */
export class InspectPerformer implements Performer {
  readonly #logger: Logger;
  readonly #ruleId: string;
  readonly #params: string;

  constructor(logger: Logger, ruleId: string, params: JsonObject) {
    this.#logger = logger;
    this.#ruleId = ruleId;
    this.#params = JSON.stringify(masked(params as SqlObject));
  }

  perform(selected: SqlObject, event: EventColumns): ActionOutcome {
    if (this.#logger.isEnabled("info")) {
      this.#logger.info("Rule inspects", {
        rule: this.#ruleId,
        event: event.event,
        selected: JSON.stringify(masked(selected)),
        columns: JSON.stringify(masked(event.toObject())),
        params: this.#params,
      });
    }
    return "done";
  }
}

const SECRET_NAME = /password|passwd|secret|token|credential|private_?key|authorization|cookie/i;

/** Without what is behind a name that sounds like a secret. */
function masked(value: SqlValue): SqlValue {
  if (Array.isArray(value)) return value.map((each: SqlValue) => masked(each));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) =>
      [name, SECRET_NAME.test(name) ? "***" : masked(each as SqlValue)] as const
    ),
  );
}
