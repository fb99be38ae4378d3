import { generateKeyPairSync, sign } from "node:crypto";
import { Buffer } from "node:buffer";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Authentication, authWarnings } from "../../../src/app/auth.ts";
import type { AuthOptions } from "../../../src/auth/mod.ts";
import { type LogFields, type Logger, SystemClock } from "../../../src/base/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { LISTENER_OPTIONS } from "../../support/listener_terms.ts";
import { withFolder } from "../../support/storage_rig.ts";
import { credentials, JWT, NO_AUTH, outcomeOf } from "../auth/auth_rig.ts";

const KEYS = [1, 2].map(() => generateKeyPairSync("ed25519"));

function pem(index: number): string {
  return KEYS[index]!.publicKey.export({ type: "spki", format: "pem" }).toString();
}

function token(index: number): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "EdDSA" })}.${part({ sub: "alice" })}`;
  const bytes = sign(null, Buffer.from(signed), KEYS[index]!.privateKey);
  return `${signed}.${bytes.toString("base64url")}`;
}

/** Says when something is logged. */
class LoudLogger implements Logger {
  readonly lines: string[] = [];
  #wake: () => void = () => undefined;

  isEnabled(): boolean {
    return true;
  }
  error(message: string, _fields?: LogFields): void {
    this.lines.push(message);
    this.#wake();
  }
  warn(): void {}
  info(message: string): void {
    this.error(message);
  }
  debug(): void {}
  trace(): void {}

  async logged(text: string): Promise<void> {
    while (!this.lines.some((line) => line.includes(text))) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

interface Rig {
  readonly authentication: Authentication;
  readonly logger: LoudLogger;
  /** Lets the broker look whether files have changed. */
  look(): void;
  knock(password: string): Promise<string>;
}

async function open(options: AuthOptions): Promise<Rig> {
  const logger = new LoudLogger();
  let look = (): void => undefined;
  let isStopped = false;
  const { records } = new MemoryStore();
  const authentication = await Authentication.open({
    runtime: {
      readTextFile: (path) => readFile(path, "utf8"),
      every: (_intervalMs, fn) => {
        look = fn;
        return { stop: () => isStopped = true };
      },
    },
    clock: new SystemClock(),
    logger,
    records,
  }, options);
  return {
    authentication,
    logger,
    look: () => isStopped || look(),
    knock: async (password) =>
      outcomeOf(
        await authentication.service.authenticate(credentials({ username: "alice", password })),
      ),
  };
}

test("a key file counts again when it has changed; one that cannot be used changes nothing", async () => {
  await withFolder(async (folder) => {
    const publicKeyFile = join(folder, "key.pem");
    await writeFile(publicKeyFile, pem(0));
    const rig = await open({ ...NO_AUTH, jwt: { ...JWT, publicKeyFile } });
    const outcomes = async (): Promise<boolean[]> =>
      (await Promise.all([rig.knock(token(0)), rig.knock(token(1))]))
        .map((outcome) => outcome === "jwt alice");
    assertEquals(await outcomes(), [true, false]);
    await writeFile(publicKeyFile, pem(1) + "\n");
    rig.look();
    await rig.logger.logged("Read the files of [auth] again");
    assertEquals(await outcomes(), [false, true]);
    await writeFile(publicKeyFile, "no key");
    rig.look();
    await rig.logger.logged("it is neither PEM");
    await rm(publicKeyFile);
    rig.look();
    await rig.logger.logged("Cannot read auth.jwt.public_key_file");
    assertEquals(await outcomes(), [false, true]);
    // What is wrong with a file is said once, not every two seconds.
    const said = rig.logger.lines.length;
    rig.look();
    await new Promise((resolve) => setImmediate(resolve));
    assertEquals(rig.logger.lines.length, said);
    rig.authentication.close();
  });
});

test("a file that is not there, or not in order, is an error at the start and at a reload", async () => {
  await withFolder(async (folder) => {
    const passwordFile = join(folder, "pw");
    const options = { ...NO_AUTH, passwordFile };
    await assertRejects(() => open(options), Error, "Cannot read auth.password_file");
    const rig = await open(NO_AUTH);
    await assertRejects(() => rig.authentication.prepare(options), Error, "auth.password_file");
    await writeFile(passwordFile, "x");
    await assertRejects(() => rig.authentication.prepare(options), Error, `${passwordFile}:1:`);
    rig.authentication.close();
  });
});

const USER = { username: "a", password: "b", passwordHash: undefined, isSuperuser: false };
const OPEN = [LISTENER_OPTIONS, { ...LISTENER_OPTIONS, name: "ws:default" }];

test("what an operator may have overlooked is said", () => {
  assertEquals(authWarnings(NO_AUTH, OPEN), []);
  const users = { ...NO_AUTH, users: [USER] };
  assertEquals(authWarnings(users, [{ ...LISTENER_OPTIONS, allowAnonymous: false }]), []);
  assertEquals(authWarnings(users, OPEN), [
    "Clients without a user name may still connect to tcp:default, ws:default: " +
    "auth.allow_anonymous = false keeps them out",
  ]);
  const jwt = { ...JWT, secret: "short" };
  const [binds, short] = authWarnings({ ...NO_AUTH, jwt }, []);
  assert(binds?.startsWith("auth.jwt.verify_claims binds a token to nobody"), binds);
  assertEquals(short, "auth.jwt.secret is shorter than 32 characters");
  const bound = { ...JWT, secret: "x".repeat(32), verifyClaims: [["sub", "%u"]] as const };
  assertEquals(authWarnings({ ...NO_AUTH, jwt: bound }, []), []);
});
