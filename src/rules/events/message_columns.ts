import type { EventClient, JsonValue, MessageGrant } from "../../ports/mod.ts";
import { type Message, type MessageOrigin, Publication } from "../../session/mod.ts";
import type { EventName } from "../event_name.ts";
import { EventColumns, type EventSurroundings } from "./event_columns.ts";

/** What a message event is told with. */
export interface MessageEvent {
  readonly event: EventName;
  readonly message: Publication | Message;
  readonly origin: MessageOrigin | undefined;
  /** Undefined: it is about the publisher alone. */
  readonly receiver: EventClient | undefined;
  /** How the receiver gets it. */
  readonly granted?: MessageGrant;
}

/** The four events of messages. Who is meant differs: the publisher, the receiver, or some of both. */
export class MessageColumns extends EventColumns {
  readonly #message: Publication | Message;
  readonly #origin: MessageOrigin | undefined;
  readonly #receiver: EventClient | undefined;
  readonly #granted: MessageGrant;

  constructor(told: MessageEvent, surroundings: EventSurroundings) {
    super(told.event, surroundings);
    this.#message = told.message;
    this.#origin = told.origin;
    const isReceivers = told.event === "message.deliver" || told.event === "message.acked";
    this.#receiver = isReceivers ? told.receiver : undefined;
    this.#granted = told.granted ?? told.message;
  }

  override get message(): Message {
    const message = this.#message;
    return message instanceof Publication ? message.own() : message;
  }

  override get clientId(): string {
    return this.#receiver?.clientId ?? this.#origin?.clientId ?? this.#message.publisherId;
  }

  override get publisherId(): string {
    return this.#message.publisherId;
  }

  protected override own(name: string): JsonValue | undefined {
    switch (name) {
      case "client_id":
        return this.clientId === "" ? undefined : this.clientId;
      case "username":
        return this.#receiver === undefined ? this.#origin?.username : this.#receiver.username;
      case "id":
        return this.#origin?.id;
      case "payload":
        return this.payloadText(this.#message.payload);
      case "peername":
        // Of a message that was acknowledged it is the publisher's, as ever.
        return this.event === "message.deliver" ? this.#receiver?.peername : this.#origin?.peername;
      case "qos":
        return this.#granted.qos;
      case "retain":
        return this.#granted.retain ? 1 : 0;
      case "timestamp":
        return this.#origin?.timestampMs ?? this.surroundings.nowMs();
      case "topic":
        return this.#message.topic;
      case "flags":
        return { dup: false, retain: this.#granted.retain };
      case "headers":
        return this.#headers();
      case "auth_result":
        return this.event === "message.deliver" ? "success" : undefined;
      case "mountpoint":
        return this.#receiver?.mountpoint || undefined;
      default:
        return undefined;
    }
  }

  /** Of the publisher, as EMQX 3 keeps them with the message. */
  #headers(): JsonValue {
    const { username, peername } = this.#origin ?? {};
    return {
      ...(username === undefined ? {} : { username }),
      ...(peername === undefined ? {} : { peername }),
    };
  }
}
