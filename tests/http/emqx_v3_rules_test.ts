/** Rules, actions and resources of EMQX 3 with the document's own examples, and every failure by its message. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { askV3, type Json } from "../support/emqx_v3.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";
import DOCUMENT from "./emqx_v3_rule_answers.json" with { type: "json" };

const OK = { code: 0 };
const NOT_FOUND = { code: 404, message: "Not Found" };
const NODE = "broker@127.0.0.1";
const NEW_FORM = ["--set", "api.emqx_v3.rule_flavor=3.2"];
const NOTHING = { name: "do_nothing", params: {} };

const WEB_HOOK = DOCUMENT["GET /resources"].answer.data[0]!;
const BUILT_IN = DOCUMENT["POST /resources"];

function bad(message: string): Json {
  return { code: 400, message };
}

/** The two resources of the document, in its order. */
async function addResources(broker: RunningBroker): Promise<void> {
  const { name, type, config, description } = WEB_HOOK;
  const made = await askV3(broker, "POST", "/resources", { name, type, config, description });
  assertEquals(made, { code: 0, data: WEB_HOOK });
  assertEquals(await askV3(broker, "POST", "/resources/", BUILT_IN.request), BUILT_IN.answer);
}

test("the document's rule: made, shown, listed, removed", () =>
  withBroker({}, async (broker) => {
    await addResources(broker);
    const { request, answer } = DOCUMENT["POST /rules"];
    const plain = await askV3(broker, "POST", "/rules/", request);
    assertMatch(plain.data.id, /^test-rule:[0-9]{16,}$/);
    // The document's answer shows a member that its request does not have; this one has it.
    const actions = [{ name: "built_in:inspect_action", params: { a: 1 } }];
    assertEquals(plain, { code: 0, data: { ...answer.data, id: plain.data.id, actions } });
    assertEquals(await askV3(broker, "DELETE", `/rules/${plain.data.id}`), OK);

    const bound = [{
      name: "built_in:inspect_action",
      params: { $resource: "built_in:test-resource" },
    }];
    const made = await askV3(broker, "POST", "/rules", { ...request, actions: bound });
    const { id } = made.data;
    const expected = { ...answer.data, id };
    assertEquals(made, { code: 0, data: expected });
    assertEquals(await askV3(broker, "GET", `/rules/${id}`), made);
    assertEquals(await askV3(broker, "GET", `/rules/${id.replace(":", "%3A")}`), made);
    assertEquals(await askV3(broker, "GET", "/rules/"), { code: 0, data: [expected] });
    assertEquals(await askV3(broker, "DELETE", `/rules/${id.replace(":", "%3A")}`), OK);
    assertEquals(await askV3(broker, "DELETE", `/rules/${id}`), OK);
    assertEquals(await askV3(broker, "GET", `/rules/${id}`), NOT_FOUND);
    assertEquals(await askV3(broker, "GET", "/rules"), { code: 0, data: [] });
  }));

test("a rule without name is shown in the later form, with what it did", () =>
  withBroker({}, async (broker) => {
    const rawsql = 'SELECT * FROM "message.publish", "client.connected"';
    // Of name and for each alone says nothing, as in the version that had no use for them.
    for (const more of [{}, { name: "x" }, { for: "message.publish" }]) {
      const made = await askV3(broker, "POST", "/rules", { rawsql, actions: [NOTHING], ...more });
      const { data: { id, actions: [action] } } = made;
      assertMatch(id, /^rule:[0-9a-f]{8}$/);
      assertMatch(action.id, /^do_nothing_[0-9]{16,}$/);
      assertEquals(made.data, {
        id,
        for: ["message.publish", "client.connected"],
        rawsql,
        actions: [{
          ...NOTHING,
          id: action.id,
          metrics: [{ node: NODE, success: 0, failed: 0 }],
        }],
        metrics: [{ node: NODE, matched: 0, speed: 0, speed_max: 0, speed_last5m: 0 }],
        enabled: true,
        description: "",
      });
      assertEquals(await askV3(broker, "GET", `/rules/${id}`), made);
    }
    const { data } = await askV3(broker, "GET", "/rules");
    assertEquals(data.length, 3);
  }));

