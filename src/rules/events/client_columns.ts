import type { ClientEvent, EventSubscription, JsonValue } from "../../ports/mod.ts";
import { type EventName, isEventName } from "../event_name.ts";
import { EventColumns, type EventSurroundings } from "./event_columns.ts";

/** The events of clients and sessions that rules may be about. */
export type RuleClientEvent = Extract<ClientEvent, { readonly type: EventName }>;

export function isRuleClientEvent(event: ClientEvent): event is RuleClientEvent {
  return isEventName(event.type);
}

/** Events of clients, and of the subscriptions of sessions. */
export class ClientColumns extends EventColumns {
  override readonly message = undefined;
  override readonly publisherId = "";
  readonly #told: RuleClientEvent;

  constructor(told: RuleClientEvent, surroundings: EventSurroundings) {
    super(told.type, surroundings);
    this.#told = told;
  }

  override get clientId(): string {
    return this.#told.client.clientId;
  }

  protected override own(name: string): JsonValue | undefined {
    const told = this.#told;
    const { client } = told;
    switch (name) {
      case "client_id":
        return client.clientId;
      case "username":
        return client.username;
      case "timestamp":
        return told.timestampMs;
    }
    if (told.type === "session.subscribed" || told.type === "session.unsubscribed") {
      return subscriptionColumn(told.subscription, name);
    }
    switch (name) {
      case "peername":
        return client.peername;
      case "sockname":
        return this.surroundings.addressOf(client.listenerName);
      case "zone":
        return "external";
      case "auth_result":
        return "success";
      case "mountpoint":
        return client.mountpoint || undefined;
      default:
        return ownColumn(told, name);
    }
  }
}

function ownColumn(
  told: Exclude<RuleClientEvent, { readonly type: `session.${string}` }>,
  name: string,
): JsonValue | undefined {
  switch (told.type) {
    case "client.connected":
      switch (name) {
        case "clean_start":
          return told.cleanStart;
        case "connack":
          return told.connack;
        case "connected_at":
          return told.connectedAtMs;
        case "is_bridge":
          return told.isBridge;
        case "keepalive":
          return told.keepAliveS;
        case "proto_ver":
          return told.client.version;
        default:
          return undefined;
      }
    case "client.disconnected":
      return name === "reason_code" ? told.reason : undefined;
    case "client.subscribe":
      switch (name) {
        case "topic_filters":
          return told.filters.map(({ topic, qos }) => ({ topic, qos }));
        case "topic":
          return told.filters[0]?.topic;
        case "qos":
          return told.filters[0]?.qos;
        default:
          return undefined;
      }
    case "client.unsubscribe":
      switch (name) {
        case "topic_filters":
          return told.filters.map(({ topic }) => ({ topic }));
        case "topic":
          return told.filters[0]?.topic;
        default:
          return undefined;
      }
  }
}

function subscriptionColumn(subscription: EventSubscription, name: string): JsonValue | undefined {
  if (name === "topic") return subscription.topic;
  const options = subscriptionOptions(subscription);
  if (name === "sub_opts") return options;
  return Object.hasOwn(options, name) ? options[name] : undefined;
}

/** In the words of EMQX; what was granted is the reason code of SUBACK. */
function subscriptionOptions(
  { qos, noLocal, retainAsPublished, retainHandling }: EventSubscription,
): { readonly [name: string]: number } {
  return { nl: +noLocal, qos, rap: +retainAsPublished, rc: qos, rh: retainHandling };
}
