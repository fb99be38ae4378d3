import { boolean } from "../kind.ts";
import { text } from "../kind_text.ts";
import { key, section } from "../schema.ts";

export interface NodeOptions {
  /** What the HTTP APIs and the log call this node. */
  readonly name: string;
  readonly dataDir: string;
  /** Whether the time before the first client is used to have code compiled. */
  readonly hasWarmUp: boolean;
}

/** `[node]` */
export const NODE = section<NodeOptions>("after restart", {
  name: key("name", text({ maxLength: 256 }), "broker@127.0.0.1"),
  dataDir: key("data_dir", text({ maxLength: 4096 }), "data"),
  hasWarmUp: key("warm_up", boolean(), true),
});
