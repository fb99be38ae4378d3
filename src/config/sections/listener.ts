import type { Bind } from "../address.ts";
import { boolean, integer } from "../kind.ts";
import { bind, choice } from "../kind_text.ts";
import { key, optional, section } from "../schema.ts";

/** One `[[listener]]` as it is written; what follows from other keys is not worked out yet. */
export interface ListenerKeys {
  readonly type: "tcp";
  readonly bind: Bind;
  readonly maxConnections: number;
  readonly allowAnonymous: boolean | undefined;
}

/** `[[listener]]` */
export const LISTENER = section<ListenerKeys>("after restart", {
  type: key("type", choice(["tcp"], ["tls", "ws", "wss", "unix"]), "tcp"),
  bind: key("bind", bind(), "127.0.0.1:1883"),
  maxConnections: key("max_connections", integer({ min: 1, max: 10_000_000 }), 100_000),
  allowAnonymous: optional("allow_anonymous", boolean()),
}, [
  "path",
  "cert",
  "key",
  "key_password",
  "ca",
  "verify_peer",
  "fail_if_no_peer_cert",
  "peer_cert_as",
  "proxy_protocol",
  "trusted_proxies",
  "mountpoint",
]);
