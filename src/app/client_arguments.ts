import {
  type ConnectPacket,
  encodeMessageProperties,
  encodeUtf8,
  isValidTopicName,
  type MessageProperties,
  PacketEncodeError,
  type ProtocolVersion,
  type Qos,
  type WillPacket,
} from "../mqtt/mod.ts";
import type { TlsVersion } from "../runtime/mod.ts";
import { type GivenProperties, PropertyOptions, type PropertyPacket } from "./client_properties.ts";
import { parseClientUrl, type ServerAddress } from "./client_url.ts";
import type { ParsedOptions } from "./options.ts";

/** Files and wishes for TLS; undefined where there is none. */
export interface TlsArguments {
  readonly caFile: string | undefined;
  readonly caPath: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly isInsecure: boolean;
  readonly version: TlsVersion | undefined;
  readonly protocol: string | undefined;
  readonly ciphers: string | undefined;
}

/** What every client has to know: where to, and who it is. */
export interface ClientArguments {
  /** Undefined: `unixPath` it is. */
  readonly host: string;
  readonly port: number;
  readonly unixPath: string | undefined;
  readonly wsPath: string | undefined;
  readonly tls: TlsArguments | undefined;
  /** Complete but for the client identifier. */
  readonly connect: Omit<ConnectPacket, "clientId">;
  /** Undefined: one is made up. */
  readonly clientId: string | undefined;
  /** In front of the number of the process. */
  readonly idPrefix: string | undefined;
  readonly isDebug: boolean;
  readonly isQuiet: boolean;
}

/** What reading the shared options gives. */
export interface ReadClient {
  readonly arguments: ClientArguments;
  readonly properties: PropertyOptions;
  /** Of the URL. */
  readonly topic: string | undefined;
  readonly problems: readonly string[];
}

const KEEP_ALIVE_S = 60;
const FOREVER = 4_294_967_295;
const TLS_SWITCHES = ["cafile", "capath", "tls-use-os-certs"];
const TLS_PORT = 8883;

/** Reads what `SERVER_GROUP`, `TLS_GROUP`, `CLIENT_OPTIONS`, `WILL_GROUP` and `PROPERTY_OPTION` say. */
export function readClient(
  parsed: ParsedOptions,
  packets: readonly PropertyPacket[],
): ReadClient {
  const problems: string[] = [];
  const url = readUrl(parsed, problems);
  const properties = new PropertyOptions(parsed, packets);
  problems.push(...properties.problems);
  const version = readVersion(parsed, properties);
  const isTls = url?.isTls === true || TLS_SWITCHES.some((name) => parsed.has(name)) ||
    parsed.number("port") === TLS_PORT;
  const unixPath = parsed.text("unix");
  if (unixPath !== undefined && (url !== undefined || parsed.has("host"))) {
    problems.push("option --unix goes without --host and --url");
  }
  if (parsed.has("cert") !== parsed.has("key")) {
    problems.push("options --cert and --key go together");
  }
  if (parsed.has("id") && parsed.has("id-prefix")) {
    problems.push("options --id and --id-prefix are two ways");
  }
  const connect = readConnect(parsed, version, properties.of("connect"), problems);
  const will = readWill(parsed, version, properties.of("will"), problems);
  return {
    arguments: {
      host: parsed.text("host") ?? url?.host ?? "localhost",
      port: parsed.number("port") ?? url?.port ?? defaultPort(isTls, url?.wsPath !== undefined),
      unixPath,
      wsPath: url?.wsPath,
      tls: isTls ? readTls(parsed) : undefined,
      connect: {
        ...connect,
        will,
        username: parsed.text("username") ?? url?.username,
        password: bytesOf(parsed.text("pw") ?? url?.password),
      },
      clientId: parsed.text("id"),
      idPrefix: parsed.text("id-prefix"),
      isDebug: parsed.has("debug"),
      isQuiet: parsed.has("quiet"),
    },
    properties,
    topic: url?.topic,
    problems: [...problems, ...consistencyProblems(parsed, version, url)],
  };
}

function readUrl(parsed: ParsedOptions, problems: string[]): ServerAddress | undefined {
  const text = parsed.text("url");
  if (text === undefined) return undefined;
  const url = parseClientUrl(text);
  if (typeof url !== "string") return url;
  problems.push(url);
  return undefined;
}

const VERSIONS: Readonly<Record<string, ProtocolVersion>> = { "5": 5, "311": 4, "31": 3 };

function readVersion(parsed: ParsedOptions, properties: PropertyOptions): ProtocolVersion {
  const text = parsed.text("protocol-version")?.replace("mqttv", "");
  const given = text === undefined ? undefined : VERSIONS[text];
  return given ?? (properties.isGiven ? 5 : 4);
}

function defaultPort(isTls: boolean, isWebSocket: boolean): number {
  if (isWebSocket) return isTls ? 443 : 80;
  return isTls ? TLS_PORT : 1883;
}

