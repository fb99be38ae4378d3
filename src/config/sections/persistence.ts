import type { StoreOptions } from "../../storage/mod.ts";
import { boolean, durationMs } from "../kind.ts";
import { choice } from "../kind_text.ts";
import { key, section } from "../schema.ts";

export interface PersistenceOptions extends StoreOptions {
  /** Whether there is anything on disk; otherwise all is kept in memory. */
  readonly enabled: boolean;
  /** Whether storing takes a part of the time only while there are messages that nobody stores. */
  readonly giveWay: boolean;
}

/** Every acknowledgement waits that long on a quiet broker: more is no use to anybody. */
const LONGEST_GROUP_COMMIT_MS = 1000;

/** `[persistence]` */
export const PERSISTENCE = section<PersistenceOptions>("after restart", {
  enabled: key("enabled", boolean(), true),
  durability: key("durability", choice(["fsync", "os", "off"]), "fsync"),
  groupCommitMs: key(
    "group_commit",
    durationMs({ min: 0, max: LONGEST_GROUP_COMMIT_MS }),
    "2ms",
  ),
  giveWay: key("give_way", boolean(), true),
});
