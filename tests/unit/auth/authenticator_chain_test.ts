import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ALLOW_ALL, AuthenticatorChain } from "../../../src/auth/mod.ts";
import { isPromise, type MaybePromise } from "../../../src/base/mod.ts";
import { ReasonCode } from "../../../src/mqtt/mod.ts";
import type {
  AuthenticationResult,
  Authenticator,
  Credentials,
  Identity,
} from "../../../src/ports/mod.ts";

const CREDENTIALS: Credentials = {
  clientId: "c",
  isClientIdAssigned: false,
  username: "u",
  password: undefined,
  remoteAddress: "192.0.2.1",
  version: 5,
  allowAnonymous: true,
  listenerName: "tcp:default",
  peerCertificate: undefined,
  peerCertAs: "none",
};
const IDENTITY: Identity = {
  clientId: "c",
  username: "known",
  remoteAddress: "192.0.2.1",
  method: "config",
};
const DENIED = { denied: ReasonCode.banned };

/** Answers as told, and notes that it was asked. */
function member(
  asked: string[],
  name: string,
  answer: MaybePromise<AuthenticationResult>,
): Authenticator {
  return {
    authenticate: (credentials) => {
      assertEquals(credentials, CREDENTIALS);
      asked.push(name);
      return answer;
    },
  };
}

test("AuthenticatorChain takes the first decisive answer and asks nobody after it", () => {
  for (const answer of [IDENTITY, DENIED]) {
    const asked: string[] = [];
    const chain = new AuthenticatorChain([
      member(asked, "first", "ignore"),
      member(asked, "second", answer),
      member(asked, "third", IDENTITY),
    ]);
    assertEquals(chain.authenticate(CREDENTIALS), answer);
    assertEquals(asked, ["first", "second"]);
  }
});

test("AuthenticatorChain waits for a member that has to wait, and keeps the order", async () => {
  const asked: string[] = [];
  const chain = new AuthenticatorChain([
    member(asked, "first", Promise.resolve("ignore")),
    member(asked, "second", "ignore"),
    member(asked, "third", Promise.resolve(DENIED)),
    member(asked, "fourth", IDENTITY),
  ]);
  const answer = chain.authenticate(CREDENTIALS);
  assert(isPromise(answer));
  assertEquals(asked, ["first"]);
  assertEquals(await answer, DENIED);
  assertEquals(asked, ["first", "second", "third"]);
});

test("AuthenticatorChain falls back on anonymous when all wait and ignore", async () => {
  const chain = new AuthenticatorChain([member([], "only", Promise.resolve("ignore"))]);
  assertEquals(await chain.authenticate(CREDENTIALS), {
    ...IDENTITY,
    username: "u",
    method: "anonymous",
  });
});

test("AuthenticatorChain lets nobody in when a member fails", async () => {
  const chain = new AuthenticatorChain([
    member([], "broken", Promise.reject(new Error("no database"))),
  ]);
  await assertRejects(async () => await chain.authenticate(CREDENTIALS), Error, "no database");
});

const UNKNOWN: ReadonlyArray<
  [allowAnonymous: boolean, username: string | undefined, answer: unknown]
> = [
  [true, "u", { ...IDENTITY, username: "u", method: "anonymous" }],
  [true, undefined, { ...IDENTITY, username: undefined, method: "anonymous" }],
  [
    false,
    "u",
    {
      denied: ReasonCode.badUserNameOrPassword,
      stage: "anonymous",
      reason: "there is no password",
    },
  ],
  [
    false,
    undefined,
    {
      denied: ReasonCode.notAuthorized,
      stage: "anonymous",
      reason: "anonymous clients are not allowed here",
    },
  ],
];

for (const [allowAnonymous, username, answer] of UNKNOWN) {
  test(`AuthenticatorChain of nobody, user ${username}, anonymous allowed: ${allowAnonymous}`, () => {
    const chain = new AuthenticatorChain([]);
    assertEquals(chain.authenticate({ ...CREDENTIALS, allowAnonymous, username }), answer);
  });
}

test("ALLOW_ALL allows everything at once", () => {
  assertEquals(ALLOW_ALL.authorize(IDENTITY, "publish", "a"), "allow");
  assertEquals(ALLOW_ALL.authorize(IDENTITY, "subscribe", "#"), "allow");
});
