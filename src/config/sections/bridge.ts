import { boolean, durationS, integer, oneOf } from "../kind.ts";
import { choice, filePath, list, orNone, secret, text, textLike } from "../kind_text.ts";
import { key, optional, optionalTable, required, section, tables } from "../schema.ts";

/** One topic filter that a bridge asks its peer for. */
export interface BridgeSubscriptionKeys {
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
}

/** `[bridge.tls]` */
export interface BridgeTlsKeys {
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly keyPassword: string | undefined;
  readonly verifyPeer: boolean;
}

/** One `[[bridge]]`, which this version checks and does not use. */
export interface BridgeKeys {
  readonly name: string;
  readonly isEnabled: boolean;
  /** Undefined only where the bridge is not enabled. */
  readonly address: string | undefined;
  readonly protocolVersion: 3 | 4 | 5;
  readonly clientId: string | undefined;
  readonly cleanStart: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly keepAliveS: number;
  readonly parallel: number;
  readonly forwards: readonly string[];
  readonly subscription: readonly BridgeSubscriptionKeys[];
  readonly tls: BridgeTlsKeys | undefined;
}

const TEXT = text({ maxLength: 65_535 });

const SUBSCRIPTION = section<BridgeSubscriptionKeys>("at reload", {
  topic: required("topic", TEXT),
  qos: key("qos", oneOf([0, 1, 2]), 0),
});

const TLS = section<BridgeTlsKeys>("at reload", {
  caFile: optional("ca", filePath()),
  certFile: optional("cert", filePath()),
  keyFile: optional("key", filePath()),
  keyPassword: optional("key_password", orNone(secret())),
  verifyPeer: key("verify_peer", boolean(), true),
});

/** `[[bridge]]` */
export const BRIDGE = section<BridgeKeys>("at reload", {
  name: required("name", text({ maxLength: 256 })),
  isEnabled: key("enable", boolean(), true),
  address: optional("address", brokerUrl()),
  protocolVersion: key("proto_ver", oneOf([3, 4, 5]), 4),
  clientId: optional("client_id", orNone(TEXT)),
  cleanStart: key("clean_start", boolean(), true),
  username: optional("username", orNone(TEXT)),
  password: optional("password", orNone(secret())),
  keepAliveS: key("keep_alive", durationS({ min: 0, max: 65_535 }), "60s"),
  parallel: key("parallel", integer({ min: 1, max: 1000 }), 2),
  forwards: key("forwards", list(TEXT), []),
  subscription: tables("subscription", SUBSCRIPTION),
  tls: optionalTable("tls", TLS),
});

/** `[cluster]` */
export interface ClusterKeys {
  readonly engine: "none";
}

export const CLUSTER = section<ClusterKeys>("after restart", {
  engine: key("engine", choice(["none"]), "none"),
});

/** With the schemes of this broker and those of products whose configuration may be set here. */
function brokerUrl(): ReturnType<typeof textLike> {
  const schemes =
    /^(?:mqtts?|wss?|mqtt-tcp|tls\+mqtt-tcp|mqtt-quic|nmq-tcp|nmq-tls|tls\+nmq-tcp|nmq-wss?):/;
  return textLike(
    'URL of a broker, such as "mqtt://host:1883", with mqtt, mqtts, ws, wss, mqtt-tcp, tls+mqtt-tcp, mqtt-quic, ' +
      "nmq-tcp, nmq-tls, tls+nmq-tcp, nmq-ws or nmq-wss",
    (text) => schemes.test(text) && /^[^:]+:\/\/[^/?#\s]+(?:\/\S*)?$/.test(text),
  );
}
