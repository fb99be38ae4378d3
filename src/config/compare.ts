import type { Configuration } from "./assemble.ts";

/** What differs between two configurations, by when it can count. */
export interface ConfigChanges {
  readonly atReload: readonly string[];
  readonly afterRestart: readonly string[];
}

/** Compares by section; `listener` also stands for the keys of `[auth]` that it is worked out from. */
export function compareConfigurations(old: Configuration, next: Configuration): ConfigChanges {
  const parts = [
    ["node", "after restart", old.node, next.node],
    ["log", "at reload", old.log, next.log],
    ["listener", "after restart", old.listeners, next.listeners],
    ["mqtt", "at reload", old.mqtt, next.mqtt],
    ["persistence", "after restart", old.persistence, next.persistence],
    ["auth", "after restart", old.auth, next.auth],
    ["acl", "after restart", old.acl, next.acl],
    ["limits", "at reload", old.limits, next.limits],
    ["http", "after restart", old.http, next.http],
  ] as const;
  const atReload: string[] = [];
  const afterRestart: string[] = [];
  for (const [name, applies, before, after] of parts) {
    // Both are made by the same code from the same schema, so their fields have the same order.
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    (applies === "at reload" ? atReload : afterRestart).push(name);
  }
  return { atReload, afterRestart };
}