test("the document's lists of actions and resource types", () =>
  withBroker({}, async (broker) => {
    const paths = [
      "/actions",
      "/actions?for=client.connected",
      "/actions/built_in:inspect_action",
      "/resource_types/built_in",
      "/resource_types/built_in/actions",
    ] as const;
    for (const path of paths) {
      assertEquals(await askV3(broker, "GET", path), DOCUMENT[`GET ${path}`].answer, path);
    }
    const encoded = await askV3(broker, "GET", "/actions/built_in%3Ainspect_action");
    assertEquals(encoded, DOCUMENT["GET /actions/built_in:inspect_action"].answer);
    // The document shows resources here by mistake.
    const { data: types } = await askV3(broker, "GET", "/resource_types/");
    assertEquals(types.map(({ name }: Json) => name), ["built_in", "web_hook"]);
    assertEquals(types[0], DOCUMENT["GET /resource_types/built_in"].answer.data);
    assertEquals(types[1], {
      name: "web_hook",
      provider: "emqx_web_hook",
      description: "WebHook Resource",
      params: {
        url: {
          type: "string",
          format: "url",
          required: true,
          title: "Request URL",
          description: "Request URL",
        },
        headers: {
          type: "object",
          schema: {},
          default: {},
          title: "Request Header",
          description: "Request Header",
        },
        method: {
          type: "string",
          enum: ["PUT", "POST"],
          default: "POST",
          title: "Request Method",
          description: "Request Method",
        },
      },
    });
  }));

test("actions by what they are for", () =>
  withBroker({}, async (broker) => {
    const inspect = "built_in:inspect_action";
    const messages = ["built_in:republish_action", "web_hook:publish_action", inspect];
    const cases: readonly [hook: string, names: readonly string[]][] = [
      ["message.publish", messages],
      ["$messages", messages],
      ["$events", ["web_hook:event_action", inspect]],
      ["$any", [inspect]],
      ["client.connected", [inspect]],
      ["message.acked", [inspect]],
    ];
    for (const [hook, names] of cases) {
      const { code, data } = await askV3(broker, "GET", `/actions?for=${hook}`);
      assertEquals([code, data.map(({ name }: Json) => name)], [0, names], hook);
    }
    for (const hook of ["client.dancing", "", "$everything"]) {
      const unknown = await askV3(broker, "GET", `/actions?for=${hook}`);
      assertEquals(unknown, bad(`Hook ${hook} Not Found`));
    }
  }));

test("a rule of the earlier form may be for every hook that it had, whether it fires or not", () =>
  withBroker({}, async (broker) => {
    const { data: events } = await askV3(broker, "GET", "/rule_events");
    const hooks = [
      ...events.slice(0, 8).map(({ event }: Json) => event),
      "client.authenticate",
      "client.check_acl",
      "session.created",
      "session.resumed",
      "session.subscribed",
      "session.unsubscribe",
      "session.terminated",
    ];
    assertEquals(hooks.length, 15);
    for (const hook of hooks) {
      const rule = { name: "r", for: hook, rawsql: 'select * from "t/a"', actions: [] };
      const { code, data } = await askV3(broker, "POST", "/rules", rule);
      assertEquals([code, data?.for], [0, hook], hook);
      assertEquals((await askV3(broker, "GET", `/actions?for=${hook}`)).code, 0, hook);
    }
    const { data } = await askV3(broker, "GET", "/rules");
    assertEquals(data.map((rule: Json) => rule.for), hooks);
  }));

test("the lists in the later form: two languages, by English title", () =>
  withBroker({ args: NEW_FORM }, async (broker) => {
    const { data: actions } = await askV3(broker, "GET", "/actions");
    const titles = actions.map(({ title }: Json) => title.en);
    assertEquals(titles, [...titles].sort());
    const names = actions.map(({ name }: Json) => name);
    for (const name of ["inspect", "republish", "do_nothing", "data_to_webserver"]) {
      assert(names.includes(name), name);
      const shown = await askV3(broker, "GET", `/actions/${name}`);
      const listed = actions.find((action: Json) => action.name === name);
      assertEquals(shown, { code: 0, data: listed });
      assertEquals([listed.for, Object.keys(listed.title).sort()], ["$any", ["en", "zh"]]);
      assertEquals(Object.keys(listed.description).sort(), ["en", "zh"]);
    }
    const republish = actions.find(({ name }: Json) => name === "republish");
    assertEquals(Object.keys(republish.params), ["target_topic", "target_qos", "payload_tmpl"]);
    const { target_topic, target_qos, payload_tmpl } = republish.params;
    const brief = ({ type, required, default: value }: Json): Json => [type, required, value];
    assertEquals(brief(target_topic), ["string", true, "repub/to/${client_id}"]);
    assertEquals([...brief(target_qos), target_qos.enum], ["number", true, 0, [-1, 0, 1, 2]]);
    assertEquals(brief(payload_tmpl), ["string", true, "${payload}"]);
    assertEquals(payload_tmpl.input, "textarea");
    assertEquals(republish.types, []);
    const hook = actions.find(({ name }: Json) => name === "data_to_webserver");
    assertEquals([hook.app, hook.types, Object.keys(hook.params)], [
      "emqx_web_hook",
      ["web_hook"],
      ["$resource"],
    ]);
    for (const alias of ["$message", "$client", "$session", "$any", "message.acked"]) {
      const { data } = await askV3(broker, "GET", `/actions?for=${alias}`);
      assertEquals(data, actions, alias);
    }
    // The latter is a hook of the earlier generation only.
    for (const event of ["client.dancing", "client.check_acl"]) {
      assertEquals(
        await askV3(broker, "GET", `/actions?for=${event}`),
        bad(`Event ${event} Not Found`),
      );
    }
    const { data: types } = await askV3(broker, "GET", "/resource_types");
    const typeNames = types.map(({ name }: Json) => name);
    assert(typeNames.includes("web_hook") && !typeNames.includes("built_in"), typeNames);
    const type = types.find(({ name }: Json) => name === "web_hook");
    assertEquals([type.title.en, type.description.en, type.provider], [
      "WebHook",
      "WebHook",
      "emqx_web_hook",
    ]);
    assertEquals(type.params.url.title.en, "Request URL");
    // A name of the earlier form is shown in that form.
    const { answer } = DOCUMENT["GET /actions/built_in:inspect_action"];
    assertEquals(await askV3(broker, "GET", "/actions/built_in:inspect_action"), answer);
    assertEquals(
      await askV3(broker, "GET", "/resource_types/built_in"),
      DOCUMENT["GET /resource_types/built_in"].answer,
    );
  }));

