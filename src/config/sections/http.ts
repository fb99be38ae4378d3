import { API_NAMES, type ApiName } from "../../http/mod.ts";
import type { Bind } from "../address.ts";
import { boolean, durationMs, integer, size } from "../kind.ts";
import { bind, choice, list, textLike } from "../kind_text.ts";
import { forAll, key, optional, section } from "../schema.ts";
import { TLS_ENTRIES, type TlsKeys } from "./tls.ts";

/** One `[[http]]` as it is written. */
export interface HttpKeys extends TlsKeys {
  readonly bind: Bind;
  readonly isEnabled: boolean;
  readonly name: string | undefined;
  readonly apis: readonly ApiName[];
  readonly allowDefaultCredentials: boolean;
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  readonly headerTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

const MB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** `[[http]]` */
export const HTTP = section<HttpKeys>("after restart", {
  bind: key("bind", bind(), "127.0.0.1:8080"),
  isEnabled: key("enable", boolean(), true),
  name: optional(
    "name",
    textLike(
      'name of letters, digits, ".", "_", ":" and "-", up to 64 characters',
      (name) => /^[A-Za-z0-9._:-]{1,64}$/.test(name),
    ),
  ),
  apis: key("apis", list(choice(API_NAMES)), API_NAMES),
  allowDefaultCredentials: forAll(key("allow_default_credentials", boolean(), false)),
  maxBodyBytes: key("max_body", size({ min: 1024, max: 256 * MB }), "1MB"),
  maxConnections: key("max_connections", integer({ min: 1, max: 1_000_000 }), 1000),
  headerTimeoutMs: key("header_timeout", durationMs({ min: 1, max: HOUR_MS }), "10s"),
  requestTimeoutMs: key("request_timeout", durationMs({ min: 1, max: HOUR_MS }), "30s"),
  idleTimeoutMs: key("idle_timeout", durationMs({ min: 1, max: HOUR_MS }), "60s"),
  ...TLS_ENTRIES,
});
