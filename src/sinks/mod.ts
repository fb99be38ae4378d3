/** Where things go that leave the broker: web services, files, tables, with what waits for them. */
export { AfterWork, type Job } from "./after_work.ts";
export { FileSink, type FileSinkOptions, type LineItem } from "./file_sink.ts";
export { pathBelow } from "./files_folder.ts";
export { type HostRuleOptions, HostRules, isHostPattern } from "./host_rules.ts";
export { type HttpItem, HttpSink, type HttpSinkOptions } from "./http_sink.ts";
export { type ItemQueue, PackedQueue } from "./packed_queue.ts";
export { SinkBudget } from "./sink_budget.ts";
export type { SinksOptions } from "./options.ts";
export { type Packing, type Sink, SinkError, type SinkItem, toSinkError } from "./sink.ts";
export {
  createSinkCounters,
  SinkBuffer,
  type SinkBufferOptions,
  type SinkCounters,
  type SinkRuntime,
} from "./sink_buffer.ts";
export { type RowItem, SqliteSink, type SqliteSinkOptions } from "./sqlite/sqlite_sink.ts";
export { isSinkThread, runSinkThread, SqliteThread } from "./sqlite/sqlite_thread.ts";
export { type TableOptions, tableProblem, TableRows } from "./sqlite/table_rows.ts";