test("the document's resources: made, shown, listed, removed", () =>
  withBroker({}, async (broker) => {
    await addResources(broker);
    const paths = [
      "/resources",
      "/resources/built_in:test-resource",
      "/resource_types/built_in/resources",
    ] as const;
    for (const path of paths) {
      assertEquals(await askV3(broker, "GET", path), DOCUMENT[`GET ${path}`].answer, path);
    }
    const status = await askV3(broker, "GET", "/resource_status/built_in:test-resource");
    assertEquals(status, { code: 0, data: { is_alive: true } });
    assertEquals(await askV3(broker, "POST", "/resources/built_in:test-resource"), OK);
    // The same type and name again takes its place.
    const changed = { ...BUILT_IN.request, config: { b: 2 } };
    const { data } = await askV3(broker, "POST", "/resources", changed);
    assertEquals([data.id, data.config], ["built_in:test-resource", { b: 2 }]);
    assertEquals((await askV3(broker, "GET", "/resources")).data.length, 2);
    for (const id of ["built_in:test-resource", "web_hook%3Awebhook1", "built_in:test-resource"]) {
      assertEquals(await askV3(broker, "DELETE", `/resources/${id}`), OK);
    }
    assertEquals(await askV3(broker, "GET", "/resources"), { code: 0, data: [] });
    assertEquals(await askV3(broker, "GET", "/resources/built_in:test-resource"), NOT_FOUND);
    assertEquals(await askV3(broker, "GET", "/resource_types/nothing/resources"), {
      code: 0,
      data: [],
    });
    assertEquals(await askV3(broker, "GET", "/resource_types/nothing"), NOT_FOUND);
    assertEquals(await askV3(broker, "GET", "/actions/nothing"), NOT_FOUND);
  }));

test("a resource without name is shown in the later form, alone with its status", () =>
  withBroker({}, async (broker) => {
    const config = { url: "http://127.0.0.1:1/" };
    const made = await askV3(broker, "POST", "/resources", { type: "web_hook", config });
    const { data: { id } } = made;
    assertMatch(id, /^resource:[0-9a-f]{8}$/);
    const resource = { id, type: "web_hook", config, description: "" };
    assertEquals(made, { code: 0, data: resource });
    assertEquals(await askV3(broker, "GET", "/resources"), { code: 0, data: [resource] });
    const status = [{ node: NODE, is_alive: false }];
    assertEquals(await askV3(broker, "GET", `/resources/${id}`), {
      code: 0,
      data: { ...resource, status },
    });
  }));

