// deno-lint-ignore-file camelcase -- the spelling of the product
import type { ManagementService, SettingValue } from "../../management/mod.ts";
import type { DialectContext } from "../dialect.ts";
import { hookRuleEntries, isHookRuleKey, readHookRule } from "./hook_rules.ts";
import { FLAG, type Form, INTEGER, MILLISECONDS, oneOf, SIZE } from "./settings_table.ts";

/** A setting of a plugin, as the product shows it. */
export interface PluginEntry {
  readonly key: string;
  readonly value: string;
  readonly desc: string;
  readonly required: boolean;
}

const TEXT: Form = { datatype: "string", format: String, parse: (text) => text };
/** "clientid=%c,username=%u": fields of a question; values with a comma cannot be said. */
const FIELDS: Form = {
  datatype: "string",
  format: (pairs) =>
    (pairs as readonly (readonly string[])[]).map(([name, value]) => `${name}=${value}`).join(","),
  parse: (text) => {
    const pairs = text.split(",").map((pair) => /^([^=]+)=(.*)$/.exec(pair.trim()));
    const entries = pairs.map((found) => [found?.[1] ?? "", found?.[2] ?? ""] as const);
    return entries.some(([name]) => name === "") ? undefined : Object.fromEntries(entries);
  },
};
const METHOD: Form = {
  datatype: "enum",
  format: (method) => String(method).toLowerCase(),
  parse: (text) => /^(?:get|post)$/i.test(text) ? text.toUpperCase() : undefined,
};

/** "none" is the product's way not to set it. */
const ENCODING: Form = {
  datatype: "enum",
  format: (encoding) => encoding === "none" ? "" : String(encoding),
  parse: (text) => /^(?:base64|base62)?$/.test(text) ? text || "none" : undefined,
};

type Row = readonly [key: string, form: Form, ours: string, desc: string];

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  emqx_auth_http: [
    ["auth.http.auth_req", TEXT, "auth.http.url", "Address of the service."],
    ["auth.http.auth_req.method", METHOD, "auth.http.method", "Method of the request."],
    ["auth.http.auth_req.params", FIELDS, "auth.http.fields", "What the service is asked."],
    ["auth.http.request.timeout", MILLISECONDS, "auth.http.timeout", "Longest time of a request."],
  ],
  emqx_auth_jwt: [
    ["auth.jwt.from", oneOf("username", "password"), "auth.jwt.from", "Where the token is."],
    ["auth.jwt.pubkey", TEXT, "auth.jwt.public_key_file", "File of the public key."],
    ["auth.jwt.secret", TEXT, "auth.jwt.secret", "Key of the algorithms that begin with HS."],
  ],
  emqx_management: [
    [
      "management.application.default_secret",
      TEXT,
      "api.emqx_v3.default_app_secret",
      "Secret of applications that are made without one.",
    ],
    ["management.max_row_limit", INTEGER, "api.emqx_v3.max_row_limit", "Rows of a page."],
  ],
  emqx_retainer: [
    ["retainer.max_payload_size", SIZE, "mqtt.max_retained_payload", "Largest payload."],
    [
      "retainer.max_retained_messages",
      INTEGER,
      "mqtt.max_retained_messages",
      "Retained messages; 0: no limit.",
    ],
  ],
  emqx_rule_engine: [
    [
      "rule_engine.ignore_sys_message",
      FLAG,
      "rule_engine.ignore_sys_message",
      "Whether messages of $SYS fire no rule.",
    ],
  ],
  emqx_web_hook: [
    ["web.hook.api.url", TEXT, "web_hook.url", "Address of the service."],
    ["web.hook.encode_payload", ENCODING, "web_hook.encode_payload", "How payloads are written."],
  ],
};

const WEB_HOOK = "emqx_web_hook";
const HOOK_RULES = "web_hook.rules";

/** All settings of a plugin, those that are set first. */
export async function pluginConfigs(
  plugin: string,
  management: ManagementService,
  context: Pick<DialectContext, "webListeners">,
): Promise<readonly PluginEntry[]> {
  const { settings } = management;
  const entries: PluginEntry[] = [];
  for (const [key, form, ours, desc] of ROWS[plugin] ?? []) {
    const view = await settings.get(ours);
    const isSet = view !== undefined && view.origin !== "default";
    // A secret only ever comes as its mask.
    const value = view?.isSecret === true ? view.value : await settings.inClear(ours);
    const text = isSet && value !== undefined ? form.format(value) : "";
    entries.push({ key, value: text, desc, required: isSet });
  }
  if (plugin === WEB_HOOK) {
    const rules = await settings.inClear(HOOK_RULES);
    for (const [key, value] of hookRuleEntries(rules)) {
      entries.push({ key, value, desc: "What is posted, and about which topics.", required: true });
    }
  }
  for (const [key, value, desc] of fixedOf(plugin, context)) {
    entries.push({ key, value, desc, required: true });
  }
  return entries.sort((a, b) => Number(b.required) - Number(a.required));
}

/**
 * What takes the place of all that is set: settings that are not given are as if they never had been set. What cannot
 * be changed may be given as it is. Undefined: a key that there is not, or a value that it cannot have.
 */
export function readPluginChanges(
  plugin: string,
  present: readonly PluginEntry[],
  given: readonly (readonly [key: string, value: unknown])[],
): ReadonlyMap<string, SettingValue | undefined> | undefined {
  const rows = ROWS[plugin] ?? [];
  const changes = new Map<string, SettingValue | undefined>();
  for (const [, , ours] of rows) changes.set(ours, undefined);
  const rules: string[] = [];
  for (const [key, value] of given) {
    if (!["string", "number", "boolean"].includes(typeof value)) return undefined;
    const text = String(value);
    if (plugin === WEB_HOOK && isHookRuleKey(key)) {
      const rule = readHookRule(key, text);
      if (rule === undefined) return undefined;
      rules.push(rule);
      continue;
    }
    const row = rows.find(([name]) => name === key);
    if (row === undefined) {
      if (!present.some((entry) => entry.key === key && entry.value === text)) return undefined;
      continue;
    }
    const [, form, ours] = row;
    const parsed = form.parse(text);
    if (parsed === undefined) return undefined;
    changes.set(ours, parsed);
  }
  if (plugin === WEB_HOOK) changes.set(HOOK_RULES, rules.length > 0 ? rules : undefined);
  return changes;
}

type FixedEntry = readonly [key: string, value: string, desc: string];

/** What is so and stays so while the program runs. */
function fixedOf(
  plugin: string,
  { webListeners }: Pick<DialectContext, "webListeners">,
): readonly FixedEntry[] {
  switch (plugin) {
    case "emqx_auth_clientid":
      return [["auth.client.password_hash", "scrypt", "How passwords are kept."]];
    case "emqx_auth_username":
      return [["auth.user.password_hash", "scrypt", "How passwords are kept."]];
    case "emqx_retainer":
      return [["retainer.expiry_interval", "0", "Only what a message says itself ends it."]];
    case "emqx_management": {
      const server = webListeners().find(({ apis }) => apis.includes("emqx-v3"));
      if (server === undefined) return [];
      const key = `management.listener.${server.isSecure ? "https" : "http"}`;
      return [
        [key, String(server.port), "Port of this API."],
        [`${key}.acceptors`, "1", "One loop accepts."],
        [`${key}.max_clients`, String(server.maxConnections), "Connections at the same time."],
      ];
    }
    default:
      return [];
  }
}