function readTls(parsed: ParsedOptions): TlsArguments {
  const version = parsed.text("tls-version");
  return {
    caFile: parsed.text("cafile"),
    caPath: parsed.text("capath"),
    certFile: parsed.text("cert"),
    keyFile: parsed.text("key"),
    isInsecure: parsed.has("insecure"),
    version: version === undefined ? undefined : version === "tlsv1.2" ? "TLSv1.2" : "TLSv1.3",
    protocol: parsed.text("tls-alpn"),
    ciphers: parsed.text("ciphers"),
  };
}

function readConnect(
  parsed: ParsedOptions,
  version: ProtocolVersion,
  { numbers, texts, userProperties }: GivenProperties,
  problems: string[],
): Omit<ConnectPacket, "clientId"> {
  const cleanStart = !parsed.has("disable-clean-session");
  const expiryS = readExpiry(parsed, problems) ?? numbers.get("session-expiry-interval") ??
    (cleanStart ? 0 : FOREVER);
  const isNamed = parsed.has("id");
  if (!cleanStart && !isNamed) problems.push("option --disable-clean-session needs --id");
  else if (version === 5 && expiryS === FOREVER && !isNamed) {
    problems.push("a session that lives for ever needs --id");
  }
  return {
    type: "connect",
    version,
    cleanStart,
    keepAliveS: parsed.number("keepalive") ?? KEEP_ALIVE_S,
    sessionExpiryS: version === 5 && expiryS > 0 ? expiryS : undefined,
    receiveMaximum: numbers.get("receive-maximum") ?? 65_535,
    maximumPacketSize: numbers.get("maximum-packet-size"),
    topicAliasMaximum: numbers.get("topic-alias-maximum") ?? 0,
    requestResponseInformation: numbers.get("request-response-information") === 1,
    requestProblemInformation: numbers.get("request-problem-information") !== 0,
    userProperties,
    authenticationMethod: texts.get("authentication-method"),
    authenticationData: bytesOf(texts.get("authentication-data")),
  };
}

function readExpiry(parsed: ParsedOptions, problems: string[]): number | undefined {
  const text = parsed.text("session-expiry-interval");
  if (text === undefined) return undefined;
  if (text === "-1" || text === "∞") return FOREVER;
  if (/^\d{1,10}$/.test(text) && Number(text) <= FOREVER) return Number(text);
  problems.push(
    `option --session-expiry-interval is "${text}", allowed are -1, ∞ and 0 to ${FOREVER}`,
  );
  return undefined;
}

function readWill(
  parsed: ParsedOptions,
  version: ProtocolVersion,
  given: GivenProperties,
  problems: string[],
): WillPacket | undefined {
  const topic = parsed.text("will-topic");
  if (topic === undefined) {
    for (const option of ["will-payload", "will-qos", "will-retain"]) {
      if (parsed.has(option)) problems.push(`option --${option} needs --will-topic`);
    }
    return undefined;
  }
  if (!isValidTopicName(topic)) problems.push(`will topic "${topic}" is no topic name`);
  return {
    topic,
    payload: bytesOf(parsed.text("will-payload")) ?? new Uint8Array(0),
    qos: Number(parsed.text("will-qos") ?? 0) as Qos,
    retain: parsed.has("will-retain"),
    delayS: given.numbers.get("will-delay-interval") ?? 0,
    messageExpiryS: given.numbers.get("message-expiry-interval"),
    properties: version === 5 ? encoded(given, problems) : new Uint8Array(0),
  };
}

function encoded(given: GivenProperties, problems: string[]): Uint8Array {
  try {
    return encodeMessageProperties(messageProperties(given));
  } catch (error) {
    if (!(error instanceof PacketEncodeError)) throw error;
    problems.push(`will properties: ${error.message}`);
    return new Uint8Array(0);
  }
}

/** Those of a message that go on to subscribers. */
export function messageProperties(given: GivenProperties): MessageProperties {
  const { numbers, texts, userProperties } = given;
  const format = numbers.get("payload-format-indicator");
  return {
    payloadFormatUtf8: format === undefined ? undefined : format === 1,
    contentType: texts.get("content-type"),
    responseTopic: texts.get("response-topic"),
    correlationData: bytesOf(texts.get("correlation-data")),
    userProperties,
  };
}

function consistencyProblems(
  parsed: ParsedOptions,
  version: ProtocolVersion,
  url: ServerAddress | undefined,
): string[] {
  const problems: string[] = [];
  const hasPassword = parsed.has("pw") || url?.password !== undefined;
  const hasUsername = parsed.has("username") || url?.username !== undefined;
  if (version !== 5) {
    if (hasPassword && !hasUsername) {
      problems.push("a password needs a user name before MQTT 5");
    }
    for (const option of ["session-expiry-interval", "property"]) {
      if (parsed.has(option)) problems.push(`option --${option} is for MQTT 5`);
    }
  }
  if (parsed.text("id") === "" && version === 3) {
    problems.push("MQTT 3.1 needs a client identifier");
  }
  return problems;
}

function bytesOf(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : encodeUtf8(text);
}
