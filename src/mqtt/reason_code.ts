/**
 * The reason codes of MQTT 5.0, section 2.4, by name. Zero has three names, because the standard
 * gives it three meanings.
 */
export const ReasonCode = Object.freeze(
  {
    success: 0x00,
    normalDisconnection: 0x00,
    grantedQos0: 0x00,
    grantedQos1: 0x01,
    grantedQos2: 0x02,
    disconnectWithWillMessage: 0x04,
    noMatchingSubscribers: 0x10,
    noSubscriptionExisted: 0x11,
    continueAuthentication: 0x18,
    reAuthenticate: 0x19,
    unspecifiedError: 0x80,
    malformedPacket: 0x81,
    protocolError: 0x82,
    implementationSpecificError: 0x83,
    unsupportedProtocolVersion: 0x84,
    clientIdentifierNotValid: 0x85,
    badUserNameOrPassword: 0x86,
    notAuthorized: 0x87,
    serverUnavailable: 0x88,
    serverBusy: 0x89,
    banned: 0x8a,
    serverShuttingDown: 0x8b,
    badAuthenticationMethod: 0x8c,
    keepAliveTimeout: 0x8d,
    sessionTakenOver: 0x8e,
    topicFilterInvalid: 0x8f,
    topicNameInvalid: 0x90,
    packetIdentifierInUse: 0x91,
    packetIdentifierNotFound: 0x92,
    receiveMaximumExceeded: 0x93,
    topicAliasInvalid: 0x94,
    packetTooLarge: 0x95,
    messageRateTooHigh: 0x96,
    quotaExceeded: 0x97,
    administrativeAction: 0x98,
    payloadFormatInvalid: 0x99,
    retainNotSupported: 0x9a,
    qosNotSupported: 0x9b,
    useAnotherServer: 0x9c,
    serverMoved: 0x9d,
    sharedSubscriptionsNotSupported: 0x9e,
    connectionRateExceeded: 0x9f,
    maximumConnectTime: 0xa0,
    subscriptionIdentifiersNotSupported: 0xa1,
    wildcardSubscriptionsNotSupported: 0xa2,
  } as const,
);

export type ReasonCode = (typeof ReasonCode)[keyof typeof ReasonCode];

/** Where a reason code stands; one bit each, so that a table entry is one number. */
export const ReasonUse = Object.freeze(
  {
    connack: 1,
    puback: 2,
    pubrec: 4,
    pubrel: 8,
    pubcomp: 16,
    suback: 32,
    unsuback: 64,
    disconnectFromClient: 128,
    disconnectFromServer: 256,
    auth: 512,
  } as const,
);

export type ReasonUse = (typeof ReasonUse)[keyof typeof ReasonUse];

const CONNACK = ReasonUse.connack;
/** PUBACK and PUBREC share one list [MQTT-3.4.2-1] [MQTT-3.5.2-1]. */
const RECEIVED = ReasonUse.puback | ReasonUse.pubrec;
/** PUBREL and PUBCOMP share one list [MQTT-3.6.2-1] [MQTT-3.7.2-1]. */
const RELEASED = ReasonUse.pubrel | ReasonUse.pubcomp;
const SUBACK = ReasonUse.suback;
const UNSUBACK = ReasonUse.unsuback;
const CLIENT = ReasonUse.disconnectFromClient;
const SERVER = ReasonUse.disconnectFromServer;
const BOTH = CLIENT | SERVER;
const AUTH = ReasonUse.auth;

