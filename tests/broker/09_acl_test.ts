import { Buffer } from "node:buffer";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { hasMosquitto, mosquittoPub, mosquittoSub } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { runToEnd, startBroker, withBroker } from "../support/start_broker.ts";

const withMosquitto = { skip: !hasMosquitto() };

const USERS = ["alice", "bob", "admin"].map((name) =>
  `[[auth.user]]\nusername = "${name}"\npassword = "pw-${name}"\n`
).join("");

const RULES = `${USERS}
[acl]
no_match = "deny"
[[acl.rule]]
permit = "allow"
topics = ["#", "$SYS/#"]
username = "admin"
[[acl.rule]]
permit = "deny"
action = "subscribe"
topics = ["site/+/secret"]
[[acl.rule]]
permit = "allow"
topics = ["site/%u/#", "dev/%c"]
[[acl.rule]]
permit = "allow"
action = "subscribe"
topics = ["all/#", "site/+/status"]
`;

/** As mosquitto's clients want it. */
function as(user: string, clientId = `${user}-client`): string[] {
  return ["-u", user, "-P", `pw-${user}`, "-i", clientId];
}

function connect(
  port: number,
  username: string,
  fields: Parameters<typeof TestClient.connect>[1] = {},
): Promise<TestClient> {
  return TestClient.connect(port, { username, password: Buffer.from(`pw-${username}`), ...fields });
}

/** What the broker says to QoS 1. */
async function publishCode(client: TestClient, topic: string): Promise<number> {
  client.send({
    cmd: "publish",
    topic,
    payload: "x",
    qos: 1,
    retain: false,
    dup: false,
    messageId: client.nextPacketId(),
  });
  const { reasonCode = 0 } = await client.expect("puback");
  // Nobody subscribes, but it was allowed.
  return reasonCode === 0x10 ? 0 : reasonCode;
}

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "broker-acl-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

for (const version of ["31", "311", "5"]) {
  test(
    `mosquitto's clients of ${version} get where the rules let them, and nowhere else`,
    withMosquitto,
    () =>
      withBroker({ config: RULES }, async ({ port, logged }) => {
        const V = ["-V", version === "5" ? "5" : `mqttv${version}`];
        const all = await mosquittoSub(port, [...as("admin"), ...V, "-t", "#", "-v", "-C", "3"]);
        const alice = await mosquittoSub(port, [
          ...as("alice"),
          ...V,
          "-t",
          "site/alice/#",
          "-v",
          "-C",
          "2",
        ]);
        for (const qos of ["0", "1"]) {
          const args = [...V, "-q", qos, "-m", qos];
          // Denied: nobody sees it. What follows through the same broker shows that it has been dealt with.
          await mosquittoPub(port, [...as("bob"), ...args, "-t", "site/alice/x"]);
          await mosquittoPub(port, [...as("alice", "+"), ...args, "-t", "dev/other"]);
          await mosquittoPub(port, [...as("alice", "alice-2"), ...args, "-t", "site/alice/x"]);
          if (qos === "1") break;
          await mosquittoPub(port, [...as("admin", "admin-2"), ...args, "-t", "site/alice/secret"]);
        }
        assertEquals(await alice.lines(), ["site/alice/x 0", "site/alice/x 1"]);
        assertEquals((await all.lines()).sort(), [
          "site/alice/secret 0",
          "site/alice/x 0",
          "site/alice/x 1",
        ]);
        await logged(
          "Denied publish clientId=bob-client username=bob address=127.0.0.1 topic=site/alice/x",
        );
        await logged('topic=dev/other source=acl.no_match rule="no rule matches');
      }),
  );
}

