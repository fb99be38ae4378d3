import { test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  ManagementError,
  type ResourceDraft,
  type ResourceView,
  type RuleDraft,
  type RuleView,
} from "../../../../src/management/mod.ts";
import {
  API_OPTIONS,
  type HttpRig,
  type HttpRigOptions,
  withHttp,
} from "../../../support/http_rig.ts";

const RULE: RuleView = {
  id: "rule:00000001",
  legacy: undefined,
  events: ["message.publish"],
  sql: "SELECT * FROM a",
  actions: [{
    id: "inspect_1",
    name: "inspect",
    params: { password: "geheim", deep: [{ token: "geheim" }], a: 1 },
    counters: { success: 2, failed: 1 },
  }],
  description: "d",
  isEnabled: true,
  isReadOnly: false,
  problem: undefined,
  createdAtMs: 0,
  counters: { matched: 3, speed: 0.123, speedMax: 1.556, speedLast5m: 0 },
};

const RESOURCE: ResourceView = {
  id: "web_hook:n",
  name: "n",
  type: "web_hook",
  config: { url: "http://me:geheim@host/x", headers: { Authorization: "geheim", accept: "a" } },
  description: "",
  isReadOnly: false,
  problem: "broken",
  createdAtMs: 0,
  counters: {
    offered: 0,
    delivered: 0,
    failed: 0,
    dropped: 0,
    retried: 0,
    queued: 0,
    queuedBytes: 0,
  },
};

class Broker {
  rule = RULE;
  resource = RESOURCE;
  isActive = true;
  refusal: ManagementError | undefined;
  readonly drafts: (RuleDraft | ResourceDraft)[] = [];
  readonly parts: NonNullable<HttpRigOptions["management"]> = {
    apps: { authenticate: () => Promise.resolve(true) },
    nodes: { localName: "broker@test" },
    modules: { isActive: () => Promise.resolve(this.isActive) },
    rules: {
      list: () => Promise.resolve([this.rule]),
      get: (id) => Promise.resolve(id === this.rule.id ? this.rule : undefined),
      create: (draft) => {
        this.drafts.push(draft);
        if (this.refusal !== undefined) return Promise.reject(this.refusal);
        return Promise.resolve(this.rule);
      },
      remove: () => Promise.reject(this.refusal),
    },
    resources: {
      list: () => Promise.resolve([this.resource]),
      create: (draft) => {
        this.drafts.push(draft);
        return Promise.resolve(RESOURCE);
      },
      remove: () => Promise.reject(this.refusal),
      start: () => Promise.reject(this.refusal),
    },
  };
}

async function withRules(
  use: (rig: HttpRig & { broker: Broker }) => Promise<void>,
  options: Partial<typeof API_OPTIONS.emqxV3> = {},
): Promise<void> {
  const broker = new Broker();
  const api = { emqxV3: { ...API_OPTIONS.emqxV3, ...options } };
  await withHttp(
    { apis: ["emqx-v3"], management: broker.parts, api },
    (rig) => use({ ...rig, broker }),
  );
}

// deno-lint-ignore no-explicit-any -- whatever JSON there is
type Json = any;

async function ask({ url }: HttpRig, method: string, path: string, body?: unknown): Promise<Json> {
  const reply = await fetch(`${url}/api/v3${path}`, {
    method,
    headers: { authorization: `Basic ${btoa("app:secret")}` },
    body: body === undefined ? null : JSON.stringify(body),
  });
  assertEquals(reply.status, 200);
  return await reply.json();
}

test("a rule that is from elsewhere or of no use says so; speeds have two digits", () =>
  withRules(async (rig) => {
    const { data } = await ask(rig, "GET", "/rules/rule%3A00000001");
    assertEquals([data.read_only, data.problem], [undefined, undefined]);
    assertEquals(data.metrics, [
      { node: "broker@test", matched: 3, speed: 0.12, speed_max: 1.56, speed_last5m: 0 },
    ]);
    assertEquals(data.actions[0].metrics, [{ node: "broker@test", success: 2, failed: 1 }]);
    rig.broker.rule = { ...RULE, isReadOnly: true, isEnabled: false, problem: "why" };
    const [listed] = (await ask(rig, "GET", "/rules")).data;
    assertEquals([listed.read_only, listed.problem, listed.enabled], [true, "why", false]);
    rig.broker.resource = { ...RESOURCE, isReadOnly: true };
    const [resource] = (await ask(rig, "GET", "/resources")).data;
    assertEquals([resource.read_only, resource.problem], [true, "broken"]);
    assertEquals(resource.config.url, "http://me:******@host/x");
    rig.broker.rule = { ...RULE, legacy: { name: "n", hook: "client.connected" } };
    const { data: legacy } = await ask(rig, "GET", "/rules/rule:00000001");
    assertEquals(Object.keys(legacy).sort(), [
      "actions",
      "description",
      "enabled",
      "for",
      "id",
      "name",
      "rawsql",
    ]);
    assertEquals([legacy.for, legacy.actions[0].params], [
      "client.connected",
      RULE.actions[0]?.params,
    ]);
  }));

