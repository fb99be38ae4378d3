import {
  type ConfigArguments,
  FILE_OPTIONS,
  readConfigArguments,
  SOURCES_TEXT,
} from "./config_options.ts";
import type { CommandTable, ParsedOptions } from "./options.ts";

export const EXPLAINED_ACTIONS = ["publish", "subscribe", "receive"] as const;
export type ExplainedAction = (typeof EXPLAINED_ACTIONS)[number];

export interface ExplainArguments extends ConfigArguments {
  readonly action: ExplainedAction;
  readonly topic: string;
  /** Undefined: a client without a user name. */
  readonly username: string | undefined;
  readonly clientId: string;
  readonly address: string;
}

export const ACL_TABLE: CommandTable = {
  name: "acl",
  summary: "Says whether a client may do something, and which rule decides",
  usage: ["acl explain [options] publish|subscribe|receive TOPIC"],
  operandsMax: 3,
  operands: [["explain"], EXPLAINED_ACTIONS, undefined],
  groups: [{
    options: [
      {
        name: "user",
        value: "NAME",
        help: "user name of the client; without it the client has none",
      },
      { name: "client", value: "ID", help: "client identifier" },
      {
        name: "address",
        value: "ADDRESS",
        help: "where the client comes from; 127.0.0.1 without it",
      },
      ...FILE_OPTIONS,
    ],
  }],
  closing:
    `TOPIC is a topic name, behind "subscribe" a topic filter, "$share/NAME/" in front of a shared one;
with the mountpoint of the listener. "receive" is about delivery: a subscription may be granted
although some of what it matches is not. Rules are those of [acl] and its file: no broker is asked,
and nothing is known of superusers and of rules that tokens or callbacks bring along.

${SOURCES_TEXT}

Exit status: 0 allowed, 1 denied, 2 wrong configuration or command line.

Example:
  broker acl explain --config broker.toml --user alice --client phone subscribe 'home/#'`,
};

export function readExplain(parsed: ParsedOptions): ExplainArguments | readonly string[] {
  const [verb, action, topic = ""] = parsed.operands;
  const known = EXPLAINED_ACTIONS.find((each) => each === action);
  if (verb !== "explain" || known === undefined || topic === "") {
    return [`acl needs "explain", an action (${EXPLAINED_ACTIONS.join(", ")}) and a TOPIC`];
  }
  return {
    ...readConfigArguments(parsed),
    action: known,
    topic,
    username: parsed.text("user"),
    clientId: parsed.text("client") ?? "",
    address: parsed.text("address") ?? "127.0.0.1",
  };
}
