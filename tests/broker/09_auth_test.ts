/** Who may connect: the real program, and clients that are not ours. */
import { createHmac } from "node:crypto";
import { Buffer } from "node:buffer";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect, connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import type { IAuthPacket } from "mqtt-packet";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { hasMosquitto, mosquittoPub } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { ScramClient } from "../support/scram_client.ts";
import { type RunningBroker, runToEnd, withBroker } from "../support/start_broker.ts";

const skip = hasMosquitto() ? false : "the clients of mosquitto or stdbuf are not installed";

/** By mosquitto_passwd 2.0.11: "secret". */
const BOB_LINE =
  "bob:$7$101$IcmH6tqSUN1ntHpU$G3uUhXs0pXRz5ygBhsP2ioUOJWxn0tonWhpNLwp1TmYgCK5nlRNrTPrUsDZz9lIfyfo4D7J8I8QVSv/lCUiY5A==\n";
/** The same in the form of mosquitto 2.1. */
const CAROL_LINE =
  "carol:$argon2id$v=19$m=1024,t=2,p=1$0y0FUVI0as4r9UqewG0Ixe3f+kKw2LJ9zdQ+6i7SaqQ$QgVbciSzFSY1T9bULRYTT4NqbkNxg5493w+h3r4JHUs\n";
const ALICE = '[[auth.user]]\nusername = "alice"\npassword = "secret"\n';
const CLOSED = "[auth]\nallow_anonymous = false\n";

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "broker-auth-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Knock {
  readonly username?: string;
  readonly password?: string;
  readonly clientId?: string;
}

/** "in", or the code of the CONNACK. */
async function knock(port: number, { password, ...fields }: Knock = {}): Promise<string> {
  const client = await TestClient.open(port);
  client.sendConnect({
    ...fields,
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
  });
  const { reasonCode } = await client.expect("connack");
  client.cut();
  return reasonCode === 0 ? "in" : (reasonCode ?? 0).toString(16);
}

const SECRET = { username: "alice", password: "secret" };

test(
  "mosquitto_pub gets in with the right password and not with another",
  { skip },
  () =>
    inFolder(async (folder) => {
      const file = join(folder, "pw");
      await writeFile(file, BOB_LINE + CAROL_LINE);
      const config = `${CLOSED}password_file = ${JSON.stringify(file)}\n${ALICE}`;
      await withBroker({ config }, async ({ port, stderr }) => {
        const publish = (...args: string[]): Promise<void> =>
          mosquittoPub(port, ["-t", "t", "-m", "x", ...args]);
        for (const version of ["mqttv31", "mqttv311", "mqttv5"]) {
          for (const user of ["alice", "bob", "carol"]) {
            await publish("-V", version, "-u", user, "-P", "secret");
            await assertRejects(() => publish("-V", version, "-u", user, "-P", "wrong"));
            await assertRejects(() => publish("-V", version, "-u", user));
          }
          await assertRejects(() => publish("-V", version, "-u", "eve", "-P", "secret"));
          await assertRejects(() => publish("-V", version));
        }
        assertStringIncludes(stderr(), 'stage=password_file reason="wrong password"');
        assertStringIncludes(stderr(), "username=alice");
        assert(!stderr().includes("secret"), "a password is in the log");
      });
    }),
);

test("return codes of 3.1.1: 4 for a wrong password, 5 for nobody", () =>
  withBroker({ config: CLOSED + ALICE }, async ({ port }) => {
    for (
      const [fields, code] of [
        [{ username: "alice", password: Buffer.from("wrong") }, 4],
        [{ username: "eve", password: Buffer.from("secret") }, 4],
        [{}, 5],
      ] as const
    ) {
      const client = await TestClient.open(port, 4);
      client.sendConnect(fields);
      assertEquals((await client.expect("connack")).returnCode, code);
      await client.expectClosed();
    }
  }));

