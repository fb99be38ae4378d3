import { FIRST } from "./0001_first.ts";
import { RECORDS } from "./0002_records.ts";
import { EXCHANGE } from "./0003_exchange.ts";
import { DELAYED } from "./0004_delayed.ts";

/**
 * What makes a database of version n into one of version n + 1, by n. `user_version` holds the version. Once
 * released, a migration is never edited; what is missing becomes another one.
 */
export const MIGRATIONS: readonly string[] = [FIRST, RECORDS, EXCHANGE, DELAYED];
