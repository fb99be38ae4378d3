import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { covers, overlaps } from "../../../src/auth/acl_filter.ts";
import { AclAuthorizer, type AclRule, compileRule, parseAclFile } from "../../../src/auth/mod.ts";
import type { Prng } from "../../../src/base/mod.ts";
import { filterMatches } from "../../../src/mqtt/mod.ts";
import type { Identity } from "../../../src/ports/mod.ts";
import { seededPrng } from "../../support/seed.ts";

const NAMES = ["a", "b", "", "+", "x/y", "$S"];
const ADDRESSES = ["10.0.0.1", "10.0.1.1", "unix"];

/** A rule as the oracle knows it: nothing but text. */
interface PlainRule {
  readonly permit: "allow" | "deny";
  readonly action: "publish" | "subscribe" | "all";
  readonly topics: readonly string[];
  readonly username: string | null | undefined;
  readonly clientId: string | undefined;
  readonly address: string | undefined;
  readonly isLenient: boolean;
  readonly isPlaceholderKnown: boolean;
}

function randomFilter(prng: Prng, levels: readonly string[]): string {
  const count = 1 + prng.nextInt(3);
  const filter = Array.from({ length: count }, () => prng.pick(levels));
  if (prng.nextBoolean(0.3)) filter.push("#");
  const text = filter.join("/");
  if (text === "") return "a";
  return prng.nextBoolean(0.1) ? `$share/${prng.pick(["g", "h"])}/${text}` : text;
}

function randomTopic(prng: Prng): string {
  const topic = Array.from({ length: 1 + prng.nextInt(3) }, () => prng.pick(["a", "b", "", "$S"]))
    .join("/");
  return topic === "" ? "a" : topic;
}

function randomRule(prng: Prng): PlainRule {
  const levels = ["a", "b", "+", "", "$S", "%c", "%u", "a%c"];
  return {
    permit: prng.pick(["allow", "deny"]),
    action: prng.pick(["publish", "subscribe", "all"]),
    topics: Array.from({ length: 1 + prng.nextInt(2) }, () => randomFilter(prng, levels)),
    username: prng.nextBoolean(0.3) ? prng.pick(["a", "b"]) : undefined,
    clientId: prng.nextBoolean(0.2) ? prng.pick(["a", "b"]) : undefined,
    address: prng.nextBoolean(0.1) ? "10.0.0.0/24" : undefined,
    isLenient: false,
    isPlaceholderKnown: true,
  };
}

/** Substitutes by plain replacement, and compares rule after rule. */
function oracle(
  rules: readonly PlainRule[],
  identity: Identity,
  action: "publish" | "subscribe",
  asked: { readonly topic: string; readonly shareName: string; readonly isFilter: boolean },
): string {
  for (const rule of rules) {
    if (rule.action !== "all" && rule.action !== action) continue;
    if (rule.username === null && identity.username !== undefined) continue;
    if (typeof rule.username === "string" && rule.username !== identity.username) continue;
    if (rule.clientId !== undefined && rule.clientId !== identity.clientId) continue;
    if (rule.address !== undefined && identity.remoteAddress !== "10.0.0.1") continue;
    if (rule.topics.some((topic) => matches(rule, topic, identity, asked))) return rule.permit;
  }
  return "deny";
}

