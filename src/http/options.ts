/** What the configuration says of the HTTP side; `config/` fills these from `[[http]]`, `[[app]]` and `[api.…]`. */
import type { TlsOptions } from "../transport/mod.ts";

/** Everything that a web server can serve, by the names that `apis` of an `[[http]]` entry uses. */
export const API_NAMES = [
  "emqx-v3",
  "emqx-cloud",
  "nanomq-v1",
  "smqtt",
  "tdmq",
  "dashboard",
  "metrics",
  "health",
] as const;

export type ApiName = typeof API_NAMES[number];

/** One entry of `[[http]]`. */
export interface HttpListenerOptions {
  /** `http:1`, `http:2` … in the order of the file, unless the entry has a `name` of its own. */
  readonly name: string;
  /** Without brackets. */
  readonly host: string;
  /** 0: the system picks a free one. */
  readonly port: number;
  readonly apis: readonly ApiName[];
  /** Undefined: plain HTTP. */
  readonly tls: TlsOptions | undefined;
  /** Largest request body; more is answered with the API's own error and not read. Key `max_body`. */
  readonly maxBodyBytes: number;
  /** Connections above it are closed as soon as they were accepted. Key `max_connections`, default 1000. */
  readonly maxConnections: number;
  /** How long a client may take to send the head of a request. Key `header_timeout`, default 10 s. */
  readonly headerTimeoutMs: number;
  /** How long a client may take to send a whole request. Key `request_timeout`, default 30 s. */
  readonly requestTimeoutMs: number;
  /** How long a connection without a request stays open. Key `idle_timeout`, default 60 s. */
  readonly idleTimeoutMs: number;
}

/** One entry of `[[app]]`: AppID and AppSecret of emqx-v3 and emqx-cloud. */
export interface AppOptions {
  readonly id: string;
  readonly secret: string;
  /** Key `name`, default the id. */
  readonly name: string;
  /** Key `desc`, default empty. */
  readonly description: string;
  /** Key `status`, default true. */
  readonly isEnabled: boolean;
  /** Key `expired`, seconds since 1970; undefined: never. */
  readonly expiresAtS: number | undefined;
}

/** Section `[api.smqtt]`. */
export interface SmqttOptions {
  /** Key `username`; empty: the API is open. */
  readonly username: string;
  /** Key `password`. */
  readonly password: string;
  /** Key `publish_reply`, default "empty". */
  readonly publishReply: "empty" | "success";
  /** Key `cors`. Undefined, the default: on while the API is open. */
  readonly cors: boolean | undefined;
  /** Key `extended`, default false: members of the product's later line, `address` and `connectTime`. */
  readonly extended: boolean;
}

/** Section `[api.nanomq_v1]`. */
export interface NanomqV1Options {
  /** Key `username`, default "admin". */
  readonly username: string;
  /** Key `password`, default "public". */
  readonly password: string;
  /** Key `auth_type`, default "basic". */
  readonly authType: "basic" | "jwt";
  /** Key `jwt_public_key_file`, default empty: none. */
  readonly jwtPublicKeyFile: string;
  /** Key `jwt_issuer`, default empty: any. */
  readonly jwtIssuer: string;
  /** Key `control`, default false: whether `req` 10 may stop the broker. */
  readonly control: boolean;
  /** Key `lenient_seq`, default false: a request without `seq` is answered with 0. */
  readonly lenientSeq: boolean;
  /** Key `include_offline`, default false: whether `req` 4 and 5 list sessions without a connection. */
  readonly includeOffline: boolean;
  /** Key `expose_secrets`. Undefined, the default: only on listeners on loopback. */
  readonly exposeSecrets: boolean | undefined;
  readonly stored: NanomqStoredOptions;
}

/** Section `[api.nanomq_v1.stored]`: what clients set and read back; nothing here has a use for it. */
export interface NanomqStoredOptions {
  /** Key `num_taskq_thread`, default 4. */
  readonly taskThreads: number;
  /** Key `max_taskq_thread`, default 4. */
  readonly taskThreadsMax: number;
  /** Key `parallel`, default 32. */
  readonly parallel: number;
  /** Key `property_size`, default 32. */
  readonly propertySize: number;
  /** Key `qos_duration`, default 60. */
  readonly qosDurationS: number;
  /** Key `daemon`, default false. */
  readonly isDaemon: boolean;
}

/** Section `[api.emqx_v3]`. */
export interface EmqxV3Options {
  /** Key `error_http_status`, default 200: status of failures with code 102. */
  readonly errorHttpStatus: 200 | 500;
  /** Key `rule_flavor`, default "3.1". */
  readonly ruleFlavor: "3.1" | "3.2";
  /** Key `metric_names`, default "slash". */
  readonly metricNames: "slash" | "dot";
  /** Key `accept_dashboard_users`, default false: also as users of the management API. */
  readonly acceptDashboardUsers: boolean;
  /** Key `uniform_auth_errors`, default false: 103 also for a user that does not exist. */
  readonly uniformAuthErrors: boolean;
  /** Key `hide_app_secret`, default false. */
  readonly hideAppSecret: boolean;
  /** Key `mask_secrets`, default false: in parameters of resources and rules. */
  readonly maskSecrets: boolean;
  /** Key `count_api_publish`, default false: whether messages through the API count as received. */
  readonly countApiPublish: boolean;
  /** Key `max_row_limit`, default 10000: rows of a page, asked for or not. */
  readonly maxRowLimit: number;
  /** Key `default_app_secret`: of applications that are made without one; undefined: a random one each time. */
  readonly defaultAppSecret: string | undefined;
}

/** Section `[api.emqx_cloud]`. */
export interface EmqxCloudOptions {
  /** Key `prefix`, default "/api"; the API is served there and at the root. */
  readonly prefix: string;
  /** Key `emit_tenant_fields`, default true. */
  readonly emitTenantFields: boolean;
  /** Key `time_format`, default "rfc3339". */
  readonly timeFormat: "rfc3339" | "plain";
}

/** Section `[api.tdmq]`. */
export interface TdmqOptions {
  /** Key `rate`, messages per second over all publishers; 0, the default: no quota. */
  readonly rate: number;
  /** Key `burst`, messages at once; 0, the default: as many as `rate`. */
  readonly burst: number;
  /** Key `strict_path`, default false: a topic with a raw `/` in the path is refused. */
  readonly strictPath: boolean;
}

/** The sections below `[api]`. */
export interface ApiOptions {
  readonly smqtt: SmqttOptions;
  readonly nanomqV1: NanomqV1Options;
  readonly emqxV3: EmqxV3Options;
  readonly emqxCloud: EmqxCloudOptions;
  readonly tdmq: TdmqOptions;
}

/** All that the HTTP side is told. */
export interface HttpOptions {
  /** May be empty: then there is no web server. */
  readonly listeners: readonly HttpListenerOptions[];
  /** Key `http.allow_default_credentials` has been judged before; what stands here is to be accepted. */
  readonly apps: readonly AppOptions[];
  readonly apis: ApiOptions;
}
