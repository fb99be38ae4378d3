export { type RetainedEntry, RetainedTrie, type RetainedVisitor } from "./retained_trie.ts";
