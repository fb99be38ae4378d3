import { test } from "node:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { type RunningBroker, runToEnd, withBroker } from "../support/start_broker.ts";

/** Runs `use` with a broker whose configuration file it can write anew. */
async function withConfigFile(
  text: string,
  use: (broker: RunningBroker, rewrite: (text: string) => Promise<void>) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "broker-reload-"));
  const path = join(folder, "b.toml");
  try {
    await writeFile(path, text);
    await withBroker(
      { args: ["--config", path] },
      (broker) => use(broker, (next) => writeFile(path, next)),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What CONNACK says to a new client. */
async function maximumQos(port: number): Promise<number> {
  const client = await TestClient.connect(port);
  await client.disconnect();
  return client.connack.properties?.maximumQoS ?? 2;
}

test("a reload with a bad file keeps the old configuration and the connections; a good one counts", () =>
  withConfigFile("[mqtt]\nmax_qos = 1\n", async (broker, rewrite) => {
    const client = await TestClient.connect(broker.port);
    await client.subscribe("t");
    const stillServed = async (): Promise<void> => {
      await client.publish("t", "x");
      assertEquals(String((await client.receive()).payload), "x");
      await client.expectNothing();
    };
    // Everything else in the file is right, and none of it may count.
    await rewrite("[log]\nlevel = 'error'\n[mqtt]\nmax_qos = 0\nmax_inflight = 0\nmax_qso = 1\n");
    broker.signal("SIGHUP");
    await broker.logged("max_qso");
    assertStringIncludes(broker.stderr(), "Cannot reload: the old configuration stays in force");
    assertStringIncludes(broker.stderr(), "b.toml:5:16: mqtt.max_inflight: found 0");
    assertEquals(await maximumQos(broker.port), 1);
    await stillServed();
    await rewrite("this is no TOML");
    broker.signal("SIGHUP");
    await broker.logged("this is not TOML");
    assertEquals(await maximumQos(broker.port), 1);
    await rewrite("[mqtt]\nmax_qos = 0\n[node]\nname = 'other'\n");
    broker.signal("SIGHUP");
    await broker.logged("changed=mqtt.max_qos\n");
    await broker.logged("a restart is needed keys=node.name\n");
    assertEquals(await maximumQos(broker.port), 0);
    await stillServed();
  }));

test("a reload that shuts out anonymous clients leaves those alone that are there", () =>
  withConfigFile("", async (broker, rewrite) => {
    const client = await TestClient.connect(broker.port);
    await rewrite("[auth]\nallow_anonymous = false\n");
    broker.signal("SIGHUP");
    await broker.logged("changed=auth.allow_anonymous\n");
    const late = await TestClient.open(broker.port);
    late.sendConnect();
    assertEquals((await late.expect("connack")).reasonCode, 0x87);
    await client.expectNothing();
    await rewrite("[auth]\nallow_anonymous = true\n[mqtt]\nmax_qos = 0\n");
    broker.signal("SIGHUP");
    await broker.logged('changed="mqtt.max_qos,auth.allow_anonymous"\n');
    assertEquals(await maximumQos(broker.port), 0);
  }));

test("a reload to more listeners says that they wait for a restart, and keeps the old one", () =>
  withConfigFile("[[listener]]\n", async (broker, rewrite) => {
    await rewrite("[[listener]]\n[[listener]]\n[mqtt]\nmax_qos = 0\n");
    broker.signal("SIGHUP");
    await broker.logged("a restart is needed keys=listener\n");
    assertEquals(await maximumQos(broker.port), 0);
  }));

const PUBLIC_HTTP = ["--set", "http.0.bind=0.0.0.0:0"];

test("HTTP for other machines with passwords that everybody knows ends the start, and names the keys", async () => {
  const { code, stdout, stderr } = await runToEnd(["run", "--ephemeral", ...PUBLIC_HTTP]);
  assertEquals([code, stdout], [2, ""]);
  for (const key of ["api.nanomq_v1.password", "api.smqtt.username", "[[app]]"]) {
    assertStringIncludes(stderr, key);
  }
  assertStringIncludes(stderr, "http.allow_default_credentials = true");
});

test("--set http.allow_default_credentials=true is the way round", async () => {
  const args = ["check", ...PUBLIC_HTTP, "--set", "http.allow_default_credentials=true"];
  const { code, stderr } = await runToEnd(args);
  assertEquals([code, stderr], [0, ""]);
});

for (const name of ["smqtt", "nanomq", "emqx-v3", "tdmq"]) {
  test(`check finds config/drop-in/${name}.toml fine`, async () => {
    const { code, stdout, stderr } = await runToEnd([
      "check",
      "--config",
      `config/drop-in/${name}.toml`,
    ]);
    assertEquals([code, stdout, stderr], [0, "The configuration is fine\n", ""]);
  });
}

test("check names every problem of nested and repeated tables, from all sources", async () => {
  const environment = { BROKER_API__SMQTT__PUBLISH_REPLY: "maybe" };
  const args = ["check", "--set", "auth.user.0.username=u", "--set", "acl.rule.0={permit='maybe'}"];
  const { code, stderr } = await runToEnd(args, { environment });
  assertEquals(code, 1);
  for (
    const problem of [
      'environment BROKER_API__SMQTT__PUBLISH_REPLY: api.smqtt.publish_reply: found "maybe"',
      'acl.rule.0.permit: found "maybe"; allowed: "allow", "deny"',
      "acl.rule.0.topics: found nothing, but it is needed",
    ]
  ) assertStringIncludes(stderr, problem);
});
