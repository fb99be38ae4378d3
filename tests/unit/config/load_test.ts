import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Configuration } from "../../../src/config/mod.ts";
import { type Given, load, problemsOf } from "./sources.ts";

test("loadConfig() gives the same for the built-in file, an empty file and none of its keys", () => {
  const builtIn = load({});
  assertEquals(load({ file: "" }), builtIn);
  assertEquals(load({ file: "# nothing\n[mqtt]\n[node]\n[[listener]]\n" }), builtIn);
  assertEquals(builtIn.listeners, [{
    name: "tcp:default",
    type: "tcp",
    host: "127.0.0.1",
    port: 1883,
    socketPath: undefined,
    socketMode: 0o660,
    wsPath: "/mqtt",
    origins: [],
    tls: undefined,
    peerCertAs: "none",
    proxyProtocol: false,
    trustedProxies: [],
    maxConnections: 100_000,
    maxConnectionsPerAddress: 0,
    connectRate: 0,
    mountpoint: "",
    allowAnonymous: true,
  }]);
});

test("loadConfig() reads every kind of value", () => {
  const { node, log, mqtt, persistence, listeners } = load({
    file: `
      [node]
      name = "n"
      data_dir = '/var/lib/broker'
      warm_up = false
      [log]
      level = "debug"
      format = "json"
      [[listener]]
      bind = "[::1]:0"
      max_connections = 5
      [mqtt]
      max_packet_size = 4096
      max_queued_bytes = "2KB"
      max_qos = 1
      keep_alive_factor = 2
      queue_full = "drop_newest"
      retain_available = false
      connect_timeout = 0.5
      session_expiry_3x = "1h30m"
      max_keep_alive = 60
      sys_interval = 0
      [persistence]
      enabled = false
      durability = "os"
      group_commit = "5ms"
      give_way = false
    `,
  });
  assertEquals(persistence, { enabled: false, durability: "os", groupCommitMs: 5, giveWay: false });
  assertEquals(node, { name: "n", dataDir: "/var/lib/broker", hasWarmUp: false });
  assertEquals(log, { level: "debug", format: "json" });
  assertEquals([listeners[0]!.host, listeners[0]!.port, listeners[0]!.maxConnections], [
    "::1",
    0,
    5,
  ]);
  assertEquals(mqtt.maxPacketSizeBytes, 4096);
  assertEquals(mqtt.maxQueuedBytes, 2048);
  assertEquals(mqtt.maxQos, 1);
  assertEquals(mqtt.keepAliveFactor, 2);
  assertEquals(mqtt.queueFull, "drop_newest");
  assertEquals(mqtt.retainAvailable, false);
  assertEquals(mqtt.connectTimeoutMs, 500);
  assertEquals(mqtt.sessionExpiry3xS, 5400);
  assertEquals(mqtt.maxKeepAliveS, 60);
  assertEquals(mqtt.sysIntervalMs, 0);
});

test("loadConfig() lets flags win over the environment, that over the file, that over the default", () => {
  const file = "[mqtt]\nmax_inflight = 1\nreceive_maximum = 1\nmax_topic_alias = 1";
  const environment = { BROKER_MQTT__RECEIVE_MAXIMUM: "2", BROKER_MQTT__MAX_TOPIC_ALIAS: "2" };
  const { mqtt } = load({ file, environment, sets: ["mqtt.max_topic_alias=3"] });
  assertEquals(mqtt.maxInflight, 1);
  assertEquals(mqtt.receiveMaximum, 2);
  assertEquals(mqtt.maxTopicAlias, 3);
  assertEquals(mqtt.maxTopicLevels, 128);
});

test("loadConfig() lets the last of two equal flags win", () => {
  assertEquals(load({ sets: ["mqtt.max_qos=0", "mqtt.max_qos=1"] }).mqtt.maxQos, 1);
});

test("loadConfig() passes over variables of others", () => {
  const environment = {
    PATH: "/bin",
    BROKERS: "1",
    MQTT__MAX_QOS: "0",
    ["broker_mqtt__max_qos"]: "0",
    // of "broker exec"
    BROKER_HTTP_URL: "http://127.0.0.1:41885",
    // of a Kubernetes service that is called "broker"
    BROKER_SERVICE_HOST: "10.0.0.1",
    BROKER_SERVICE_PORT_MQTT: "1883",
    BROKER_PORT: "tcp://10.0.0.1:1883",
    BROKER_PORT_1883_TCP_ADDR: "10.0.0.1",
  };
  assertEquals(load({ environment }), load({}));
});

