export {
  type RetainedEntry,
  RetainedTrie,
  type RetainedVisitor,
  RetainedWalk,
} from "./retained_trie.ts";
