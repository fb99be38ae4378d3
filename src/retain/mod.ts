export { RetainedTrie, type RetainedVisitor } from "./retained_trie.ts";
