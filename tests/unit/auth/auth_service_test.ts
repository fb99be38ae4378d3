import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createPasswordHash, formatPasswordHash } from "../../../src/auth/mod.ts";
import type { PeerCertificate } from "../../../src/ports/mod.ts";
import { type AuthRig, authRig, JWT, NO_AUTH, utf8 } from "./auth_rig.ts";

const USER = { passwordHash: undefined, password: undefined, isSuperuser: false };
const ALICE = { ...USER, username: "alice", password: "secret" };
/** "secret", by mosquitto_passwd. */
const BOB_LINE =
  "bob:$7$101$IcmH6tqSUN1ntHpU$G3uUhXs0pXRz5ygBhsP2ioUOJWxn0tonWhpNLwp1TmYgCK5nlRNrTPrUsDZz9lIfyfo4D7J8I8QVSv/lCUiY5A==\n";

const WITH_FILE = { passwordFile: "pw" };

async function rigWithEverybody(): Promise<AuthRig> {
  const rig = await authRig(
    { ...WITH_FILE, users: [ALICE, { ...ALICE, username: "root", isSuperuser: true }] },
    { passwordFile: BOB_LINE },
  );
  await rig.service.users.add("carol", "carol's");
  await rig.service.users.add("alice", "another");
  await rig.service.clientIds.add("device-7", "device's");
  return rig;
}

test("each table lets in whom it knows, and says which one it was", async () => {
  const { knock } = await rigWithEverybody();
  assertEquals(await knock({ username: "alice", password: "secret" }), "config alice");
  assertEquals(await knock({ username: "root", password: "secret" }), "config root (superuser)");
  assertEquals(await knock({ username: "bob", password: "secret" }), "password_file bob");
  assertEquals(await knock({ username: "carol", password: "carol's" }), "store carol");
  assertEquals(await knock({ clientId: "device-7", password: "device's" }), "store");
});

test("the first table that knows a name decides: a later one with the right password is not asked", async () => {
  const { knock } = await rigWithEverybody();
  assertEquals(
    await knock({ username: "alice", password: "another" }),
    "denied 86 by config: wrong password",
  );
});

test("a wrong password is refused, also where anonymous clients are allowed", async () => {
  const { knock } = await rigWithEverybody();
  for (const allowAnonymous of [true, false]) {
    for (
      const [username, stage] of [["alice", "config"], ["bob", "password_file"], ["carol", "store"]]
    ) {
      for (const password of ["wrong", "", "Secret", "secret "]) {
        assertEquals(
          await knock({ allowAnonymous, username, password }),
          `denied 86 by ${stage}: wrong password`,
        );
      }
    }
    assertEquals(
      await knock({ allowAnonymous, clientId: "device-7", password: "wrong" }),
      "denied 86 by store: wrong password",
    );
  }
});

test("a name that is taken is not had without a password, also where anonymous clients are allowed", async () => {
  const { knock } = await rigWithEverybody();
  for (const username of ["alice", "bob", "carol"]) {
    const answer = await knock({ allowAnonymous: true, username });
    assert(answer.startsWith("denied 86 by anonymous"), answer);
  }
  assert((await knock({ allowAnonymous: true, clientId: "device-7" })).startsWith("denied"));
  // An identifier that the broker makes up belongs to nobody.
  assertEquals(
    await knock({ allowAnonymous: true, clientId: "device-7", isClientIdAssigned: true }),
    "anonymous",
  );
});

test("anonymous clients are let in where the listener takes them, and only there", async () => {
  const { knock } = await rigWithEverybody();
  assertEquals(await knock({ allowAnonymous: true }), "anonymous");
  assertEquals(
    await knock(),
    "denied 87 by anonymous: anonymous clients are not allowed here",
  );
});

test("a user name that nobody knows: refused where users are configured, as with mosquitto", async () => {
  const withUsers = await authRig({ users: [ALICE] });
  const withFile = await authRig(WITH_FILE, { passwordFile: BOB_LINE });
  const withEmptyFile = await authRig(WITH_FILE, { passwordFile: "" });
  for (const { knock } of [withUsers, withFile]) {
    const answer = await knock({ allowAnonymous: true, username: "eve", password: "x" });
    assert(answer.startsWith("denied 86 by anonymous"), answer);
  }
  const answer = await withEmptyFile.knock({ allowAnonymous: true, username: "eve" });
  assert(answer.startsWith("denied 86 by anonymous"), answer);
});

test("a user name that nobody knows: let in as anonymous where only the store has accounts, as with EMQX", async () => {
  const { knock, service } = await authRig();
  assertEquals(await knock({ allowAnonymous: true, username: "eve" }), "anonymous eve");
  await service.users.add("carol", "carol's");
  assertEquals(
    await knock({ allowAnonymous: true, username: "eve", password: "x" }),
    "anonymous eve",
  );
  assert((await knock({ username: "eve", password: "x" })).startsWith("denied 86"));
});

test("an empty password file lets nobody in", async () => {
  const { knock } = await authRig(WITH_FILE, { passwordFile: "" });
  for (const username of ["alice", "", "root"]) {
    for (const password of ["", "secret", undefined]) {
      assertEquals(
        await knock({ username, password }),
        password === undefined
          ? "denied 86 by anonymous: there is no password"
          : "denied 86 by anonymous: the user is not known",
      );
    }
  }
});

