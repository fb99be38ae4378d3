import type { ReasonCode } from "./reason_code.ts";

/** The protocol level byte of CONNECT: 3 is MQTT 3.1 ("MQIsdp"), 4 is 3.1.1, 5 is 5.0. */
export type ProtocolVersion = 3 | 4 | 5;

export type Qos = 0 | 1 | 2;

export type RetainHandling = 0 | 1 | 2;

/** Names may repeat, and the order of all pairs is kept [MQTT-3.3.2-18]. */
export interface UserProperty {
  readonly name: string;
  readonly value: string;
}

/** The high four bits of the first byte of a frame. */
export const PacketType = Object.freeze(
  {
    connect: 1,
    connack: 2,
    publish: 3,
    puback: 4,
    pubrec: 5,
    pubrel: 6,
    pubcomp: 7,
    subscribe: 8,
    suback: 9,
    unsubscribe: 10,
    unsuback: 11,
    pingreq: 12,
    pingresp: 13,
    disconnect: 14,
    auth: 15,
  } as const,
);

export type PacketType = (typeof PacketType)[keyof typeof PacketType];

/**
 * A decoded packet off the hot path. PUBLISH and its acknowledgements are not among them: see
 * `PublishView` and `AckView`. Strings and bytes in a decoded packet are copies that the holder
 * owns. What a version cannot carry is at its default in a decoded packet, and is left out or, for
 * reason codes, translated when it is encoded.
 */
export type ControlPacket =
  | ConnectPacket
  | ConnackPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | UnsubackPacket
  | PingreqPacket
  | PingrespPacket
  | DisconnectPacket
  | AuthPacket;

export interface ConnectPacket {
  readonly type: "connect";
  readonly version: ProtocolVersion;
  readonly clientId: string;
  /** Called clean session before 5.0. */
  readonly cleanStart: boolean;
  /** 0: none. */
  readonly keepAliveS: number;
  readonly username?: string | undefined;
  readonly password?: Uint8Array | undefined;
  readonly will?: WillPacket | undefined;
  readonly sessionExpiryS?: number | undefined;
  /** 65,535 when the client named none. */
  readonly receiveMaximum: number;
  readonly maximumPacketSize?: number | undefined;
  readonly topicAliasMaximum: number;
  readonly requestResponseInformation: boolean;
  readonly requestProblemInformation: boolean;
  readonly userProperties: readonly UserProperty[];
  readonly authenticationMethod?: string | undefined;
  readonly authenticationData?: Uint8Array | undefined;
}

/** The will message inside a CONNECT. */
export interface WillPacket {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly delayS: number;
  readonly messageExpiryS?: number | undefined;
  /**
   * What goes on to subscribers, encoded and in its order, without a length: payload format, content
   * type, response topic, correlation data, user properties. `decodeMessageProperties` reads it.
   */
  readonly properties: Uint8Array;
}

export interface ConnackPacket {
  readonly type: "connack";
  readonly sessionPresent: boolean;
  readonly reasonCode: ReasonCode;
  readonly sessionExpiryS?: number | undefined;
  readonly receiveMaximum?: number | undefined;
  readonly maximumQos?: 0 | 1 | undefined;
  readonly retainAvailable?: boolean | undefined;
  readonly maximumPacketSize?: number | undefined;
  readonly assignedClientId?: string | undefined;
  readonly topicAliasMaximum?: number | undefined;
  readonly reasonString?: string | undefined;
  readonly wildcardSubscriptionAvailable?: boolean | undefined;
  readonly subscriptionIdentifiersAvailable?: boolean | undefined;
  readonly sharedSubscriptionAvailable?: boolean | undefined;
  readonly serverKeepAliveS?: number | undefined;
  readonly responseInformation?: string | undefined;
  readonly serverReference?: string | undefined;
  readonly authenticationMethod?: string | undefined;
  readonly authenticationData?: Uint8Array | undefined;
  readonly userProperties?: readonly UserProperty[] | undefined;
}

export interface SubscribePacket {
  readonly type: "subscribe";
  readonly packetId: number;
  /** 0: none. */
  readonly subscriptionIdentifier: number;
  readonly subscriptions: readonly SubscriptionRequest[];
  readonly userProperties: readonly UserProperty[];
}

/** One filter of a SUBSCRIBE, as it stands on the wire: unchecked but for its UTF-8 and options. */
export interface SubscriptionRequest {
  readonly filter: string;
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: RetainHandling;
}

export interface SubackPacket {
  readonly type: "suback";
  readonly packetId: number;
  readonly reasonCodes: readonly ReasonCode[];
  readonly reasonString?: string | undefined;
  readonly userProperties?: readonly UserProperty[] | undefined;
}

export interface UnsubscribePacket {
  readonly type: "unsubscribe";
  readonly packetId: number;
  readonly filters: readonly string[];
  readonly userProperties: readonly UserProperty[];
}

export interface UnsubackPacket {
  readonly type: "unsuback";
  readonly packetId: number;
  /** Empty before 5.0. */
  readonly reasonCodes: readonly ReasonCode[];
  readonly reasonString?: string | undefined;
  readonly userProperties?: readonly UserProperty[] | undefined;
}

export interface PingreqPacket {
  readonly type: "pingreq";
}

export interface PingrespPacket {
  readonly type: "pingresp";
}

export interface DisconnectPacket {
  readonly type: "disconnect";
  readonly reasonCode: ReasonCode;
  readonly sessionExpiryS?: number | undefined;
  readonly reasonString?: string | undefined;
  readonly serverReference?: string | undefined;
  readonly userProperties: readonly UserProperty[];
}

export interface AuthPacket {
  readonly type: "auth";
  readonly reasonCode: ReasonCode;
  readonly authenticationMethod?: string | undefined;
  readonly authenticationData?: Uint8Array | undefined;
  readonly reasonString?: string | undefined;
  readonly userProperties: readonly UserProperty[];
}