const SETS: readonly [set: string, pick: (c: Configuration) => unknown, value: unknown][] = [
  ["node.name=abc", ({ node }) => node.name, "abc"],
  ["node.name=123", ({ node }) => node.name, "123"],
  ["node.name=true", ({ node }) => node.name, "true"],
  ['node.name="a b"', ({ node }) => node.name, "a b"],
  ["node.name='a\\b'", ({ node }) => node.name, "a\\b"],
  ["node.name=a=b", ({ node }) => node.name, "a=b"],
  ["node.name=[x", ({ node }) => node.name, "[x"],
  [" mqtt . max_qos = 0", ({ mqtt }) => mqtt.maxQos, 0],
  ['"mqtt".max_qos=0', ({ mqtt }) => mqtt.maxQos, 0],
  ["mqtt.max_packet_size=2MB", ({ mqtt }) => mqtt.maxPacketSizeBytes, 2_097_152],
  ["mqtt.max_packet_size=2048", ({ mqtt }) => mqtt.maxPacketSizeBytes, 2048],
  ["mqtt.connect_timeout=250ms", ({ mqtt }) => mqtt.connectTimeoutMs, 250],
  ["mqtt.connect_timeout=2", ({ mqtt }) => mqtt.connectTimeoutMs, 2000],
  ["mqtt.retain_available=false", ({ mqtt }) => mqtt.retainAvailable, false],
  ["mqtt={max_qos=0}", ({ mqtt }) => mqtt.maxQos, 0],
  ["listener.0.bind=[::1]:1884", ({ listeners }) => listeners[0]?.host, "::1"],
  ["listener.0.bind=127.0.0.1:0", ({ listeners }) => listeners[0]?.port, 0],
  ["listener.1.bind=127.0.0.1:1884", ({ listeners }) => listeners.length, 2],
  ["listener.1.bind=127.0.0.1:1884", ({ listeners }) => listeners[1]?.port, 1884],
  ['listener=[{bind="[::1]:5"}]', ({ listeners }) => listeners[0]?.port, 5],
  ['listener.0={bind="[::1]:5"}', ({ listeners }) => listeners[0]?.port, 5],
];

