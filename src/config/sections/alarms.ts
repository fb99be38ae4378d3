import type { AlarmsOptions } from "../../management/mod.ts";
import { durationMs, integer } from "../kind.ts";
import { key, section } from "../schema.ts";

const INTERVAL = durationMs({ min: 1000, max: 86_400_000 });
const PERCENT = integer({ min: 1, max: 100 });
const LAG = durationMs({ min: 1, max: 60_000 });

/** `[alarms]` */
export const ALARMS = section<AlarmsOptions>("at reload", {
  cpuCheckIntervalMs: key("cpu_check_interval", INTERVAL, "60s"),
  cpuHigh: key("cpu_high", PERCENT, 80),
  cpuLow: key("cpu_low", PERCENT, 60),
  memoryCheckIntervalMs: key("memory_check_interval", INTERVAL, "60s"),
  memoryHigh: key("memory_high", PERCENT, 70),
  clientMemoryHigh: key("client_memory_high", PERCENT, 5),
  sessionsCheckIntervalMs: key("sessions_check_interval", INTERVAL, "30s"),
  sessionsHigh: key("sessions_high", PERCENT, 80),
  sessionsLow: key("sessions_low", PERCENT, 60),
  lagHighMs: key("lag_high", LAG, "500ms"),
  lagLowMs: key("lag_low", LAG, "200ms"),
});
