/** `/metrics`, `/healthz`, `/readyz` and the OpenAPI documents of the whole program. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { type PrometheusText, readPrometheus } from "../support/prometheus.ts";
import { readProjectFile } from "../support/project_files.ts";
import { withDataDir } from "../support/restarts.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";

async function metricsOf({ httpUrl }: RunningBroker): Promise<PrometheusText> {
  const reply = await fetch(`${httpUrl}/metrics`);
  assertEquals(reply.status, 200);
  assertMatch(reply.headers.get("content-type") ?? "", /^text\/plain; ?version=0\.0\.4/);
  return readPrometheus(await reply.text());
}

function valueOf(
  { samples }: PrometheusText,
  name: string,
  labels: Record<string, string> = {},
): number {
  const found = samples.filter((one) =>
    one.name === name &&
    Object.entries(labels).every(([label, value]) => one.labels[label] === value)
  );
  assertEquals(found.length, 1, `${name} ${JSON.stringify(labels)}`);
  return found[0]?.value ?? NaN;
}

test("the metrics are what Prometheus reads, and count what has happened", () =>
  withBroker({}, async (broker) => {
    const client = await TestClient.connect(broker.port);
    await client.subscribe("a", { qos: 1 });
    await client.publish("a", "hello", { qos: 0, retain: true });
    await client.receive();
    await client.publish("b", "nobody", { qos: 2 });
    await (await fetch(`${broker.httpUrl}/nothing`)).text();
    const metrics = await metricsOf(broker);
    assertEquals(valueOf(metrics, "mqtt_messages_received_total", { qos: "0" }), 1);
    assertEquals(valueOf(metrics, "mqtt_messages_received_total", { qos: "2" }), 1);
    assertEquals(valueOf(metrics, "mqtt_messages_sent_total", { qos: "0" }), 1);
    assertEquals(valueOf(metrics, "mqtt_messages_without_subscriber_total"), 1);
    assertEquals(valueOf(metrics, "mqtt_connections"), 1);
    assertEquals(valueOf(metrics, "mqtt_subscriptions"), 1);
    assertEquals(valueOf(metrics, "mqtt_retained_messages"), 1);
    assertEquals(valueOf(metrics, "mqtt_ready"), 1);
    const packets = { type: "pubrel" };
    assertEquals(valueOf(metrics, "mqtt_packets_by_type_received_total", packets), 1);
    const listener = { listener: "tcp:default", type: "tcp" };
    assertEquals(valueOf(metrics, "mqtt_listener_accepted_total", listener), 1);
    assertEquals(
      valueOf(metrics, "http_responses_total", { listener: "http:1", status: "4xx" }),
      1,
    );
    assert(valueOf(metrics, "mqtt_delivery_seconds_count") >= 3);
    assert(valueOf(metrics, "process_resident_memory_bytes") > 10_000_000);
    assert(valueOf(metrics, "process_cpu_seconds_total", { mode: "user" }) > 0);
  }));

const RULES = `
[[resource]]
name = "nowhere"
type = "web_hook"
config = { url = "http://127.0.0.1:1/", queue_max = 1 }
[[rule]]
name = "one"
sql = 'SELECT * FROM "t"'
[[rule.action]]
name = "do_nothing"
[[rule.action]]
name = "republish"
params = { target_topic = "#", target_qos = 0, payload_tmpl = "" }
[[rule.action]]
name = "data_to_webserver"
params = { "$resource" = "nowhere" }
`;

test("rules, their actions and resources are counted", () =>
  withBroker({ config: RULES }, async (broker) => {
    const client = await TestClient.connect(broker.port);
    for (const payload of ["1", "2", "3"]) await client.publish("t", payload, { qos: 1 });
    const metrics = await metricsOf(broker);
    const [success, failed] = [{ result: "success" }, { result: "failed" }];
    assertEquals(valueOf(metrics, "mqtt_rules"), 1);
    assertEquals(valueOf(metrics, "mqtt_rules_matched_total"), 3);
    assertEquals(valueOf(metrics, "mqtt_rules_actions_total", success), 3);
    assertEquals(valueOf(metrics, "mqtt_rule_matched_total", { rule: "one" }), 3);
    const action = (index: number): { action: string } => ({
      action: ["do_nothing", "republish", "data_to_webserver"][index] + "_one_" + index,
    });
    const each = (index: number, result: { result: string }): number =>
      valueOf(metrics, "mqtt_rule_actions_total", { ...action(index), ...result });
    assertEquals([each(0, success), each(0, failed)], [3, 0]);
    assertEquals([each(1, success), each(1, failed)], [0, 3]);
    // One waits for a server that there is not, and there is no room for the others.
    assertEquals(each(2, success), 0);
    assert(each(2, failed) >= 2);
    const resource = { resource: "nowhere", type: "web_hook" };
    assertEquals(valueOf(metrics, "mqtt_resources"), 1);
    assert(valueOf(metrics, "mqtt_resource_queued", resource) <= 1);
    assertEquals(
      valueOf(metrics, "mqtt_resource_items_total", { ...resource, result: "delivered" }),
      0,
    );
    assert(valueOf(metrics, "mqtt_resource_items_total", { ...resource, result: "dropped" }) >= 1);
    client.cut();
  }));

test("commits are counted and measured where there is a disk", () =>
  withDataDir(async (dataDir) => {
    await withBroker({ dataDir }, async (broker) => {
      const { port } = broker;
      const client = await TestClient.connect(port, { version: 4, clean: false, clientId: "c" });
      await client.subscribe("a", { qos: 1 });
      await client.publish("b", "x", { qos: 1, retain: true });
      const metrics = await metricsOf(broker);
      assert(valueOf(metrics, "mqtt_store_commits_total") > 0);
      assert(valueOf(metrics, "mqtt_store_commit_seconds_count") > 0);
      assert(valueOf(metrics, "mqtt_store_commit_seconds_sum") > 0);
      assertEquals(valueOf(metrics, "mqtt_store_failing"), 0);
      assertEquals(valueOf(metrics, "mqtt_store_ack_pauses_total"), 0);
    });
  }));

test("every figure of the dashboard is one that there is", () =>
  withBroker({}, async (broker) => {
    const { types } = await metricsOf(broker);
    const names = new Set(
      [...types].map(([name, type]) => type === "histogram" ? `${name}_bucket` : name),
    );
    const dashboard = JSON.parse(readProjectFile("docs/grafana.json")) as {
      readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
    };
    const expressions = dashboard.panels.flatMap(({ targets = [] }) =>
      targets.map(({ expr }) => expr)
    );
    assert(expressions.length > 20);
    const used = expressions.flatMap((expr) =>
      expr.match(/\b(?:mqtt|http|process|runtime|system)_\w+/g) ?? []
    );
    assertEquals([...new Set(used)].filter((name) => !names.has(name)), []);
  }));

test("health asks nobody who he is, and is not cached", () =>
  withBroker({}, async ({ httpUrl }) => {
    for (const [path, status] of [["healthz", "alive"], ["readyz", "ready"]]) {
      const reply = await fetch(`${httpUrl}/${path}`);
      assertEquals([reply.status, await reply.json()], [200, { status, problems: [] }]);
      assertEquals(reply.headers.get("cache-control"), "no-store");
      const post = await fetch(`${httpUrl}/${path}`, { method: "POST" });
      assertEquals([post.status, post.headers.get("allow"), await post.text()], [405, "GET", ""]);
      const head = await fetch(`${httpUrl}/${path}`, { method: "HEAD" });
      assertEquals([head.status, await head.text()], [200, ""]);
    }
  }));

test("every API has an OpenAPI 3.1 document whose operations have names of their own", () =>
  withBroker({}, async ({ httpUrl, ready }) => {
    for (const api of ready.http[0]?.apis ?? []) {
      const reply = await fetch(`${httpUrl}/openapi/${api}.json`);
      assertEquals(reply.status, 200, api);
      const document = await reply.json() as {
        openapi: string;
        info: { title: string; version: string };
        paths: Record<string, Record<string, { operationId: string; responses: object }>>;
      };
      assertEquals(document.openapi, "3.1.0");
      const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
      const ids = operations.map(({ operationId }) => operationId);
      assertEquals(new Set(ids).size, ids.length, `${api}: ${ids.join(" ")}`);
      for (const path of Object.keys(document.paths)) assertMatch(path, /^\/[^:?#]*$/, api);
      for (const { responses } of operations) assert(Object.keys(responses).length > 0);
    }
  }));
