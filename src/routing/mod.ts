export type { Recipient, SubscriptionEntry } from "./recipient.ts";
export type { Route } from "./route.ts";
export { type FilterFigures, Router, type RouterCounters, type RouterOptions } from "./router.ts";
export { SharedGroup, type SharedGroupOptions, type SharedStrategy } from "./shared_group.ts";
export type { Subscriber, Subscription } from "./subscription.ts";
export { TopicTrie } from "./topic_trie.ts";
