import type { Ban, BanKind, JsonValue } from "../ports/mod.ts";
import { canonicalName } from "./ban_index.ts";

const KINDS: readonly BanKind[] = ["clientid", "username", "peerhost"];

/** A ban as it is stored. */
export function recordOfBan({ as, who, reason, by, createdAtMs, untilMs }: Ban): JsonValue {
  return { as, who, reason, by, createdAtMs, untilMs: untilMs ?? null };
}

/** What `recordOfBan` made; undefined for anything else. */
export function banOfRecord(value: JsonValue): Ban | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { as: kind, who, reason, by, createdAtMs, untilMs } = value as Record<string, JsonValue>;
  const as = KINDS.find((each) => each === kind);
  if (as === undefined || typeof who !== "string" || canonicalName(as, who) !== who) {
    return undefined;
  }
  if (typeof reason !== "string" || typeof by !== "string") return undefined;
  if (typeof createdAtMs !== "number") return undefined;
  if (untilMs !== null && typeof untilMs !== "number") return undefined;
  return { as, who, reason, by, createdAtMs, untilMs: untilMs ?? undefined };
}
