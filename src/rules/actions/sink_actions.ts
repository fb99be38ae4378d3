import type { JsonObject } from "../rule.ts";
import { ActionError, type ActionOutcome, type Performer, type Settle } from "./action.ts";
import type { EventColumns } from "../events/event_columns.ts";
import type { SqlObject } from "../sql/value.ts";

/** What an action hands to a resource. Belongs to the resource from then on. */
export type ResourceData =
  /** The body of a request, or a line of a file, in UTF-8. */
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  /** A row of a table, by column. */
  | { readonly kind: "row"; readonly row: JsonObject };

/** A place that things are taken to. */
export interface RuleResource {
  readonly id: string;
  readonly type: string;
  readonly config: JsonObject;
  /** False: there is no room, or it is not running; `settle` is not called then. */
  offer(data: ResourceData, settle: Settle): boolean;
  /** `offer` would say no to whatever it is given. */
  readonly isFull: boolean;
  /** Something that was not even made because `isFull`. */
  countDropped(): void;
}

/** Where actions find resources: by name each time, since one may take the place of another. */
export interface RuleResources {
  get(id: string): RuleResource | undefined;
}

export interface SinkActionParts {
  readonly resources: RuleResources;
  readonly resourceId: string;
  /** Makes what the resource gets. */
  readonly encode: (selected: SqlObject, event: EventColumns) => ResourceData;
}

/** Hands what was selected to a resource, which takes it wherever it goes without anybody waiting. */
export class SinkPerformer implements Performer {
  readonly isOutbound = true;
  readonly #parts: SinkActionParts;

  constructor(parts: SinkActionParts) {
    this.#parts = parts;
  }

  get pushesOut(): boolean {
    const { resources, resourceId } = this.#parts;
    return resources.get(resourceId)?.config["when_full"] === "drop_oldest";
  }

  get isFull(): boolean {
    const { resources, resourceId } = this.#parts;
    return resources.get(resourceId)?.isFull === true;
  }

  get fullText(): string {
    return `Cannot use resource "${this.#parts.resourceId}": its buffer is full, or closed`;
  }

  refuse(): void {
    const { resources, resourceId } = this.#parts;
    resources.get(resourceId)?.countDropped();
  }

  perform(selected: SqlObject, event: EventColumns, settle: Settle): ActionOutcome {
    const { resources, resourceId, encode } = this.#parts;
    const resource = resources.get(resourceId);
    if (resource === undefined) {
      throw new ActionError(`Cannot use resource "${resourceId}": there is none of that name`);
    }
    if (!resource.offer(encode(selected, event), settle)) {
      throw new ActionError(
        resource.isFull
          ? this.fullText
          : `Cannot use resource "${resourceId}": it does not run, or cannot take what was selected`,
      );
    }
    return "pending";
  }
}
