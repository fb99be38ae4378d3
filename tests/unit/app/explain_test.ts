import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { runCommand } from "../../../src/app/cli.ts";
import { FakeRuntime } from "./fake_runtime.ts";

const CONFIG = `[acl]
file = "rules.acl"

[[acl.rule]]
permit = "deny"
action = "subscribe"
topics = ["site/secret/#"]

[[acl.rule]]
permit = "allow"
topics = ["site/%c/#", "site/+/status"]
address = "10.0.0.0/8"
`;
const RULES = "# rules\nuser bob\ntopic read site/#\n";

async function explain(args: string): Promise<{ status: number; stdout: string; stderr: string }> {
  const runtime = new FakeRuntime(["acl", "explain", "-c", "b.toml", ...args.split(" ")]);
  runtime.files.set("b.toml", CONFIG);
  runtime.files.set("rules.acl", RULES);
  const status = await runCommand(runtime, () => {
    throw new Error("no broker is needed");
  });
  return { status, stdout: runtime.stdout, stderr: runtime.stderr };
}

test("acl explain: allowed, with the rule and where it stands", async () => {
  const { status, stdout } = await explain("--client c --address 10.1.1.1 publish site/c/1");
  assertEquals(stdout.split("\n"), [
    'allow: publish "site/c/1" (no user name, client "c", address 10.1.1.1)',
    '  acl.rule.1 at b.toml:9:1: permit=allow action=all topics=["site/%c/#","site/+/status"] address="10.0.0.0/8"',
    "",
  ]);
  assertEquals(status, 0);
});

test("acl explain: denied for want of a rule, which is the default beside a file", async () => {
  const { status, stdout } = await explain("--user bob --client c publish site/c/1");
  assertEquals(stdout.split("\n"), [
    'deny: publish "site/c/1" (user "bob", client "c", address 127.0.0.1)',
    '  acl.no_match: no rule matches, and no_match is "deny"',
    "",
  ]);
  assertEquals(status, 1);
});

test("acl explain: a subscription, and what may be kept back of it", async () => {
  const { status, stdout } = await explain("--user bob subscribe site/#");
  assertEquals(stdout.split("\n"), [
    'allow: subscribe "site/#" (user "bob", client "", address 127.0.0.1)',
    "  rules.acl:3: topic read site/#",
    "Of what is delivered, these rules may keep something back:",
    '  acl.rule.0 at b.toml:4:1: permit=deny action=subscribe topics=["site/secret/#"]',
    "",
  ]);
  assertEquals(status, 0);
  const received = await explain("--user bob receive site/secret/x");
  assertEquals([received.status, received.stdout.split("\n")[1]], [
    1,
    '  acl.rule.0 at b.toml:4:1: permit=deny action=subscribe topics=["site/secret/#"]',
  ]);
});

test("acl explain: what is no topic, and a configuration that cannot be used", async () => {
  for (
    const [args, part] of [["publish a/+", "no topic name"], ["subscribe a/#/b", "before its"]]
  ) {
    const { status, stdout, stderr } = await explain(args as string);
    assertEquals([status, stdout], [2, ""]);
    assert(stderr.includes(part as string), stderr);
  }
  const broken = await explain("--set acl.file=none publish a");
  assertEquals(broken.status, 2);
  assert(broken.stderr.includes('acl.file "none"'), broken.stderr);
});

test("check names what is wrong in rules, in their file and with a mountpoint", async () => {
  const runtime = new FakeRuntime(["check", "-c", "b.toml"]);
  runtime.files.set(
    "b.toml",
    '[[listener]]\nmountpoint = "site1"\n[acl]\n[[acl.rule]]\npermit = "allow"\ntopics = ["a/#/b"]\n',
  );
  assertEquals(await runCommand(runtime, () => Promise.reject(new Error("no broker")) as never), 1);
  assert(
    runtime.stderr.includes('b.toml:2:14: listener.0.mountpoint: found "site1"'),
    runtime.stderr,
  );
  assert(
    runtime.stderr.includes('b.toml:6:10: acl.rule.0.topics: found "a/#/b", which has "#" before'),
    runtime.stderr,
  );
  const second = new FakeRuntime(["check", "--set", "acl.file=rules.acl"]);
  second.files.set("rules.acl", "topic read a\ntopics b\n");
  assertEquals(await runCommand(second, () => Promise.reject(new Error("no broker")) as never), 1);
  assert(
    second.stderr.includes('rules.acl:2: Cannot read access rules: found "topics"'),
    second.stderr,
  );
});
