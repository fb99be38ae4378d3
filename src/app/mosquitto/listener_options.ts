import type { ConfLine } from "./conf_lines.ts";
import { type Draft, DraftTable } from "./draft.ts";
import { readBoolean, readInteger, wrongValue } from "./values.ts";

/** A listener of mosquitto: the line that begins it, and what follows. */
export interface ConfListener {
  /** Undefined: the default listener, which no line begins. */
  readonly begin: ConfLine | undefined;
  readonly port: number;
  /** An address, a name or the path of a Unix socket; undefined: every address. */
  readonly host: string | undefined;
  readonly options: ReadonlyMap<string, ConfLine>;
}

const CONNECTIONS_MAX = 10_000_000;
const EVERY_ADDRESS: Readonly<Record<string, string>> = { ipv4: "0.0.0.0", ipv6: "[::]" };

/** What stands for a listener in the output is written into its table. */
type TranslateListener = (line: ConfLine, table: DraftTable, draft: Draft) => void;

function file(key: string): TranslateListener {
  return (line, table) => table.set(key, line.value, line);
}

function without(why: string): TranslateListener {
  return (line, _table, draft) => draft.remark("lost", line, why);
}

function unneeded(why: string): TranslateListener {
  return (line, _table, draft) => draft.remark("needless", line, why);
}

function trueOrFalse(whenTrue: TranslateListener): TranslateListener {
  return (line, table, draft) => {
    const value = readBoolean(line.value);
    if (value === undefined) wrongValue(line, draft, "true or false");
    else if (value) whenTrue(line, table, draft);
    else draft.remark("needless", line, "it is so here, too");
  };
}

const TLS_ONLY: Readonly<Record<string, TranslateListener>> = {
  "certfile": file("cert"),
  "keyfile": file("key"),
  "cafile": file("ca"),
  "crlfile": file("crl"),
  "require_certificate": trueOrFalse((line, table) => {
    table.set("verify_peer", true, line);
    table.set("fail_if_no_peer_cert", true, line);
  }),
  "tls_version": (line, table, draft) => {
    if (line.value === "tlsv1.3") table.set("tls_min_version", "TLSv1.3", line);
    else if (line.value === "tlsv1.2") table.set("tls_min_version", "TLSv1.2", line);
    else draft.remark("lost", line, "TLS 1.2 is the oldest version that is spoken");
  },
  "ciphers": without("ciphers can be chosen on Bun only, with the key ciphers of [[listener]]"),
  "ciphers_tls1.3": without("ciphers of TLS 1.3 cannot be chosen"),
  "use_identity_as_username": trueOrFalse((line, table) => {
    table.set("peer_cert_as", "username", line);
  }),
  "use_subject_as_username": trueOrFalse(
    without("only the common name can be the user name, with peer_cert_as"),
  ),
  "capath": without("put the certificates into one file, for the key ca of [[listener]]"),
  "tls_engine": without("keys are files"),
  "tls_engine_kpass_sha1": without("keys are files"),
  "tls_keyform": (line, _table, draft) => {
    const isSo = line.value === "pem";
    draft.remark(isSo ? "needless" : "lost", line, isSo ? "it is so here, too" : "keys are files");
  },
  "dhparamfile": unneeded("key exchange is by elliptic curves, which need no file"),
};

const ALWAYS: Readonly<Record<string, TranslateListener>> = {
  "max_connections": (line, table, draft) => {
    const value = readInteger(line.value, -1);
    if (value === undefined) wrongValue(line, draft, "a whole number, or -1");
    else if (value === 0) wrongValue(line, draft, "a whole number from 1 on, or -1");
    else {
      const limit = value < 0 ? CONNECTIONS_MAX : Math.min(value, CONNECTIONS_MAX);
      table.set("max_connections", limit, line);
    }
  },
  "mount_point": (line, table, draft) => {
    const isLevel = line.value.endsWith("/");
    table.set("mountpoint", isLevel ? line.value : `${line.value}/`, line);
    if (!isLevel) draft.remark("differs", line, "a mountpoint is whole levels: there is a / more");
  },
  "http_dir": without("WebSocket listeners serve no files"),
  "bind_interface": without("write the address of the interface into bind"),
  "use_username_as_clientid": trueOrFalse(
    without("sessions belong to the user who made them; see auth.session_owner"),
  ),
  "enable_proxy_protocol": (line, table, draft) => {
    if (line.value === "0" || line.value === "false") {
      draft.remark("needless", line, "it is so here, too");
    } else {
      table.set("proxy_protocol", true, line);
      draft.remark("differs", line, "only trusted_proxies may connect then; write them out");
    }
  },
  "enable_proxy_protocol_v2_require_tls": without("that is for the proxy to see to"),
  "websockets_origin": (line, table) => table.set("origins", [line.value], line),
  "accept_protocol_versions": without("every version of MQTT is accepted"),
  "mqttsn_gateway_id": without("MQTT-SN is not spoken"),
};