test("PUBLISH, SUBSCRIBE and will are answered with what the version has for it", () =>
  withBroker({ config: RULES }, async ({ port }) => {
    for (const version of [4, 5] as const) {
      const client = await connect(port, "alice", { version, clientId: `c${version}` });
      assertEquals(await publishCode(client, "site/bob/x"), version === 5 ? 0x87 : 0);
      assertEquals(await publishCode(client, `dev/c${version}`), 0);
      const granted = [];
      for (
        const filter of [
          "site/bob/#",
          "#",
          "$share/g/site/bob/x",
          "$SYS/#",
          "site/alice/#",
          "all/+",
        ]
      ) {
        granted.push((await client.subscribe(filter)).granted[0]);
      }
      const no = version === 5 ? 0x87 : 0x80;
      assertEquals(granted as unknown, [no, no, no, no, 0, 0]);
      const willing = await TestClient.open(port, version);
      willing.sendConnect({
        clientId: `w${version}`,
        username: "alice",
        password: Buffer.from("pw-alice"),
        will: { topic: "site/bob/x", payload: Buffer.from("w"), qos: 0, retain: false },
      });
      const connack = await willing.expect("connack");
      assertEquals(
        version === 5 ? connack.reasonCode : connack.returnCode,
        version === 5 ? 0x87 : 5,
      );
      await willing.expectClosed();
    }
  }));

test("retained messages and wildcards bring nothing that may not be read", () =>
  withBroker({ config: RULES }, async ({ port }) => {
    const admin = await connect(port, "admin");
    for (const topic of ["site/alice/secret", "site/alice/open"]) {
      await admin.publish(topic, "x", { qos: 1, retain: true });
    }
    const alice = await connect(port, "alice");
    await alice.subscribe("site/alice/#", { qos: 1 });
    assertEquals((await alice.receive()).topic, "site/alice/open");
    await alice.expectNothing();
    for (const topic of ["site/alice/secret", "site/alice/live"]) await admin.publish(topic, "x");
    assertEquals((await alice.receive()).topic, "site/alice/live");
    await alice.expectNothing();
  }));

test("deny_action disconnect", () =>
  withBroker(
    { config: RULES.replace("[acl]", '[acl]\ndeny_action = "disconnect"') },
    async ({ port }) => {
      const client = await connect(port, "alice");
      client.send({ cmd: "publish", topic: "no", payload: "x", qos: 0, retain: false, dup: false });
      assertEquals((await client.expect("disconnect")).reasonCode, 0x87);
      await client.expectClosed();
      const old = await connect(port, "alice", { version: 4, clientId: "old" });
      old.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "no", qos: 0 }] });
      await old.expectClosed();
    },
  ));

const FILE = `# who may do what
topic read public/#

user alice
topic write a/#
topic read b/#
topic deny b/secret

pattern readwrite user/%u/%c
`;

test(
  "a mosquitto acl_file: its users, its anonymous clients and its patterns",
  withMosquitto,
  () =>
    withFolder(async (folder) => {
      const file = join(folder, "rules.acl");
      await writeFile(file, FILE);
      const config = `[auth]\nallow_anonymous = true\n${USERS}[acl]\nfile = "${file}"\n` +
        '[[acl.rule]]\npermit = "allow"\ntopics = ["#"]\nusername = "admin"\n';
      await withBroker({ config }, async ({ port }) => {
        const anonymous = await mosquittoSub(port, ["-t", "#", "-v", "-C", "1"]);
        const alice = await mosquittoSub(port, [
          ...as("alice"),
          "-t",
          "b/#",
          "-t",
          "user/#",
          "-v",
          "-C",
          "2",
        ]);
        const admin = await mosquittoSub(port, [...as("admin"), "-t", "a/#", "-v", "-C", "1"]);
        await mosquittoPub(port, ["-t", "public/x", "-m", "denied", "-q", "1"]);
        await mosquittoPub(port, [...as("alice", "2"), "-t", "b/x", "-m", "denied", "-q", "1"]);
        await mosquittoPub(port, [...as("bob", "3"), "-t", "a/x", "-m", "denied", "-q", "1"]);
        await mosquittoPub(port, [
          ...as("admin", "4"),
          "-t",
          "b/secret",
          "-m",
          "denied",
          "-q",
          "1",
        ]);
        await mosquittoPub(port, [
          ...as("admin", "5"),
          "-t",
          "user/alice/other",
          "-m",
          "denied",
          "-q",
          "1",
        ]);
        await mosquittoPub(port, [...as("alice", "6"), "-t", "a/x", "-m", "fine", "-q", "1"]);
        await mosquittoPub(port, [...as("admin", "7"), "-t", "b/x", "-m", "fine", "-q", "1"]);
        await mosquittoPub(port, [
          ...as("admin", "8"),
          "-t",
          "user/alice/alice-client",
          "-m",
          "fine",
          "-q",
          "1",
        ]);
        await mosquittoPub(port, [...as("admin", "9"), "-t", "public/x", "-m", "fine", "-q", "1"]);
        assertEquals(await admin.lines(), ["a/x fine"]);
        assertEquals(await alice.lines(), ["b/x fine", "user/alice/alice-client fine"]);
        assertEquals(await anonymous.lines(), ["public/x fine"]);
      });
    }),
);

