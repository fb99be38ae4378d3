import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { runToEnd, withBroker } from "../support/start_broker.ts";

const skip = spawnSync("mosquitto_passwd", ["--help"]).error !== undefined;

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "broker-test-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const ACL = `topic read public/#
user alice
topic readwrite home/#
topic deny home/safe
pattern write from/%u
`;

/** The configuration that its owner had; the password file is mosquitto's own work. */
async function writeMosquitto(folder: string): Promise<string> {
  const path = (name: string): string => join(folder, name);
  spawnSync("mosquitto_passwd", ["-b", "-c", path("users"), "alice", "secret"]);
  await writeFile(path("acl"), ACL);
  await mkdir(path("conf.d"));
  await writeFile(
    path("conf.d/tcp.conf"),
    `listener 1883 127.0.0.1\nallow_anonymous true\nmax_connections 10\n`,
  );
  await writeFile(
    path("mosquitto.conf"),
    `# Main\nuser mosquitto\nmax_qos 1\npassword_file ${path("users")}\nacl_file ${path("acl")}\n` +
      `max_inflight_messages 5\nsys_interval 0\ninclude_dir ${path("conf.d")}\n`,
  );
  return path("mosquitto.conf");
}

test(
  "import makes a configuration that check accepts and the broker runs by",
  { skip },
  () =>
    withFolder(async (folder) => {
      const conf = await writeMosquitto(folder);
      const output = join(folder, "broker.toml");
      const made = await runToEnd(["import", conf, "-o", output]);
      assertEquals([made.code, made.stdout], [3, ""]);
      assertStringIncludes(made.stderr, `${conf}:2: user mosquitto: `);
      assertStringIncludes(made.stderr, `${conf}:3: max_qos 1: `);
      const checked = await runToEnd(["check", "--config", output]);
      assertEquals([checked.code, checked.stderr], [0, ""]);
      const config = await readFile(output, "utf8");
      const free = ["--set", "listener.0.bind=127.0.0.1:0"];
      await withBroker({ config, args: free }, async ({ port, ready }) => {
        assertEquals([ready.listeners.length, ready.http.length], [1, 0]);
        await assertRights(port);
      });
    }),
);

/** Alice may write what her rules say, and nobody else may. */
async function assertRights(port: number): Promise<void> {
  const password = Buffer.from("secret");
  const alice = await TestClient.connect(port, { username: "alice", password });
  assertEquals(alice.connack.properties?.receiveMaximum, 5);
  assertEquals((await alice.subscribe("home/#", { qos: 1 })).granted, [1]);
  await alice.publish("home/safe", "no");
  await alice.publish("home/door", "open");
  assertEquals(String((await alice.receive()).payload), "open");
  const guest = await TestClient.connect(port);
  assertEquals((await guest.subscribe("home/#")).granted, [0x87]);
  assertEquals((await guest.subscribe("public/#")).granted, [0]);
  const stranger = await TestClient.open(port);
  stranger.sendConnect({ username: "alice", password: Buffer.from("wrong") });
  assertEquals((await stranger.expect("connack")).reasonCode, 0x86);
}

test("import writes to standard output, and over no file that is there", () =>
  withFolder(async (folder) => {
    const conf = join(folder, "m.conf");
    await writeFile(conf, "port 1884\n");
    const shown = await runToEnd(["import", conf]);
    assertEquals([shown.code, shown.stderr], [0, ""]);
    assertMatch(shown.stdout, /^bind = "0\.0\.0\.0:1884"$/m);
    const output = join(folder, "out.toml");
    await writeFile(output, "mine");
    const refused = await runToEnd(["import", conf, "--output", output]);
    assertEquals(refused.code, 1);
    assertEquals(refused.stderr, `broker: Cannot write "${output}": it exists\n`);
    assertEquals(await readFile(output, "utf8"), "mine");
    const missing = await runToEnd(["import", join(folder, "none.conf")]);
    assertEquals([missing.code, missing.stdout], [1, ""]);
    assertStringIncludes(missing.stderr, "none.conf");
  }));

test("import says of what it made what check would say", () =>
  withFolder(async (folder) => {
    const conf = join(folder, "m.conf");
    await writeFile(conf, "listener 1883\nmount_point a/+/\n");
    const { stderr } = await runToEnd(["import", conf]);
    assertStringIncludes(stderr, "listener.0.mountpoint");
  }));