/** Decided together with others, where the listeners are put together. */
const ELSEWHERE = ["protocol", "socket_domain", "psk_hint", "max_qos", "max_topic_alias"];

/** Options that belong to the listener before them, whatever `per_listener_settings` says. */
export const LISTENER_OPTIONS: ReadonlySet<string> = new Set([
  ...Object.keys(TLS_ONLY),
  ...Object.keys(ALWAYS),
  ...ELSEWHERE,
]);

/** One [[listener]] for one of mosquitto's. */
export function translateListener(listener: ConfListener, draft: Draft): DraftTable {
  const { options, begin } = listener;
  const table = new DraftTable("[[listener]]");
  draft.listeners.push(table);
  const isTls = options.has("certfile") && options.has("keyfile");
  setPlace(table, listener, typeOf(listener, isTls, draft));
  for (const [name, line] of options) {
    const always = ALWAYS[name];
    const tls = TLS_ONLY[name];
    if (always !== undefined) always(line, table, draft);
    else if (tls === undefined) continue;
    else if (isTls) tls(line, table, draft);
    else draft.remark("lost", line, "the listener has no certfile and keyfile, so no TLS");
  }
  const hint = options.get("psk_hint");
  if (hint !== undefined) {
    draft.remark("lost", hint, "TLS is by certificates only");
    // What was encrypted must not come back in clear.
    if (!isTls) table.set("enable", false, hint);
  }
  if (table.entries.has("peer_cert_as") && !table.entries.has("verify_peer")) {
    const line = options.get("use_identity_as_username") ?? begin;
    table.entries.delete("peer_cert_as");
    if (line !== undefined) draft.remark("lost", line, "it needs require_certificate true");
  }
  return table;
}

type Type = "tcp" | "tls" | "ws" | "wss" | "unix";

function typeOf({ options, host }: ConfListener, isTls: boolean, draft: Draft): Type {
  const protocol = options.get("protocol");
  if (protocol?.value === "websockets") return isTls ? "wss" : "ws";
  if (protocol !== undefined && protocol.value !== "mqtt") {
    wrongValue(protocol, draft, "mqtt or websockets");
  }
  if (host?.startsWith("/") === true) return "unix";
  return isTls ? "tls" : "tcp";
}

function setPlace(table: DraftTable, listener: ConfListener, type: Type): void {
  const { begin, host, port, options } = listener;
  const given = (...lines: readonly (ConfLine | undefined)[]): readonly ConfLine[] =>
    lines.filter((line) => line !== undefined);
  const set = (key: string, value: string, from: readonly ConfLine[]): void => {
    if (from.length > 0) table.set(key, value, ...from);
    else table.setDefault(key, value, "without a listener, mosquitto serves this machine only");
  };
  const places = given(begin, options.get("port"));
  const bind = type === "unix" ? `unix:${host ?? ""}` : bindOf(listener);
  set("type", type, [...places, ...given(options.get("protocol"))]);
  set("bind", bind, [
    ...places,
    ...given(options.get("bind_address"), options.get("socket_domain")),
  ]);
  if (host === undefined && options.get("socket_domain") === undefined) {
    table.comments.push(`IPv4 only; for IPv6, too, add a listener with bind = "[::]:${port}".`);
  }
  if (type !== "ws" && type !== "wss") return;
  table.comments.push("Mosquitto takes any path, this listener the one of the key path (/mqtt).");
  table.setDefault("origins", ["*"], "mosquitto lets pages of all hosts connect");
}

/** Ours has one address for each listener. */
function bindOf({ host, port, options }: ConfListener): string {
  const domain = options.get("socket_domain")?.value ?? "ipv4";
  if (host === undefined) return `${EVERY_ADDRESS[domain] ?? "0.0.0.0"}:${port}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