test("rules change at a reload and when their file does, for those who are connected; a bad file changes nothing", () =>
  withFolder(async (folder) => {
    const [file, path] = [join(folder, "rules.acl"), join(folder, "broker.toml")];
    await writeFile(file, "topic t/#\ntopic read $SYS/#\n");
    await writeFile(path, `[acl]\nfile = "${file}"\n`);
    await withBroker({ args: ["--config", path] }, async (broker) => {
      const publisher = await TestClient.connect(broker.port);
      const subscriber = await TestClient.connect(broker.port);
      await subscriber.subscribe("t/#");
      await subscriber.subscribe("$share/g/t/#");
      const receivedOf = async (topics: readonly string[]): Promise<string[]> => {
        for (const topic of topics) await publisher.publish(topic, "x", { qos: 1 });
        subscriber.send({ cmd: "pingreq" });
        const seen: string[] = [];
        for (
          let packet = await subscriber.next();
          packet.cmd === "publish";
          packet = await subscriber.next()
        ) {
          seen.push(packet.topic);
        }
        return seen;
      };
      assertEquals(await receivedOf(["t/a", "t/b"]), ["t/a", "t/a", "t/b", "t/b"]);
      // The file by itself.
      await writeFile(file, "topic t/#\ntopic deny t/b\n# more\n");
      await broker.logged("Read the access rules again");
      assertEquals(await receivedOf(["t/a", "t/b"]), ["t/a", "t/a"]);
      assertEquals(await publishCode(publisher, "t/b"), 0x87);
      await writeFile(file, "topic t/#\ntopics x\n");
      await broker.logged(`${file}:2: Cannot read access rules: found "topics"`);
      assertEquals(await publishCode(publisher, "t/b"), 0x87);
      // A reload.
      broker.signal("SIGHUP");
      await broker.logged("Cannot reload: the old configuration stays in force");
      assertEquals(await publishCode(publisher, "t/b"), 0x87);
      await writeFile(
        path,
        "[acl]\nno_match = 'allow'\n[[acl.rule]]\npermit='deny'\ntopics=['t/a']\n",
      );
      broker.signal("SIGHUP");
      await broker.logged("Reloaded");
      assertEquals(await receivedOf(["t/a", "t/b"]), ["t/b", "t/b"]);
      assertEquals((await subscriber.subscribe("t/a")).granted as unknown, [0x87]);
    });
  }));

test("what waits in the database is judged by the rules of the next run", () =>
  withFolder(async (folder) => {
    const dataDir = join(folder, "data");
    const terms = { clean: false, clientId: "c", properties: { sessionExpiryInterval: 1000 } };
    await withBroker({ dataDir }, async ({ port }) => {
      const client = await TestClient.connect(port, terms);
      await client.subscribe("#", { qos: 1 });
      await client.disconnect();
      const publisher = await TestClient.connect(port);
      for (const topic of ["a", "b", "c"]) {
        await publisher.publish(topic, "x", { qos: 1, retain: true });
      }
    });
    const config = "[[acl.rule]]\npermit = 'deny'\naction = 'subscribe'\ntopics = ['b']\n";
    await withBroker({ dataDir, config }, async ({ port }) => {
      const client = await TestClient.connect(port, terms);
      assertEquals([(await client.receive()).topic, (await client.receive()).topic], ["a", "c"]);
      await client.expectNothing();
      const other = await TestClient.connect(port);
      await other.subscribe("+", { qos: 1 });
      const replayed = [(await other.receive()).topic, (await other.receive()).topic];
      assertEquals(replayed.sort(), ["a", "c"]);
      await other.expectNothing();
    });
  }));

