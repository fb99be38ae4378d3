import type { Action } from "../ports/mod.ts";
import { AclPattern } from "./acl_pattern.ts";
import type { AclRule, Concerned } from "./acl_rule.ts";

/** The rules of a file, or a line for each problem: "NAME:12: …". Never both. */
export type AclFileResult =
  | { readonly rules: readonly AclRule[]; readonly problems: undefined }
  | { readonly rules: undefined; readonly problems: readonly string[] };

const ACCESS: Readonly<Record<string, Pick<AclRule, "permit" | "action">>> = {
  read: { permit: "allow", action: "subscribe" },
  write: { permit: "allow", action: "publish" },
  readwrite: { permit: "allow", action: "all" },
  deny: { permit: "deny", action: "all" },
};
const ACCESS_WORDS = Object.keys(ACCESS).join(", ");
const PROBLEMS_MAX = 20;

/**
 * Reads mosquitto's `acl_file` syntax:
 *
 *   # a comment, if "#" is the first character of the line
 *   topic [read|write|readwrite|deny] FILTER       for clients without a user name
 *   user NAME                                      the following lines are for this user, until the next one
 *   topic [read|write|readwrite|deny] FILTER
 *   pattern [read|write|readwrite|deny] FILTER     for everybody, wherever it stands; %c and %u are the client's names
 *
 * As in mosquitto, a filter may contain spaces where the access is written; a user's own lines count before patterns,
 * and of both, "deny" counts first, wherever it stands.
 */
export function parseAclFile(name: string, text: string): AclFileResult {
  const own: AclRule[] = [];
  const patterns: AclRule[] = [];
  const problems: string[] = [];
  let concerned: Concerned = { kind: "anonymous" };
  for (const [index, line] of text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/).entries()) {
    if (line.startsWith("#") || line.trim() === "") continue;
    const source = `${name}:${index + 1}`;
    const [, keyword = "", rest = ""] = /^\s*(\S+)\s*(.*?)\s*$/.exec(line) ?? [];
    if (keyword === "user") {
      if (rest === "") problems.push(`${source}: Cannot read access rules: "user" without a name`);
      else concerned = { kind: "user", username: rest };
    } else if (keyword === "topic" || keyword === "pattern") {
      const isPattern = keyword === "pattern";
      const rule = readRule(rest, isPattern ? { kind: "all" } : concerned, isPattern, source, line);
      if (typeof rule === "string") problems.push(`${source}: Cannot read access rules: ${rule}`);
      else (isPattern ? patterns : own).push(rule);
    } else {
      problems.push(
        `${source}: Cannot read access rules: found ${JSON.stringify(keyword.slice(0, 60))}, ` +
          "allowed: topic, user, pattern, or # as the first character",
      );
    }
    if (problems.length >= PROBLEMS_MAX) break;
  }
  if (problems.length > 0) return { rules: undefined, problems };
  return { rules: [...denialsFirst(own), ...denialsFirst(patterns)], problems: undefined };
}

/** What is wrong, where it is no rule. */
function readRule(
  rest: string,
  concerned: Concerned,
  isPattern: boolean,
  source: string,
  line: string,
): AclRule | string {
  if (rest === "") return "no topic filter";
  const [, word = "", filter = ""] = /^(\S+)(?:\s+(.*))?$/.exec(rest) ?? [];
  if (filter !== "" && !Object.hasOwn(ACCESS, word)) {
    return `found access ${JSON.stringify(word.slice(0, 60))}, allowed: ${ACCESS_WORDS}`;
  }
  const topic = filter === "" ? word : filter;
  const pattern = isPattern ? AclPattern.parse(topic) : AclPattern.literal(topic);
  if (!(pattern instanceof AclPattern)) {
    return `topic filter ${JSON.stringify(topic)} ${pattern.problem}`;
  }
  const { permit, action } = filter === "" ? READWRITE : ACCESS[word] ?? READWRITE;
  return {
    permit,
    action,
    patterns: [pattern],
    concerned,
    clientId: undefined,
    network: undefined,
    isLenient: true,
    source,
    text: line.trim(),
  };
}

const READWRITE: { readonly permit: "allow"; readonly action: Action | "all" } = {
  permit: "allow",
  action: "all",
};

function denialsFirst(rules: readonly AclRule[]): readonly AclRule[] {
  const denies = rules.filter(({ permit }) => permit === "deny");
  return denies.concat(rules.filter(({ permit }) => permit === "allow"));
}
