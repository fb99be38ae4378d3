import type { Written } from "../root.ts";
import type { Complain } from "./complain.ts";

/** An alarm must not be over as soon as it is raised. */
export function checkAlarms(complain: Complain, { alarms }: Written): void {
  const pairs = [
    ["cpu", alarms.cpuLow, alarms.cpuHigh],
    ["sessions", alarms.sessionsLow, alarms.sessionsHigh],
    ["lag", alarms.lagLowMs, alarms.lagHighMs],
  ] as const;
  for (const [name, low, high] of pairs) {
    if (low <= high) continue;
    const found = `${low}, which is above alarms.${name}_high`;
    complain(["alarms", `${name}_low`], found, `no more than alarms.${name}_high, ${high}`);
  }
}
