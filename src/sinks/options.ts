import type { HostRuleOptions } from "./host_rules.ts";

/** Section `[sinks]`: what all that leaves the broker has to keep to. */
export interface SinksOptions extends HostRuleOptions {
  /** Where files are that somebody names through an API; undefined: in the data directory, where there is one. */
  readonly folder: string | undefined;
}