for (const [set, pick, value] of SETS) {
  test(`loadConfig() takes --set ${set}`, () => {
    assertEquals(pick(load({ sets: [set] })), value);
    assertEquals(pick(load({ sets: [set], file: "" })), value);
  });
  const [, key = "", text = ""] = /^\s*([\w". ]*?)\s*=(.*)$/.exec(set) ?? [];
  const name = `BROKER_${key.replaceAll(/[" ]/g, "").toUpperCase().replaceAll(".", "__")}`;
  test(`loadConfig() takes ${name}=${text} from the environment`, () => {
    assertEquals(pick(load({ environment: { [name]: text } })), value);
  });
}

test("loadConfig() adds a listener of the command line to those of the file", () => {
  const file = '[[listener]]\nbind = "127.0.0.1:1"\n[[listener]]\nbind = "127.0.0.1:2"';
  const { listeners } = load({
    file,
    sets: ["listener.1.bind=127.0.0.1:3", "listener.2.bind=127.0.0.1:4"],
  });
  assertEquals(listeners.map(({ port }) => port), [1, 3, 4]);
});

const MQTT_KEYS = "max_packet_size, max_topic_levels, max_client_id_length, max_qos, " +
  "retain_available, wildcard_subscription, shared_subscription, max_subscriptions, " +
  "max_topic_alias, receive_maximum, max_inflight, max_queued_messages, max_queued_bytes, " +
  "queue_full, queue_qos0_offline, max_outbound_buffer, connect_timeout, max_keep_alive, " +
  "keep_alive_factor, max_session_expiry, session_expiry_3x, max_will_delay, " +
  "retainer, max_retained_messages, max_retained_payload, delayed_publish, max_delayed_messages, max_delayed_bytes, sys_interval";
const SECTIONS =
  "node, log, listener, mqtt, persistence, auth, acl, limits, alarms, sinks, web_hook, http, app, api, rule_engine, resource, rule, bridge, cluster";
const LISTENER_KEYS =
  "type, bind, enable, name, max_connections, max_connections_per_address, connect_rate, " +
  "allow_anonymous, mountpoint, path, origins, socket_mode, cert, key, key_password, ca, crl, " +
  "verify_peer, fail_if_no_peer_cert, tls_min_version, ciphers, peer_cert_as, proxy_protocol, " +
  "trusted_proxies";
const ADDRESS = '"host:port" with a port up to 65535, such as "127.0.0.1:1883" or "[::1]:1883"; ' +
  'for type "unix" a path, "/run/broker.sock" or "unix:broker.sock"';

const PROBLEMS: readonly [name: string, given: Given, problems: readonly string[]][] = [
  [
    "every problem of a file, in its order, then those of the environment and the flags",
    {
      file:
        '[mqtt]\nmax_qos = 3\n\n[log]\n  level = "loud"\nfromat = "json"\n\n[lisener]\nbind = 1\n',
      environment: { BROKER_MQTT__MAX_QSO: "1" },
      sets: ["mqtt.max_inflight=0"],
    },
    [
      "b.toml:2:11: mqtt.max_qos: found 3; allowed: 0, 1, 2",
      'b.toml:5:11: log.level: found "loud"; allowed: "error", "warn", "info", "debug", "trace"',
      'b.toml:6:1: log.fromat: found an unknown key; did you mean "format"? allowed: level, format',
      `b.toml:8:1: lisener: found an unknown key; did you mean "listener"? allowed: ${SECTIONS}`,
      "environment BROKER_MQTT__MAX_QSO: mqtt.max_qso: found an unknown key; " +
      `did you mean "BROKER_MQTT__MAX_QOS"? allowed: ${MQTT_KEYS}`,
      "--set mqtt.max_inflight: mqtt.max_inflight: found 0; allowed: integer from 1 to 65535",
    ],
  ],
  ["a key in the wrong section", { file: "max_qos = 1\n" }, [
    `b.toml:1:1: max_qos: found an unknown key; did you mean "mqtt.max_qos"? allowed: ${SECTIONS}`,
  ]],
  ["a key of a listener outside of it", { file: '[node]\nbind = "x"' }, [
    'b.toml:2:1: node.bind: found an unknown key; did you mean "listener.0.bind"? allowed: name, data_dir, warm_up',
  ]],
  ["an unknown key that is like no other", { file: "[log]\nzzzzzzzz = 1" }, [
    "b.toml:2:1: log.zzzzzzzz: found an unknown key; allowed: level, format",
  ]],
  ["a section that is a value", { file: "mqtt = 1\nlog = []\nnode = 1979-05-27" }, [
    "b.toml:1:8: mqtt: found 1; allowed: a table, written [mqtt]",
    "b.toml:2:7: log: found an array; allowed: a table, written [log]",
    "b.toml:3:8: node: found a date; allowed: a table, written [node]",
  ]],
  ["a listener that is one table", { file: "[listener]\n" }, [
    "b.toml:1:1: listener: found a table; allowed: one table or more, each written [[listener]]",
  ]],
  ["no listener at all", { file: "listener = []\n" }, [
    "b.toml:1:1: listener: found an empty array; allowed: one table or more, each written [[listener]]",
  ]],
  ["an element that is no table", { file: "listener = [\n  {},\n  7]\n" }, [
    "b.toml:3:3: listener.1: found a number; allowed: a table",
  ]],
  ["a repeated section of which there is one", { file: "[[mqtt]]\nmax_qos = 1" }, [
    "b.toml:1:1: mqtt: found an array; allowed: a table, written [mqtt]",
  ]],
  [
    "wrong types",
    {
      file: '[mqtt]\nmax_qos = "1"\nretain_available = "true"\nmax_inflight = 1.5\n' +
        "max_packet_size = true\nconnect_timeout = [1]\nkeep_alive_factor = nan\nqueue_full = {}\n",
    },
    [
      'b.toml:2:11: mqtt.max_qos: found "1"; allowed: 0, 1, 2',
      'b.toml:3:20: mqtt.retain_available: found "true"; allowed: true or false',
      "b.toml:4:16: mqtt.max_inflight: found 1.5; allowed: integer from 1 to 65535",
      'b.toml:5:19: mqtt.max_packet_size: found true; allowed: size from "128" to "268435460", ' +
      "or a number of bytes",
      'b.toml:6:19: mqtt.connect_timeout: found an array; allowed: duration from "1ms" to "1d", ' +
      "or a number of seconds",
      "b.toml:7:21: mqtt.keep_alive_factor: found NaN; allowed: number from 1 to 100",
      'b.toml:8:14: mqtt.queue_full: found a table; allowed: "drop_oldest", "drop_newest"',
    ],
  ],
  [
    "what persistence does not know",
    { file: '[persistence]\nenabled = "yes"\ndurability = "sync"\ngroup_commit = "2s"\n' },
    [
      'b.toml:2:11: persistence.enabled: found "yes"; allowed: true or false',
      'b.toml:3:14: persistence.durability: found "sync"; allowed: "fsync", "os", "off"',
      'b.toml:4:16: persistence.group_commit: found "2s"; allowed: duration from "0" to "1s", ' +
      "or a number of seconds",
    ],
  ],
  ["a fraction of what counts in whole seconds", { file: '[mqtt]\nmax_will_delay = "1500ms"' }, [
    'b.toml:2:18: mqtt.max_will_delay: found "1500ms"; ' +
    "allowed: duration in whole seconds, or a number of seconds from 0 to 4294967295",
  ]],
  ["an address that is none", { file: '[[listener]]\nbind = "1883"' }, [
    `b.toml:2:8: listener.0.bind: found "1883"; allowed: ${ADDRESS}`,
  ]],
  [
    "an address twice",
    {
      file:
        '[[listener]]\nbind = "[::]:1"\n[[listener]]\nbind = "127.0.0.1:0"\n[[listener]]\nbind = "[::]:1"',
    },
    [
      'b.toml:6:8: listener.2.bind: found "[::]:1", which listener.0.bind has already; ' +
      "allowed: an address and port for each listener, or port 0",
    ],
  ],
  ["an inline table", { file: "mqtt = { max_qos = 7, max_qs = 1 }" }, [
    "b.toml:1:20: mqtt.max_qos: found 7; allowed: 0, 1, 2",
    `b.toml:1:23: mqtt.max_qs: found an unknown key; did you mean "max_qos"? allowed: ${MQTT_KEYS}`,
  ]],
  ["a name with a line feed", { file: '[node]\nname = "a\\nb"' }, [
    'b.toml:2:8: node.name: found "a\\nb"; allowed: text of 1 to 256 characters, none of them a ' +
    "control character",
  ]],
  ["keys with a dangerous name", { sets: ["constructor.x=1", "mqtt.toString=1"] }, [
    `--set constructor.x: constructor: found an unknown key; allowed: ${SECTIONS}`,
    `--set mqtt.toString: mqtt.toString: found an unknown key; allowed: ${MQTT_KEYS}`,
  ]],
  ["a variable with one underscore for two", { environment: { BROKER_LOG_LEVEL: "debug" } }, [
    'environment BROKER_LOG_LEVEL: log_level: found an unknown key; did you mean "BROKER_LOG__LEVEL"? ' +
    `allowed: ${SECTIONS}`,
  ]],
  ["a variable of a listener", { environment: { BROKER_LISTENER__0__BIN: "x" } }, [
    "environment BROKER_LISTENER__0__BIN: listener.0.bin: found an unknown key; " +
    `did you mean "BROKER_LISTENER__0__BIND"? allowed: ${LISTENER_KEYS}`,
  ]],
  ["a listener without its index", { sets: ["listener.bind=127.0.0.1:1"] }, [
    "--set listener.bind: listener.bind: found no such entry of listener; " +
    'did you mean "listener.0.bind"? allowed: listener.0 to listener.1; the last one is appended',
  ]],
  ["an index that leaves a gap", { sets: ["listener.2.max_connections=1"] }, [
    "--set listener.2.max_connections: listener.2.max_connections: found no such entry of listener; " +
    "allowed: listener.0 to listener.1; the last one is appended",
  ]],
  ["a key below a value", { file: "mqtt = 1", sets: ["mqtt.max_qos=1"] }, [
    "b.toml:1:8: mqtt: found 1; allowed: a table, written [mqtt]",
    "--set mqtt.max_qos: mqtt.max_qos: found mqtt, which is no table; allowed: another key",
  ]],
  ["flags that are no settings", { sets: ["mqtt.max_qos", "=1", "a b=1"] }, [
    "--set mqtt.max_qos: there is no value; allowed: KEY=VALUE, such as mqtt.max_qos=1 or " +
    "listener.0.bind=127.0.0.1:0",
    ...["", "a b"].map((key) =>
      `--set ${key}: the key is not a dotted key of TOML; allowed: KEY=VALUE, such as ` +
      "mqtt.max_qos=1 or listener.0.bind=127.0.0.1:0"
    ),
  ]],
  ["a quoted value that is not closed", { sets: ['node.name="x', "mqtt.max_qos=[1"] }, [
    "--set node.name: node.name: found a value that is not TOML; allowed: text of 1 to 256 " +
    "characters, none of them a control character",
    "--set mqtt.max_qos: mqtt.max_qos: found a value that is not TOML; allowed: 0, 1, 2",
  ]],
  ["a value that smuggles a second key", { sets: ["mqtt.max_qos=1\n[log]\nlevel='debug'"] }, [
    "--set mqtt.max_qos: mqtt.max_qos: found \"1\\n[log]\\nlevel='debug'\"; allowed: 0, 1, 2",
  ]],
  [
    "lines that are no TOML, and what the others say",
    {
      file:
        "[mqtt]\nmax_qos = yes\nretain_available = no # x\nmax_inflight = 0\n[[listener]]\nbind = 127.0.0.1:1",
    },
    [
      "b.toml:2:11: this is not TOML: cannot parse value (text needs quotes)",
      "b.toml:3:20: this is not TOML: cannot parse value (text needs quotes)",
      "b.toml:4:16: mqtt.max_inflight: found 0; allowed: integer from 1 to 65535",
      'b.toml:6:13: this is not TOML: unexpected character: "." (text needs quotes)',
    ],
  ],
  ["a string that is not closed", {
    file: '[node]\nname = "secret\ndata_dir = "x"\n[log]\nlevel = 1',
  }, [
    "b.toml:2:8: this is not TOML: string is not closed",
    'b.toml:5:9: log.level: found 1; allowed: "error", "warn", "info", "debug", "trace"',
  ]],
  [
    "a multi-line string that is not closed",
    { file: '[node]\nname = """secret\n[log]\nlevel = 1' },
    [
      "b.toml:2:8: this is not TOML: multi-line string is not closed",
    ],
  ],
  ["a key without a value", { file: "[mqtt]\nmax_qos\nmax_inflight = 0" }, [
    'b.toml:2:8: this is not TOML: key/value pair doesn\'t have "="',
    "b.toml:3:16: mqtt.max_inflight: found 0; allowed: integer from 1 to 65535",
  ]],
  ["a key and a table twice", {
    file: "[mqtt]\nmax_qos = 1\nmax_qos = 2\n[mqtt]\nmax_inflight = 0",
  }, [
    'b.toml:3:1: this is not TOML: "mqtt.max_qos" is already defined in line 2',
    'b.toml:4:1: this is not TOML: "mqtt" is already defined in line 1',
  ]],
  ["a header that is not closed", { file: "[mqtt\nmax_qos = 7" }, [
    'b.toml:1:1: this is not TOML: table header is not closed with "]"',
  ]],
];

for (const [name, given, expected] of PROBLEMS) {
  test(`loadConfig() reports ${name}`, () => assertEquals(problemsOf(given), expected));
}

test("loadConfig() never shows what a line that is no TOML says", () => {
  for (const line of ["password = geheim", 'password = "geheim', 'p = """geheim', "p = [geheim"]) {
    for (const problem of problemsOf({ file: `[auth]\n${line}\n` })) {
      assert(!problem.includes("geheim"), problem);
    }
  }
});

test("loadConfig() reads a file with a byte order mark and Windows line ends", () => {
  assertEquals(load({ file: "\uFEFF[mqtt]\r\nmax_qos = 1\r\n" }).mqtt.maxQos, 1);
  assertEquals(
    problemsOf({ file: "\uFEFFmax_qos = 1\r\n[mqtt]\r\nmax_qos = 3" }).map((text) =>
      text.split(": ", 1)[0]
    ),
    ["b.toml:1:1", "b.toml:3:11"],
  );
});

const LOOPBACK = '[[listener]]\nbind = "127.0.0.1:1"\n';
const OPEN = '[[listener]]\nbind = "0.0.0.0:2"\n';
const ANONYMOUS: readonly [name: string, given: Given, allowed: boolean[], warnings: number][] = [
  ["a loopback listener", { file: LOOPBACK }, [true], 0],
  [
    "loopback of both kinds",
    { file: `${LOOPBACK}[[listener]]\nbind = "[::1]:1"` },
    [true, true],
    0,
  ],
  ["an open listener", { file: OPEN }, [false], 1],
  ["all listeners where one is open", { file: LOOPBACK + OPEN }, [false, false], 2],
  ["an open listener that allows it", { file: `${OPEN}allow_anonymous = true` }, [true], 0],
  [
    "an open listener under [auth] true",
    { file: `${OPEN}[auth]\nallow_anonymous = true` },
    [true],
    0,
  ],
  ["a loopback one under [auth] false", { file: `${LOOPBACK}[auth]\nallow_anonymous = false` }, [
    false,
  ], 0],
  [
    "a listener that overrides [auth]",
    { file: `${LOOPBACK}allow_anonymous = false\n${OPEN}[auth]\nallow_anonymous = true` },
    [false, true],
    0,
  ],
  ["the default listener moved by a flag", { sets: ["listener.0.bind=0.0.0.0:1883"] }, [false], 1],
  ["a name that is not localhost", { sets: ["listener.0.bind=example.org:1883"] }, [false], 1],
  ["an ephemeral broker", { isEphemeral: true }, [true], 0],
  ["an ephemeral broker with an open listener", { isEphemeral: true, file: LOOPBACK + OPEN }, [
    true,
    false,
  ], 1],
  [
    "an ephemeral broker that refuses",
    { isEphemeral: true, sets: ["auth.allow_anonymous=false"] },
    [
      false,
    ],
    0,
  ],
];

for (const [name, given, allowed, warnings] of ANONYMOUS) {
  test(`loadConfig() decides on anonymous clients of ${name}`, () => {
    const configuration = load(given);
    assertEquals(configuration.listeners.map(({ allowAnonymous }) => allowAnonymous), allowed);
    assertEquals(configuration.warnings.length, warnings);
  });
}

const EPHEMERAL: readonly [name: string, given: Given, binds: string[]][] = [
  ["the default listener", {}, ["127.0.0.1 0"]],
  ["a listener without a port", { file: "[[listener]]\nmax_connections = 1" }, ["127.0.0.1 0"]],
  ["a listener of the file", { file: LOOPBACK }, ["127.0.0.1 1"]],
  ["a flag", { sets: ["listener.0.bind=127.0.0.1:7"] }, ["127.0.0.1 7"]],
  ["the environment", { environment: { BROKER_LISTENER__0__BIND: "[::1]:7" } }, ["::1 7"]],
  ["two free listeners", { file: "[[listener]]\n[[listener]]" }, ["127.0.0.1 0", "127.0.0.1 0"]],
];

for (const [name, given, binds] of EPHEMERAL) {
  test(`loadConfig() of an ephemeral broker with ${name} binds ${binds}`, () => {
    const { listeners } = load({ ...given, isEphemeral: true });
    assertEquals(listeners.map(({ host, port }) => `${host} ${port}`), binds);
  });
}

test("loadConfig() keeps things on disk, synced, unless told otherwise", () => {
  const standard = { enabled: true, durability: "fsync", groupCommitMs: 2, giveWay: true };
  assertEquals(load({}).persistence, standard);
  const file = "[persistence]\nenabled = true";
  assertEquals(load({ file, isEphemeral: true }).persistence, { ...standard, enabled: false });
});
