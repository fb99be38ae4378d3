import type { ProtocolVersion, Qos, RetainHandling } from "../mqtt/mod.ts";
import type { DropReason, Message, MessageOrigin, Publication } from "../session/mod.ts";

/** Bits of `EventSink.mask`. */
export const EventBit = Object.freeze(
  {
    messagePublish: 1,
    messageDeliver: 2,
    messageAcked: 4,
    messageDropped: 8,
    clientConnected: 16,
    clientDisconnected: 32,
    clientSubscribe: 64,
    clientUnsubscribe: 128,
    sessionCreated: 256,
    sessionResumed: 512,
    sessionSubscribed: 1024,
    sessionUnsubscribed: 2048,
    sessionTerminated: 4096,
  } as const,
);

/** Whom an event is about. One object serves for all events of a connection. */
export interface EventClient {
  readonly clientId: string;
  readonly username: string | undefined;
  /** "" where there is none, as on a Unix socket, or where nobody knows any more. */
  readonly address: string;
  readonly port: number;
  /** "address:port", an IPv6 address without brackets; undefined where there is no address. */
  readonly peername: string | undefined;
  /** "tcp:default"; "" where nobody knows any more. */
  readonly listenerName: string;
  /** In front of all topics of the client; topics of events have it. */
  readonly mountpoint: string;
  readonly version: ProtocolVersion;
}

/** A subscription, or the wish for one. */
export interface EventSubscription {
  /** The topic filter behind the mountpoint, without `$share/{shareName}/`. */
  readonly topic: string;
  /** "": the subscription is not shared. */
  readonly shareName: string;
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: RetainHandling;
}

interface ClientEventOf<T extends string> {
  readonly type: T;
  readonly client: EventClient;
  /** Wall clock in milliseconds. */
  readonly timestampMs: number;
}

/** CONNACK has been sent, and nothing else yet. */
export interface ClientConnectedEvent extends ClientEventOf<"client.connected"> {
  /** As it counts: 5.0 clients may have been told another one than they asked for. */
  readonly keepAliveS: number;
  readonly cleanStart: boolean;
  readonly isSessionPresent: boolean;
  readonly isBridge: boolean;
  /** The reason code of CONNACK; clients that are refused make no event, so it is 0. */
  readonly connack: number;
  readonly connectedAtMs: number;
}

/** Of every client that was told of as connected, once. */
export interface ClientDisconnectedEvent extends ClientEventOf<"client.disconnected"> {
  /** `normal`, `keepalive_timeout`, `kicked` …: a reason as listeners count them. */
  readonly reason: string;
  readonly connectedAtMs: number;
}

/** SUBSCRIBE, as far as the client may and its filters are valid; before any of them is entered. */
export interface ClientSubscribeEvent extends ClientEventOf<"client.subscribe"> {
  /** At least one. */
  readonly filters: readonly EventSubscription[];
}

/** UNSUBSCRIBE, before any of its filters is taken back. */
export interface ClientUnsubscribeEvent extends ClientEventOf<"client.unsubscribe"> {
  /** At least one. */
  readonly filters: readonly Pick<EventSubscription, "topic" | "shareName">[];
}

/** A session has got a subscription, or another one with the same filter, whoever asked for it. */
export interface SessionSubscribedEvent extends ClientEventOf<"session.subscribed"> {
  readonly subscription: EventSubscription;
  readonly isNew: boolean;
}

/** A session has lost a subscription, and goes on without it. */
export interface SessionUnsubscribedEvent extends ClientEventOf<"session.unsubscribed"> {
  readonly subscription: EventSubscription;
}

export type SessionCreatedEvent = ClientEventOf<"session.created">;
/** The client is back. Nothing is told when the broker starts again with the sessions of its last run. */
export type SessionResumedEvent = ClientEventOf<"session.resumed">;

/** With the session all its subscriptions end; these are not told one by one. */
export interface SessionTerminatedEvent extends ClientEventOf<"session.terminated"> {
  /** Its connection ended and it was not to outlive it; its time was over; a clean start; an administrator. */
  readonly reason: "disconnected" | "expired" | "discarded" | "kicked";
}

/** Everything that happens to clients and sessions. */
export type ClientEvent =
  | ClientConnectedEvent
  | ClientDisconnectedEvent
  | ClientSubscribeEvent
  | ClientUnsubscribeEvent
  | SessionCreatedEvent
  | SessionResumedEvent
  | SessionSubscribedEvent
  | SessionUnsubscribedEvent
  | SessionTerminatedEvent;

export type ClientEventType = ClientEvent["type"];

/** The bit of each. */
export const CLIENT_EVENT_BITS: Readonly<Record<ClientEventType, number>> = Object.freeze({
  "client.connected": EventBit.clientConnected,
  "client.disconnected": EventBit.clientDisconnected,
  "client.subscribe": EventBit.clientSubscribe,
  "client.unsubscribe": EventBit.clientUnsubscribe,
  "session.created": EventBit.sessionCreated,
  "session.resumed": EventBit.sessionResumed,
  "session.subscribed": EventBit.sessionSubscribed,
  "session.unsubscribed": EventBit.sessionUnsubscribed,
  "session.terminated": EventBit.sessionTerminated,
});

/** How a receiver gets a message, which may be less than how it was published. */
export interface MessageGrant {
  readonly qos: Qos;
  readonly retain: boolean;
}

/** Why a message was dropped; `no_subscribers`: nobody gets it. `no_member`: nobody of a shared subscription could. */
export type EventDropReason = DropReason | "no_subscribers" | "no_member";

/**
 * Somebody who wants to hear what happens in the broker, at once and in order. Nothing waits for it: it must be quick
 * and must not throw; what it throws is logged and harms nobody. From inside it may publish; it may not end
 * connections or change subscriptions.
 *
 * A message that is passed as a `Publication` is valid during the call only; `own` makes one that stays. The topics
 * of messages have the mountpoint of their publisher. `origin` of a message is undefined where it came before
 * anybody wanted to hear of messages, or was read back from the disk.
 */
export interface EventSink {
  /** The events that it wants now; it tells the hub of a change by `refresh`. */
  readonly mask: number;
  /**
   * False: `onPublish` does nothing for that topic, and messages on it are spared what would be made for it. Absent: it
   * wants all.
   */
  wantsPublish?(topic: string): boolean;
  /** A message was allowed and will be retained and routed. Also those on `$SYS/…`: `publication.isSys`. */
  onPublish(publication: Publication, origin: MessageOrigin): void;
  /** A PUBLISH was handed to a connection, for the first time or again. */
  onDeliver(
    message: Publication | Message,
    receiver: EventClient,
    granted: MessageGrant,
  ): void;
  /** PUBACK or PUBREC of a QoS 1 or 2 message, whatever reason code it has. */
  onAcked(message: Message, receiver: EventClient, granted: MessageGrant): void;
  /** Nobody, or one receiver, will not get the message. */
  onDropped(
    message: Publication | Message,
    origin: MessageOrigin,
    reason: EventDropReason,
    receiver: EventClient | undefined,
  ): void;
  onClient(event: ClientEvent): void;
}

/** Where sinks are registered. */
export interface EventSource {
  add(sink: EventSink): void;
  remove(sink: EventSink): void;
  /** The mask of a sink has changed. */
  refresh(): void;
}
