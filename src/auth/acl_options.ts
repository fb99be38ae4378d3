import type { AclPolicy } from "./acl_authorizer.ts";
import { type AclRule, compileRule } from "./acl_rule.ts";
import type { Decision, DenyAction } from "../ports/mod.ts";

/** One `[[acl.rule]]`. It concerns whoever fits all of the conditions that are there. */
export interface AclRuleOptions {
  readonly permit: Decision;
  readonly action: "publish" | "subscribe" | "all";
  /** Topic filters, at least one; `%c` and `%u` (`${clientid}`, `${username}`) stand for the client's names. */
  readonly topics: readonly string[];
  /** Exactly this user name. */
  readonly username: string | undefined;
  /** Exactly this client identifier. */
  readonly clientId: string | undefined;
  /** An address or a CIDR block. */
  readonly address: string | undefined;
}

/** Section `[acl]`. */
export interface AclOptions {
  /**
   * What becomes of what no rule is about. Undefined, that is not written out: "deny" where there is a `file`, which
   * says what is allowed, as mosquitto reads it; else "allow".
   */
  readonly noMatch: Decision | undefined;
  readonly denyAction: DenyAction;
  /** In mosquitto's `acl_file` syntax; "": none. */
  readonly file: string;
  /** In the order in which they are judged. */
  readonly rules: readonly AclRuleOptions[];
}

/** What `AclAuthorizer` judges by; `fileRules` are those of `options.file`. The rules have no problems. */
export function aclPolicy(options: AclOptions, fileRules: readonly AclRule[]): AclPolicy {
  const rules = options.rules.map((rule, index) => compileRule(rule, `acl.rule.${index}`));
  return {
    rules: [...rules, ...fileRules],
    noMatch: effectiveNoMatch(options),
    denyAction: options.denyAction,
  };
}

/** What `no_match` is where it is not written out. */
export function effectiveNoMatch({ noMatch, file }: AclOptions): Decision {
  return noMatch ?? (file === "" ? "allow" : "deny");
}
