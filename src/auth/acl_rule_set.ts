import type { Action } from "../ports/mod.ts";
import { TopicTrie } from "../routing/mod.ts";
import type { AclPattern, Target } from "./acl_pattern.ts";
import { type AclRule, concerns, type Subject } from "./acl_rule.ts";

/** A pattern of a rule, with the place of the rule in the order. */
interface Place {
  readonly order: number;
  readonly rule: AclRule;
  readonly pattern: AclPattern;
}

/**
 * Lenient lines that are compared with a filter. Behind them the next one counts as if it matched: each takes its time,
 * a client may ask about thousands of filters at once, and what is delivered is judged anyway.
 */
const LENIENT_MAX = 256;

/** What concerns one action of some clients, found by topic: however many rules there are, few are looked at. */
class PlaceIndex {
  /** By the shapes of their patterns, each list in order. */
  readonly #byShape = new TopicTrie<Place[]>();
  /** Those whose shape is not enough to find them. */
  readonly #others: Place[] = [];
  /** Those that also allow a filter which they do not cover. */
  readonly #lenient: Place[] = [];
  readonly #found: Place[][] = [];
  hasDenials = false;

  add(place: Place): void {
    const { shape } = place.pattern;
    if (place.rule.permit === "deny") this.hasDenials = true;
    else if (place.rule.isLenient) this.#lenient.push(place);
    if (shape === undefined) {
      this.#others.push(place);
      return;
    }
    const list = this.#byShape.get(shape);
    if (list === undefined) this.#byShape.set(shape, [place]);
    else list.push(place);
  }

  /** The first that decides, if it stands before `best`; else `best`. */
  first(
    subject: Subject,
    action: Action,
    target: Target,
    best: Place | undefined,
  ): Place | undefined {
    const found = this.#found;
    // A filter stands for a topic here: "+" in it meets only "+" and "#". What is found is looked at once more.
    this.#byShape.match(target.topic, found);
    let first = best;
    for (const places of found) first = firstOf(places, subject, action, target, first);
    found.length = 0;
    first = firstOf(this.#others, subject, action, target, first);
    if (!target.isFilter) return first;
    for (const [index, place] of this.#lenient.entries()) {
      if (first !== undefined && place.order >= first.order) break;
      if (!concerns(place.rule, subject, action)) continue;
      if (index >= LENIENT_MAX || place.pattern.overlaps(subject.identity, target)) return place;
    }
    return first;
  }
}

function firstOf(
  places: readonly Place[],
  subject: Subject,
  action: Action,
  target: Target,
  best: Place | undefined,
): Place | undefined {
  for (const place of places) {
    if (best !== undefined && place.order >= best.order) return best;
    const isMeant = concerns(place.rule, subject, action) &&
      place.pattern.matches(subject.identity, target);
    if (isMeant) return place;
  }
  return best;
}

/** The rules that can concern a group of clients. */
class RuleGroup {
  readonly #indexes: Readonly<Record<Action, PlaceIndex>> = {
    publish: new PlaceIndex(),
    subscribe: new PlaceIndex(),
  };

  index(action: Action): PlaceIndex {
    return this.#indexes[action];
  }
}

/** An ordered list of rules, of which the first that matches decides. Never changed. */
export class AclRuleSet {
  readonly rules: readonly AclRule[];
  readonly #forAll = new RuleGroup();
  readonly #anonymous = new RuleGroup();
  readonly #byUser = new Map<string, RuleGroup>();
  readonly #byClient = new Map<string, RuleGroup>();

  constructor(rules: readonly AclRule[]) {
    this.rules = rules;
    for (const [order, rule] of rules.entries()) {
      const group = this.#groupFor(rule);
      for (const pattern of rule.patterns) {
        for (const action of ["publish", "subscribe"] as const) {
          if (rule.action === "all" || rule.action === action) {
            group.index(action).add({ order, rule, pattern });
          }
        }
      }
    }
  }

  /** The rule that decides, if one does. */
  find(subject: Subject, action: Action, target: Target): AclRule | undefined {
    let first: Place | undefined;
    for (const group of this.#groupsOf(subject)) {
      first = group.index(action).first(subject, action, target, first);
    }
    return first?.rule;
  }

  /** Whether there is a rule that may deny this client something. */
  mayDeny(subject: Subject, action: Action): boolean {
    return this.#groupsOf(subject).some((group) => group.index(action).hasDenials);
  }

  /** Deny rules that concern the client and match some, not all, of what a filter matches. In order. */
  withholding(subject: Subject, target: Target): readonly AclRule[] {
    return this.rules.filter((rule) =>
      rule.permit === "deny" && concerns(rule, subject, "subscribe") &&
      rule.patterns.some((pattern) => pattern.overlaps(subject.identity, target))
    );
  }

  #groupFor({ concerned, clientId }: AclRule): RuleGroup {
    if (concerned.kind === "anonymous") return this.#anonymous;
    if (concerned.kind === "user") return groupIn(this.#byUser, concerned.username);
    return clientId === undefined ? this.#forAll : groupIn(this.#byClient, clientId);
  }

  #groupsOf({ identity }: Subject): readonly RuleGroup[] {
    const { username, clientId } = identity;
    const groups = [this.#forAll];
    const own = username === undefined ? this.#anonymous : this.#byUser.get(username);
    const client = this.#byClient.get(clientId);
    if (own !== undefined) groups.push(own);
    if (client !== undefined) groups.push(client);
    return groups;
  }
}

function groupIn(groups: Map<string, RuleGroup>, name: string): RuleGroup {
  let group = groups.get(name);
  if (group === undefined) groups.set(name, group = new RuleGroup());
  return group;
}
