import { HOOK_NAMES, type SettingValue } from "../../management/mod.ts";

/*
 * The product has a setting for each rule of the web hook, numbered by hook: "web.hook.rule.message.publish.1" is
 * {"action": "on_message_publish", "topic": "a/#"}. Here all rules are one list of texts, "message.publish a/#".
 */

const PREFIX = "web.hook.rule.";

export function isHookRuleKey(key: string): boolean {
  return key.startsWith(PREFIX);
}

/** Key and value of each rule; where none is configured, one for every hook. */
export function hookRuleEntries(
  rules: SettingValue | undefined,
): readonly (readonly [key: string, value: string])[] {
  const texts = Array.isArray(rules) && rules.length > 0 ? rules.map(String) : HOOK_NAMES;
  const counts = new Map<string, number>();
  return texts.map((text) => {
    const [, hook = "", topic] = /^(\S+)(?: +(.+))?$/.exec(text) ?? [];
    const number = (counts.get(hook) ?? 0) + 1;
    counts.set(hook, number);
    const action = actionOf(hook);
    const rule = topic === undefined ? { action } : { action, topic };
    return [`${PREFIX}${hook}.${number}`, JSON.stringify(rule)] as const;
  });
}

/** One rule as this broker has it; undefined: it is none. Whether there is such a hook the broker checks. */
export function readHookRule(key: string, value: string): string | undefined {
  const [, hook = ""] = /^web\.hook\.rule\.([a-z]+\.[a-z]+)\.\w+$/.exec(key) ?? [];
  const rule = parseObject(value);
  if (hook === "" || rule === undefined || rule["action"] !== actionOf(hook)) return undefined;
  const { topic } = rule;
  if (topic === undefined) return hook;
  return typeof topic === "string" && topic !== "" ? `${hook} ${topic}` : undefined;
}

function actionOf(hook: string): string {
  return `on_${hook.replace(".", "_")}`;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? value as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}