const TABLE: ReadonlyArray<readonly [code: ReasonCode, text: string, uses: number]> = [
  [0x00, "success", CONNACK | RECEIVED | RELEASED | SUBACK | UNSUBACK | BOTH | AUTH],
  [0x01, "granted QoS 1", SUBACK],
  [0x02, "granted QoS 2", SUBACK],
  [0x04, "disconnect with will message", CLIENT],
  [0x10, "no matching subscribers", RECEIVED],
  [0x11, "no subscription existed", UNSUBACK],
  [0x18, "continue authentication", AUTH],
  [0x19, "re-authenticate", AUTH],
  [0x80, "unspecified error", CONNACK | RECEIVED | SUBACK | UNSUBACK | BOTH],
  [0x81, "malformed packet", CONNACK | BOTH],
  [0x82, "protocol error", CONNACK | BOTH],
  [0x83, "implementation specific error", CONNACK | RECEIVED | SUBACK | UNSUBACK | BOTH],
  [0x84, "unsupported protocol version", CONNACK],
  [0x85, "client identifier not valid", CONNACK],
  [0x86, "bad user name or password", CONNACK],
  [0x87, "not authorized", CONNACK | RECEIVED | SUBACK | UNSUBACK | SERVER],
  [0x88, "server unavailable", CONNACK],
  [0x89, "server busy", CONNACK | SERVER],
  [0x8a, "banned", CONNACK],
  [0x8b, "server shutting down", SERVER],
  [0x8c, "bad authentication method", CONNACK],
  [0x8d, "keep alive timeout", SERVER],
  [0x8e, "session taken over", SERVER],
  [0x8f, "topic filter invalid", SUBACK | UNSUBACK | SERVER],
  [0x90, "topic name invalid", CONNACK | RECEIVED | BOTH],
  [0x91, "packet identifier in use", RECEIVED | SUBACK | UNSUBACK],
  [0x92, "packet identifier not found", RELEASED],
  [0x93, "receive maximum exceeded", BOTH],
  [0x94, "topic alias invalid", BOTH],
  [0x95, "packet too large", CONNACK | BOTH],
  [0x96, "message rate too high", BOTH],
  [0x97, "quota exceeded", CONNACK | RECEIVED | SUBACK | BOTH],
  [0x98, "administrative action", BOTH],
  [0x99, "payload format invalid", CONNACK | RECEIVED | BOTH],
  [0x9a, "retain not supported", CONNACK | SERVER],
  [0x9b, "QoS not supported", CONNACK | SERVER],
  [0x9c, "use another server", CONNACK | SERVER],
  [0x9d, "server moved", CONNACK | SERVER],
  [0x9e, "shared subscriptions not supported", SUBACK | SERVER],
  [0x9f, "connection rate exceeded", CONNACK | SERVER],
  [0xa0, "maximum connect time", SERVER],
  [0xa1, "subscription identifiers not supported", SUBACK | SERVER],
  [0xa2, "wildcard subscriptions not supported", SUBACK | SERVER],
];

const USES: Uint16Array = new Uint16Array(256);
const TEXTS: Map<number, string> = new Map();
for (const [code, text, uses] of TABLE) {
  USES[code] = uses;
  TEXTS.set(code, text);
}

/** Whether the standard lets the packet named by `use` carry `code` (any byte). */
export function isReasonCodeAllowed(code: number, use: number): boolean {
  return ((USES[code] ?? 0) & use) !== 0;
}

/** The standard's words for a reason code, for logs and reason strings. */
export function reasonCodeText(code: number): string {
  return TEXTS.get(code) ?? `reason code 0x${code.toString(16).padStart(2, "0")}`;
}

/** MQTT 3.1 and 3.1.1 return codes of CONNACK, at the index of the code. */
const RETURN_CODES: readonly ReasonCode[] = [
  ReasonCode.success,
  ReasonCode.unsupportedProtocolVersion,
  ReasonCode.clientIdentifierNotValid,
  ReasonCode.serverUnavailable,
  ReasonCode.badUserNameOrPassword,
  ReasonCode.notAuthorized,
];

/**
 * The CONNACK return code that tells a 3.1 or 3.1.1 client the same as `code`, or undefined where
 * these versions have no such answer and the connection is closed without one [MQTT-3.2.2-6].
 */
export function toConnectReturnCode(code: number): number | undefined {
  const exact = RETURN_CODES.indexOf(code as ReasonCode);
  if (exact >= 0) return exact;
  switch (code) {
    case ReasonCode.serverBusy:
    case ReasonCode.useAnotherServer:
    case ReasonCode.serverMoved:
    case ReasonCode.connectionRateExceeded:
    case ReasonCode.quotaExceeded:
      return 3;
    case ReasonCode.banned:
    case ReasonCode.badAuthenticationMethod:
      return 5;
    default:
      return undefined;
  }
}

/** The reason code of a 3.1 or 3.1.1 CONNACK return code; undefined for one that does not exist. */
export function fromConnectReturnCode(returnCode: number): ReasonCode | undefined {
  return RETURN_CODES[returnCode];
}
