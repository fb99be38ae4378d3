import { filterMatches, parseTopicFilter } from "../mqtt/mod.ts";
import { EventBit } from "../ports/mod.ts";

/** The hooks of EMQX 3's web hook, in its order. */
export const HOOK_BITS = Object.freeze(
  {
    "client.connected": EventBit.clientConnected,
    "client.disconnected": EventBit.clientDisconnected,
    "client.subscribe": EventBit.clientSubscribe,
    "client.unsubscribe": EventBit.clientUnsubscribe,
    "session.created": EventBit.sessionCreated,
    "session.subscribed": EventBit.sessionSubscribed,
    "session.unsubscribed": EventBit.sessionUnsubscribed,
    "session.terminated": EventBit.sessionTerminated,
    "message.publish": EventBit.messagePublish,
    "message.deliver": EventBit.messageDeliver,
    "message.acked": EventBit.messageAcked,
  } as const,
);

export type HookName = keyof typeof HOOK_BITS;
export const HOOK_NAMES = Object.freeze(Object.keys(HOOK_BITS)) as readonly HookName[];

/** Hooks that are about no topic. */
const WITHOUT_TOPIC: readonly HookName[] = [
  "client.connected",
  "client.disconnected",
  "session.created",
  "session.terminated",
];

/** What is to be posted. */
export interface HookRule {
  readonly hook: HookName;
  /** Only what is about a topic that this matches; undefined: all. */
  readonly filter: string | undefined;
}

/** Reads "message.publish" or "message.publish sensors/#"; undefined: it is neither. */
export function parseHookRule(text: string): HookRule | undefined {
  const [, name = "", filter] = /^(\S+)(?: +(.+))?$/.exec(text) ?? [];
  if (!isHookName(name)) return undefined;
  if (filter === undefined) return { hook: name, filter };
  const parsed = parseTopicFilter(filter);
  const isFine = parsed.valid && parsed.shareName === undefined && !WITHOUT_TOPIC.includes(name);
  return isFine ? { hook: name, filter } : undefined;
}

/** What is configured; none: all hooks. */
export function parseHookRules(texts: readonly string[]): readonly HookRule[] {
  if (texts.length === 0) return HOOK_NAMES.map((hook) => ({ hook, filter: undefined }));
  return texts.map(parseHookRule).filter((rule) => rule !== undefined);
}

const NONE: readonly (string | undefined)[] = [];

/** The filters of all rules of each hook; undefined: one that matches everything. */
export type HookFilters = ReadonlyMap<HookName, readonly (string | undefined)[]>;

export function filtersByHook(rules: readonly HookRule[]): HookFilters {
  const filters = new Map<HookName, (string | undefined)[]>();
  for (const { hook, filter } of rules) filters.set(hook, [...filters.get(hook) ?? [], filter]);
  return filters;
}

/** The bits of the events that rules are about. */
export function maskOf(rules: readonly HookRule[]): number {
  return rules.reduce((mask, { hook }) => mask | HOOK_BITS[hook], 0);
}

/** How many rules are about that hook and topic: something is posted for each of them. */
export function countMatching(filters: HookFilters, hook: HookName, topic: string): number {
  let count = 0;
  for (const filter of filters.get(hook) ?? NONE) {
    if (filter === undefined || filterMatches(filter, topic)) count++;
  }
  return count;
}

function isHookName(name: string): name is HookName {
  return Object.hasOwn(HOOK_BITS, name);
}
