import type { Logger } from "../../base/mod.ts";
import type { EventColumns } from "../events/event_columns.ts";
import { maskSecrets } from "../params/mask_secrets.ts";
import type { SqlObject } from "../sql/value.ts";
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
    this.#params = JSON.stringify(maskSecrets(params));
  }

  perform(selected: SqlObject, event: EventColumns): ActionOutcome {
    if (this.#logger.isEnabled("info")) {
      this.#logger.info("Rule inspects", {
        rule: this.#ruleId,
        event: event.event,
        selected: JSON.stringify(maskSecrets(selected)),
        columns: JSON.stringify(maskSecrets(event.toObject())),
        params: this.#params,
      });
    }
    return "done";
  }
}
