import { test } from "node:test";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { AccountError } from "../../../src/auth/mod.ts";
import { authRig, utf8 } from "./auth_rig.ts";
import { AuthService, installationSecret } from "../../../src/auth/mod.ts";
import { SILENT_LOGGER } from "../../../src/base/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";

async function reasonOf(work: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => work, AccountError);
  return `${error.reason}: ${error.message}`;
}

test("accounts are added, found, changed and removed, in the order in which they came", async () => {
  const { service: { users }, knock, records } = await authRig();
  await users.add("zoe", "1");
  await users.add("adam", "2");
  assertEquals(users.names(), ["zoe", "adam"]);
  assert(await users.verify("zoe", "1"));
  assert(!await users.verify("zoe", "2"));
  assert(!await users.verify("nobody", "1"));
  await users.changePassword("zoe", "3");
  assertEquals(users.names(), ["zoe", "adam"]);
  assertEquals(await knock({ username: "zoe", password: "3" }), "store zoe");
  assert((await knock({ username: "zoe", password: "1" })).startsWith("denied"));
  assertEquals([await users.remove("zoe"), await users.remove("zoe")], [true, false]);
  assertEquals(users.names(), ["adam"]);
  assert((await knock({ username: "zoe", password: "3" })).startsWith("denied"));
  const stored = JSON.stringify(records.get("user", "adam"));
  assert(stored.includes("$scrypt$ln=15,r=8,p=1$"), stored);
});

test("what cannot be an account is refused with the reason", async () => {
  const { service: { users } } = await authRig();
  await users.add("zoe", "1");
  assertEquals(
    await reasonOf(users.add("zoe", "2")),
    'conflict: Cannot add user account: there is one named "zoe"',
  );
  assertEquals(
    await reasonOf(users.add("", "2")),
    "invalid: Cannot add user account: the user name is empty",
  );
  assertEquals(
    await reasonOf(users.add("x", "")),
    "invalid: Cannot add user account: the password has 0 bytes, allowed are 1 to 65535",
  );
  assertEquals(
    await reasonOf(users.changePassword("zoe", "ö".repeat(32_768))),
    "invalid: Cannot change user account: the password has 65536 bytes, allowed are 1 to 65535",
  );
  assertEquals(
    await reasonOf(users.changePassword("x", "2")),
    'not-found: Cannot change user account: there is none named "x"',
  );
  assert(await users.verify("zoe", "1"));
});

test("of two who add the same account at the same time one is told that it is there", async () => {
  const { service: { users } } = await authRig();
  const [first, second] = await Promise.allSettled([users.add("zoe", "1"), users.add("zoe", "2")]);
  assertEquals([first.status, second.status].sort(), ["fulfilled", "rejected"]);
  assertEquals(await users.verify("zoe", "1"), first.status === "fulfilled");
});

test("an account that is removed while its new password is hashed stays removed", async () => {
  const { service: { users } } = await authRig();
  await users.add("zoe", "1");
  const change = users.changePassword("zoe", "2");
  await users.remove("zoe");
  assert((await reasonOf(change)).startsWith("not-found"));
  assertEquals(users.names(), []);
});

test("a superuser stays one when the password changes", async () => {
  const { service: { users }, knock } = await authRig();
  await users.add("root", "1", true);
  await users.changePassword("root", "2");
  assertEquals(await knock({ username: "root", password: "2" }), "store root (superuser)");
});

test("the digest is 64 hexadecimal digits, stable, another for each password, name and installation", async () => {
  const { service, records } = await authRig();
  const { users, clientIds } = service;
  await users.add("zoe", "1");
  await users.add("adam", "1");
  await clientIds.add("zoe", "1");
  const digest = users.info("zoe")?.verifierDigest ?? "";
  assert(/^[0-9a-f]{64}$/.test(digest), digest);
  assertEquals(users.info("zoe")?.verifierDigest, digest);
  assertNotEquals(users.info("adam")?.verifierDigest, digest);
  assertNotEquals(clientIds.info("zoe")?.verifierDigest, digest);
  const elsewhere = new AuthService({
    records,
    secret: utf8("t".repeat(32)),
    clock: new ManualClock(),
    logger: SILENT_LOGGER,
  });
  assertNotEquals(elsewhere.users.info("zoe")?.verifierDigest, digest);
  await users.changePassword("zoe", "1");
  assertNotEquals(users.info("zoe")?.verifierDigest, digest);
  assertEquals(users.info("nobody"), undefined);
  assertEquals(users.info("zoe")?.createdAtMs, 1_700_000_000_000);
});

test("the secret of an installation is made once", async () => {
  const { records } = await authRig();
  const secret = await installationSecret(records);
  assertEquals(secret.length, 32);
  assertEquals(await installationSecret(records), secret);
  const other = await authRig();
  assertNotEquals(await installationSecret(other.records), secret);
});
