import { text } from "../kind_text.ts";
import { key, section } from "../schema.ts";

export interface NodeOptions {
  /** What the HTTP APIs and the log call this node. */
  readonly name: string;
  readonly dataDir: string;
}

/** `[node]` */
export const NODE = section<NodeOptions>("after restart", {
  name: key("name", text({ maxLength: 256 }), "broker@127.0.0.1"),
  dataDir: key("data_dir", text({ maxLength: 4096 }), "data"),
});
