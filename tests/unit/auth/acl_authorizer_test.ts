import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { AclAuthorizer } from "../../../src/auth/mod.ts";
import { BROKER_IDENTITY, type Identity, type IdentityRule } from "../../../src/ports/mod.ts";
import { authorizer, decide, policy, who } from "./acl_rig.ts";

/** Rules; who; what is allowed; what is denied. Without a match: denied. */
const TABLE: readonly (readonly [
  rules: string,
  client: string,
  allowed: readonly string[],
  denied: readonly string[],
])[] = [
  ["", "u@c", [], ["publish a", "subscribe a", "receive a", "subscribe #"]],
  [
    "allow all #",
    "u@c",
    ["publish a", "publish a/b", "subscribe #", "subscribe +/a", "receive a"],
    [
      "publish $a",
      "subscribe $SYS/#",
      "receive $SYS/broker/uptime",
    ],
  ],
  ["allow publish a/#", "u@c", ["publish a", "publish a/b", "publish a/b/c"], [
    "publish b",
    "publish ab",
    "subscribe a/b",
    "receive a/b",
  ]],
  ["allow subscribe a/#", "u@c", [
    "subscribe a",
    "subscribe a/b",
    "subscribe a/#",
    "subscribe a/+",
    "subscribe a/+/#",
    "receive a/b",
    "subscribe $share/g/a/#",
    "receive g:a/b",
  ], ["publish a/b", "subscribe #", "subscribe +/b", "subscribe +", "subscribe b", "receive b"]],
  ["allow subscribe a/+", "u@c", ["subscribe a/b", "subscribe a/+", "subscribe a/", "receive a/"], [
    "subscribe a",
    "subscribe a/#",
    "subscribe a/+/c",
    "subscribe a/b/c",
    "subscribe +/+",
    "receive a/b/c",
    "receive a",
  ]],
  ["allow subscribe +/b", "u@c", ["subscribe a/b", "subscribe +/b", "subscribe /b"], [
    "subscribe #",
    "subscribe +/+",
    "subscribe $x/b",
    "receive $x/b",
    "subscribe b",
  ]],
  ["allow subscribe +/#", "u@c", ["subscribe #", "subscribe +", "subscribe a/b/#"], [
    "subscribe $SYS/#",
  ]],
  ["allow subscribe $SYS/#", "u@c", ["subscribe $SYS/#", "receive $SYS/x"], ["subscribe #"]],
  ["allow subscribe /", "u@c", ["subscribe /", "receive /"], ["subscribe +/+", "receive a/"]],
  // The first that matches decides.
  ["deny publish a/b; allow publish a/#", "u@c", ["publish a/c"], ["publish a/b"]],
  ["allow publish a/b; deny publish a/#; allow publish #", "u@c", ["publish a/b", "publish b"], [
    "publish a/c",
    "publish a",
  ]],
  ["allow all a/#; deny all a/#", "u@c", ["publish a", "subscribe a/#"], []],
  ["deny all a/#; allow all a/#", "u@c", [], ["publish a", "subscribe a/#", "receive a/b"]],
  ["deny publish #; allow all #", "u@c", ["subscribe #", "receive a"], ["publish a"]],
  ["allow publish a b/+", "u@c", ["publish a", "publish b/c"], ["publish b", "publish c"]],
  ["deny all a b; allow all #", "u@c", ["publish c"], ["publish a", "publish b", "receive b"]],
  // A filter is granted by what covers it, and still not everything is delivered.
  ["deny subscribe a/secret; allow subscribe a/#", "u@c", ["subscribe a/#", "receive a/b"], [
    "subscribe a/secret",
    "receive a/secret",
  ]],
  ["deny subscribe secret/#; allow subscribe #", "u@c", ["subscribe #", "subscribe +/a"], [
    "subscribe secret/#",
    "subscribe secret/+",
    "subscribe secret",
    "receive secret/a",
    "receive secret",
    "receive g:secret/a",
    "subscribe $share/g/secret/#",
  ]],
  ["allow subscribe a/b; deny subscribe a/#", "u@c", ["subscribe a/b"], ["subscribe a/#"]],
  // Users, clients, addresses.
  ["allow all # user=u", "u@c", ["publish a"], []],
  ["allow all # user=u", "v@c", [], ["publish a"]],
  ["allow all # user=u", "@c", [], ["publish a"]],
  ["allow all # user=u", "''@c", [], ["publish a"]],
  ["allow all # user=u", "u2@c", [], ["publish a"]],
  ["allow all # user=u", "U@c", [], ["publish a"]],
  ["allow all # client=c", "u@c", ["publish a"], []],
  ["allow all # client=c", "u@d", [], ["publish a"]],
  ["allow all # client=c", "c@d", [], ["publish a"]],
  ["allow all # user=u client=c", "u@c", ["publish a"], []],
  ["allow all # user=u client=c", "u@d", [], ["publish a"]],
  ["allow all # user=u client=c", "v@c", [], ["publish a"]],
  ["allow all # user=__proto__", "u@c", [], ["publish a"]],
  ["allow all # user=__proto__", "__proto__@c", ["publish a"], []],
  ["allow all # client=constructor", "u@constructor", ["publish constructor"], []],
  ["allow all # client=constructor", "u@c", [], ["publish constructor"]],
  ["deny all x user=u; allow all #", "u@c", ["publish y"], ["publish x"]],
  ["deny all x user=u; allow all #", "v@c", ["publish x"], []],
  ["allow all x; deny all # user=u; allow all y client=c", "u@c", ["publish x"], ["publish y"]],
  ["allow all y client=c; deny all # user=u", "u@c", ["publish y"], ["publish x"]],
  // Placeholders.
  ["allow all site/%c/#", "u@c", ["publish site/c/a", "subscribe site/c/#", "receive site/c"], [
    "publish site/d/a",
    "publish site/%c/a",
    "subscribe site/+/a",
    "subscribe site/#",
    "receive site/d/a",
  ]],
  ["allow all site/%u/#", "u@c", ["publish site/u/a"], ["publish site/c/a"]],
  ["allow all site/${clientid}/#", "u@c", ["publish site/c/a"], ["publish site/u/a"]],
  ["allow all site/${username}/#", "u@c", ["publish site/u/a"], ["publish site/c/a"]],
  ["allow all %u/%c", "u@c", ["publish u/c"], ["publish c/u", "publish u/d"]],
  ["allow all dev-%c-x/+", "u@c", ["publish dev-c-x/a"], [
    "publish dev-d-x/a",
    "publish dev-c-y/a",
  ]],
  ["allow all %c%u", "u@c", ["publish cu"], ["publish uc"]],
  ["allow all site/%c", "u@+", [], ["publish site/a", "subscribe site/+", "receive site/a"]],
  ["allow all site/%c", "u@#", [], ["publish site/a", "subscribe site/#", "receive site/a"]],
  ["allow all site/%c/#", "u@a/b", [], [
    "publish site/a/b",
    "publish site/a/b/c",
    "receive site/a/b",
  ]],
  ["allow all site/%c/x", "u@a/#", [], ["publish site/a/x", "subscribe site/a/#"]],
  ["allow all site/%c/#", "u@", [], ["publish site//a", "publish site/a", "subscribe site//#"]],
  ["allow all site/%u/#", "@c", [], [
    "publish site/undefined/a",
    "publish site//a",
    "publish site/c",
  ]],
  ["allow all site/%u/#", "''@c", [], ["publish site//a", "subscribe site//#", "publish site/a"]],
  ["allow all site/%u", "+@c", [], ["publish site/a", "subscribe site/+"]],
  ["allow all site/%u", "a+@c", [], ["publish site/a+", "subscribe site/a+"]],
  ["allow all site/%u", "%c@c", ["publish site/%c"], ["publish site/c"]],
  ["allow all site/%u", "${clientid}@c", ["publish site/${clientid}"], ["publish site/c"]],
  ["allow all %c/#", "u@$SYS", [], ["subscribe $SYS/#", "receive $SYS/a", "publish $SYS/a"]],
  ["allow all $share/g/%c/#", "u@$SYS", [], ["subscribe $share/g/$SYS/#", "receive g:$SYS/a"]],
  ["pattern read $share/g/%c/\n", "@$S", [], ["subscribe $share/g/$S/+/#"]],
  ["allow all $share/g/%c/#", "u@c", ["subscribe $share/g/c/#", "receive g:c/a"], ["receive c/a"]],
  ["allow all $%c/a", "u@c", ["publish $c/a"], ["publish $d/a", "publish c/a"]],
  ["deny all $%c/a; allow all $c/#", "u@c", ["publish $c/b"], ["publish $c/a"]],
  ["deny all site/%c/#; allow all #", "u@c", ["publish site/d"], [
    "publish site/c",
    "receive site/c/a",
  ]],
  // Shared subscriptions.
  ["deny subscribe $share/g/#; allow subscribe #", "u@c", ["subscribe a", "subscribe $share/h/a"], [
    "subscribe $share/g/a",
    "receive g:a",
  ]],
  ["allow subscribe $share/g/a/#", "u@c", ["subscribe $share/g/a/b", "receive g:a/b"], [
    "subscribe a/b",
    "receive a/b",
    "subscribe $share/h/a/b",
    "receive h:a/b",
    "publish $share/g/a/b",
    "subscribe $share/g/#",
  ]],
  ["allow subscribe $share/+/a", "u@c", ["subscribe $share/g/a", "subscribe $share/h/a"], [
    "subscribe a",
    "subscribe $share/g/b",
  ]],
  ["deny subscribe $share/#; allow subscribe #", "u@c", ["subscribe a/#", "receive a"], [
    "subscribe $share/g/a/#",
    "receive g:a",
  ]],
  ["allow subscribe $share/%u/a", "u@c", ["subscribe $share/u/a"], ["subscribe $share/v/a"]],
  ["allow subscribe $share/g/$SYS/#", "u@c", ["subscribe $share/g/$SYS/#"], ["subscribe $SYS/#"]],
  // mosquitto's file: a filter is let in where some of it may be read, and messages are judged.
  ["topic read a/#\n", "@c", ["subscribe a/#", "subscribe #", "receive a/b", "subscribe +/b"], [
    "publish a/b",
    "receive b",
    "subscribe b",
    "subscribe b/#",
  ]],
  ["topic write a/#\n", "@c", ["publish a/b"], ["subscribe a/#", "receive a/b"]],
  ["topic readwrite a/#\n", "@c", ["publish a/b", "subscribe a/#"], ["publish b"]],
  ["topic a/#\n", "@c", ["publish a/b", "subscribe a/#", "receive a/b"], ["publish b"]],
  ["topic a/#\n", "u@c", [], ["publish a/b", "subscribe a/#", "receive a/b"]],
  ["topic a/#\n", "''@c", [], ["publish a/b"]],
  ["user u\ntopic a\n", "u@c", ["publish a"], ["publish b"]],
  ["user u\ntopic a\n", "v@c", [], ["publish a"]],
  ["user u\ntopic a\n", "@c", [], ["publish a"]],
  ["topic x\nuser u\ntopic a\nuser v\ntopic b\nuser u\ntopic c\n", "u@c", [
    "publish a",
    "publish c",
  ], [
    "publish b",
    "publish x",
  ]],
  ["user u\ntopic a/#\ntopic deny a/secret\n", "u@c", ["publish a/b", "subscribe a/#"], [
    "publish a/secret",
    "receive a/secret",
    "subscribe a/secret",
  ]],
  ["user u\ntopic deny a/#\ntopic a/b\n", "u@c", [], [
    "publish a/b",
    "subscribe a/#",
    "receive a/b",
  ]],
  ["pattern read site/%c/#\n", "u@c", ["subscribe site/c/#", "receive site/c/a"], [
    "publish site/c/a",
    "receive site/d/a",
  ]],
  ["pattern write site/%u\n", "u@c", ["publish site/u"], ["publish site/c", "publish site/%u"]],
  ["pattern write site/%u\n", "@c", [], ["publish site/undefined", "publish site/"]],
  ["pattern site/%c\n", "u@+", [], ["publish site/a", "subscribe site/+", "receive site/a"]],
  ["pattern deny %u/x\nuser u\ntopic u/#\n", "u@c", ["publish u/x", "publish u/y"], ["publish v"]],
  ["pattern deny %u/x\npattern %u/#\n", "u@c", ["publish u/y"], ["publish u/x", "receive u/x"]],
  ["user u\ntopic deny u/x\npattern %u/#\n", "u@c", ["publish u/y"], ["publish u/x"]],
  ["user u\npattern site/%c\n", "v@c", ["publish site/c"], []],
  ["user u\ntopic site/%c\n", "u@c", ["publish site/%c"], ["publish site/c"]],
  ["user a b\ntopic read x y/#\n", "a b@c", ["subscribe x y/#", "receive x y/z"], ["receive x"]],
  ["topic read\n", "@c", ["publish read", "subscribe read"], ["publish a"]],
];