test("the ten events, with what can be selected and an example for each", () =>
  withBroker({}, async (broker) => {
    const { code, data } = await askV3(broker, "GET", "/rule_events/");
    assertEquals([code, data.length], [0, 10]);
    const [publish] = data;
    assertEquals(publish, {
      event: "message.publish",
      title: { en: "message publish", zh: "消息发布" },
      description: { en: "message publish", zh: "消息发布" },
      test_columns: {
        client_id: "c_emqx",
        username: "u_emqx",
        topic: "t/a",
        qos: 1,
        payload: '{"msg": "hello"}',
      },
      columns: [
        "client_id",
        "username",
        "event",
        "id",
        "payload",
        "peername",
        "qos",
        "timestamp",
        "topic",
        "node",
      ],
      sql_example:
        "SELECT payload.msg as msg FROM \"message.publish\" WHERE topic =~ 't/#' and msg = 'hello'",
    });
    assertEquals(Object.keys(publish.test_columns), [
      "client_id",
      "username",
      "topic",
      "qos",
      "payload",
    ]);
    // Each example can be used as it stands, and every column of each event be selected.
    for (const { event, columns, test_columns, sql_example } of data) {
      const test = async (rawsql: string): Promise<Json> =>
        await askV3(broker, "POST", "/rules?test=true", { rawsql, actions: [], ctx: test_columns });
      assertEquals((await test(sql_example)).code, 0, sql_example);
      const all = `SELECT ${columns.join(", ")} FROM "${event}"`;
      const selected = await test(all);
      assertEquals(selected.code, 0, `${all}: ${selected.message}`);
      for (const [name, value] of Object.entries(test_columns)) {
        if (name !== "topic_filters") assertEquals(selected.data[name], value, `${event} ${name}`);
      }
      assertEquals(selected.data.event, event);
    }
  }));

test("what is wrong with a rule is said in the product's words", () =>
  withBroker({}, async (broker) => {
    const sql = 'SELECT * FROM "message.publish"';
    const legacy = { name: "r", for: "message.publish", rawsql: 'select * from "t/a"' };
    const cases: readonly [body: Json, message: string | RegExp][] = [
      [{ rawsql: sql, actions: [{ name: "dance" }] }, "Action dance Not Found"],
      [
        { ...legacy, actions: [{ name: "built_in:dance", params: {} }] },
        "Action built_in:dance Not Found",
      ],
      [
        { rawsql: sql, actions: [{ name: "data_to_webserver", params: { $resource: "r:1" } }] },
        "Resource r:1 Not Found",
      ],
      [{ ...legacy, for: "client.dancing", actions: [] }, "Hook client.dancing Not Found"],
      [
        { rawsql: 'SELECT * FROM "client.dancing"', actions: [] },
        "Event client.dancing Not Found",
      ],
      [{ rawsql: 'SELECT dance FROM "message.publish"', actions: [] }, "Unknown Column: dance"],
      [{ rawsql: "SELECT", actions: [] }, /^Bad Arguments: sql_syntax_error line 1 col \d+/],
      [{ rawsql: "SELECT *\nFROM", actions: [] }, /^Bad Arguments: sql_syntax_error line 2 col/],
      [{ actions: [] }, "Bad Arguments: required_field_missing rawsql"],
      [{ rawsql: sql }, "Bad Arguments: required_field_missing actions"],
      [{ rawsql: sql, actions: {} }, /^Bad Arguments: wrong_type actions/],
      [{ rawsql: 7, actions: [] }, /^Bad Arguments: wrong_type rawsql/],
      [{ rawsql: sql, actions: [7] }, /^Bad Arguments: wrong_type actions/],
      [{ rawsql: sql, actions: [{}] }, "Bad Arguments: required_field_missing name"],
      [{ rawsql: sql, actions: [{ name: "inspect", params: [] }] }, /^Bad Arguments: wrong_type/],
      [{ rawsql: sql, actions: [], description: {} }, /^Bad Arguments: wrong_type description/],
      [
        { rawsql: sql, actions: [{ name: "republish", params: {} }] },
        "Bad Arguments: required_field_missing target_topic",
      ],
      [
        {
          rawsql: sql,
          actions: [{
            name: "republish",
            params: { target_topic: "a", target_qos: 3, payload_tmpl: "" },
          }],
        },
        /^Bad Arguments: .*target_qos/,
      ],
      [
        { rawsql: sql, actions: [{ name: "republish", params: { target_topic: 1 } }] },
        /^Bad Arguments: .*target_topic/,
      ],
      [
        {
          ...legacy,
          actions: [{ name: "built_in:republish_action", params: { target_topic: "a/#" } }],
        },
        /^Bad Arguments: .*target_topic/,
      ],
      [{ rawsql: "SELECT nothing(1) FROM a", actions: [] }, /^Bad Arguments: .*nothing/],
      [{ rawsql: `SELECT '${"x".repeat(17_000)}' FROM a`, actions: [] }, /^Bad Arguments: /],
      [
        { rawsql: sql, actions: Array.from({ length: 65 }, () => NOTHING) },
        /^Bad Arguments: .*actions/,
      ],
      [{ rawsql: sql, actions: [], test: true }, "Bad Arguments: required_field_missing ctx"],
      [{ rawsql: sql, actions: [], test: "true", ctx: 7 }, /^Bad Arguments: wrong_type ctx/],
      [{ rawsql: "SELECT x FROM a", actions: [], test: true, ctx: {} }, "Unknown Column: x"],
    ];
    for (const [body, message] of cases) {
      const answer = await askV3(broker, "POST", "/rules", body);
      const where = JSON.stringify(body).slice(0, 100);
      assertEquals(answer.code, 400, `${where}: ${JSON.stringify(answer)}`);
      if (typeof message === "string") assertEquals(answer.message, message, where);
      else assertMatch(answer.message, message, where);
    }
    assertEquals(await askV3(broker, "GET", "/rules"), { code: 0, data: [] });
    assertEquals(await askV3(broker, "POST", "/rules", []), [400, "Bad Request"]);
  }));

