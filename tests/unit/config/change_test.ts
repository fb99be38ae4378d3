import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import {
  effectiveSettings,
  fixedSettings,
  loadConfig,
  MASK,
  namedFiles,
  unusableSettings,
  withChanges,
} from "../../../src/config/mod.ts";
import type { SettingView } from "../../../src/management/mod.ts";
import { type Given, loadAll, problemsOf } from "./sources.ts";

function setting(given: Given, key: string): SettingView {
  const views = effectiveSettings(loadAll(given));
  const found = views.filter((view) => view.key === key);
  assertEquals(found.length, 1, key);
  return found[0]!;
}

test("loadSources() puts stored settings between file and environment", () => {
  const given: Given = {
    file: "[mqtt]\nmax_inflight = 1\nreceive_maximum = 1\nmax_topic_alias = 1\nmax_qos = 0",
    stored: {
      "mqtt.max_inflight": 2,
      "mqtt.receive_maximum": 2,
      "mqtt.max_topic_alias": 2,
    },
    environment: { BROKER_MQTT__RECEIVE_MAXIMUM: "3" },
    sets: ["mqtt.max_topic_alias=4"],
  };
  const { mqtt } = loadAll(given).configuration;
  assertEquals(
    [mqtt.maxInflight, mqtt.receiveMaximum, mqtt.maxTopicAlias, mqtt.maxQos],
    [2, 3, 4, 0],
  );
  const origins = ["max_inflight", "receive_maximum", "max_topic_alias", "max_qos", "sys_interval"]
    .map((name) => setting(given, `mqtt.${name}`).origin);
  assertEquals(origins, ["api", "environment", "flag", "file", "default"]);
});

test("loadSources() takes stored tables, and leaves what is stored as it was", () => {
  const users = [{ username: "u", password: "p" }];
  const given: Given = { stored: { "auth.user": users, "auth.user.0.superuser": true } };
  const { auth } = loadAll(given).configuration;
  assertEquals(auth.users.map(({ username, isSuperuser }) => [username, isSuperuser]), [[
    "u",
    true,
  ]]);
  assertEquals(users, [{ username: "u", password: "p" }]);
});

test("loadSources() names a stored setting as the origin of a problem", () => {
  assertEquals(problemsOf({ file: "", stored: { "mqtt.max_qos": 3 } }), [
    "stored setting: mqtt.max_qos: found 3; allowed: 0, 1, 2",
  ]);
});

const VIEWS: readonly [key: string, given: Given, view: Partial<SettingView>][] = [
  ["mqtt.max_qos", {}, {
    value: 2,
    defaultValue: 2,
    origin: "default",
    appliesAt: "now",
    isSecret: false,
  }],
  ["mqtt.max_qos", { file: "[mqtt]\nmax_qos = 1" }, { value: 1, defaultValue: 2, origin: "file" }],
  ["mqtt.max_packet_size", { sets: ["mqtt.max_packet_size=2MB"] }, {
    value: "2MB",
    origin: "flag",
  }],
  ["node.name", {}, { appliesAt: "restart" }],
  ["listener.0.bind", { sets: ["listener.0.bind=127.0.0.1:0"] }, { value: "127.0.0.1:0" }],
  ["listener.0.allow_anonymous", {}, { value: true, origin: "default" }],
  ["listener.0.allow_anonymous", { sets: ["listener.0.bind=0.0.0.0:1"] }, { value: false }],
  ["listener.0.cert", {}, { value: undefined, defaultValue: undefined }],
  ["auth.allow_anonymous", { sets: ["listener.0.bind=0.0.0.0:1"] }, { value: false }],
  ["listener.0.name", {}, { value: "tcp:default" }],
  ["acl.no_match", { sets: ["acl.file=x"] }, { value: "deny" }],
  ["api.nanomq_v1.password", {}, { value: MASK, defaultValue: MASK, isSecret: true }],
  ["api.smqtt.password", {}, { value: "", isSecret: true }],
  ["auth.user.0.password", { sets: ["auth.user.0={username='u',password='p'}"] }, {
    value: MASK,
    isSecret: true,
  }],
  ["auth.http.headers", { file: "[auth.http]\nurl = 'http://x'\nheaders = { a = 'b' }" }, {
    value: MASK,
  }],
  ["web_hook.headers", {}, { value: {}, isSecret: true }],
];

for (const [key, given, expected] of VIEWS) {
  test(`effectiveSettings() shows ${key} of ${JSON.stringify(given)}`, () => {
    const view = setting(given, key);
    for (const [field, value] of Object.entries(expected)) {
      assertEquals(view[field as keyof SettingView], value, field);
    }
  });
}

