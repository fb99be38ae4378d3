import { parseTopicFilter } from "../mqtt/mod.ts";
import type {
  Action,
  Authorizer,
  Decision,
  DenyAction,
  Explanation,
  Identity,
  IdentityRule,
} from "../ports/mod.ts";
import type { Target } from "./acl_pattern.ts";
import { type AclRule, compileRule, ruleProblems, type Subject, subjectOf } from "./acl_rule.ts";
import { AclRuleSet } from "./acl_rule_set.ts";

/** Everything that can change at a reload. */
export interface AclPolicy {
  /** In the order in which they are judged, those of a file behind those of the configuration. */
  readonly rules: readonly AclRule[];
  /** What becomes of what no rule is about. */
  readonly noMatch: Decision;
  readonly denyAction: DenyAction;
}

/** Decisions kept for one client and action, and for all together with one client counting as some. */
const CLIENT_DECISIONS_MAX = 4096;
const ALL_DECISIONS_MAX = 200_000;
const CLIENT_WEIGHT = 4;

const NO_MATCH_SOURCE = "acl.no_match";

/** What is known about one identity. */
interface Known {
  readonly subject: Subject;
  readonly own: AclRuleSet | undefined;
  /** Own rule that is about everything which no rule before it is about; what is behind it is never asked. */
  readonly last: AclRule | undefined;
  readonly mayBeDenied: Readonly<Record<Action, boolean>>;
  /** By topic. */
  readonly decisions: Readonly<Record<Action, Map<string, boolean>>>;
}

interface Verdict {
  readonly decision: Decision;
  /** Undefined: no rule, but `noMatch`. */
  readonly rule: AclRule | undefined;
}

/**
 * Judges by ordered rules, of which the first that matches decides: those that came with the identity, then those of
 * the policy, then `noMatch`. What a rule means for a filter that somebody subscribes with:
 *
 * - A rule matches a filter when it matches every topic that the filter matches; a line of a mosquitto file that allows
 *   something already when they have a topic in common.
 * - So a filter may be granted of which not every topic may be read. That is decided by `mayReceive`, message by message.
 */
export class AclAuthorizer implements Authorizer {
  onChange: (() => void) | undefined;
  #policy: AclPolicy;
  #rules: AclRuleSet;
  #revision = 1;
  #known = new Map<Identity, Known>();
  /** Decisions in `#known`, and what its entries weigh themselves. */
  #weight = 0;
  #dependsOnAddress: boolean;

  constructor(policy: AclPolicy) {
    this.#policy = policy;
    this.#rules = new AclRuleSet(policy.rules);
    this.#dependsOnAddress = hasAddress(policy);
  }

  /** From now on other rules count, for everybody and everything. */
  replace(policy: AclPolicy): void {
    this.#policy = policy;
    this.#rules = new AclRuleSet(policy.rules);
    this.#dependsOnAddress = hasAddress(policy);
    this.#revision++;
    this.#forgetAll();
    this.onChange?.();
  }

  get isActive(): boolean {
    return this.#policy.rules.length > 0 || this.#policy.noMatch === "deny";
  }

  get revision(): number {
    return this.#revision;
  }

  get denyAction(): DenyAction {
    return this.#policy.denyAction;
  }

  /** What is remembered, which is bounded: clients count as some decisions. */
  get keptDecisions(): number {
    return this.#weight;
  }

  authorize(identity: Identity, action: Action, topic: string): Decision {
    if (identity.isSuperuser === true) return "allow";
    if (action === "subscribe") {
      return this.#judge(this.#knowledgeOf(identity), "subscribe", filterTarget(topic)).decision;
    }
    return this.#mayUse(identity, "publish", topic, "") ? "allow" : "deny";
  }

  mayReceive(identity: Identity, topic: string, shareName: string): boolean {
    return identity.isSuperuser === true || this.#mayUse(identity, "subscribe", topic, shareName);
  }

