import type { ClientEvent, EventClient, EventSubscription } from "../ports/mod.ts";
import type { Message, MessageOrigin, Publication } from "../session/mod.ts";
import { encodePayload, type PayloadEncoding } from "./encode_payload.ts";
import type { HookName } from "./hook_rule.ts";

/** One thing to post: what it is about, and the JSON object of it. */
export interface HookBody {
  readonly hook: HookName;
  /** "": it is about no topic. */
  readonly topic: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What the product says of what nobody knows. */
const UNDEFINED = "undefined";
const MS_PER_S = 1000;

/** What is posted of an event of a client or its session; SUBSCRIBE and UNSUBSCRIBE make one for each filter. */
export function clientBodies(event: ClientEvent): readonly HookBody[] {
  const who = whoIs(event.client);
  switch (event.type) {
    case "client.connected": {
      const { keepAliveS, connectedAtMs, connack, client } = event;
      return [{
        hook: event.type,
        topic: "",
        body: {
          action: "client_connected",
          ...who,
          keepalive: keepAliveS,
          ipaddress: client.address,
          proto_ver: client.version,
          connected_at: Math.floor(connectedAtMs / MS_PER_S),
          conn_ack: connack,
        },
      }];
    }
    case "client.disconnected":
      return [
        withoutTopic(event.type, { action: "client_disconnected", ...who, reason: event.reason }),
      ];
    case "client.subscribe":
      return event.filters.map((each) => ({
        hook: event.type,
        topic: each.topic,
        body: { action: "client_subscribe", ...who, topic: each.topic, opts: optionsOf(each) },
      }));
    case "client.unsubscribe":
      return event.filters.map(({ topic }) => ({
        hook: event.type,
        topic,
        body: { action: "client_unsubscribe", ...who, topic },
      }));
    case "session.created":
      return [withoutTopic(event.type, { action: "session_created", ...who })];
    case "session.subscribed": {
      const { topic } = event.subscription;
      const opts = optionsOf(event.subscription);
      const body = { action: "session_subscribed", ...who, topic, opts };
      return [{ hook: event.type, topic, body }];
    }
    case "session.unsubscribed": {
      const { topic } = event.subscription;
      return [{ hook: event.type, topic, body: { action: "session_unsubscribed", ...who, topic } }];
    }
    case "session.terminated":
      return [
        withoutTopic(event.type, { action: "session_terminated", ...who, reason: event.reason }),
      ];
    case "session.resumed":
      return [];
  }
}

/** What is posted of a message; `receiver`: who gets it, or has acknowledged it. */
export function messageBody(
  action: "message_publish" | "message_deliver" | "message_acked",
  message: Publication | Message,
  origin: MessageOrigin | undefined,
  receiver: EventClient | undefined,
  parts: { readonly encoding: PayloadEncoding; readonly nowMs: number },
): Readonly<Record<string, unknown>> {
  return {
    action,
    ...(receiver === undefined ? {} : whoIs(receiver)),
    from_client_id: (origin?.clientId ?? message.publisherId) || UNDEFINED,
    from_username: origin?.username ?? UNDEFINED,
    topic: message.topic,
    qos: message.qos,
    retain: message.retain,
    payload: encodePayload(message.payload, parts.encoding),
    ts: Math.floor((origin?.timestampMs ?? parts.nowMs) / MS_PER_S),
  };
}

function whoIs({ clientId, username }: EventClient): {
  readonly client_id: string;
  readonly username: string;
} {
  return { client_id: clientId, username: username ?? UNDEFINED };
}

function withoutTopic(hook: HookName, body: HookBody["body"]): HookBody {
  return { hook, topic: "", body };
}

function optionsOf(subscription: EventSubscription): Readonly<Record<string, unknown>> {
  const { qos, noLocal, retainAsPublished, retainHandling, shareName } = subscription;
  return {
    qos,
    nl: Number(noLocal),
    rap: Number(retainAsPublished),
    rh: retainHandling,
    ...(shareName === "" ? {} : { share: shareName }),
  };
}
