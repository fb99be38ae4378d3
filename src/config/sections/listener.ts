import { LISTENER_TYPES, type ListenerType, type PeerCertAs } from "../../transport/mod.ts";
import type { Bind } from "../address.ts";
import { boolean, integer } from "../kind.ts";
import { bindOrSocket, choice, list, network, orEmpty, text, textLike } from "../kind_text.ts";
import { atReload, key, optional, section } from "../schema.ts";
import { TLS_ENTRIES, type TlsKeys } from "./tls.ts";

/** One `[[listener]]` as it is written; what follows from other keys is not worked out yet. */
export interface ListenerKeys extends TlsKeys {
  readonly type: ListenerType;
  readonly name: string | undefined;
  readonly bind: Bind;
  readonly isEnabled: boolean;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly connectRate: number | undefined;
  readonly allowAnonymous: boolean | undefined;
  readonly mountpoint: string;
  readonly wsPath: string;
  readonly origins: readonly string[];
  readonly socketMode: string;
  readonly peerCertAs: PeerCertAs;
  readonly proxyProtocol: boolean;
  readonly trustedProxies: readonly string[];
}

const COUNT_MAX = 10_000_000;
const RATE_MAX = 1_000_000;

/** `[[listener]]` */
export const LISTENER = section<ListenerKeys>("after restart", {
  type: key("type", choice(LISTENER_TYPES), "tcp"),
  bind: key("bind", bindOrSocket(), "127.0.0.1:1883"),
  isEnabled: key("enable", boolean(), true),
  name: optional("name", listenerName()),
  maxConnections: atReload(key("max_connections", integer({ min: 1, max: COUNT_MAX }), 100_000)),
  maxConnectionsPerAddress: atReload(
    key("max_connections_per_address", integer({ min: 0, max: COUNT_MAX }), 0),
  ),
  connectRate: atReload(optional("connect_rate", integer({ min: 0, max: RATE_MAX }))),
  allowAnonymous: atReload(optional("allow_anonymous", boolean())),
  mountpoint: key("mountpoint", orEmpty(text({ maxLength: 1024 })), ""),
  wsPath: key("path", urlPath(), "/mqtt"),
  origins: key("origins", list(text({ maxLength: 1024 })), []),
  socketMode: key("socket_mode", octalMode(), "0660"),
  ...TLS_ENTRIES,
  peerCertAs: key("peer_cert_as", choice(["none", "username", "client_id"]), "none"),
  proxyProtocol: key("proxy_protocol", boolean(), false),
  trustedProxies: key("trusted_proxies", list(network()), []),
});

function listenerName(): ReturnType<typeof textLike> {
  return textLike(
    'name of letters, digits, ".", "_", ":" and "-", up to 64 characters',
    (name) => /^[A-Za-z0-9._:-]{1,64}$/.test(name),
  );
}

function urlPath(): ReturnType<typeof textLike> {
  return textLike('path that begins with "/", without "?" and "#"', (path) => {
    return /^\/[!-~]*$/.test(path) && !/[?#]/.test(path);
  });
}

/** Permissions of a file as `chmod` takes them. */
function octalMode(): ReturnType<typeof textLike> {
  return textLike('permissions as "0660", text in octal', (mode) => /^0?[0-7]{3}$/.test(mode));
}