for (const [rules, client, allowed, denied] of TABLE) {
  test(`"${rules.replaceAll("\n", "\\n")}": what ${client} may do and may not`, () => {
    const judge = authorizer(rules);
    const identity = who(client);
    const decisions = (asked: readonly string[]): string[] =>
      asked.map((each) => `${decide(judge, identity, each)} ${each}`);
    assertEquals(decisions(allowed), allowed.map((each) => `allow ${each}`));
    assertEquals(decisions(denied), denied.map((each) => `deny ${each}`));
    // Once more: now from what was kept.
    assertEquals(decisions([...allowed, ...denied]).length, allowed.length + denied.length);
    assertEquals(decisions(denied), denied.map((each) => `deny ${each}`));
  });
}

test("the table has its 150 questions", () => {
  const questions = TABLE.reduce((sum, [, , yes, no]) => sum + yes.length + no.length, 0);
  assert(questions >= 150, `${questions}`);
});

test("an address is matched by network, and what has none by no network", () => {
  const judge = authorizer("deny all # address=10.0.0.0/8; allow all # address=0.0.0.0/0");
  const decisionFor = (address: string): string => decide(judge, who("u@c", address), "publish a");
  assertEquals(
    ["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.1", "2001:db8::1", "", "unix:/run/x"].map(decisionFor),
    ["deny", "deny", "allow", "deny", "deny", "deny"],
  );
  const sixth = authorizer("allow all # address=2001:db8::/32");
  const decisions = ["2001:db8:1::1", "2001:db9::1"].map((address) =>
    decide(sixth, who("u@c", address), "publish a")
  );
  assertEquals(decisions, ["allow", "deny"]);
});

