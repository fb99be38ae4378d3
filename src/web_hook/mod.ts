/** The web hook: what happens in the broker, posted to a web service. */
export { encodePayload, type PayloadEncoding } from "./encode_payload.ts";
export { HOOK_NAMES, type HookName, type HookRule, parseHookRule } from "./hook_rule.ts";
export type { WebHookOptions } from "./options.ts";
export { WebHook, type WebHookAlarms, type WebHookParts } from "./web_hook.ts";
