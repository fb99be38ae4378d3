import { createHmac, generateKeyPairSync, type KeyObject } from "node:crypto";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { exportJWK, type JWTPayload, SignJWT } from "jose";
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { JwtOptions } from "../../../src/auth/mod.ts";
import type { Identity } from "../../../src/ports/mod.ts";
import { type AuthRig, authRig, credentials, JWT, outcomeOf, utf8 } from "./auth_rig.ts";

const SECRET = "0123456789abcdef0123456789abcdef";
/** Of the rig's clock. */
const NOW_S = 1_700_000_000;

const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");

const pem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();

async function tokenOf(
  claims: JWTPayload,
  key: KeyObject | Uint8Array = utf8(SECRET),
  header: { readonly alg: string; readonly kid?: string } = { alg: "HS256" },
): Promise<string> {
  return await new SignJWT({ exp: NOW_S + 60, ...claims }).setProtectedHeader(header).sign(key);
}

/** A token whose parts are as they are given, signed or not. */
function rawToken(header: unknown, payload: unknown, key?: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part(header)}.${part(payload)}`;
  const mac = key === undefined ? "" : createHmac("sha256", key).update(signed).digest("base64url");
  return `${signed}.${mac}`;
}

async function rig(options: Partial<JwtOptions> = {}, publicKeyFile?: string): Promise<AuthRig> {
  const secret = publicKeyFile === undefined ? SECRET : undefined;
  const path = publicKeyFile === undefined ? undefined : "key";
  const jwt = { ...JWT, secret, publicKeyFile: path, ...options };
  return await authRig({ jwt }, { publicKeyFile });
}

const U = { username: "alice" };

test("a good token lets in, and the connection ends when it does", async () => {
  const { service, knock } = await rig();
  const password = await tokenOf({ sub: "alice" });
  assertEquals(await knock({ ...U, password }), "jwt alice");
  const identity = await service.authenticate(credentials({ ...U, password })) as Identity;
  assertEquals(identity.expiresAtMs, (NOW_S + 60) * 1000);
  assertEquals(await knock({ password }), "jwt alice", "without a user name it is the subject's");
  const forEver = rawToken({ alg: "HS256" }, { sub: "alice" }, SECRET);
  const lasting = await service.authenticate(credentials({ ...U, password: forEver })) as Identity;
  assertEquals([lasting.method, lasting.expiresAtMs], ["jwt", undefined]);
});

test("the subject of a token is what was vouched for, whatever user name is claimed beside it", async () => {
  const { service } = await rig();
  const identityOf = async (claims: JWTPayload): Promise<Identity> => {
    const password = await tokenOf(claims);
    return await service.authenticate(credentials({ ...U, password })) as Identity;
  };
  const known = await identityOf({ sub: "meter-1" });
  assertEquals([known.username, known.subject], ["alice", "meter-1"]);
  assertEquals((await identityOf({})).subject, undefined);
  const odd = await identityOf({ sub: 7 } as never);
  assertEquals([odd.username, odd.subject], ["alice", undefined]);
});

test("a token that is no good is refused, also where anonymous clients are allowed", async () => {
  const { knock } = await rig();
  const good = await tokenOf({});
  const bad: readonly [what: string, token: string, why: string][] = [
    ["expired", await tokenOf({ exp: NOW_S }), '87 by jwt: "exp" claim timestamp check failed'],
    ["not yet", await tokenOf({ nbf: NOW_S + 1 }), '87 by jwt: "nbf" claim timestamp check failed'],
    ["no number", rawToken({ alg: "HS256" }, { exp: "9" }, SECRET), '87 by jwt: "exp" claim must'],
    ["other key", await tokenOf({}, utf8("x".repeat(32))), "86 by jwt: signature verification"],
    ["alg none", rawToken({ alg: "none" }, { sub: "alice" }), "86 by jwt:"],
    ["alg None", rawToken({ alg: "None" }, { sub: "alice" }, SECRET), "86 by jwt:"],
    ["no alg", rawToken({}, { sub: "alice" }, SECRET), "86 by jwt:"],
    ["signature cut", good.slice(0, -3), "86 by jwt: signature verification"],
    ["no signature", good.replace(/[^.]*$/, ""), "86 by jwt:"],
    ["changed", good.replace(/\.[^.]*\./, `.${btoa('{"sub":"root"}').replace(/=+$/, "")}.`), "86"],
    ["crit", rawToken({ alg: "HS256", crit: ["x"], x: 1 }, {}, SECRET), "86 by jwt:"],
  ];
  for (const allowAnonymous of [true, false]) {
    for (const [what, password, why] of bad) {
      const answer = await knock({ ...U, password, allowAnonymous });
      assert(answer.startsWith(`denied ${why}`), `${what}: ${answer}`);
      assert(!answer.includes(password), what);
    }
  }
});

test("a public key is no secret: HS256 under the key file is refused", async () => {
  for (const key of [rsa.publicKey, ec.publicKey]) {
    const file = pem(key);
    for (const options of [{}, { secret: SECRET }]) {
      const { knock } = await rig(options, file);
      for (const secret of [file, file.trim()]) {
        const answer = await knock({ ...U, password: rawToken({ alg: "HS256" }, {}, secret) });
        assert(answer.startsWith("denied 86 by jwt:"), answer);
      }
    }
  }
});

test("keys of every kind are read from PEM, and serve their own algorithms only", async () => {
  const kinds: readonly [KeyObject, KeyObject, string, string][] = [
    [rsa.publicKey, rsa.privateKey, "RS256", "ES256"],
    [rsa.publicKey, rsa.privateKey, "PS512", "ES256"],
    [ec.publicKey, ec.privateKey, "ES256", "RS256"],
    [ed.publicKey, ed.privateKey, "EdDSA", "RS256"],
  ];
  for (const [publicKey, privateKey, alg, other] of kinds) {
    const { knock } = await rig({}, pem(publicKey));
    const password = await tokenOf({}, privateKey, { alg });
    assertEquals(await knock({ ...U, password }), "jwt alice", alg);
    const forged = await tokenOf({}, other === "ES256" ? ec.privateKey : rsa.privateKey, {
      alg: other,
    });
    assert((await knock({ ...U, password: forged })).startsWith("denied 86"), other);
  }
});

test("an algorithm that is not listed is refused, though there is a key for it", async () => {
  const { knock } = await rig({ algorithms: ["RS512"] }, pem(rsa.publicKey));
  const listed = await tokenOf({}, rsa.privateKey, { alg: "RS512" });
  const other = await tokenOf({}, rsa.privateKey, { alg: "RS256" });
  assertEquals(await knock({ ...U, password: listed }), "jwt alice");
  assert((await knock({ ...U, password: other })).startsWith("denied 86"));
});

test("a key set has a key for each token", async () => {
  const keys = [
    { ...await exportJWK(rsa.publicKey), kid: "r" },
    { ...await exportJWK(ec.publicKey), kid: "e", use: "sig" },
  ];
  const { knock } = await rig({}, JSON.stringify({ keys }));
  const byRsa = await tokenOf({}, rsa.privateKey, { alg: "RS256", kid: "r" });
  const byEc = await tokenOf({}, ec.privateKey, { alg: "ES256", kid: "e" });
  const unknown = await tokenOf({}, ec.privateKey, { alg: "ES256", kid: "x" });
  assertEquals(await knock({ ...U, password: byRsa }), "jwt alice");
  assertEquals(await knock({ ...U, password: byEc }), "jwt alice");
  assert((await knock({ ...U, password: unknown })).startsWith("denied 86"));
});

test("keys that cannot be used are refused when they are read, and never quoted", async () => {
  const secretJwk = { kty: "oct", k: "AAAA" };
  const privateJwk = await exportJWK(ed.privateKey);
  const privatePem = rsa.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const files: readonly [text: string, why: string][] = [
    ["", "it is neither PEM of a public key or certificate nor a JSON Web Key Set"],
    ["hunter2", "it is neither PEM"],
    ["{", "it is no JSON"],
    ["{}", "there is no array of keys in it"],
    ['{"keys":[]}', "there is no array of keys in it"],
    ['{"keys":[7]}', "keys[0] is no object"],
    [JSON.stringify({ keys: [secretJwk] }), "keys[0] is a secret, which belongs into secret"],
    [JSON.stringify({ keys: [privateJwk] }), "keys[0] is a private key"],
    [JSON.stringify({ keys: [{ kty: "EC", crv: "x" }] }), "no algorithm is known for keys[0]"],
    [privatePem, "there is a private key in it; the broker needs the public one only"],
  ];
  for (const [text, why] of files) {
    const error = await assertRejects(() => rig({}, text), Error, why);
    assert(error.message.startsWith('Cannot use auth.jwt.public_key_file "key"'), error.message);
    assert(!error.message.includes("hunter2"));
  }
  await assertRejects(() => rig({ secret: "" }), Error, "auth.jwt.secret: it is empty");
  await assertRejects(
    () => rig({ algorithms: ["RS256"] }),
    Error,
    'algorithm "RS256" needs public_key_file',
  );
  await assertRejects(
    () => rig({ algorithms: ["HS256"] }, pem(rsa.publicKey)),
    Error,
    'algorithm "HS256" needs secret',
  );
});

test("a secret may be given in base64, of either alphabet", async () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, index) => 255 - index);
  const password = await tokenOf({}, bytes);
  for (const encoding of ["base64", "base64url"] as const) {
    const secret = Buffer.from(bytes).toString(encoding);
    const { knock } = await rig({ secret, isSecretBase64: true });
    assertEquals(await knock({ ...U, password }), "jwt alice", encoding);
  }
});

test("claims must be what is asked for, with the client's own names in their places", async () => {
  const verifyClaims = [["sub", "%u"], ["client", "%c"], ["aud", "mqtt"], ["n", "7"]] as const;
  const { knock } = await rig({ verifyClaims });
  const claims = { sub: "alice", client: "c", aud: ["web", "mqtt"], n: 7 };
  const knockWith = async (changes: JWTPayload, client = U): Promise<string> =>
    await knock({ ...client, password: await tokenOf({ ...claims, ...changes }) });
  assertEquals(await knockWith({}), "jwt alice");
  for (
    const [changes, name] of [
      [{ sub: "bob" }, "sub"],
      [{ sub: "" }, "sub"],
      [{ client: "d" }, "client"],
      [{ aud: ["web"] }, "aud"],
      [{ n: null }, "n"],
      [{ n: { toString: "7" } }, "n"],
    ] as [JWTPayload, string][]
  ) {
    assertEquals(
      await knockWith(changes),
      `denied 87 by jwt: the claim "${name}" is not as it has to be`,
    );
  }
  // Without a user name there is nothing that the subject could be.
  const password = await tokenOf(claims);
  assert((await knock({ password })).startsWith('denied 87 by jwt: the claim "sub"'));
  // A client whose name is a placeholder gets no further by it.
  const sly = await tokenOf({ ...claims, sub: "c" });
  assert((await knock({ username: "%c", password: sly })).startsWith("denied 87"));
});

test("a claim that is missing is not found in what all objects have", async () => {
  const { knock } = await rig({ verifyClaims: [["constructor", "Object"], ["__proto__", ""]] });
  assert((await knock({ ...U, password: await tokenOf({}) })).startsWith("denied 87"));
});

test("the token may stand in the user name; the subject is the name then", async () => {
  const { knock } = await rig({ from: "username" });
  const username = await tokenOf({ sub: "alice" });
  assertEquals(await knock({ username }), "jwt alice");
  assertEquals(await knock({ username: await tokenOf({}) }), "jwt");
  assert((await knock({ username: `${username}x` })).startsWith("denied 86 by jwt"));
  assert((await knock({ ...U, password: username })).startsWith("denied 86 by anonymous"));
});

test("a difference between the clocks is put up with as far as it was allowed", async () => {
  const { service, knock } = await rig({ leewayS: 10 });
  const late = await tokenOf({ exp: NOW_S - 9 });
  const identity = await service.authenticate(credentials({ ...U, password: late })) as Identity;
  assertEquals(identity.expiresAtMs, (NOW_S + 1) * 1000);
  assert((await knock({ ...U, password: await tokenOf({ exp: NOW_S - 10 }) })).includes("exp"));
  assertEquals(await knock({ ...U, password: await tokenOf({ nbf: NOW_S + 10 }) }), "jwt alice");
});

test("access rules come along in a claim; a claim that makes no sense lets nobody in", async () => {
  const { service } = await rig();
  const answerTo = async (acl: unknown): Promise<unknown> => {
    const answer = await service.authenticate(
      credentials({ ...U, password: await tokenOf({ acl } as JWTPayload) }),
    );
    return answer !== "ignore" && "denied" in answer
      ? outcomeOf(answer)
      : (answer as Identity).aclRules;
  };
  assertEquals(await answerTo([]), []);
  assertEquals(
    await answerTo([
      { permission: "allow", action: "publish", topic: "a/%c" },
      { permit: "deny", action: "all", topics: ["#"] },
    ]),
    [
      { permit: "allow", action: "publish", topics: ["a/%c"] },
      { permit: "deny", action: "all", topics: ["#"] },
    ],
  );
  assertEquals(await answerTo({ pub: ["a"], sub: ["b/#"], all: [] }), [
    { permit: "allow", action: "publish", topics: ["a"] },
    { permit: "allow", action: "subscribe", topics: ["b/#"] },
    { permit: "deny", action: "all", topics: [] },
  ]);
  for (
    const bad of [
      null,
      "all",
      7,
      [null],
      [{ permission: "allow", action: "publish" }],
      [{ permission: "allow", action: "publish", topics: [] }],
      [{ permission: "perhaps", action: "publish", topic: "a" }],
      [{ permission: "allow", action: "toString", topic: "a" }],
      { pub: "a" },
      { publish: ["a"] },
      { pub: [7] },
      Array.from({ length: 1001 }, () => ({ permit: "allow", action: "all", topic: "a" })),
    ]
  ) {
    assertEquals(
      await answerTo(bad),
      'denied 87 by jwt: the claim "acl" is no list of access rules',
    );
  }
});

test("what is no token is for others", async () => {
  const { knock } = await rig();
  for (
    const password of ["", "secret", "a.b.c", "eyJ", "eyJ.x", "eyJhb.!.x", "eyJa.b.c.d", undefined]
  ) {
    assertEquals(
      await knock({ ...U, password }),
      password === undefined
        ? "denied 86 by anonymous: there is no password"
        : "denied 86 by anonymous: the user is not known",
    );
  }
  // Where tokens vouch for names, a name without one is nobody's.
  assertEquals(
    await knock({ ...U, password: "x", allowAnonymous: true }),
    "denied 86 by anonymous: nobody vouches for the user name",
  );
  assertEquals(await knock({ allowAnonymous: true }), "anonymous");
});
