import { parseHookRule, type WebHookOptions } from "../../web_hook/mod.ts";
import { boolean, durationMs, integer, size } from "../kind.ts";
import { choice, filePath, httpUrl, list, orNone, textLike, textPairs } from "../kind_text.ts";
import { key, section } from "../schema.ts";

const RULE = textLike(
  'hook, such as "message.acked", where there is a topic also with a filter behind it',
  (text) => parseHookRule(text) !== undefined,
);

/** `[web_hook]` */
export const WEB_HOOK = section<WebHookOptions>("at reload", {
  isEnabled: key("enable", boolean(), false),
  url: key("url", httpUrl(), "http://127.0.0.1:8080"),
  headers: key("headers", textPairs({ isSecret: true }), {}),
  encodePayload: key("encode_payload", choice(["none", "base64", "base62"]), "none"),
  rules: key("rules", list(RULE), []),
  timeoutMs: key("timeout", durationMs({ min: 1, max: 60_000 }), "5s"),
  parallelMax: key("parallel", integer({ min: 1, max: 64 }), 8),
  queuedMax: key("max_queued", integer({ min: 1, max: 1_000_000 }), 10_000),
  queuedBytesMax: key("max_queued_bytes", size({ min: 1024, max: 2 ** 30 }), "32MB"),
  whenFull: key("when_full", choice(["drop-newest", "drop-oldest"]), "drop-newest"),
  retriesMax: key("max_retries", integer({ min: 0, max: 1000 }), 5),
  retryDelayMaxMs: key("max_retry_delay", durationMs({ min: 1, max: 3_600_000 }), "10s"),
  caFile: key("ca", orNone(filePath()), ""),
  verifiesPeer: key("verify", boolean(), true),
});
