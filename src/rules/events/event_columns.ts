import type { JsonValue } from "../../ports/mod.ts";
import type { Message } from "../../session/mod.ts";
import type { EventName } from "../event_name.ts";
import type { JsonObject } from "../rule.ts";
import type { Columns } from "../sql/columns.ts";
import { decodePayload } from "../sql/json.ts";
import type { SqlObject } from "../sql/value.ts";
import { columnsOf } from "./catalogue.ts";

/** What the columns of every event need to know. */
export interface EventSurroundings {
  readonly node: string;
  /** Wall clock, milliseconds. */
  readonly nowMs: () => number;
  /** The address that a listener listens on, "127.0.0.1:1883"; undefined: nobody knows. */
  readonly addressOf: (listenerName: string) => string | undefined;
}

/**
 * An event as rules see it: values by name, each made when it is first asked for. Valid while the event is told of, and
 * no longer.
 */
export abstract class EventColumns implements Columns {
  readonly event: EventName;
  protected readonly surroundings: EventSurroundings;
  /** Whether the event's name has underscores, for rules of EMQX 3.1 that want it so. */
  hasUnderscores = false;
  #payload: string | undefined;
  #payloadObject: SqlObject | undefined;

  constructor(event: EventName, surroundings: EventSurroundings) {
    this.event = event;
    this.surroundings = surroundings;
  }

  /** The message that the event is about; undefined: it is about none. */
  abstract readonly message: Message | undefined;
  /** Client identifier of whom it is about; "" for the broker itself. */
  abstract readonly clientId: string;
  /** Of the message, as `Message.publisherId`; "" where there is none. */
  abstract readonly publisherId: string;
  /** What only this kind of event has. */
  protected abstract own(name: string): JsonValue | undefined;

  get names(): readonly string[] {
    return columnsOf(this.event);
  }

  get(name: string): JsonValue | undefined {
    switch (name) {
      case "event":
        return this.hasUnderscores ? this.event.replace(".", "_") : this.event;
      case "node":
        return this.surroundings.node;
      default:
        return this.own(name);
    }
  }

  payloadObject(): SqlObject {
    return this.#payloadObject ??= decodePayload(String(this.get("payload") ?? ""));
  }

  /** All that there is, for whoever wants to see the whole event. */
  toObject(): JsonObject {
    const all: Record<string, JsonValue> = {};
    for (const name of this.names) {
      const value = this.get(name);
      if (value !== undefined) all[name] = value;
    }
    return all;
  }

  protected payloadText(payload: Uint8Array): string {
    return this.#payload ??= decoder.decode(payload);
  }
}

/** Bytes that are no UTF-8 become U+FFFD: a payload may be anything, and a rule about it must not fail for that. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
