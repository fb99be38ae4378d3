import {
  filterMatches,
  hasWildcard,
  parseTopicFilter,
  type TopicFilterParse,
} from "../mqtt/mod.ts";
import type { Identity } from "../ports/mod.ts";
import { covers, overlaps } from "./acl_filter.ts";

/** What a rule is asked about: a topic name, or a filter that somebody subscribes with. */
export interface Target {
  /** Without `$share/{shareName}/`. */
  readonly topic: string;
  /** Of the shared subscription that is made or served; else "". */
  readonly shareName: string;
  readonly isFilter: boolean;
}

type Placeholder = "client id" | "user name";

const PLACEHOLDER = /%c|%u|\$\{clientid\}|\$\{username\}/g;
const MEANING: Readonly<Record<string, Placeholder>> = {
  "%c": "client id",
  "${clientid}": "client id",
  "%u": "user name",
  "${username}": "user name",
};
const SHARE_PREFIX = "$share/";
/** Every share name; no share name contains it. */
const ANY_SHARE = "+";

/** A topic filter of a rule, taken apart once. */
export class AclPattern {
  /** As it was written. */
  readonly text: string;
  /**
   * Matches whatever the pattern matches, for any client: levels with placeholders are "+". Undefined where there is no
   * such filter, as for "$%c/a".
   */
  readonly shape: string | undefined;
  /** Parts of `text` in front of, between and behind the placeholders. */
  readonly #literals: readonly string[];
  readonly #placeholders: readonly Placeholder[];

  private constructor(text: string, shape: string | undefined, placeholders: readonly string[]) {
    this.text = text;
    this.shape = shape;
    this.#literals = placeholders.length === 0 ? [text] : text.split(PLACEHOLDER);
    this.#placeholders = placeholders.map((each) => MEANING[each] as Placeholder);
  }

  /** What is wrong, in words that fit behind the quoted text, where `text` is no filter with placeholders in it. */
  static parse(text: string): AclPattern | { readonly problem: string } {
    const placeholders = text.match(PLACEHOLDER) ?? [];
    if (placeholders.length === 0) return AclPattern.literal(text);
    // Any name that a client may have, put in the place of a placeholder, must give a valid filter.
    const parsed = parsePattern(text.replaceAll(PLACEHOLDER, "x"));
    if (!parsed.valid) return { problem: parsed.problem };
    return new AclPattern(text, shapeOf(text, parsed.shareName !== undefined), placeholders);
  }

  /** A filter in which "%c" is two characters like others. */
  static literal(text: string): AclPattern | { readonly problem: string } {
    if (text === "$share/#") return new AclPattern("$share/+/#", "#", []);
    const parsed = parsePattern(text);
    return parsed.valid ? new AclPattern(text, parsed.filter, []) : { problem: parsed.problem };
  }

  get hasPlaceholder(): boolean {
    return this.#placeholders.length > 0;
  }

  get isShared(): boolean {
    return this.text.startsWith(SHARE_PREFIX);
  }

  /** Whether the pattern, with the names of `identity` in it, matches the topic, or covers the filter. */
  matches(identity: Identity, target: Target): boolean {
    return this.#compare(identity, target, target.isFilter ? covers : filterMatches);
  }

  /** Whether the pattern matches some topic that the filter matches, too. */
  overlaps(identity: Identity, target: Target): boolean {
    return this.#compare(identity, target, overlaps);
  }

  #compare(
    identity: Identity,
    { topic, shareName }: Target,
    test: (pattern: string, topic: string) => boolean,
  ): boolean {
    const filter = this.#resolve(identity);
    if (filter === undefined) return false;
    if (!this.isShared) return test(filter, topic);
    const nameEnd = filter.indexOf("/", SHARE_PREFIX.length);
    const name = filter.slice(SHARE_PREFIX.length, nameEnd);
    if (shareName === "" || (name !== ANY_SHARE && name !== shareName)) return false;
    return test(filter.slice(nameEnd + 1), topic);
  }

  /** Undefined: a name that would make another pattern of it, so that it matches nothing. */
  #resolve(identity: Identity): string | undefined {
    if (this.#placeholders.length === 0) return this.text;
    let filter = this.#literals[0] as string;
    for (const [index, placeholder] of this.#placeholders.entries()) {
      const name = placeholder === "client id" ? identity.clientId : identity.username;
      if (name === undefined || !isHarmless(name, this.#isBeginning(filter))) return undefined;
      filter += name + (this.#literals[index + 1] as string);
    }
    return filter;
  }

  /** What comes next is the first level of a topic: nothing stands before it, or the name of a share. */
  #isBeginning(filter: string): boolean {
    if (!this.isShared) return filter === "";
    return filter.indexOf("/", SHARE_PREFIX.length) === filter.length - 1;
  }
}

/** As in SUBSCRIBE; but "+" may stand for every share name. */
function parsePattern(text: string): TopicFilterParse {
  return parseTopicFilter(text.startsWith("$share/+/") ? `$share/x/${text.slice(9)}` : text);
}

/**
 * Clients choose their names: "+" must not stand for everybody else, "a/b" not reach into another level, and "$SYS" at
 * the beginning not lead out of the topics that the rule is about.
 */
function isHarmless(name: string, isFirst: boolean): boolean {
  return name !== "" && !hasWildcard(name) && !name.includes("/") &&
    !(isFirst && name.startsWith("$"));
}

function shapeOf(text: string, isShared: boolean): string | undefined {
  const filter = isShared ? text.slice(text.indexOf("/", SHARE_PREFIX.length) + 1) : text;
  if (/^\$[^/]*(?:%c|%u|\$\{)/.test(filter) && !/^\$\{(?:clientid|username)\}/.test(filter)) {
    return undefined;
  }
  return filter.split("/").map((level) => level.search(PLACEHOLDER) < 0 ? level : "+").join("/");
}
