/** What the management service shows, in our words; times are wall clock in milliseconds, sizes bytes. */
import type { ListenerType } from "../transport/mod.ts";

import type { CloseReason } from "../broker/mod.ts";

export type {
  ClientInclusion,
  ClientView,
  CloseReason,
  DropFigures,
  FlowFigures,
  MessagePropertiesView,
  RetainedView,
  RouteView,
  SessionFigures,
  SubscriptionView,
  TlsPeerView,
  TrafficFigures,
  WillView,
} from "../broker/mod.ts";

/** A node of the cluster; this one, where there is no cluster. */
export interface NodeView {
  /** "broker@127.0.0.1". */
  readonly name: string;
  readonly status: "running" | "stopping" | "down";
  readonly isLocal: boolean;
  /** Of the program: "1.2.3". */
  readonly version: string;
  readonly runtimeName: "deno" | "bun";
  readonly runtimeVersion: string;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly uptimeMs: number;
  /** The node's clock. */
  readonly nowMs: number;
  readonly memory: MemoryView;
  /** Of the system over 1, 5 and 15 minutes; undefined: the platform has none or does not tell. */
  readonly load: readonly [number, number, number] | undefined;
  /** Processor time of the process since the start; undefined: not told. */
  readonly cpu: { readonly userMs: number; readonly systemMs: number } | undefined;
  /** Open files that the process may have; undefined: not told. */
  readonly openFilesMax: number | undefined;
  /** Clients that are connected. */
  readonly connections: number;
  /** Sum over the listeners. */
  readonly connectionsMax: number;
  /** What is kept going: connections, sessions of clients that are away, deadlines. */
  readonly tasks: number;
}

/** Figures that are undefined are those that the runtime does not tell. */
export interface MemoryView {
  /** Resident set of the process. */
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  readonly heapTotalBytes: number | undefined;
  /** Outside the heap, held by objects on it. */
  readonly externalBytes: number | undefined;
}

/** Whether the node does what it is for. */
export interface HealthView {
  /** It runs at all. */
  readonly isAlive: boolean;
  /** It takes clients and keeps what it promises. */
  readonly isReady: boolean;
  /** Why not. */
  readonly problems: readonly string[];
}

/** An MQTT listener. HTTP listeners are the web server's to tell. */
export interface ListenerView {
  readonly node: string;
  /** "tcp:default". */
  readonly name: string;
  readonly type: ListenerType;
  /** As a client would write it. */
  readonly url: string;
  /** "": `unix`. */
  readonly host: string;
  /** The port that is really bound; 0: `unix`. */
  readonly port: number;
  readonly maxConnections: number;
  readonly connections: number;
  readonly accepted: number;
  readonly refused: number;
  readonly failedHandshakes: number;
  readonly allowAnonymous: boolean;
  readonly mountpoint: string;
  /** Connections that have ended, by reason; only reasons that occurred. */
  readonly closed: Readonly<Partial<Record<CloseReason, number>>>;
}

/** A figure now and the highest that it has been since the start. */
export interface StatView {
  readonly count: number;
  readonly max: number;
}

/** What there is, live. */
export interface StatsView {
  /** Clients that are connected. */
  readonly connections: StatView;
  readonly sessions: StatView;
  /** Sessions that were not opened with a clean start. */
  readonly persistentSessions: StatView;
  /** Different filters that somebody has subscribed with. */
  readonly routes: StatView;
  /** Sessions with at least one subscription. */
  readonly subscribers: StatView;
  /** The same, of connected clients only. */
  readonly connectedSubscribers: StatView;
  /** Pairs of session and filter. */
  readonly subscriptions: StatView;
  readonly sharedSubscriptions: StatView;
  readonly retained: StatView;
}

/** Packets of one type in both directions; one of them is always 0 for types that only one side sends. */
export interface PacketFigures {
  readonly received: number;
  readonly sent: number;
}

/** PUBLISH packets by QoS. */
export interface QosFigures {
  readonly qos0: number;
  readonly qos1: number;
  readonly qos2: number;
  readonly total: number;
}