test("an unknown user costs as many hashes as a wrong password, of the same kind", async () => {
  const { knock, service } = await rigWithEverybody();
  const before = service.figures.hashing.finished;
  await knock({ username: "alice", password: "wrong" });
  assertEquals(service.figures.hashing.finished - before, 1);
  for (const username of ["eve", "mallory", "trent"]) {
    await knock({ username, password: "wrong" });
  }
  assertEquals(service.figures.hashing.finished - before, 4);
  assertEquals(service.figures.passwords.feigned, 3);
  assertEquals(service.figures.passwords.mismatched, 1);
  // Nothing can be learned without a password, so nothing is spent.
  await knock({ username: "eve" });
  assertEquals(service.figures.hashing.finished - before, 4);
});

test("the password of an account that was picked for its cost lets no unknown user in", async () => {
  const { knock } = await authRig({ users: [ALICE] });
  for (const username of ["eve", "mallory", "trent"]) {
    assertEquals(
      await knock({ username, password: "secret" }),
      "denied 86 by anonymous: the user is not known",
    );
  }
});

test("more passwords at a time than may wait are refused as busy, and those who have left cost nothing", async () => {
  const { service, knock } = await authRig({
    users: [ALICE],
    maxHashing: 1,
    maxHashingWaiting: 2,
  });
  const client = { username: "alice", password: "secret" };
  const answers = await Promise.all([
    knock(client),
    knock({ ...client, hasLeft: () => true }),
    knock(client),
    knock(client),
  ]);
  assertEquals(answers, [
    "config alice",
    "denied 89 by config: the client has gone",
    "config alice",
    "denied 89 by config: too many passwords wait to be checked",
  ]);
  const { finished, declined, abandoned } = service.figures.hashing;
  assertEquals([finished, declined, abandoned], [2, 1, 1]);
});

test("accounts of the store count only where they are wanted", async () => {
  const { service, knock } = await authRig({ accounts: false });
  await service.users.add("carol", "carol's");
  assert((await knock({ username: "carol", password: "carol's" })).startsWith("denied 86"));
});

test("an account whose record is damaged is nobody's, not everybody's", async () => {
  const { records, knock } = await authRig();
  for (const value of [null, "", {}, { hash: "" }, { hash: "plain" }, { hash: 7 }, []]) {
    await records.put("user", "carol", value);
    for (const password of ["", "plain", "x"]) {
      const answer = await knock({ allowAnonymous: true, username: "carol", password });
      assert(answer.startsWith("denied 87 by store: Cannot read password hash"), answer);
    }
    assert((await knock({ allowAnonymous: true, username: "carol" })).startsWith("denied"));
  }
});

const CERTIFICATE: PeerCertificate = {
  commonName: "device 7",
  distinguishedName: "CN=device 7",
  serialNumber: "01",
  fingerprint256: "AA",
  isVerified: true,
};

test("a certificate lets in where the listener names clients by it, and nowhere else", async () => {
  const { knock } = await authRig({ users: [ALICE] });
  const shown = { username: "device 7", peerCertificate: CERTIFICATE };
  for (const peerCertAs of ["username", "client_id"] as const) {
    assertEquals(await knock({ ...shown, peerCertAs }), "certificate device 7");
    // Not verified, without a name, or none at all: nobody has vouched, not even for an anonymous client.
    for (
      const peerCertificate of [
        { ...CERTIFICATE, isVerified: false },
        { ...CERTIFICATE, commonName: undefined },
        { ...CERTIFICATE, commonName: "" },
        undefined,
      ]
    ) {
      const answer = await knock({ peerCertAs, peerCertificate, allowAnonymous: true });
      assertEquals(answer, "denied 87 by anonymous: no certificate that names the client");
    }
    assertEquals(
      await knock({ peerCertAs, username: "alice", password: "secret" }),
      "config alice",
    );
  }
  assert((await knock(shown)).startsWith("denied 86"));
});

test("a configuration that cannot be used changes nothing", async () => {
  const { service, knock } = await authRig({ users: [ALICE] });
  const files = { passwordFile: undefined, publicKeyFile: undefined };
  await assertRejects(
    () => service.prepare({ ...NO_AUTH, ...WITH_FILE }, { ...files, passwordFile: "x" }),
    Error,
    "pw:1: a user name, a colon and a hash are expected",
  );
  const twice = { ...NO_AUTH, users: [ALICE, ALICE, { ...USER, username: "x" }] };
  await assertRejects(
    () => service.prepare(twice, files),
    Error,
    "auth.user.1: another entry has the same username\n" +
      "auth.user.2: exactly one of password_hash and password is needed",
  );
  const plain = { ...NO_AUTH, users: [{ ...USER, username: "x", passwordHash: "hunter2" }] };
  const error = await assertRejects(() => service.prepare(plain, files), Error);
  assert(!error.message.includes("hunter2"), error.message);
  await assertRejects(
    () => service.prepare({ ...NO_AUTH, jwt: { ...JWT, publicKeyFile: "k" } }, files),
    Error,
    "neither secret nor public_key_file",
  );
  assertEquals(await knock({ username: "alice", password: "secret" }), "config alice");
});

test("a change counts from the next client on", async () => {
  const { service, knock } = await authRig({ users: [ALICE] });
  const passwordHash = formatPasswordHash(await createPasswordHash(utf8("new"), 10));
  const change = await service.prepare(
    { ...NO_AUTH, users: [{ ...USER, username: "alice", passwordHash }] },
    { passwordFile: undefined, publicKeyFile: undefined },
  );
  assertEquals(await knock({ username: "alice", password: "secret" }), "config alice");
  change();
  assertEquals(await knock({ username: "alice", password: "new" }), "config alice");
  assert((await knock({ username: "alice", password: "secret" })).startsWith("denied 86"));
});
