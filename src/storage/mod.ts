export type { Durability, StoreOptions, StoreTimers } from "./options.ts";
export { openSqliteStore } from "./sqlite/open_store.ts";
export { isStorageThread, runStorageThread, ThreadLink } from "./sqlite/thread_link.ts";
export { MemoryStore } from "./memory/memory_store.ts";
