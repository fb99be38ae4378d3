/** Stores: what must outlive the broker, on disk or, without persistence, in memory. */
export { MemoryStore } from "./memory/memory_store.ts";
export {
  RECORD_BYTES_MAX,
  RECORD_KEY_BYTES_MAX,
  RECORD_VALUE_BYTES_MAX,
  RECORDS_OF_KIND_MAX,
} from "./records/record_table.ts";
export type { Durability, StoreOptions, StoreTimers } from "./options.ts";
export { type AddedRecord, copyDatabase } from "./sqlite/backup.ts";
export { DATABASE_NAME, DataFolderError } from "./sqlite/data_folder.ts";
export { openForWriting } from "./sqlite/database.ts";
export { type OpenedRecords, openRecords } from "./sqlite/record_file.ts";
export { type OpenedStore, openSqliteStore, type OpenStoreOptions } from "./sqlite/open_store.ts";
export type { DamageReport } from "./sqlite/salvage.ts";
export type { StoredCounts } from "./sqlite/table_copy.ts";
export { isStorageThread, runStorageThread } from "./sqlite/thread_link.ts";
export { WriterHost } from "./sqlite/writer_host.ts";
export type { WriterLink, WriterReply, WriterRequest } from "./sqlite/writer_protocol.ts";
export { NO_EVENTS } from "./store_parts.ts";
