import { test } from "node:test";
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import {
  createScramVerifier,
  formatScramVerifier,
  parseScramVerifier,
  ScramError,
} from "../../../src/auth/mod.ts";
import { ScramExchange } from "../../../src/auth/scram/exchange.ts";
import { prepareText } from "../../../src/auth/scram/prepare_text.ts";
import type { Prng } from "../../../src/base/mod.ts";
import type { EnhancedExchange, ExchangeStep } from "../../../src/ports/mod.ts";
import { seededPrng } from "../../support/seed.ts";
import { ScramClient } from "../../support/scram_client.ts";
import { type AuthRig, authRig, credentials, utf8 } from "./auth_rig.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const SALT = Uint8Array.from(atob("W22ZaJ0SNY7soEsUEjb6gQ=="), (char) => char.charCodeAt(0));
/** The part of the nonce that is the server's. */
const SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

test("the conversation of RFC 7677", async () => {
  const verifier = await createScramVerifier("pencil", SALT, 4096);
  const exchange = new ScramExchange(
    { verifierFor: () => ({ verifier, isSuperuser: false, isFake: false }) },
    () => SERVER_NONCE,
  );
  const first = exchange.begin(credentials(), utf8("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
  assertEquals(
    text(continued(first)),
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  );
  const last = exchange.next(
    utf8(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0," +
        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    ),
  );
  if (!("done" in last)) throw new Error(outcome(last));
  assertEquals(text(last.data!), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  assertEquals(last.done, {
    clientId: "c",
    username: "user",
    remoteAddress: "192.0.2.1",
    method: "scram",
  });
});

const ALICE = {
  username: "alice",
  password: "secret",
  passwordHash: undefined,
  isSuperuser: false,
};

function exchangeOf({ service }: AuthRig): EnhancedExchange {
  const exchange = service.enhanced("SCRAM-SHA-256");
  if (exchange === undefined) throw new Error("SCRAM-SHA-256 is not known");
  return exchange;
}

function continued(step: ExchangeStep): Uint8Array {
  if (!("continue" in step)) throw new Error(outcome(step));
  return step.continue;
}

/** How it went, in a few words; the server's proof is checked. */
async function talk(rig: AuthRig, client: ScramClient): Promise<string> {
  const exchange = exchangeOf(rig);
  const first = await exchange.begin(credentials(), client.first());
  const last = await exchange.next(client.final(continued(first)));
  if ("done" in last) assertEquals(text(last.data!), `v=${client.serverSignature}`);
  return outcome(last);
}

function outcome(step: ExchangeStep): string {
  if ("continue" in step) return "continue";
  if ("denied" in step) return `denied ${step.denied.toString(16)}: ${step.reason}`;
  return `${step.done.username}${step.done.isSuperuser === true ? " (superuser)" : ""}`;
}

test("users of the configuration and of the store are let in, others are not", async () => {
  const root = { ...ALICE, username: "root", isSuperuser: true };
  const passwordHash =
    "$6$HSDD/f6mxoAyErlt$w1DVYjs5Yfrh9ejPjhZaJTH6OoOQDe2KzF3pZSLQ1H6Zb5ldkcxHFlFExDurvTLOXLMyYoY/20KYTZq3whBL4w==";
  const hashed = { ...ALICE, username: "bob", password: undefined, passwordHash };
  const rig = await authRig({ users: [ALICE, root, hashed] });
  const verifier = formatScramVerifier(await createScramVerifier("größe", SALT));
  await rig.records.put("scram", "carol", verifier);
  assertEquals(await talk(rig, new ScramClient("alice", "secret")), "alice");
  assertEquals(await talk(rig, new ScramClient("root", "secret")), "root (superuser)");
  assertEquals(await talk(rig, new ScramClient("carol", "größe")), "carol");
  for (const [name, password] of [["alice", "wrong"], ["eve", "secret"], ["bob", "secret"]]) {
    assertEquals(
      await talk(rig, new ScramClient(name!, password!)),
      `denied 87: wrong proof for user "${name}"`,
    );
  }
});

test("names with a comma or an equals sign are the client's to escape", async () => {
  const rig = await authRig({ users: [{ ...ALICE, username: "a=b,c" }] });
  assertEquals(await talk(rig, new ScramClient("a=b,c", "secret")), "a=b,c");
});

test("a stranger gets a salt that looks like a user's, and the same each time", async () => {
  const rig = await authRig({ users: [ALICE] });
  const saltFor = async (name: string): Promise<string> => {
    const first = await exchangeOf(rig).begin(credentials(), new ScramClient(name, "x").first());
    return /,s=(.*)$/.exec(text(continued(first)))![1]!;
  };
  const [alice, eve, mallory] = [
    await saltFor("alice"),
    await saltFor("eve"),
    await saltFor("mal"),
  ];
  assertEquals(await saltFor("eve"), eve);
  assertNotEquals(eve, mallory);
  assertEquals([eve.length, eve.split(",")[1]], [alice.length, alice.split(",")[1]]);
  // After a restart with the same secret the users' salts are what they were, too.
  const again = await authRig({ users: [ALICE] });
  const first = await exchangeOf(again).begin(
    credentials(),
    new ScramClient("alice", "x").first(),
  );
  assert(text(continued(first)).endsWith(alice));
});

test("a client that sends nothing yet is asked to begin", async () => {
  const rig = await authRig({ users: [ALICE] });
  const exchange = exchangeOf(rig);
  const client = new ScramClient("alice", "secret");
  const asked = await exchange.begin(credentials(), undefined);
  assertEquals(continued(asked).length, 0);
  const first = await exchange.next(client.first());
  assertEquals(outcome(await exchange.next(client.final(continued(first)))), "alice");
});

const BAD_FIRSTS: readonly [message: string, why: string][] = [
  ["", "other-error"],
  ["n=alice,r=abc", "other-error"],
  ["x,,n=alice,r=abc", "other-error"],
  ["p=tls-unique,,n=alice,r=abc", "channel-binding-not-supported"],
  ["n,,m=ext,n=alice,r=abc", "extensions-not-supported"],
  ["n,,n=,r=abc", "invalid-username-encoding"],
  ["n,,n=a=b,r=abc", "invalid-username-encoding"],
  ["n,,n=a\u0007,r=abc", "invalid-username-encoding"],
  ["n,,n=alice,r=", "other-error"],
  ["n,,n=alice,r=a b", "other-error"],
  [`n,,n=alice,r=${"x".repeat(257)}`, "other-error"],
  ["n,a=bob,n=alice,r=abc", "other-error"],
];

for (const [message, why] of BAD_FIRSTS) {
  test(`a first message that is none is refused: ${message.slice(0, 40)}`, async () => {
    const rig = await authRig({ users: [ALICE] });
    const step = await exchangeOf(rig).begin(credentials(), utf8(message));
    assertEquals(outcome(step), `denied 87: the first message: ${why}`);
  });
}

test("messages that are no text, or without end, are refused", async () => {
  const rig = await authRig({ users: [ALICE] });
  for (const bytes of [Uint8Array.of(0xff), new Uint8Array(4097)]) {
    const step = await exchangeOf(rig).begin(credentials(), bytes);
    assertEquals(outcome(step), "denied 87: the first message is no UTF-8, or too long");
  }
});

test("a last message that does not belong to the first is refused", async () => {
  const rig = await authRig({ users: [ALICE] });
  const change: readonly [(final: string) => string, string][] = [
    [() => "", "other-error"],
    [(final) => final.replace(/,p=.*/, ""), "other-error"],
    [(final) => final.replace("c=biws", "c=eSws"), "channel-bindings-dont-match"],
    [(final) => final.replace("c=biws", "c=biws="), "channel-bindings-dont-match"],
    [(final) => final.replace(/r=./, "r=~"), "another nonce"],
  ];
  for (const [spoil, why] of change) {
    const exchange = exchangeOf(rig);
    const client = new ScramClient("alice", "secret");
    const first = await exchange.begin(credentials(), client.first());
    const step = await exchange.next(utf8(spoil(text(client.final(continued(first))))));
    assertEquals(outcome(step), `denied 87: the last message: ${why}`);
  }
  for (
    const spoil of [
      (final: string) => `${final.slice(0, -8)}AAAAAAA=`,
      (final: string) => final.replace(/p=.*/, "p=AAAA"),
      (final: string) => final.replace(",p=", ",x=1,p="),
    ]
  ) {
    const exchange = exchangeOf(rig);
    const client = new ScramClient("alice", "secret");
    const first = await exchange.begin(credentials(), client.first());
    const step = await exchange.next(utf8(spoil(text(client.final(continued(first))))));
    assertEquals(outcome(step), 'denied 87: wrong proof for user "alice"');
  }
});

test("a proof is good for one exchange only", async () => {
  const rig = await authRig({ users: [ALICE] });
  const client = new ScramClient("alice", "secret");
  const first = await exchangeOf(rig).begin(credentials(), client.first());
  const final = client.final(continued(first));
  const second = exchangeOf(rig);
  await second.begin(credentials(), client.first());
  assertEquals(outcome(await second.next(final)), "denied 87: the last message: another nonce");
});

test("a client that could bind to a channel, and believes that we cannot, is right", async () => {
  const rig = await authRig({ users: [ALICE] });
  assertEquals(await talk(rig, new ScramClient("alice", "secret", { header: "y,," })), "alice");
  const asHimself = new ScramClient("alice", "secret", { header: "n,a=alice," });
  assertEquals(await talk(rig, asHimself), "alice");
});

test("other methods are not known", async () => {
  const { service } = await authRig({ users: [ALICE] });
  for (const method of ["", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "scram-sha-256", "PLAIN"]) {
    assertEquals(service.enhanced(method), undefined);
  }
});

test("a verifier is written and read, and a damaged one is refused", async () => {
  const verifier = await createScramVerifier("pencil", SALT, 4096);
  const written = formatScramVerifier(verifier);
  assertEquals(
    written,
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:" +
      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
  );
  assertEquals(formatScramVerifier(parseScramVerifier(written)), written);
  for (
    const bad of [
      "",
      "x",
      7,
      null,
      undefined,
      written.slice(0, -4),
      written.replace("4096", "0"),
      written.replace("4096", "9999999"),
      written.replace("W22Z", "!!!!"),
    ]
  ) {
    assertThrows(() => parseScramVerifier(bad), ScramError);
  }
  await assertRejects(() => createScramVerifier("a\u0007", SALT), ScramError);
  await assertRejects(() => createScramVerifier("\u00ad", SALT), ScramError);
});

test("a stored verifier that is damaged lets nobody in", async () => {
  const rig = await authRig();
  for (const value of [null, "", "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA"]) {
    await rig.records.put("scram", "carol", value);
    assertEquals(
      await talk(rig, new ScramClient("carol", "")),
      'denied 87: wrong proof for user "carol"',
    );
  }
});

/** RFC 4013, section 3, and more. */
const PREPARED: readonly [from: string, to: string | undefined][] = [
  ["I\u00adX", "IX"],
  ["user", "user"],
  ["USER", "USER"],
  ["\u00aa", "a"],
  ["\u2168", "IX"],
  ["\u0007", undefined],
  ["\u0627\u0031a", undefined],
  ["a\u00a0b", "a b"],
  ["\u212b", "\u00c5"],
  ["\ue000", undefined],
  ["\u202e", undefined],
  ["größe", "größe"],
];

for (const [from, to] of PREPARED) {
  test(`prepareText(${JSON.stringify(from)})`, () => {
    assertEquals(prepareText(from), to);
  });
}

/** Any bytes: mutations of what a client would say, and noise. */
function spoiled(prng: Prng, message: Uint8Array): Uint8Array {
  if (prng.nextInt(8) === 0) {
    return Uint8Array.from({ length: prng.nextInt(200) }, () => prng.nextInt(256));
  }
  const bytes = [...message];
  for (let count = 1 + prng.nextInt(3); count > 0; count--) {
    const at = prng.nextInt(bytes.length + 1);
    const byte = prng.pick([...utf8("n,=rcp:yma\0 ~"), prng.nextInt(256)]);
    const inserted = prng.nextInt(3) === 0 ? [] : [byte];
    bytes.splice(at, prng.nextInt(3), ...inserted);
  }
  return Uint8Array.from(bytes);
}

test("whatever a client sends, it is answered or refused, and never let in without the password", async () => {
  const prng = seededPrng("scram");
  const verifier = await createScramVerifier("secret", SALT, 4096);
  const source = { verifierFor: () => ({ verifier, isSuperuser: false, isFake: false }) };
  for (let round = 0; round < 20_000; round++) {
    const client = { first: utf8("n,,n=alice,r=abc"), final: utf8("c=biws,r=abcdef,p=AAAA") };
    const exchange = new ScramExchange(source, () => "def");
    let step: ExchangeStep = exchange.begin(credentials(), spoiled(prng, client.first));
    for (let more = 3; more > 0 && "continue" in step; more--) {
      step = exchange.next(spoiled(prng, client.final));
    }
    assert(!("done" in step), `round ${round}: let in`);
  }
});
