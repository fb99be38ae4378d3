import type {
  ApiOptions,
  EmqxCloudOptions,
  EmqxV3Options,
  NanomqStoredOptions,
  NanomqV1Options,
  SmqttOptions,
  TdmqOptions,
} from "../../http/mod.ts";
import { boolean, integer, oneOf } from "../kind.ts";
import { choice, filePath, orEmpty, orNone, secret, text, textLike } from "../kind_text.ts";
import { afterRestart, atReload, key, optional, section, table } from "../schema.ts";

const NAME = text({ maxLength: 256 });
const RATE_MAX = 1_000_000_000;

const EMQX_V3 = section<EmqxV3Options>("at reload", {
  errorHttpStatus: key("error_http_status", oneOf([200, 500]), 200),
  ruleFlavor: key("rule_flavor", choice(["3.1", "3.2"]), "3.1"),
  metricNames: key("metric_names", choice(["slash", "dot"]), "slash"),
  acceptDashboardUsers: key("accept_dashboard_users", boolean(), false),
  uniformAuthErrors: key("uniform_auth_errors", boolean(), false),
  hideAppSecret: key("hide_app_secret", boolean(), false),
  maskSecrets: key("mask_secrets", boolean(), false),
  countApiPublish: key("count_api_publish", boolean(), false),
  maxRowLimit: key("max_row_limit", integer({ min: 1, max: 10_000 }), 10_000),
  defaultAppSecret: key("default_app_secret", orNone(secret()), ""),
});

const EMQX_CLOUD = section<EmqxCloudOptions>("at reload", {
  prefix: afterRestart(key("prefix", urlPrefix(), "/api")),
  emitTenantFields: key("emit_tenant_fields", boolean(), true),
  timeFormat: key("time_format", choice(["rfc3339", "plain"]), "rfc3339"),
});

const STORED_MAX = 0xffff_ffff;

const NANOMQ_STORED = section<NanomqStoredOptions>("after restart", {
  taskThreads: key("num_taskq_thread", integer({ min: 0, max: STORED_MAX }), 4),
  taskThreadsMax: key("max_taskq_thread", integer({ min: 0, max: STORED_MAX }), 4),
  parallel: key("parallel", integer({ min: 0, max: STORED_MAX }), 32),
  propertySize: atReload(key("property_size", integer({ min: 1, max: STORED_MAX }), 32)),
  qosDurationS: atReload(key("qos_duration", integer({ min: 1, max: STORED_MAX }), 60)),
  isDaemon: key("daemon", boolean(), false),
});

const NANOMQ_V1 = section<NanomqV1Options>("at reload", {
  username: key("username", NAME, "admin"),
  password: key("password", secret(), "public"),
  authType: key("auth_type", choice(["basic", "jwt"]), "basic"),
  jwtPublicKeyFile: key("jwt_public_key_file", orEmpty(filePath()), ""),
  jwtIssuer: key("jwt_issuer", orEmpty(NAME), ""),
  control: key("control", boolean(), false),
  lenientSeq: key("lenient_seq", boolean(), false),
  includeOffline: key("include_offline", boolean(), false),
  exposeSecrets: optional("expose_secrets", boolean()),
  stored: table("stored", NANOMQ_STORED),
});

const SMQTT = section<SmqttOptions>("at reload", {
  username: key("username", orEmpty(NAME), ""),
  password: key("password", orEmpty(secret()), ""),
  publishReply: key("publish_reply", choice(["empty", "success"]), "empty"),
  cors: optional("cors", boolean()),
  extended: key("extended", boolean(), false),
});

const TDMQ = section<TdmqOptions>("at reload", {
  rate: key("rate", integer({ min: 0, max: RATE_MAX }), 0),
  burst: key("burst", integer({ min: 0, max: RATE_MAX }), 0),
  strictPath: key("strict_path", boolean(), false),
});

/** `[api]`, which has nothing but a table for each API. */
export const API = section<ApiOptions>("at reload", {
  emqxV3: table("emqx_v3", EMQX_V3),
  emqxCloud: table("emqx_cloud", EMQX_CLOUD),
  nanomqV1: table("nanomq_v1", NANOMQ_V1),
  smqtt: table("smqtt", SMQTT),
  tdmq: table("tdmq", TDMQ),
});

function urlPrefix(): ReturnType<typeof textLike> {
  return textLike(
    'path that begins with "/" and does not end with it, or "/"',
    (path) => path === "/" || /^(?:\/[A-Za-z0-9._~-]+)+$/.test(path),
  );
}
