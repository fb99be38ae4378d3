import { parseTopicFilter } from "../../mqtt/mod.ts";
import { looksLikePem, PEM_CERTIFICATE, PEM_KEY } from "./tls_material.ts";
import { ResultCode, ResultError } from "./result_code.ts";

/** Values of a configuration by the path of their member: "msq_len", "tls.enable". */
export type MemberValues = ReadonlyMap<string, unknown>;

interface Member {
  /** Whether `null` clears it; otherwise it is passed over. */
  readonly isNullable: boolean;
  readonly isSecret: boolean;
  isFine(value: unknown): boolean;
}

const UINT32_MAX = 0xffff_ffff;

const FLAG = member((value) => typeof value === "boolean");
const TEXT = member((value) => typeof value === "string" && value !== "");
const TEXT_OR_NULL = { ...member((value) => typeof value === "string"), isNullable: true };
const SECRET = { ...TEXT, isSecret: true };
const SECRET_OR_NULL = { ...TEXT_OR_NULL, isSecret: true };

/** Every member of the configuration, in the order in which it is sent. */
const MEMBERS: ReadonlyMap<string, Member> = new Map([
  ["url", url(["nmq-tcp", "mqtt-tcp"])],
  ["num_taskq_thread", integer(0, UINT32_MAX)],
  ["max_taskq_thread", integer(0, UINT32_MAX)],
  ["parallel", integer(0, UINT32_MAX)],
  ["property_size", integer(1, UINT32_MAX)],
  ["msq_len", integer(1, UINT32_MAX)],
  ["qos_duration", integer(1, UINT32_MAX)],
  ["allow_anonymous", FLAG],
  ["daemon", FLAG],
  ["tls.enable", FLAG],
  ["tls.url", url(["tls+nmq-tcp", "nmq-tls", "tls+mqtt-tcp"])],
  ["tls.key_password", SECRET_OR_NULL],
  ["tls.key", { ...pem(PEM_KEY), isSecret: true }],
  ["tls.cert", pem(PEM_CERTIFICATE)],
  ["tls.cacert", pem(PEM_CERTIFICATE)],
  ["tls.verify_peer", FLAG],
  ["tls.fail_if_no_peer_cert", FLAG],
  ["websocket.enable", FLAG],
  ["websocket.url", url(["nmq-ws"], "with a path")],
  ["websocket.tls_url", url(["nmq-wss"], "with a path")],
  ["http_server.enable", FLAG],
  ["http_server.port", integer(1, 65_535)],
  // A colon would end the name in the header of whoever logs in.
  ["http_server.username", member((value) => TEXT.isFine(value) && !String(value).includes(":"))],
  ["http_server.password", SECRET],
  ["http_server.auth_type", member((value) => value === "basic" || value === "jwt")],
  ["bridge.bridge_mode", FLAG],
  ["bridge.address", url(bridgeSchemes(), "with a path")],
  ["bridge.proto_ver", integer(3, 5)],
  ["bridge.clientid", TEXT_OR_NULL],
  ["bridge.clean_start", FLAG],
  ["bridge.username", TEXT_OR_NULL],
  ["bridge.password", SECRET_OR_NULL],
  ["bridge.keepalive", integer(0, 65_535)],
  ["bridge.parallel", integer(1, 1000)],
  ["bridge.forwards", member((value) => Array.isArray(value) && value.every(isFilter))],
  ["bridge.subscription", member((value) => Array.isArray(value) && value.every(isSubscription))],
]);

const ANONYMOUS = "allow_anonymous";
/** Members that decide whether other machines reach a listener. */
const ADDRESSES = [
  "url",
  "tls.enable",
  "tls.url",
  "websocket.enable",
  "websocket.url",
  "websocket.tls_url",
];
/** What stands for a secret, in answers and in changes: setting it to this leaves it as it is. */
const MASK = "******";
/** Another name that the document has for a member. */
const ALIAS = ["tls.keypass", "tls.key_password"] as const;