test("an empty password file lets nobody in, and a missing one does not let the broker start", () =>
  inFolder(async (folder) => {
    const file = join(folder, "pw");
    await writeFile(file, "");
    const config = `${CLOSED}password_file = ${JSON.stringify(file)}\n`;
    await withBroker({ config }, async ({ port }) => {
      for (const fields of [{}, SECRET, { username: "" }, { username: "", password: "" }]) {
        assert(["86", "87"].includes(await knock(port, fields)));
      }
    });
    const { code, stderr } = await runToEnd([
      "run",
      "--ephemeral",
      "--set",
      `auth.password_file=${folder}/none`,
    ]);
    assert(code !== 0 && code !== undefined);
    assertStringIncludes(stderr, "auth.password_file");
    await writeFile(file, "alice:hunter2\nbob\n");
    const plain = await runToEnd(["run", "--ephemeral", "--set", `auth.password_file=${file}`]);
    assert(plain.code !== 0 && plain.code !== undefined);
    assertStringIncludes(plain.stderr, `${file}:1: user`);
    assertStringIncludes(plain.stderr, `${file}:2: a user name, a colon and a hash are expected`);
    assert(!plain.stderr.includes("hunter2"));
  }));

test("where anonymous clients are allowed, names that somebody vouches for are not to be had", () =>
  withBroker({ config: `[auth]\nallow_anonymous = true\n${ALICE}` }, async ({ port, stderr }) => {
    assertEquals(await knock(port), "in");
    assertEquals(await knock(port, SECRET), "in");
    assertEquals(await knock(port, { ...SECRET, password: "wrong" }), "86");
    assertEquals(await knock(port, { username: "alice" }), "86");
    assertEquals(await knock(port, { username: "eve", password: "x" }), "86");
    assertEquals(await knock(port, { username: "eve" }), "86");
    assertStringIncludes(stderr(), "auth.allow_anonymous = false keeps them out");
  }));

test("what a client calls itself cannot write lines into the log", () =>
  withBroker({ config: CLOSED + ALICE }, async ({ port, stderr, logged }) => {
    const forged = "2026-01-01T00:00:00.000Z info  Everything is fine";
    await knock(port, {
      clientId: `c\r\n${forged}`,
      username: `eve\u001b[2J\n${forged}\u2028\u202e`,
      password: `p\n${forged}`,
    });
    await logged("Refused a client");
    const lines = stderr().split("\n");
    assert(!lines.some((line) => line.startsWith("2026-01-01")), stderr());
    const line = lines.find((each) => each.includes("Refused a client")) ?? "";
    assertStringIncludes(line, "stage=anonymous");
    assertStringIncludes(line, String.raw`\u001b[2J\n2026`);
    // deno-lint-ignore no-control-regex -- control characters are what must not be there
    assert(!/[\u0000-\u0008\u000b-\u001f\u2028\u202e]/.test(stderr()));
  }));

async function passwd(dataDir: string, ...args: string[]): Promise<void> {
  const { code, stderr } = await runToEnd(["passwd", ...args, "--set", `node.data_dir=${dataDir}`]);
  assertEquals(code, 0, stderr);
}

test("broker passwd adds accounts while the broker runs; it takes them over at SIGHUP", () =>
  inFolder(async (folder) => {
    const dataDir = join(folder, "data");
    await withBroker({ dataDir, config: CLOSED }, async (broker) => {
      await passwd(dataDir, "add", "alice", "-b", "secret", "--scram");
      assertEquals(await knock(broker.port, SECRET), "86");
      await reload(broker);
      assertEquals(await knock(broker.port, SECRET), "in");
      const client = await scramConnect(broker.url, "alice", "secret");
      await passwd(dataDir, "remove", "alice");
      await reload(broker);
      assertEquals(await knock(broker.port, SECRET), "86");
      await assertRejects(() => scramConnect(broker.url, "alice", "secret"));
      // Whoever is connected stays.
      await client.publishAsync("t", "x", { qos: 1 });
      await client.endAsync(true);
    });
  }));

test("broker passwd adds accounts while no broker runs, of client identifiers too", () =>
  inFolder(async (folder) => {
    const dataDir = join(folder, "data");
    await passwd(dataDir, "add", "bob", "-b", "pw");
    await passwd(dataDir, "add", "device-7", "--client-id", "-b", "key");
    await withBroker({ dataDir, config: CLOSED }, async ({ port }) => {
      assertEquals(await knock(port, { username: "bob", password: "pw" }), "in");
      // The user name means nothing here, but without one mqtt-packet sends no password.
      const device = { clientId: "device-7", username: "any", password: "key" };
      assertEquals(await knock(port, device), "in");
      assertEquals(await knock(port, { ...device, password: "no" }), "86");
      assertEquals(await knock(port, { ...device, clientId: "device-8" }), "86");
    });
  }));