test("effectiveSettings() works out what follows for each listener that is enabled, and for no other", () => {
  const given: Given = {
    file: "[[listener]]\nenable = false\n[[listener]]\ntype = 'ws'\nbind = '127.0.0.1:1'\n" +
      "allow_anonymous = false\n[[http]]\nenable = false\n[[http]]\n",
  };
  const valueOf = (key: string): unknown => setting(given, key).value;
  assertEquals([0, 1].map((index) => valueOf(`listener.${index}.name`)), [undefined, "ws:default"]);
  assertEquals(valueOf("listener.1.connect_rate"), 0);
  assertEquals(valueOf("auth.allow_anonymous"), false);
  assertEquals([0, 1].map((index) => valueOf(`http.${index}.name`)), [undefined, "http:2"]);
});

test("namedFiles() leaves out what is not enabled", () => {
  const file = "[[listener]]\n[[listener]]\ntype = 'tls'\nenable = false\ncert = 'c'\n[[http]]\n" +
    "cert = 'h'\nkey = 'k'\nca = ''\n";
  assertEquals(namedFiles(loadAll({ file })).map((each) => each.file), ["h", "k"]);
});

test("effectiveSettings() shows no secret anywhere", () => {
  const views = effectiveSettings(loadAll({
    file: '[[app]]\nid = "a"\nsecret = "geheim"\n[auth.jwt]\nsecret = "geheim"\n[[auth.user]]\n' +
      'username = "u"\npassword = "geheim"\n[[bridge]]\nname = "b"\naddress = "mqtt://x"\n' +
      'password = "geheim"\n[[listener]]\ntype = "tls"\ncert = "c"\nkey = "k"\nkey_password = "geheim"\n' +
      '[auth.http]\nurl = "http://x"\nheaders = { a = "geheim" }\n',
  }));
  assert(!JSON.stringify(views).includes("geheim"));
  assertEquals(views.filter(({ value }) => value === MASK).length, 7);
});

test("unusableSettings() names what is no setting, and what is needed before the settings", () => {
  const changes = new Map([
    ["mqtt.max_qos", 1],
    ["listener.0.bind", "x"],
    ["bridge", []],
    ["bridge.0.forwards", []],
    ["auth.http.headers.X-Y", "z"],
    ["mqtt.max_qso", 1],
    ["listener.bind", 1],
    ["", 1],
    ["a b", 1],
    ["node.data_dir", "x"],
    ["persistence.enabled", false],
    ["persistence", {}],
    ["mqtt.max_qos.x", 1],
  ] as [string, unknown][]);
  assertEquals(unusableSettings(changes), [
    'mqtt.max_qso: found an unknown key; did you mean "mqtt.max_qos"?',
    'listener.bind: found an unknown key; did you mean "listener.0.bind"?',
    '"" is not a dotted key of TOML',
    '"a b" is not a dotted key of TOML',
    ...["node.data_dir", "persistence.enabled", "persistence"].map((key) =>
      `${key}: it is needed before settings can be read; set it in the file`
    ),
    'mqtt.max_qos.x: found an unknown key; did you mean "mqtt.max_qos"?',
  ]);
});

test("withChanges() replaces what is inside a table that is set, and takes back", () => {
  const stored = new Map<string, unknown>([
    ["mqtt.max_qos", 1],
    ["bridge.0.name", "a"],
    ["bridge.0.forwards", ["x"]],
    ["api.smqtt.password", "geheim"],
  ]);
  const changes = new Map<string, unknown>([
    ["mqtt.max_qos", undefined],
    ["bridge", [{ name: "b" }]],
    ["bridge.0.parallel", 3],
    ["api.smqtt.password", MASK],
    ["log.level", "debug"],
  ]);
  assertEquals([...withChanges(stored, changes)], [
    ["api.smqtt.password", "geheim"],
    ["bridge", [{ name: "b" }]],
    ["bridge.0.parallel", 3],
    ["log.level", "debug"],
  ]);
  assertEquals(stored.size, 4);
});

test("fixedSettings() names the variable or the flag that wins over a change", () => {
  const loaded = loadAll({
    file: "[mqtt]\nmax_inflight = 1",
    environment: { BROKER_MQTT__MAX_QOS: "1", BROKER_LISTENER__0__MAX_CONNECTIONS: "1" },
    sets: ["log={level='debug'}"],
  });
  const changes = new Map<string, unknown>([
    ["mqtt.max_inflight", 2],
    ["mqtt.max_qos", 2],
    ["listener", [{}]],
    ["log.level", "info"],
    ["log.format", undefined],
  ]);
  assertEquals(fixedSettings(loaded, changes), [
    "mqtt.max_qos: the environment fixes it, by BROKER_MQTT__MAX_QOS",
    "listener: the environment fixes it, by BROKER_LISTENER__0__MAX_CONNECTIONS",
    'log.level: "--set log" fixes it',
  ]);
});

test("loadConfig() needs no stored settings", () => {
  const sources = { file: undefined, environment: {}, flags: [], isEphemeral: false };
  assertEquals(loadConfig(sources), loadAll({}).configuration);
});