/** Scheme, host and port, and path of an address; undefined when it is none. */
export function parseAddress(
  text: string,
): { readonly scheme: string; readonly bind: string; readonly path: string } | undefined {
  const match = /^([a-z+-]+):\/\/((?:\[[^\]\s]+\]|[^:/?#[\]\s]+):(\d{1,5}))(\/[^?#\s]*)?$/.exec(
    text,
  );
  if (match === null) return undefined;
  const [, scheme = "", bind = "", port, path = ""] = match;
  return Number(port) >= 1 && Number(port) <= 65_535 ? { scheme, bind, path } : undefined;
}

/** What the answer has in the place of the values: members in their order, one object for each part. */
export function toDocument(
  values: MemberValues,
  options: { readonly secrets: "clear" | "hidden" },
): object {
  const document: Record<string, unknown> = {};
  for (const [path, { isSecret }] of MEMBERS) {
    const value = values.get(path) ?? null;
    const isHidden = isSecret && value !== null && options.secrets === "hidden";
    const [part = "", name] = path.split(".");
    if (name === undefined) document[part] = isHidden ? MASK : value;
    else {
      const inner = document[part] ??= {};
      (inner as Record<string, unknown>)[name] = isHidden ? MASK : value;
    }
  }
  return document;
}

/**
 * What `data` asks to be different from `current`. Members that nobody knows are passed over. Throws `ResultError` for
 * the first that is not as it must be.
 */
export function readWanted(
  data: Readonly<Record<string, unknown>>,
  current: MemberValues,
): MemberValues {
  const wanted = new Map<string, unknown>();
  const values = given(data);
  for (const [path, value] of values) {
    const known = MEMBERS.get(path);
    if (known === undefined || (value === null && !known.isNullable)) continue;
    // What was read may be sent back, whatever it is.
    if (isSame(value, current.get(path) ?? null) || (known.isSecret && value === MASK)) continue;
    if (value !== null && !known.isFine(value)) throw wrong(path);
    // Empty text is no text.
    wanted.set(path, known.isNullable && value === "" ? null : value);
  }
  const isAllowed = values.get(ANONYMOUS);
  // What follows from loopback now would not follow from these addresses: said beside them, it is meant.
  if (typeof isAllowed === "boolean" && ADDRESSES.some((path) => wanted.has(path))) {
    wanted.set(ANONYMOUS, isAllowed);
  }
  return wanted;
}

export function wrong(path: string): ResultError {
  return new ResultError(400, ResultCode.parameterWrong, `${path} is not as it must be`);
}

/** Every member that is there, by its path. */
function given(data: Readonly<Record<string, unknown>>): ReadonlyMap<string, unknown> {
  const values = new Map<string, unknown>();
  for (const path of [...MEMBERS.keys(), ALIAS[0]]) {
    const [part = "", name] = path.split(".");
    if (!Object.hasOwn(data, part)) continue;
    const value = data[part];
    if (name === undefined) values.set(path, value);
    else if (value !== null) {
      if (typeof value !== "object" || Array.isArray(value)) throw wrong(part);
      const inner = value as Readonly<Record<string, unknown>>;
      if (Object.hasOwn(inner, name)) values.set(path, inner[name]);
    }
  }
  const [alias, path] = ALIAS;
  if (!values.has(alias)) return values;
  if (values.has(path) && values.get(path) !== values.get(alias)) throw wrong(alias);
  return values.set(path, values.get(alias));
}

function member(isFine: (value: unknown) => boolean): Member {
  return { isNullable: false, isSecret: false, isFine };
}

function integer(min: number, max: number): Member {
  return member((value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max);
}

function url(schemes: readonly string[], path: "with a path" | "without" = "without"): Member {
  return member((value) => {
    const address = typeof value === "string" ? parseAddress(value) : undefined;
    return address !== undefined && schemes.includes(address.scheme) &&
      (path === "with a path" || address.path === "");
  });
}

function pem(label: RegExp): Member {
  const isFine = (value: unknown): boolean => value === "" || looksLikePem(value, label);
  return { isNullable: true, isSecret: false, isFine };
}

function bridgeSchemes(): readonly string[] {
  const ours = ["mqtt-tcp", "tls+mqtt-tcp", "mqtt-quic"];
  return [...ours, "nmq-tcp", "tls+nmq-tcp", "nmq-tls", "nmq-ws", "nmq-wss"];
}

function isFilter(value: unknown): boolean {
  return typeof value === "string" && parseTopicFilter(value).valid;
}

function isSubscription(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { topic, qos } = value as { readonly topic?: unknown; readonly qos?: unknown };
  return isFilter(topic) && (qos === 0 || qos === 1 || qos === 2);
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
