import { LOG_FORMATS, LOG_LEVELS, type LogOptions } from "../../base/mod.ts";
import { choice } from "../kind_text.ts";
import { key, section } from "../schema.ts";

/** `[log]` */
export const LOG = section<LogOptions>("at reload", {
  level: key("level", choice(LOG_LEVELS), "info"),
  format: key("format", choice(LOG_FORMATS), "text"),
});