function matches(
  rule: PlainRule,
  written: string,
  identity: Identity,
  { topic, shareName, isFilter }: { topic: string; shareName: string; isFilter: boolean },
): boolean {
  let filter = written;
  if (rule.isPlaceholderKnown) {
    for (const [word, name] of [["%c", identity.clientId], ["%u", identity.username]] as const) {
      if (!filter.includes(word)) continue;
      if (name === undefined || name === "" || /[+#/]/.test(name)) return false;
      const inner = written.replace(/^\$share\/[^/]+\//, "");
      if (inner.startsWith(word) && name.startsWith("$")) return false;
      filter = filter.replaceAll(word, name);
    }
  }
  const shared = /^\$share\/([^/]+)\/(.*)$/.exec(filter);
  if (shared !== null) {
    if (shareName !== shared[1]) return false;
    filter = shared[2] ?? "";
  }
  if (!isFilter) return filterMatches(filter, topic);
  if (covers(filter, topic)) return true;
  return rule.isLenient && rule.permit === "allow" && overlaps(filter, topic);
}

function ask(judge: AclAuthorizer, rules: readonly PlainRule[], prng: Prng): void {
  const identity: Identity = {
    clientId: prng.pick(NAMES),
    username: prng.nextBoolean(0.2) ? undefined : prng.pick(NAMES),
    remoteAddress: prng.pick(ADDRESSES),
    method: "internal",
  };
  for (let n = 0; n < 10; n++) {
    const shareName = prng.nextBoolean(0.3) ? prng.pick(["g", "h"]) : "";
    const kind = prng.pick(["publish", "subscribe", "receive"]);
    const topic = kind === "subscribe"
      ? randomFilter(prng, ["a", "b", "+", "", "$S"]).replace(/^\$share\/[^/]+\//, "")
      : randomTopic(prng);
    const share = kind === "publish" ? "" : shareName;
    const said = `${kind} ${share} ${topic} ${JSON.stringify(identity)} ${JSON.stringify(rules)}`;
    const isFilter = kind === "subscribe";
    const action = kind === "publish" ? "publish" : "subscribe";
    const expected = oracle(rules, identity, action, { topic, shareName: share, isFilter });
    const answer = kind === "receive"
      ? (judge.mayReceive(identity, topic, share) ? "allow" : "deny")
      : judge.authorize(identity, action, share === "" ? topic : `$share/${share}/${topic}`);
    assertEquals(answer, expected, said);
  }
}

test("rules found by topic decide what rules tried one after the other decide", () => {
  const prng = seededPrng("Access rules");
  for (let round = 0; round < 1500; round++) {
    const plain = Array.from({ length: 1 + prng.nextInt(12) }, () => randomRule(prng));
    const rules = plain.map((rule, index): AclRule =>
      compileRule({ ...rule, username: rule.username ?? undefined }, `acl.rule.${index}`)
    );
    const judge = new AclAuthorizer({ rules, noMatch: "deny", denyAction: "ignore" });
    ask(judge, plain, prng);
  }
});

test("a mosquitto file decides what its lines do, sorted as mosquitto has it", () => {
  const prng = seededPrng("Access files");
  const access = { read: "subscribe", write: "publish", readwrite: "all", deny: "all" } as const;
  for (let round = 0; round < 1000; round++) {
    const lines: string[] = [];
    const own: PlainRule[] = [];
    const patterns: PlainRule[] = [];
    let username: string | null = null;
    for (let line = 0; line < 1 + prng.nextInt(12); line++) {
      if (prng.nextBoolean(0.2)) {
        username = prng.pick(["a", "b"]);
        lines.push(`user ${username}`);
        continue;
      }
      const isPattern = prng.nextBoolean(0.4);
      const word = prng.pick(["read", "write", "readwrite", "deny"] as const);
      const topic = randomFilter(prng, ["a", "b", "+", "", "%c", "%u"]);
      lines.push(
        `${isPattern ? "pattern" : "topic"} ${word} ${topic}${prng.pick(["", " ", "\r"])}`,
      );
      (isPattern ? patterns : own).push({
        permit: word === "deny" ? "deny" : "allow",
        action: access[word],
        topics: [topic],
        username: isPattern ? undefined : username,
        clientId: undefined,
        address: undefined,
        isLenient: true,
        isPlaceholderKnown: isPattern,
      });
    }
    const { rules } = parseAclFile("acl", lines.join("\n"));
    if (rules === undefined) throw new Error(lines.join("\n"));
    const sorted = [own, patterns].flatMap((list) => [
      ...list.filter(({ permit }) => permit === "deny"),
      ...list.filter(({ permit }) => permit === "allow"),
    ]);
    ask(new AclAuthorizer({ rules, noMatch: "deny", denyAction: "ignore" }), sorted, prng);
  }
});