test("without a match no_match decides", () => {
  const judge = authorizer("deny all secret/#", "allow");
  const asked = ["publish a", "subscribe #", "subscribe $SYS/#", "receive a", "publish secret/a"];
  assertEquals(asked.map((each) => decide(judge, who("@c"), each)), [
    "allow",
    "allow",
    "allow",
    "allow",
    "deny",
  ]);
});

test("nobody asks where everything is allowed", () => {
  assertEquals([authorizer("", "allow").isActive, authorizer("", "deny").isActive], [false, true]);
  assert(authorizer("allow all #", "allow").isActive);
});

test("a superuser may do everything, the broker too", () => {
  const judge = authorizer("deny all # $SYS/#");
  for (const identity of [{ ...who("u@c"), isSuperuser: true }, BROKER_IDENTITY]) {
    const asked = ["publish a", "subscribe #", "receive $SYS/a"];
    assertEquals(asked.map((each) => decide(judge, identity, each)), ["allow", "allow", "allow"]);
    assertEquals(judge.explain(identity, "publish", "a").source, "superuser");
    assertEquals(judge.withholding(identity, "#"), []);
  }
});

test("a rule of an identity without topics denies all that is left, topics with a dollar sign too", () => {
  const everything = authorizer("allow all # $SYS/# $x/#", "allow");
  const aclRules: IdentityRule[] = [
    { permit: "allow", action: "publish", topics: ["a/#"] },
    { permit: "deny", action: "all", topics: [] },
  ];
  const identity: Identity = { ...who("u@c"), aclRules };
  assertEquals(everything.authorize(identity, "publish", "a/b"), "allow");
  for (const topic of ["b", "$SYS/x", "$x/y", "$share/g/a"]) {
    assertEquals(everything.authorize(identity, "publish", topic), "deny", topic);
    assertEquals(everything.authorize(identity, "subscribe", topic), "deny", topic);
    assertEquals(everything.mayReceive(identity, topic, ""), false, topic);
    assertEquals(everything.explain(identity, "receive", topic).source, "rule 1 of the identity");
  }
  assertEquals(everything.authorize(identity, "subscribe", "$share/g/a/#"), "deny");
  assertEquals(everything.authorize(who("u@c"), "publish", "$x/y"), "allow");
});

