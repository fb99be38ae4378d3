/** What to do when a session's message queue is full. */
export type QueueFullPolicy = "drop_oldest" | "drop_newest";

/**
 * The limits and switches of section `[mqtt]`, in our units: bytes, milliseconds where the name says
 * `Ms`, seconds where it says `S`. `config/` fills them; nothing below it reads a file.
 */
export interface MqttOptions {
  /** Largest control packet that a client may send, fixed header included. */
  readonly maxPacketSizeBytes: number;
  readonly maxTopicLevels: number;
  /** In bytes of UTF-8. */
  readonly maxClientIdLength: number;
  readonly maxQos: 0 | 1 | 2;
  readonly retainAvailable: boolean;
  readonly wildcardSubscription: boolean;
  readonly sharedSubscription: boolean;
  /** Subscriptions of one session; 0: no limit. */
  readonly maxSubscriptions: number;
  /** Highest topic alias that a client may use towards the broker. */
  readonly maxTopicAlias: number;
  /** QoS 1 and 2 messages from one client that may be unacknowledged by the broker. */
  readonly receiveMaximum: number;
  /** QoS 1 and 2 messages in flight to one 3.x client; 5.0 clients name their own receive maximum. */
  readonly maxInflight: number;
  /** Messages waiting in one session; 0: no limit in number. */
  readonly maxQueuedMessages: number;
  readonly maxQueuedBytes: number;
  readonly queueFull: QueueFullPolicy;
  readonly queueQos0Offline: boolean;
  /** Unsent bytes of one connection above which QoS 0 is dropped and QoS 1 and 2 wait in the queue. */
  readonly maxOutboundBufferBytes: number;
  /** Time from accept to a complete CONNECT. */
  readonly connectTimeoutMs: number;
  /** 0: none. A larger keep alive is answered with Server Keep Alive; 3.x clients cannot be told and keep theirs. */
  readonly maxKeepAliveS: number;
  readonly keepAliveFactor: number;
  readonly maxSessionExpiryS: number;
  /** For sessions that 3.1 and 3.1.1 clients open with clean session 0. */
  readonly sessionExpiry3xS: number;
  readonly maxWillDelayS: number;
  /** Whether retained messages are kept and sent; without it those that are there wait until it is back. */
  readonly hasRetainer: boolean;
  /** 0: no limit in number. */
  readonly maxRetainedMessages: number;
  readonly maxRetainedPayloadBytes: number;
  /** Whether `$delayed/…` delays; without it these are topics as any other. */
  readonly hasDelayedPublish: boolean;
  /** Messages that wait for their time; 0: no limit in number. */
  readonly maxDelayedMessages: number;
  /** Their payloads, topics and properties; 0: no limit. */
  readonly maxDelayedBytes: number;
  /** 0: no `$SYS` topics. */
  readonly sysIntervalMs: number;
}

/** When a client that comes and goes too often is banned. */
export interface FlappingOptions {
  readonly isEnabled: boolean;
  /** Connections of one client identifier that may end within `windowMs`; one more bans it. */
  readonly maxCount: number;
  readonly windowMs: number;
  /** How long the ban lasts. */
  readonly banMs: number;
}

/** What becomes of a client that asks for a session of another user. */
export type SessionOwnerPolicy = "refuse" | "fresh";

/** Section `[limits]`, and `session_owner` of `[auth]`: what one client may cost the others. */
export interface LimitsOptions {
  /** New connections of each listener in a second; 0: no limit. A listener's own key wins. */
  readonly connectRate: number;
  /** PUBLISH packets that are read from one client in a second; 0: no limit. */
  readonly messagesInRate: number;
  /** Bytes that are read from one client in a second; 0: no limit. */
  readonly bytesInRate: number;
  readonly flapping: FlappingOptions;
  /** Lines of the log in a second, of each kind, about clients that are refused or fail; 0: no limit. */
  readonly clientLogRate: number;
  /** Bans that are kept; further ones are refused. */
  readonly maxBans: number;
  /** Sessions, with and without a connection; a client that would need one more is refused. 0: no limit. */
  readonly maxSessions: number;
  /** Largest CONNECT, header included: nobody knows yet whom it comes from. */
  readonly maxConnectBytes: number;
  /** Silence after which a connection ends whatever its keep alive, seconds; 0: none. */
  readonly maxIdleS: number;
  /** User properties of one message, whose name and value go on to every subscriber; more are refused. 0: no limit. */
  readonly maxUserProperties: number;
  /** Bytes of their names and values together; 0: no limit. */
  readonly maxUserPropertyBytes: number;
  /** Payloads, topics and properties of all retained messages together; above it none is kept. 0: no limit. */
  readonly maxRetainedBytes: number;
  readonly sessionOwner: SessionOwnerPolicy;
}
