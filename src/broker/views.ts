/**
 * What the broker holds, as plain values for whoever shows it: copies of a moment, taken when they are asked for.
 * Times are wall clock in milliseconds, sizes bytes, counters grow from 0.
 */
import type { ProtocolVersion, Qos, RetainHandling, UserProperty } from "../mqtt/mod.ts";
import type { IdentityMethod } from "../ports/mod.ts";
import type { ListenerType } from "../transport/mod.ts";

/** A client identifier with everything behind it: its session and, while there is one, its connection. */
export interface ClientView {
  /** Name of the node that has the session. */
  readonly node: string;
  readonly clientId: string;
  readonly username: string | undefined;
  readonly isConnected: boolean;
  /** As CONNECT says it. */
  readonly protocolName: "MQIsdp" | "MQTT";
  readonly protocolVersion: ProtocolVersion;
  /** The client calls itself a bridge, by the highest bit of its protocol level. */
  readonly isBridge: boolean;
  /** Address and port of the client; the last known ones while it is away. "": not known. */
  readonly address: string;
  readonly port: number;
  readonly listenerName: string;
  readonly listenerType: ListenerType;
  /** "": none. */
  readonly mountpoint: string;
  /** Which way it was let in; "anonymous" says that nobody asked. */
  readonly authentication: IdentityMethod | "unknown";
  readonly tls: TlsPeerView | undefined;
  /** In seconds, as it is in force: with Server Keep Alive, if that was sent. 0: none. */
  readonly keepAliveS: number;
  readonly cleanStart: boolean;
  /** Seconds that the session outlives its connection; 4294967295: for ever. */
  readonly sessionExpiryS: number;
  /** The session outlives its connection. */
  readonly isPersistent: boolean;
  /** The network connection was accepted; undefined: not known. */
  readonly acceptedAtMs: number | undefined;
  /** CONNECT was accepted; undefined as above. */
  readonly connectedAtMs: number | undefined;
  /** Undefined while connected. */
  readonly disconnectedAtMs: number | undefined;
  /** The session began. */
  readonly createdAtMs: number;
  /** As the last CONNECT named it, also when it has been published or taken back meanwhile. */
  readonly will: WillView | undefined;
  readonly session: SessionFigures;
  /** Of this connection, or of the last one while the client is away. */
  readonly traffic: TrafficFigures;
  /** Only where the query asks for them; in the order in which they were made. */
  readonly subscriptions: readonly SubscriptionView[] | undefined;
}

/** What a TLS handshake told. */
export interface TlsPeerView {
  /** The name by which the client called us (SNI). */
  readonly serverName: string | undefined;
  readonly commonName: string | undefined;
  readonly distinguishedName: string | undefined;
  readonly isVerified: boolean;
}

export interface WillView {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly delayS: number;
}

/** What a session holds and has done since it began. */
export interface SessionFigures {
  readonly subscriptions: number;
  /** 0: no limit. */
  readonly subscriptionsMax: number;
  /** QoS 1 and 2, sent and not acknowledged. */
  readonly inflight: number;
  readonly inflightMax: number;
  readonly queuedMessages: number;
  /** 0: no limit. */
  readonly queuedMessagesMax: number;
  readonly queuedBytes: number;
  /** QoS 2 of the client that waits for its PUBREL. */
  readonly awaitingRelease: number;
  readonly awaitingReleaseMax: number;
  /** PUBLISH packets that were sent, over all connections. */
  readonly deliveredMessages: number;
  /** Messages that had to wait in the queue. */
  readonly enqueuedMessages: number;
  readonly dropped: DropFigures;
  /** Bytes held for the client: queue, inflight, unsent output, input that is not yet a whole packet. */
  readonly heldBytes: number;
}

/** Messages that a session did not get, by reason. */
export interface DropFigures {
  readonly total: number;
  readonly expired: number;
  readonly queueFull: number;
  /** Larger than the client takes. */
  readonly tooLarge: number;
  /** QoS 0 that a slow client had no room for. */
  readonly slow: number;
}

/** What went over one connection. */
export interface TrafficFigures {
  readonly received: FlowFigures;
  readonly sent: FlowFigures;
  /** PUBLISH packets of the client that were refused: not authorized, no quota, no disk. */
  readonly refusedMessages: number;
  /** Bytes that the system has not taken yet. */
  readonly unsentBytes: number;
  /** Packets of the client that wait for something before they are answered. */
  readonly waitingPackets: number;
}

/** One direction of a connection. */
export interface FlowFigures {
  readonly bytes: number;
  /** Reads from, or writes to the socket. */
  readonly transfers: number;
  /** Control packets of all types. */
  readonly packets: number;
  /** PUBLISH packets by QoS. */
  readonly qos0: number;
  readonly qos1: number;
  readonly qos2: number;
}

/** Whether subscriptions come with their client, and that with all of its own. */
export type ClientInclusion = boolean | "with-subscriptions";

/** One subscription of one client. */
export interface SubscriptionView {
  readonly node: string;
  readonly clientId: string;
  /** As the client wrote it, `$share/…` included, and behind its mountpoint. */
  readonly filter: string;
  /** Without `$share/{shareName}/`. */
  readonly topicFilter: string;
  /** Undefined: not shared. */
  readonly shareName: string | undefined;
  /** Granted. */
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: RetainHandling;
  /** Subscription identifier; 0: none. */
  readonly identifier: number;
  /** Only where the query asks for it. */
  readonly client: ClientView | undefined;
}

/** A filter that somebody has subscribed with, on one node. */
export interface RouteView {
  readonly node: string;
  /** Without `$share/…`. */
  readonly topicFilter: string;
  /** Ordinary subscribers. */
  readonly subscribers: number;
  readonly shareNames: readonly string[];
}

/** A retained message. */
export interface RetainedView {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: Qos;
  /** Client identifier; "": the broker, or nobody who has one. */
  readonly publisherId: string;
  /** Undefined: never. */
  readonly expiresAtMs: number | undefined;
  readonly properties: MessagePropertiesView;
}

/** What of the properties of MQTT 5 belongs to a message. */
export interface MessagePropertiesView {
  readonly payloadFormatUtf8?: boolean | undefined;
  readonly contentType?: string | undefined;
  readonly responseTopic?: string | undefined;
  readonly correlationData?: Uint8Array | undefined;
  readonly userProperties: readonly UserProperty[];
}