test("rules of the identity come first", () => {
  const aclRules: IdentityRule[] = [
    { permit: "deny", action: "publish", topics: ["a/x"] },
    { permit: "allow", action: "all", topics: ["own/%c/#"] },
  ];
  const identity: Identity = { ...who("u@c"), aclRules };
  const judge = authorizer("allow all a/#; deny all own/#");
  const asked = ["publish a/x", "publish a/y", "publish own/c/1", "publish own/d", "receive own/c"];
  assertEquals(asked.map((each) => decide(judge, identity, each)), [
    "deny",
    "allow",
    "allow",
    "deny",
    "allow",
  ]);
  assertEquals(judge.explain(identity, "publish", "a/x").source, "rule 0 of the identity");
  const nowhere = new AclAuthorizer(policy("", "allow"));
  assertEquals(decide(nowhere, identity, "publish a/x"), "deny");
});

test("a rule of the identity that makes no sense denies", () => {
  const aclRules = [{ permit: "allow", action: "all", topics: ["a/#/b"] }] as const;
  const judge = authorizer("", "allow");
  const identity: Identity = { ...who("u@c"), aclRules };
  const asked = ["publish a", "subscribe #", "receive a", "subscribe $share/g/a", "receive $SYS/a"];
  assertEquals(asked.map((each) => decide(judge, identity, each)), asked.map(() => "deny"));
});