test("what is wrong with a resource is said in the product's words", () =>
  withBroker({}, async (broker) => {
    const url = "http://127.0.0.1:1";
    const cases: readonly [body: Json, message: string | RegExp][] = [
      [{ type: "dancer" }, "Resource Type dancer Not Found"],
      [{ name: "d", type: "dancer", config: {} }, "Resource Type dancer Not Found"],
      [{ config: {} }, "Bad Arguments: required_field_missing type"],
      [{ type: 7 }, /^Bad Arguments: wrong_type type/],
      [{ type: "web_hook", config: [] }, /^Bad Arguments: wrong_type config/],
      [{ type: "web_hook" }, "Bad Arguments: required_field_missing url"],
      [{ type: "web_hook", config: { url: "ftp://a" } }, /^Bad Arguments: .*url/],
      [{ type: "web_hook", config: { url, method: "GET" } }, /^Bad Arguments: .*method/],
      [{ type: "web_hook", config: { url, headers: "x" } }, /^Bad Arguments: .*headers/],
      [{ type: "built_in", name: 7 }, /^Bad Arguments: wrong_type name/],
    ];
    for (const [body, message] of cases) {
      const answer = await askV3(broker, "POST", "/resources", body);
      assertEquals(answer.code, 400, `${JSON.stringify(body)}: ${JSON.stringify(answer)}`);
      if (typeof message === "string") assertEquals(answer.message, message);
      else assertMatch(answer.message, message);
    }
    const failed = { code: 500, message: "Test Creating Resource Failed" };
    const tested = { type: "web_hook", config: { url }, test: true };
    assertEquals(await askV3(broker, "POST", "/resources", tested), failed);
    assertEquals(await askV3(broker, "POST", "/resources?test=true", { type: "built_in" }), OK);
    assertEquals(await askV3(broker, "GET", "/resources"), { code: 0, data: [] });
    const unknown = bad("Resource r:1 Not Found");
    assertEquals(await askV3(broker, "GET", "/resource_status/r:1"), unknown);
    assertEquals(await askV3(broker, "POST", "/resources/r:1"), unknown);
    assertEquals(await askV3(broker, "GET", "/resources/r:1"), NOT_FOUND);
    const { data: { id } } = await askV3(broker, "POST", "/resources", {
      type: "web_hook",
      config: { url },
    });
    assertEquals(
      await askV3(broker, "POST", `/resources/${id}`),
      bad(`Start Resource ${id} Failed`),
    );
  }));

test("secrets in parameters are shown unless that is switched off", () =>
  withBroker({ args: ["--set", "api.emqx_v3.mask_secrets=true"] }, async (broker) => {
    const config = {
      url: "http://user:geheim@127.0.0.1:1/x",
      headers: { Authorization: "Bearer geheim", accept: "text/plain" },
      password: "geheim",
    };
    const made = await askV3(broker, "POST", "/resources", {
      name: "n",
      type: "web_hook",
      config,
    });
    assertEquals(made.data.config, {
      url: "http://user:******@127.0.0.1:1/x",
      headers: { Authorization: "******", accept: "text/plain" },
      password: "******",
    });
    const rule = await askV3(broker, "POST", "/rules", {
      name: "r",
      for: "message.publish",
      rawsql: "select * from a",
      actions: [{ name: "web_hook:publish_action", params: { $resource: "web_hook:n" } }],
    });
    assertEquals(rule.data.actions[0].params, {
      $resource: "web_hook:n",
      ...made.data.config,
    });
    for (const path of ["/resources", "/rules"]) {
      const text = JSON.stringify(await askV3(broker, "GET", path));
      assert(!text.includes("geheim"), text);
    }
  }));
