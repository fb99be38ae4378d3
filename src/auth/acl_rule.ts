import { type IpNetwork, ipNetworkContains, parseIpNetwork } from "../base/mod.ts";
import type { Action, Decision, Identity } from "../ports/mod.ts";
import { AclPattern } from "./acl_pattern.ts";

/** Whom a rule is about, beside its further conditions. */
export type Concerned =
  | { readonly kind: "all" }
  /** Those who named no user. */
  | { readonly kind: "anonymous" }
  | { readonly kind: "user"; readonly username: string };

/** A rule as it is written, wherever that is. */
export interface AclRuleText {
  readonly permit: Decision;
  readonly action: Action | "all";
  readonly topics: readonly string[];
  readonly username?: string | undefined;
  readonly clientId?: string | undefined;
  readonly address?: string | undefined;
}

/** A rule ready to be applied. */
export interface AclRule {
  readonly permit: Decision;
  readonly action: Action | "all";
  readonly patterns: readonly AclPattern[];
  readonly concerned: Concerned;
  readonly clientId: string | undefined;
  readonly network: IpNetwork | undefined;
  /**
   * A filter is allowed when some topic of it is, as mosquitto has it; else only when all are. Either way each message
   * is judged by itself.
   */
  readonly isLenient: boolean;
  /** "acl.rule.0", "/etc/acl:12". */
  readonly source: string;
  readonly text: string;
}

/** Whom rules are asked about. */
export interface Subject {
  readonly identity: Identity;
  /** Undefined: it came from no IP address. */
  readonly address: IpNetwork | undefined;
}

export function subjectOf(identity: Identity): Subject {
  return { identity, address: parseIpNetwork(identity.remoteAddress) };
}

/** What is wrong with a rule, by field; empty: nothing. */
export function ruleProblems(
  rule: AclRuleText,
): readonly { readonly field: string; readonly found: string; readonly allowed: string }[] {
  const problems = [];
  if (rule.topics.length === 0) {
    problems.push({ field: "topics", found: "an empty array", allowed: TOPICS_ALLOWED });
  }
  for (const topic of rule.topics) {
    const pattern = AclPattern.parse(topic);
    if (pattern instanceof AclPattern) continue;
    const found = `${JSON.stringify(topic)}, which ${pattern.problem}`;
    problems.push({ field: "topics", found, allowed: TOPICS_ALLOWED });
  }
  for (
    const [field, value] of [["username", rule.username], ["client_id", rule.clientId]] as const
  ) {
    if (value === "") problems.push({ field, found: '""', allowed: "text that is not empty" });
  }
  if (rule.address !== undefined && parseIpNetwork(rule.address) === undefined) {
    const allowed = 'an address or a CIDR block, such as "10.0.0.0/8" or "2001:db8::1"';
    problems.push({ field: "address", found: JSON.stringify(rule.address), allowed });
  }
  return problems;
}

const TOPICS_ALLOWED =
  'topic filters, at least one, in which %c stands for the client identifier and %u for the user name: ["site/%c/#"]';

/** Compiles a rule without problems; `source` says where it stands. */
export function compileRule(rule: AclRuleText, source: string): AclRule {
  const { permit, action, username, clientId, address } = rule;
  return {
    permit,
    action,
    patterns: rule.topics.map(compilePattern),
    concerned: username === undefined ? { kind: "all" } : { kind: "user", username },
    clientId,
    network: address === undefined ? undefined : compileNetwork(address),
    isLenient: false,
    source,
    text: textOf(rule),
  };
}

/** Throws where `ruleProblems` would have said something. */
export function compilePattern(topic: string): AclPattern {
  const pattern = AclPattern.parse(topic);
  if (pattern instanceof AclPattern) return pattern;
  throw new Error(
    `Cannot use access rule: topic filter ${JSON.stringify(topic)} ${pattern.problem}`,
  );
}

function compileNetwork(address: string): IpNetwork {
  const network = parseIpNetwork(address);
  if (network === undefined) throw new Error(`Cannot use access rule: address "${address}"`);
  return network;
}

/** Whether the rule is about this client and this action, whatever the topic. */
export function concerns(rule: AclRule, subject: Subject, action: Action): boolean {
  const { identity, address } = subject;
  if (rule.action !== "all" && rule.action !== action) return false;
  const { concerned, clientId, network } = rule;
  if (concerned.kind === "user" && concerned.username !== identity.username) return false;
  if (concerned.kind === "anonymous" && identity.username !== undefined) return false;
  if (clientId !== undefined && clientId !== identity.clientId) return false;
  if (network === undefined) return true;
  return address !== undefined && ipNetworkContains(network, address);
}

function textOf({ permit, action, topics, username, clientId, address }: AclRuleText): string {
  const parts = [`permit=${permit}`, `action=${action}`, `topics=${JSON.stringify(topics)}`];
  if (username !== undefined) parts.push(`username=${JSON.stringify(username)}`);
  if (clientId !== undefined) parts.push(`client_id=${JSON.stringify(clientId)}`);
  if (address !== undefined) parts.push(`address=${JSON.stringify(address)}`);
  return parts.join(" ");
}