  isSame(a: Identity, b: Identity): boolean {
    return a === b ||
      (a.clientId === b.clientId && a.username === b.username &&
        a.isSuperuser === b.isSuperuser && isSameRules(a.aclRules, b.aclRules) &&
        (!this.#dependsOnAddress || a.remoteAddress === b.remoteAddress));
  }

  explain(identity: Identity, action: Action | "receive", topic: string): Explanation {
    if (identity.isSuperuser === true) {
      return { decision: "allow", source: "superuser", rule: "no rule is asked" };
    }
    const target = action === "publish"
      ? { topic, shareName: "", isFilter: false }
      : { ...filterTarget(topic), isFilter: action === "subscribe" };
    const used = action === "publish" ? "publish" : "subscribe";
    const { decision, rule } = this.#judge(this.#knowledgeOf(identity), used, target);
    return rule === undefined
      ? {
        decision,
        source: NO_MATCH_SOURCE,
        rule: `no rule matches, and no_match is "${decision}"`,
      }
      : { decision, source: rule.source, rule: rule.text };
  }

  /** Rules that may keep messages back from a subscription which was granted. */
  withholding(identity: Identity, filter: string): readonly Explanation[] {
    if (identity.isSuperuser === true) return [];
    const { subject, own } = this.#knowledgeOf(identity);
    const target = filterTarget(filter);
    const rules = [...own?.withholding(subject, target) ?? []];
    rules.push(...this.#rules.withholding(subject, target));
    return rules.map(({ source, text }) => ({ decision: "deny", source, rule: text }));
  }

  /** About a topic name: asked for again and again, so answers are kept. */
  #mayUse(identity: Identity, action: Action, topic: string, shareName: string): boolean {
    const known = this.#knowledgeOf(identity);
    if (!known.mayBeDenied[action]) return true;
    const target = { topic, shareName, isFilter: false };
    if (shareName !== "") return this.#judge(known, action, target).decision === "allow";
    const decisions = known.decisions[action];
    const kept = decisions.get(topic);
    if (kept !== undefined) return kept;
    const isAllowed = this.#judge(known, action, target).decision === "allow";
    if (decisions.size >= CLIENT_DECISIONS_MAX) {
      this.#weight -= decisions.size;
      decisions.clear();
    }
    decisions.set(topic, isAllowed);
    this.#weight++;
    return isAllowed;
  }

  #judge({ subject, own, last }: Known, action: Action, target: Target): Verdict {
    const rule = own?.find(subject, action, target) ?? last ??
      this.#rules.find(subject, action, target);
    return { decision: rule?.permit ?? this.#policy.noMatch, rule };
  }

  #knowledgeOf(identity: Identity): Known {
    const known = this.#known.get(identity);
    if (known !== undefined) return known;
    if (this.#weight >= ALL_DECISIONS_MAX) this.#forgetAll();
    const subject = subjectOf(identity);
    const rules = identity.aclRules ?? [];
    const own = rules.length === 0 ? undefined : new AclRuleSet(rules.map(compileOwn));
    const lastIndex = rules.findIndex(({ topics }) => topics.length === 0);
    const last = lastIndex < 0 ? undefined : own?.rules[lastIndex];
    const mayBeDenied = (action: Action): boolean =>
      last !== undefined || this.#policy.noMatch === "deny" ||
      this.#rules.mayDeny(subject, action) || own?.mayDeny(subject, action) === true;
    const fresh: Known = {
      subject,
      own,
      last,
      mayBeDenied: { publish: mayBeDenied("publish"), subscribe: mayBeDenied("subscribe") },
      decisions: { publish: new Map(), subscribe: new Map() },
    };
    this.#known.set(identity, fresh);
    this.#weight += CLIENT_WEIGHT;
    return fresh;
  }

  #forgetAll(): void {
    this.#known = new Map();
    this.#weight = 0;
  }
}

/** A rule that cannot be read denies what it is about to whoever brought it: everything, as far as anybody can tell. */
function compileOwn(rule: IdentityRule, index: number): AclRule {
  const source = `rule ${index} of the identity`;
  if (ruleProblems(rule).length === 0) return compileRule(rule, source);
  return compileRule(
    { permit: "deny", action: "all", topics: ["#", "$SYS/#", "$share/#"] },
    source,
  );
}

function filterTarget(filter: string): Target {
  const parsed = parseTopicFilter(filter);
  if (!parsed.valid) return { topic: filter, shareName: "", isFilter: true };
  return { topic: parsed.filter, shareName: parsed.shareName ?? "", isFilter: true };
}

function hasAddress(policy: AclPolicy): boolean {
  return policy.rules.some(({ network }) => network !== undefined);
}

function isSameRules(
  a: readonly IdentityRule[] | undefined,
  b: readonly IdentityRule[] | undefined,
): boolean {
  return a === b || JSON.stringify(a ?? []) === JSON.stringify(b ?? []);
}
