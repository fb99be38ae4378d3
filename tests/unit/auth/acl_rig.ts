/** Rules in a short notation, and who they are about. */
import {
  AclAuthorizer,
  type AclPolicy,
  type AclRule,
  compileRule,
  parseAclFile,
} from "../../../src/auth/mod.ts";
import type { Action, Identity } from "../../../src/ports/mod.ts";

/** "allow publish a/# b user=u client=c address=10.0.0.0/8" */
export function rule(text: string, index = 0): AclRule {
  const [permit, action, ...rest] = text.split(" ");
  const value = (name: string): string | undefined =>
    rest.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1);
  return compileRule({
    permit: permit as "allow" | "deny",
    action: action as Action | "all",
    topics: rest.filter((word) => !/^(?:user|client|address)=/.test(word)),
    username: value("user"),
    clientId: value("client"),
    address: value("address"),
  }, `acl.rule.${index}`);
}

/** Rules behind each other with ";", then what happens without a match; a mosquitto file if it has a line feed. */
export function authorizer(rules: string, noMatch: "allow" | "deny" = "deny"): AclAuthorizer {
  return new AclAuthorizer(policy(rules, noMatch));
}

export function policy(rules: string, noMatch: "allow" | "deny" = "deny"): AclPolicy {
  return { rules: rulesOf(rules), noMatch, denyAction: "ignore" };
}

function rulesOf(text: string): readonly AclRule[] {
  if (text.includes("\n")) {
    const { rules, problems } = parseAclFile("acl", text);
    if (rules === undefined) throw new Error(problems.join("\n"));
    return rules;
  }
  return text.split(";").map((each) => each.trim()).filter((each) => each !== "").map(rule);
}

/** "u@c": user name and client identifier; "@c": anonymous; "''@c": with an empty user name. */
export function who(text: string, remoteAddress = "192.0.2.1"): Identity {
  const at = text.lastIndexOf("@");
  const name = text.slice(0, at);
  const username = name === "" ? undefined : name === "''" ? "" : name;
  return { clientId: text.slice(at + 1), username, remoteAddress, method: "internal" };
}

/** "publish a", "subscribe a/#", "receive a" or "receive g:a", which is through the shared group g. */
export function decide(authorizer: AclAuthorizer, identity: Identity, asked: string): string {
  const space = asked.indexOf(" ");
  const [action, topic] = [asked.slice(0, space), asked.slice(space + 1)];
  if (action !== "receive") return authorizer.authorize(identity, action as Action, topic);
  const [, shareName = "", inner = ""] = /^(?:([^/:]+):)?(.*)$/.exec(topic) ?? [];
  return authorizer.mayReceive(identity, inner, shareName) ? "allow" : "deny";
}