test("replacing the rules forgets every decision, and says so", () => {
  const judge = authorizer("allow publish a");
  let calls = 0;
  judge.onChange = () => calls++;
  const identity = who("u@c");
  const before = judge.revision;
  assertEquals(decide(judge, identity, "publish a"), "allow");
  judge.replace({ ...policy("deny publish a", "allow"), denyAction: "disconnect" });
  assertEquals(decide(judge, identity, "publish a"), "deny");
  assertEquals([calls, judge.denyAction, judge.revision > before], [1, "disconnect", true]);
});

test("kept decisions are bounded", () => {
  const judge = authorizer("allow publish t/1; deny publish t/+; allow publish #");
  const identity = who("u@c");
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 10_000; n++) {
      assertEquals(decide(judge, identity, `publish t/${n}`), n === 1 ? "allow" : "deny");
    }
  }
  assert(judge.keptDecisions <= 4096 + 8, `${judge.keptDecisions}`);
  for (let n = 0; n < 60_000; n++) judge.authorize(who(`u@c${n}`), "publish", "t/1");
  assert(judge.keptDecisions <= 200_010, `${judge.keptDecisions}`);
});

test("isSame() tells identities apart by what rules can see", () => {
  const judge = authorizer("allow all #");
  const base = who("u@c");
  assert(judge.isSame(base, { ...base, remoteAddress: "192.0.2.9" }));
  assert(
    !authorizer("allow all # address=10.0.0.0/8").isSame(base, {
      ...base,
      remoteAddress: "192.0.2.9",
    }),
  );
  const others: Identity[] = [who("v@c"), who("@c"), who("u@d"), { ...base, isSuperuser: true }, {
    ...base,
    aclRules: [{ permit: "allow", action: "all", topics: ["a"] }],
  }];
  for (const other of others) assert(!judge.isSame(base, other), JSON.stringify(other));
  const aclRules = [{ permit: "allow", action: "all", topics: ["a"] }] as const;
  assert(judge.isSame({ ...base, aclRules }, { ...base, aclRules: [...aclRules] }));
});