test("a rule is asked for in the form that its members say, those of the query first", () =>
  withRules(async (rig) => {
    const body = { rawsql: "s", actions: [{ name: "a" }], name: "n", for: "f", description: "d" };
    await ask(rig, "POST", "/rules?description=q", body);
    await ask(rig, "POST", "/rules?test=false", { ...body, name: null });
    const actions = [{ name: "a", params: {} }];
    assertEquals(rig.broker.drafts, [
      { legacy: { name: "n", hook: "f" }, sql: "s", actions, description: "q" },
      { legacy: undefined, sql: "s", actions, description: "d" },
    ]);
    await ask(rig, "POST", "/resources", { type: "t", name: "n", config: { a: 1 } });
    await ask(rig, "POST", "/resources", { type: "t" });
    assertEquals(rig.broker.drafts.slice(2), [
      { type: "t", name: "n", config: { a: 1 }, description: undefined },
      { type: "t", name: undefined, config: {}, description: undefined },
    ]);
  }));

test("secrets are masked when the configuration says so, and not before", () =>
  withRules(async (rig) => {
    const { emqxV3 } = rig.options.apis;
    for (const maskSecrets of [false, true]) {
      Object.assign(emqxV3, { maskSecrets });
      for (const path of ["/rules", "/resources"]) {
        const text = JSON.stringify(await ask(rig, "GET", path));
        assertEquals(text.includes("geheim"), !maskSecrets, text);
      }
    }
    const { data: [{ config }] } = await ask(rig, "GET", "/resources");
    assertEquals(config, {
      url: "http://me:******@host/x",
      headers: { Authorization: "******", accept: "a" },
    });
    const { data: [{ actions }] } = await ask(rig, "GET", "/rules");
    assertEquals(actions[0].params, { password: "******", deep: [{ token: "******" }], a: 1 });
  }));

test("what the broker refuses is said in the product's words, or by code 102 where it cannot be", () =>
  withRules(async (rig) => {
    const create = { rawsql: "s", actions: [] };
    const refusals: readonly [error: ManagementError, code: number, message: string][] = [
      [
        new ManagementError("invalid", "m", { subject: { kind: "hook", name: "h" } }),
        400,
        "Hook h Not Found",
      ],
      [
        new ManagementError("invalid", "m", { subject: { kind: "resource-type", name: "t" } }),
        400,
        "Resource Type t Not Found",
      ],
      [new ManagementError("invalid", "m", { phrase: "p q" }), 400, "Bad Arguments: p q"],
      [new ManagementError("too-large", "Cannot: much"), 400, "Bad Arguments: Cannot: much"],
      [new ManagementError("unavailable", "Cannot: full"), 102, "Cannot: full"],
    ];
    for (const [error, code, message] of refusals) {
      rig.broker.refusal = error;
      assertEquals(await ask(rig, "POST", "/rules", create), { code, message });
      assertEquals(await ask(rig, "DELETE", "/rules/r"), { code, message });
      assertEquals(await ask(rig, "DELETE", "/resources/r"), { code, message });
    }
    assertEquals(await ask(rig, "POST", "/resources/r"), {
      code: 400,
      message: "Start Resource r Failed",
    });
  }));

test("while the rule engine is not active its paths are none", () =>
  withRules(async (rig) => {
    rig.broker.isActive = false;
    for (const path of ["/rules", "/actions", "/resource_types/web_hook", "/rule_events"]) {
      const reply = await fetch(`${rig.url}/api/v3${path}`, {
        headers: { authorization: `Basic ${btoa("app:secret")}` },
      });
      assertEquals([reply.status, await reply.text()], [404, "Not found."], path);
    }
  }));

test("what a rule takes from a resource of the configuration is masked in any case", () =>
  withRules(async (rig) => {
    const action = { ...RULE.actions[0]!, params: { $resource: RESOURCE.id, token: "geheim" } };
    rig.broker.rule = { ...RULE, actions: [action] };
    const shown = async (): Promise<Json> => {
      return (await ask(rig, "GET", "/rules")).data[0].actions[0].params.token;
    };
    assertEquals(await shown(), "geheim");
    rig.broker.resource = { ...RESOURCE, isReadOnly: true };
    assertEquals(await shown(), "******");
  }));
