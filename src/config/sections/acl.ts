import type { AclOptions, AclRuleOptions } from "../../auth/mod.ts";
import { choice, filePath, list, network, orEmpty, text } from "../kind_text.ts";
import { key, optional, required, section, tables } from "../schema.ts";

const TEXT = text({ maxLength: 65_535 });

const RULE = section<AclRuleOptions>("at reload", {
  permit: required("permit", choice(["allow", "deny"])),
  action: key("action", choice(["publish", "subscribe", "all"]), "all"),
  topics: required("topics", list(TEXT, { minLength: 1 })),
  username: optional("username", TEXT),
  clientId: optional("client_id", TEXT),
  address: optional("address", network()),
});

/** `[acl]` */
export const ACL = section<AclOptions>("at reload", {
  noMatch: optional("no_match", choice(["allow", "deny"])),
  denyAction: key("deny_action", choice(["ignore", "disconnect"]), "ignore"),
  file: key("file", orEmpty(filePath()), ""),
  rules: tables("rule", RULE),
});
