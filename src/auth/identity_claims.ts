import type { IdentityRule } from "../ports/mod.ts";

/** Rules and topics that one client may bring along. */
const RULES_MAX = 1000;
const TOPICS_MAX = 10_000;
const ACTIONS = ["publish", "subscribe", "all"] as const;

/**
 * Reads access rules that came with a client, from a claim of its token or the answer of a callback. Undefined: they
 * make no sense, and whoever brought them must not get in.
 *
 * Two forms are known. A list says it as `[[acl.rule]]` does, and the configured rules go on where it ends:
 * `[{"permission": "allow", "action": "publish", "topic": "a/#"}]`, with `topics` for more than one. An object is all
 * that the client may do: `{"pub": ["a/#"], "sub": ["b"], "all": []}`; what is not in it is denied.
 */
export function readIdentityRules(value: unknown): readonly IdentityRule[] | undefined {
  const rules = Array.isArray(value) ? readList(value) : readObject(value);
  if (rules === undefined || rules.length > RULES_MAX) return undefined;
  const topics = rules.reduce((sum, rule) => sum + rule.topics.length, 0);
  return topics > TOPICS_MAX ? undefined : rules;
}

function readList(list: readonly unknown[]): readonly IdentityRule[] | undefined {
  const rules: IdentityRule[] = [];
  for (const entry of list) {
    if (typeof entry !== "object" || entry === null) return undefined;
    const { permission, permit = permission, action, topic, topics = [topic] } = entry as Record<
      string,
      unknown
    >;
    const known = ACTIONS.find((name) => name === action);
    if (permit !== "allow" && permit !== "deny") return undefined;
    if (known === undefined || !isTopicList(topics) || topics.length === 0) return undefined;
    rules.push({ permit, action: known, topics });
  }
  return rules;
}

function readObject(value: unknown): readonly IdentityRule[] | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const rules: IdentityRule[] = [];
  for (const [name, topics] of Object.entries(value)) {
    const action = ({ pub: "publish", sub: "subscribe", all: "all" } as const)[name];
    if (action === undefined || !isTopicList(topics)) return undefined;
    if (topics.length > 0) rules.push({ permit: "allow", action, topics });
  }
  return [...rules, { permit: "deny", action: "all", topics: [] }];
}

function isTopicList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((topic) => typeof topic === "string" && topic !== "");
}