/** Sums since the start, over all connections. */
export interface MetricsView {
  readonly bytes: PacketFigures;
  /** Payloads of PUBLISH packets. */
  readonly payloadBytes: PacketFigures;
  /** All types; what is in `sysMessagesSent` is counted here, too. */
  readonly packets: PacketFigures;
  readonly connect: number;
  readonly connack: number;
  readonly publish: PacketFigures;
  readonly puback: PacketFigures;
  readonly pubrec: PacketFigures;
  readonly pubrel: PacketFigures;
  readonly pubcomp: PacketFigures;
  readonly subscribe: number;
  readonly suback: number;
  readonly unsubscribe: number;
  readonly unsuback: number;
  readonly pingreq: number;
  readonly pingresp: number;
  readonly disconnect: PacketFigures;
  readonly auth: PacketFigures;
  /** Acknowledgements of packet identifiers that nobody waits for. */
  readonly missed: {
    readonly puback: number;
    readonly pubrec: number;
    readonly pubrel: number;
    readonly pubcomp: number;
  };
  /** PUBLISH packets of clients. */
  readonly messagesReceived: QosFigures;
  /** PUBLISH packets to clients, without those on `$SYS/…`. */
  readonly messagesSent: QosFigures;
  /** PUBLISH packets on `$SYS/…`. */
  readonly sysMessagesSent: number;
  /** Of `messagesSent`: sent again after a break of the connection. */
  readonly messagesResent: number;
  /** Messages that an HTTP API published. */
  readonly messagesFromApi: number;
  /** Messages that were published and matched no subscription; those on `$SYS/…` are not counted. */
  readonly messagesWithoutSubscriber: number;
  /** Sent to other nodes. */
  readonly messagesForwarded: number;
  /** Refused: not authorized, or rejected by an interceptor. */
  readonly messagesRefused: number;
  /** By reason; `total` without those that had no subscriber. */
  readonly dropped: {
    readonly total: number;
    readonly expired: number;
    readonly queueFull: number;
    readonly tooLarge: number;
    readonly slow: number;
    /** QoS 2 that was refused because too many waited for their PUBREL. */
    readonly qos2OverLimit: number;
    /** QoS 2 that was given up because its PUBREL did not come. */
    readonly qos2NotReleased: number;
  };
  readonly queued: { readonly messages: number; readonly bytes: number };
  readonly inflight: number;
  readonly retained: {
    readonly messages: number;
    readonly bytes: number;
    /** Not kept, for a limit. */
    readonly refused: number;
  };
  readonly delayed: {
    /** Waiting now. */
    readonly messages: number;
    readonly bytes: number;
    /** Since the start: kept for later; of these published, and expired before. */
    readonly accepted: number;
    readonly published: number;
    readonly expired: number;
    /** Not kept: for a limit, or because the topic asked for nothing that could be done. */
    readonly refused: number;
    readonly invalid: number;
  };
  readonly connections: {
    readonly accepted: number;
    readonly refused: number;
    readonly acceptErrors: number;
    /** CONNECTs that were answered with success. */
    readonly connected: number;
    /** Connections of clients that have ended. */
    readonly disconnected: number;
    /** CONNECTs that were refused, those below included. */
    readonly connectsRefused: number;
    /** Of these: for who they were, not for what they sent. */
    readonly authenticationFailures: number;
    /** CONNECTs that were accepted and nobody vouched for. */
    readonly anonymous: number;
    /** Connections and CONNECTs that were turned away for a ban. */
    readonly banned: number;
    readonly keepAliveTimeouts: number;
    readonly protocolErrors: number;
  };
  readonly sessions: {
    readonly created: number;
    readonly resumed: number;
    readonly takenOver: number;
    readonly expired: number;
    readonly ended: number;
  };
  /** Filters of SUBSCRIBE that were refused, and of these those for want of permission. */
  readonly subscribesRefused: number;
  readonly subscribesNotAuthorized: number;
  /** Of the store; zeros where nothing is kept on disk. */
  readonly store: {
    readonly commits: number;
    readonly failures: number;
    /** Damaged databases that were written anew, and queued messages that were lost with them. */
    readonly repairs: number;
    readonly lostMessages: number;
    readonly bytesWritten: number;
    readonly waitingChanges: number;
    readonly waitingBytes: number;
    /** Times that acknowledgements waited only so that others had their time. */
    readonly ackPauses: number;
    readonly isFailing: boolean;
  };
  /** Events for the web hook. */
  readonly webHook: SinkFigures;
  /** Lines about clients and callers that the log does not have, for there were too many of their kind. */
  readonly logLinesLeftOut: number;
  /** Seconds of a commit. */
  readonly commitSeconds: HistogramView;
  /** Seconds from the arrival of a message to when it is handed to the system for its subscribers. */
  readonly deliverySeconds: HistogramView;
}