test(
  "a mountpoint stands in front of all topics of a listener, and its clients do not see it",
  withMosquitto,
  () => {
    const config = '[[listener]]\n[[listener]]\nbind = "127.0.0.1:0"\nmountpoint = "site1/"\n';
    return withBroker({ config }, async ({ ready }) => {
      const [outside = 0, inside = 0] = ready.listeners.map(({ port }) => port);
      for (const version of ["311", "5"]) {
        const V = ["-V", version === "5" ? "5" : "mqttv311"];
        const whole = await mosquittoSub(outside, [...V, "-t", "#", "-v", "-C", "3"]);
        const part = await mosquittoSub(inside, [...V, "-t", "+/x", "-t", "gone", "-v", "-C", "3"]);
        await mosquittoPub(outside, [...V, "-t", "a/x", "-m", "1", "-q", "2"]);
        await mosquittoPub(inside, [...V, "-t", "a/x", "-m", "2", "-q", "2"]);
        await mosquittoPub(outside, [...V, "-t", "site1/b/x", "-m", "3", "-q", "1"]);
        assertEquals(await whole.lines(), ["a/x 1", "site1/a/x 2", "site1/b/x 3"]);
        const willing = await TestClient.connect(inside, {
          will: { topic: "gone", payload: Buffer.from("4"), qos: 0, retain: false },
        });
        willing.cut();
        assertEquals(await part.lines(), ["a/x 2", "b/x 3", "gone 4"]);
      }
    });
  },
);

test("denials cannot flood the log, nor write lines of their own", () =>
  withBroker({ config: RULES }, async (broker) => {
    const clientId = "x\u001b[2K\u0085info forged";
    const client = await connect(broker.port, "alice", { clientId });
    for (let n = 0; n < 200; n++) await publishCode(client, `no/${n}`);
    const lines = broker.stderr().split("\n").filter((line) => line.includes("Denied"));
    assertEquals(lines.length, 5);
    for (const line of lines) {
      // deno-lint-ignore no-control-regex -- control characters are what must not be there
      assert(!/[\u0000-\u001f\u007f-\u009f]/.test(line), line);
      assertStringIncludes(line, "info forged");
    }
  }));

test("acl explain says what the broker would do, without one", () =>
  withFolder(async (folder) => {
    const path = join(folder, "broker.toml");
    await writeFile(path, RULES);
    const explain = (...args: string[]) => runToEnd(["acl", "explain", "--config", path, ...args]);
    const denied = await explain(
      "--user",
      "alice",
      "--client",
      "c",
      "subscribe",
      "site/bob/secret",
    );
    assertEquals(denied.code, 1);
    assertEquals(denied.stdout.split("\n").slice(0, 2), [
      'deny: subscribe "site/bob/secret" (user "alice", client "c", address 127.0.0.1)',
      `  acl.rule.1 at ${path}:17:1: permit=deny action=subscribe topics=["site/+/secret"]`,
    ]);
    const allowed = await explain("--user", "alice", "--client", "c", "publish", "dev/c");
    assertEquals([allowed.code, allowed.stdout.split("\n")[0]], [
      0,
      'allow: publish "dev/c" (user "alice", client "c", address 127.0.0.1)',
    ]);
  }));

test("a configuration whose rules make no sense does not start", () =>
  withFolder(async (folder) => {
    const file = join(folder, "rules.acl");
    await writeFile(file, "user\n");
    const { code, stderr } = await runToEnd(["run", "--ephemeral", "--set", `acl.file=${file}`]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `${file}:1: Cannot read access rules: "user" without a name`);
    const failure = await startBroker({
      config: "[[acl.rule]]\npermit = 'allow'\ntopics = ['a+']\n",
    })
      .then(async (broker) => {
        await broker.kill();
        return "it started";
      }, String);
    assertStringIncludes(failure, 'acl.rule.0.topics: found "a+"');
  }));