async function reload(broker: RunningBroker): Promise<void> {
  const before = broker.stderr().split("Reloaded").length;
  broker.signal("SIGHUP");
  while (broker.stderr().split("Reloaded").length === before) {
    await broker.logged("Reloaded");
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a password file counts again when it has changed, and only if it is in order", () =>
  inFolder(async (folder) => {
    const file = join(folder, "pw");
    await writeFile(file, BOB_LINE);
    const config = `${CLOSED}password_file = ${JSON.stringify(file)}\n`;
    await withBroker({ config }, async (broker) => {
      const bob = { username: "bob", password: "secret" };
      const carol = { username: "carol", password: "secret" };
      assertEquals(await knock(broker.port, bob), "in");
      await writeFile(file, BOB_LINE.replace("bob", "carol"));
      await broker.logged("Read the files of [auth] again");
      assertEquals([await knock(broker.port, bob), await knock(broker.port, carol)], ["86", "in"]);
      await writeFile(file, "carol:hunter2\n");
      await broker.logged("Cannot use changed files of [auth]");
      await broker.logged(`${file}:1: user`);
      broker.signal("SIGHUP");
      await broker.logged("Cannot reload: the old configuration stays in force");
      assertEquals(await knock(broker.port, carol), "in");
      assert(!broker.stderr().includes("hunter2"));
      await writeFile(file, BOB_LINE);
      await reload(broker);
      assertEquals([await knock(broker.port, bob), await knock(broker.port, carol)], ["in", "86"]);
    });
  }));

/** A token of HS256, made by hand. */
function token(claims: Record<string, unknown>, key: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

test("a token lets in until it expires; then the connection ends with 0x87", () => {
  const key = "0123456789abcdef0123456789abcdef";
  const config = `${CLOSED}[auth.jwt]\nsecret = "${key}"\nverify_claims = { sub = "%u" }\n`;
  return withBroker({ config }, async ({ port, logged, stderr }) => {
    const nowS = Math.floor(Date.now() / 1000);
    const lasting = token({ sub: "alice", exp: nowS + 3600 }, key);
    assertEquals(await knock(port, { username: "alice", password: lasting }), "in");
    assertEquals(await knock(port, { username: "bob", password: lasting }), "87");
    const expired = token({ sub: "alice", exp: nowS - 1 }, key);
    assertEquals(await knock(port, { username: "alice", password: expired }), "87");
    const forged = token({ sub: "alice", exp: nowS + 3600 }, "another key");
    assertEquals(await knock(port, { username: "alice", password: forged }), "86");
    const client = await TestClient.connect(port, {
      username: "alice",
      password: Buffer.from(token({ sub: "alice", exp: nowS + 2 }, key)),
    });
    assertEquals((await client.expect("disconnect")).reasonCode, 0x87);
    await client.expectClosed();
    await logged("Closed a connection whose authentication has expired");
    assert(!stderr().includes(lasting.split(".")[2]!), "a token is in the log");
  });
});

test("a callback decides, and whoever has no user name does not slip through", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => body += text).on("end", () => {
      asked.push(body);
      const isFine = new URLSearchParams(body).get("password") === "secret";
      response.writeHead(isFine ? 200 : 401).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port: servicePort } = server.address() as AddressInfo;
    const config = `${CLOSED}[auth.http]\nurl = "http://127.0.0.1:${servicePort}/auth"\n`;
    await withBroker({ config }, async ({ port }) => {
      assertEquals(await knock(port, { clientId: "c", ...SECRET }), "in");
      assertEquals(asked, ["clientid=c&username=alice&password=secret"]);
      assertEquals(await knock(port, { ...SECRET, password: "wrong" }), "86");
      assertEquals(await knock(port), "87");
      assertEquals(asked.length, 2);
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      assertEquals(await knock(port, SECRET), "88");
    });
  } finally {
    server.close();
  }
});

const SCRAM = "SCRAM-SHA-256";

/** MQTT.js with SCRAM in its `handleAuth`, as a user of it would write it. */
async function scramConnect(
  url: string,
  username: string,
  password: string,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const talk = new ScramClient(username, password);
  const client = connect(url, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
    manualConnect: true,
    properties: { authenticationMethod: SCRAM, authenticationData: talk.first() },
  });
  client.handleAuth = (packet, callback) => {
    if (packet.reasonCode !== 0x18) return callback(undefined, packet);
    callback(undefined, scramAuth(0x18, talk.final(packet.properties!.authenticationData!)));
  };
  const connected = new Promise<void>((resolve, reject) => {
    client.once("error", reject);
    client.once("connect", ({ properties }) => {
      const proof = `v=${talk.serverSignature}`;
      if (String(properties?.authenticationData) === proof) resolve();
      else reject(new Error("The broker has not proven that it knows the password"));
    });
  });
  client.connect();
  try {
    await within(connected, "MQTT.js to connect by SCRAM");
  } catch (error) {
    client.end(true);
    throw error;
  }
  return client;
}

