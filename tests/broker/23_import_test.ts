import { Buffer } from "node:buffer";
import { spawn, spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { hasMosquitto } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { runToEnd, startProgram, withBroker } from "../support/start_broker.ts";

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

const SERVER = ["mosquitto", "/usr/sbin/mosquitto"]
  .find((program) => spawnSync(program, ["-h"]).error === undefined);

/** What clients see, in words that do not depend on the server: "$P" is its port. */
const SCENE = `
exec 2>&1
alice="-h 127.0.0.1 -p $P -u alice -P secret"
for who in "-u alice -P secret" "-u alice -P wrong" "-u bob -P secret" ""; do
  mosquitto_pub -h 127.0.0.1 -p "$P" $who -t home/x -m 1 -q 1 >/dev/null 2>&1
  echo "[$who] is let in: $([ $? -eq 0 ] && echo yes || echo no)"
done
mosquitto_sub $alice -i away -c -q 1 -t 'home/#' -E
seq 15 | mosquitto_pub $alice -t home/q -l -q 1
echo "after a time away: $(mosquitto_sub $alice -i away -c -q 1 -t 'home/#' -C 10 -W 9 -F '%q:%p' | tr '\\n' ' ')"
mosquitto_pub $alice -t home/r -m keep -r -q 2
mosquitto_pub $alice -t home/safe -m no -r -q 1
mosquitto_pub $alice -t news/alice -m no -r -q 1 -V 5
head -c 2000 /dev/zero | mosquitto_pub $alice -t home/big -s -r -q 1
mosquitto_pub $alice -t home/s -m last -r -q 1
echo "kept: $(mosquitto_sub $alice -t 'home/#' -t news/alice -q 2 -C 2 -W 9 -F '%r %q %t %p' | sort | tr '\\n' ' ')"
`;

function sceneAt(port: number): Promise<string> {
  const child = spawn("bash", ["-c", SCENE], {
    env: { ...process.env, P: String(port) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => said += text);
  return within(new Promise((resolve) => child.once("close", () => resolve(said))), "the scene");
}

/** What `use` makes of a mosquitto with this configuration. */
async function withMosquitto<T>(conf: string, use: () => Promise<T>): Promise<T> {
  const child = spawn(SERVER ?? "", ["-c", conf, "-v"], { stdio: ["ignore", "ignore", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  try {
    await within(new Promise((resolve) => child.stderr.on("data", resolve)), "mosquitto's log");
    return await use();
  } finally {
    child.kill();
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("clients of mosquitto notice no difference after an import", {
  skip: skip || SERVER === undefined || !hasMosquitto(),
}, () =>
  withFolder(async (folder) => {
    const [conf, output, port] = [join(folder, "m.conf"), join(folder, "o.toml"), await freePort()];
    spawnSync("mosquitto_passwd", ["-b", "-c", join(folder, "users"), "alice", "secret"]);
    await writeFile(join(folder, "acl"), ACL);
    await writeFile(
      conf,
      `user root\nlistener ${port} 127.0.0.1\npassword_file ${folder}/users\n` +
        `acl_file ${folder}/acl\nmax_queued_messages 10\nmax_inflight_messages 5\n` +
        "max_packet_size 1500\n",
    );
    const before = await withMosquitto(conf, () => sceneAt(port));
    assertStringIncludes(before, "[-u alice -P secret] is let in: yes");
    assertEquals((await runToEnd(["import", conf, "-o", output])).code, 3);
    const program = await startProgram(["exec", "--config", output, "--", "bash", "-c", SCENE], {
      environment: { P: String(port) },
    });
    assertEquals((await program.exited).code, 0);
    // An early Deno 2 has this to say of a hash of mosquitto's.
    const said = program.stderr().replace(/^\(node:\d+\) \[DEP0181\] .*\n/, "");
    assertEquals([program.stdout(), said], [before, ""]);
  }));

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