/** What was to leave the broker: sums since the start, and what waits now. */
export interface SinkFigures {
  readonly offered: number;
  readonly delivered: number;
  /** Given up after the last try, or refused for good. */
  readonly failed: number;
  /** For want of room, or because the broker stopped. */
  readonly dropped: number;
  readonly retried: number;
  readonly queued: number;
  readonly queuedBytes: number;
}

/** Observations by size; as Prometheus has it. */
export interface HistogramView {
  /** Upper bounds, ascending; the last bucket, without bound, is left out. */
  readonly bounds: readonly number[];
  /** Observations up to each bound, those below included. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

export type { Ban as BanView, BanKind } from "../ports/mod.ts";

/** A key of the configuration. */
export interface SettingView {
  /** Dotted: "mqtt.max_qos", "listener.0.bind". */
  readonly key: string;
  /** As TOML would have it; undefined where the key is not set and has no default. */
  readonly value: SettingValue | undefined;
  readonly defaultValue: SettingValue | undefined;
  /** Where the value comes from; a flag and the environment win over what an API sets. */
  readonly origin: "default" | "file" | "api" | "environment" | "flag";
  /** When a change counts. */
  readonly appliesAt: "now" | "restart";
  /** Never shown in clear; `value` is "******" then, unless it is empty. */
  readonly isSecret: boolean;
}

/** A part of the program that can be switched on and off while it runs. */
export type ModuleName =
  | "user_accounts"
  | "client_accounts"
  | "jwt"
  | "http_auth"
  | "delayed_publish"
  | "management"
  | "retainer"
  | "rule_engine"
  | "web_hook";

export interface ModuleView {
  readonly name: ModuleName;
  readonly isActive: boolean;
}

/** A value of TOML. */
export type SettingValue =
  | string
  | number
  | boolean
  | readonly SettingValue[]
  | { readonly [key: string]: SettingValue };

/** What became of a change of settings. */
export interface SettingsChange {
  readonly appliedNow: readonly string[];
  readonly afterRestart: readonly string[];
}

/** A user name or client identifier with a password, as CONNECT is judged by. The password never comes out. */
export interface AccountView {
  readonly name: string;
  readonly isSuperuser: boolean;
  readonly createdAtMs: number | undefined;
  /**
   * 64 hexadecimal digits: the same as long as the password stays, told apart from others, good for nothing else.
   */
  readonly verifierDigest: string;
}

/** An application that may use the HTTP APIs. */
export interface AppView {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly isEnabled: boolean;
  /** Seconds since 1970; undefined: never. */
  readonly expiresAtS: number | undefined;
  readonly createdAtMs: number;
}

/** Somebody who may use the dashboard. */
export interface DashboardUserView {
  readonly name: string;
  readonly tags: string;
}

/** Something that an operator should know of. */
export interface AlarmView {
  readonly node: string;
  readonly id: string;
  readonly description: string;
  readonly severity: "warning" | "error" | "critical";
  readonly title: string;
  readonly raisedAtMs: number;
  /** Undefined: it is still so. */
  readonly clearedAtMs: number | undefined;
}