function scramAuth(reasonCode: number, authenticationData: Buffer): IAuthPacket {
  return {
    cmd: "auth",
    reasonCode,
    properties: { authenticationMethod: SCRAM, authenticationData },
  };
}

test("MQTT.js gets in by SCRAM-SHA-256, and authenticates again while traffic goes on", () =>
  withBroker({ config: CLOSED + ALICE }, async ({ url, port }) => {
    await assertRejects(() => scramConnect(url, "alice", "wrong"), Error, "Not authorized");
    await assertRejects(() => scramConnect(url, "eve", "secret"), Error, "Not authorized");
    const client = await scramConnect(url, "alice", "secret");
    await client.subscribeAsync("t", { qos: 1 });
    const again = new ScramClient("alice", "secret");
    const renewed = new Promise<string>((resolve) => {
      client.handleAuth = (packet, callback) => {
        const data = packet.properties?.authenticationData;
        if (packet.reasonCode === 0) resolve(String(data));
        callback(undefined, packet.reasonCode === 0 ? packet : scramAuth(0x18, again.final(data!)));
      };
    });
    const received = new Promise<string>((resolve) =>
      client.once("message", (_topic, payload) => resolve(String(payload)))
    );
    (client as unknown as { _sendPacket(packet: IAuthPacket): void })._sendPacket(
      scramAuth(0x19, again.first()),
    );
    await client.publishAsync("t", "meanwhile", { qos: 1 });
    assertEquals(await within(received, "the message"), "meanwhile");
    assertEquals(await within(renewed, "the end of the exchange"), `v=${again.serverSignature}`);
    await client.publishAsync("t", "afterwards", { qos: 1 });
    await client.endAsync(true);
    // A password is no way round: who asks for a method is not asked for a password.
    const other = await TestClient.open(port);
    other.sendConnect({
      username: "alice",
      password: Buffer.from("secret"),
      properties: { authenticationMethod: "PLAIN" },
    });
    assertEquals((await other.expect("connack")).reasonCode, 0x8c);
  }));

test("a new authentication that fails ends the connection", () =>
  withBroker({ config: CLOSED + ALICE }, async ({ url }) => {
    const client = await scramConnect(url, "alice", "secret");
    const again = new ScramClient("alice", "wrong");
    client.handleAuth = (packet, callback) =>
      callback(undefined, scramAuth(0x18, again.final(packet.properties!.authenticationData!)));
    const left = new Promise<number | undefined>((resolve) =>
      client.once("disconnect", ({ reasonCode }) => resolve(reasonCode))
    );
    (client as unknown as { _sendPacket(packet: IAuthPacket): void })._sendPacket(
      scramAuth(0x19, again.first()),
    );
    assertEquals(await within(left, "DISCONNECT"), 0x87);
    await client.endAsync(true);
  }));

test("a flood of CONNECTs with passwords leaves the others undisturbed, and is answered as busy", () => {
  const hash =
    "$scrypt$ln=14,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$4f0gfOhNaauW5+WB6WOGXVOLRQImRN6g7Qw73Qphdhw";
  const config = `${CLOSED}max_hashing = 1\nmax_hashing_waiting = 2\n` +
    `[[auth.user]]\nusername = "slow"\npassword_hash = "${hash}"\n${ALICE}`;
  return withBroker({ config }, async ({ url, port }) => {
    const bystander = await within(connectAsync(url, { ...SECRET, protocolVersion: 5 }), "MQTT.js");
    const answers = Promise.all(
      Array.from({ length: 30 }, () => knock(port, { username: "slow", password: "secret" })),
    );
    for (let round = 0; round < 20; round++) await bystander.publishAsync("t", "x", { qos: 1 });
    const outcomes = await answers;
    const count = (outcome: string): number => outcomes.filter((each) => each === outcome).length;
    assertEquals(count("in") + count("89"), 30);
    assert(count("in") >= 3 && count("89") > 0, outcomes.join());
    assertEquals(await knock(port, { username: "slow", password: "secret" }), "in");
    await bystander.endAsync(true);
  });
});