test("explain() names the rule and where it stands", () => {
  const judge = authorizer("allow publish a; deny all b/# user=u");
  const explain = (action: "publish" | "subscribe" | "receive", topic: string) =>
    judge.explain(who("u@c"), action, topic);
  assertEquals(explain("publish", "a"), {
    decision: "allow",
    source: "acl.rule.0",
    rule: 'permit=allow action=publish topics=["a"]',
  });
  assertEquals(explain("receive", "b/1"), {
    decision: "deny",
    source: "acl.rule.1",
    rule: 'permit=deny action=all topics=["b/#"] username="u"',
  });
  assertEquals(explain("subscribe", "c").source, "acl.no_match");
  const file = authorizer("# first\n\nuser u\n  topic  deny x \n", "allow");
  assertEquals(file.explain(who("u@c"), "publish", "x"), {
    decision: "deny",
    source: "acl:4",
    rule: "topic  deny x",
  });
});

test("withholding() names the rules that keep messages of a granted subscription back", () => {
  const judge = authorizer(
    "deny all a/x; deny publish a/y; deny all b; deny all a/z user=v; allow all #",
  );
  assertEquals(judge.withholding(who("u@c"), "a/#").map(({ source }) => source), ["acl.rule.0"]);
  assertEquals(judge.withholding(who("v@c"), "#").map(({ source }) => source), [
    "acl.rule.0",
    "acl.rule.2",
    "acl.rule.3",
  ]);
});

test("of very many lenient lines a filter is compared with some, then granted; messages are judged by all", () => {
  const lines = Array.from({ length: 10_000 }, (_, n) => `topic read site/${n}/+/x\n`).join("");
  const few = authorizer("topic read site/1/+/x\n");
  const many = authorizer(`topic deny no/#\n${lines}`);
  const anonymous = who("@c");
  assertEquals(decide(few, anonymous, "subscribe other/+/+"), "deny");
  const asked = [
    "subscribe site/9999/#",
    "subscribe other/+/+",
    "subscribe no/+",
    "receive other/a/b",
  ];
  assertEquals(asked.map((each) => decide(many, anonymous, each)), [
    "allow",
    "allow",
    "deny",
    "deny",
  ]);
  assertEquals(decide(many, anonymous, "receive site/9999/a/x"), "allow");
  const started = performance.now();
  for (let n = 0; n < 10_000; n++) decide(many, anonymous, `subscribe other/${n}/+/+`);
  // Some 20 s if all were compared; 0.3 s here.
  const ms = performance.now() - started;
  assert(ms < 5000, `${ms} ms`);
});

test("10,000 rules are as quick as a few", () => {
  const rules = Array.from(
    { length: 10_000 },
    (_, n) =>
      n % 3 === 0
        ? `allow all site/${n}/#`
        : n % 3 === 1
        ? `allow all all/# user=u${n}`
        : `deny all %c/${n}/+ client=c${n}`,
  ).join(";");
  const judge = authorizer(rules);
  const started = performance.now();
  for (let n = 0; n < 20_000; n++) {
    const identity = who(`u${n}@c${n}`);
    const isUser = n % 3 === 1 && n < 10_000;
    assertEquals(judge.authorize(identity, "publish", "all/x"), isUser ? "allow" : "deny");
    judge.authorize(identity, "subscribe", `site/${n}/+/x`);
  }
  // Some 3 s if every rule was looked at every time; 0.1 s here.
  const ms = performance.now() - started;
  assert(ms < 1500, `${ms} ms`);
});
