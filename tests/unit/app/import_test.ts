import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type ConfLine, parseLines, readConf } from "../../../src/app/mosquitto/conf_lines.ts";
import type { Draft } from "../../../src/app/mosquitto/draft.ts";
import { translateConf } from "../../../src/app/mosquitto/translate.ts";
import { type Configuration, loadConfig } from "../../../src/config/mod.ts";

function translate(text: string): Draft {
  return translateConf({ lines: parseLines("m.conf", text), includes: [] });
}

function load(draft: Draft): Configuration {
  const file = { name: "out.toml", text: draft.text("m.conf") };
  return loadConfig({ file, environment: {}, flags: [], isEphemeral: false });
}

/** Key and value of a table's lines, without comments. */
function tomlOf(text: string): string[] {
  return translate(text).text("m.conf").split("\n").filter((line) =>
    line !== "" && !line.startsWith("#")
  );
}

function remarksOf(text: string): string[] {
  return translate(text).remarks.map(({ kind, line }) => `${line.line} ${kind}`);
}

const ON = "listener 1883\n";
const TLS = "listener 8883\ncertfile c.pem\nkeyfile k.pem\n";

/** What stands for each option of mosquitto.conf(5) that has a place here. */
const KEYS: readonly [conf: string, pick: (c: Configuration) => unknown, value: unknown][] = [
  ["acl_file a.acl", ({ acl }) => acl.file, "a.acl"],
  ["password_file p.txt", ({ auth }) => auth.passwordFile, "p.txt"],
  ["allow_anonymous true\nlistener 1883", ({ listeners }) => listeners[0]!.allowAnonymous, true],
  ["allow_anonymous false", ({ listeners }) => listeners[0]!.allowAnonymous, false],
  ["", ({ listeners }) => listeners[0]!.allowAnonymous, true],
  [ON, ({ listeners }) => listeners[0]!.allowAnonymous, false],
  ["", ({ persistence }) => persistence.enabled, false],
  ["persistence true", ({ persistence }) => persistence.enabled, true],
  ["retained_persistence 1", ({ persistence }) => persistence.enabled, true],
  ["persistent_client_expiration 2w", ({ mqtt }) => mqtt.sessionExpiry3xS, 14 * 86_400],
  ["persistent_client_expiration 3h", ({ mqtt }) => mqtt.maxSessionExpiryS, 3 * 3600],
  ["", ({ mqtt }) => mqtt.sessionExpiry3xS, 0xffff_ffff],
  ["max_inflight_messages 7", ({ mqtt }) => [mqtt.maxInflight, mqtt.receiveMaximum], [7, 7]],
  ["max_inflight_messages 0", ({ mqtt }) => mqtt.maxInflight, 65_535],
  ["", ({ mqtt }) => [mqtt.maxInflight, mqtt.receiveMaximum], [20, 20]],
  ["max_keepalive 600", ({ mqtt }) => mqtt.maxKeepAliveS, 600],
  ["max_keepalive 65535", ({ mqtt }) => mqtt.maxKeepAliveS, 0],
  ["max_packet_size 5000", ({ mqtt }) => mqtt.maxPacketSizeBytes, 5000],
  ["max_packet_size 20", ({ mqtt }) => mqtt.maxPacketSizeBytes, 128],
  ["", ({ mqtt }) => mqtt.maxPacketSizeBytes, 256 * 1024 * 1024],
  ["message_size_limit 1000", ({ mqtt }) => mqtt.maxPacketSizeBytes, 67_000],
  ["max_queued_bytes 4096", ({ mqtt }) => mqtt.maxQueuedBytes, 4096],
  ["max_queued_messages 0", ({ mqtt }) => mqtt.maxQueuedMessages, 0],
  ["", ({ mqtt }) => mqtt.queueFull, "drop_newest"],
  ["queue_qos0_messages true", ({ mqtt }) => mqtt.queueQos0Offline, true],
  ["retain_available false", ({ mqtt }) => mqtt.retainAvailable, false],
  ["sys_interval 30", ({ mqtt }) => mqtt.sysIntervalMs, 30_000],
  ["sys_interval 0", ({ mqtt }) => mqtt.sysIntervalMs, 0],
  ["log_type error\nlog_type warning", ({ log }) => log.level, "warn"],
  ["log_type all", ({ log }) => log.level, "debug"],
  ["log_type notice", ({ log }) => log.level, "info"],
  ["log_dest none", ({ log }) => log.level, "error"],
  ["", ({ http }) => http.listeners.length, 0],
  ["", ({ listeners }) => [listeners[0]!.host, listeners[0]!.port], ["127.0.0.1", 1883]],
  ["port 1884", ({ listeners }) => [listeners[0]!.host, listeners[0]!.port], ["0.0.0.0", 1884]],
  ["bind_address 192.0.2.1", ({ listeners }) => [listeners[0]!.host, listeners[0]!.port], [
    "192.0.2.1",
    1883,
  ]],
  ["port 1\nlistener 2\nlistener 3", ({ listeners }) => listeners.map(({ port }) => port), [
    1,
    2,
    3,
  ]],
  ["listener 1 127.0.0.1", ({ listeners }) => listeners[0]!.host, "127.0.0.1"],
  ["listener 1 ::1", ({ listeners }) => listeners[0]!.host, "::1"],
  ["listener 1 localhost", ({ listeners }) => listeners[0]!.host, "localhost"],
  ["listener 1\nsocket_domain ipv6", ({ listeners }) => listeners[0]!.host, "::"],
  ["listener 0 /run/m.sock", ({ listeners }) => listeners[0]!.socketPath, "/run/m.sock"],
  ["listener 0 /run/m.sock", ({ listeners }) => listeners[0]!.type, "unix"],
  [`${ON}protocol websockets`, ({ listeners }) => listeners[0]!.type, "ws"],
  [`${ON}protocol websockets`, ({ listeners }) => listeners[0]!.origins, ["*"]],
  [`${TLS}protocol websockets`, ({ listeners }) => listeners[0]!.type, "wss"],
  [`${ON}max_connections 10`, ({ listeners }) => listeners[0]!.maxConnections, 10],
  [`${ON}max_connections -1`, ({ listeners }) => listeners[0]!.maxConnections, 10_000_000],
  [`${ON}mount_point site/`, ({ listeners }) => listeners[0]!.mountpoint, "site/"],
  [`${ON}mount_point site`, ({ listeners }) => listeners[0]!.mountpoint, "site/"],
  [`${ON}max_qos 1`, ({ mqtt }) => mqtt.maxQos, 1],
  [`${ON}max_topic_alias 0`, ({ mqtt }) => mqtt.maxTopicAlias, 0],
  [TLS, ({ listeners }) => listeners[0]!.type, "tls"],
  [TLS, ({ listeners }) => [listeners[0]!.tls?.certFile, listeners[0]!.tls?.keyFile], [
    "c.pem",
    "k.pem",
  ]],
  [`${TLS}cafile ca.pem`, ({ listeners }) => listeners[0]!.tls?.caFile, "ca.pem"],
  [`${TLS}tls_version tlsv1.3`, ({ listeners }) => listeners[0]!.tls?.minVersion, "TLSv1.3"],
  [
    `${TLS}cafile ca.pem\ncrlfile r.pem\nrequire_certificate true\nuse_identity_as_username true`,
    ({ listeners: [first] }) => [
      first!.tls?.crlFile,
      first!.tls?.verifyPeer,
      first!.tls?.failIfNoPeerCert,
      first!.peerCertAs,
    ],
    ["r.pem", true, true, "username"],
  ],
  [
    `per_listener_settings true\n${ON}allow_anonymous true\n${TLS}password_file p\nacl_file a`,
    ({ listeners, auth, acl }) => [
      listeners.map(({ allowAnonymous }) => allowAnonymous),
      auth.passwordFile,
      acl.file,
    ],
    [[true, false], "p", "a"],
  ],
];

for (const [conf, pick, value] of KEYS) {
  test(`import of "${conf.replaceAll("\n", "; ")}" gives ${JSON.stringify(value)}`, () => {
    assertEquals(pick(load(translate(conf))), value);
  });
}

const REMARKS: readonly [conf: string, remarks: string[]][] = [
  ["acl_file /x", ["1 differs"]],
  ["acl_file", ["1 lost"]],
  ["pid_file /x", ["1 needless"]],
  ["psk_file /x", ["1 lost"]],
  ["user mosquitto", ["1 lost"]],
  ["auth_plugin /x.so\nauth_opt_a b\nplugin_opt_c d", ["1 lost", "2 lost", "3 lost"]],
  ["log_dest stderr\nlog_dest file /x\nlog_dest syslog", ["1 needless", "2 lost", "3 lost"]],
  ["max_qos 1\nlistener 1", ["1 lost"]],
  ["listener 1\nmax_qos 1\nlistener 2", ["2 lost"]],
  ["listener 1\nmax_qos 1\nlistener 2\nmax_qos 1", ["4 needless"]],
  ["listener 1\nmax_qos 3", ["2 lost"]],
  ["listener 1\nmax_connections many", ["2 lost"]],
  ["listener 1\ncafile x", ["2 lost"]],
  ["listener 1\nuse_identity_as_username true\ncertfile c\nkeyfile k", ["2 lost"]],
  ["listener 99999", ["1 lost"]],
  ["persistence yes", ["1 lost"]],
  ["sys_interval 1\nsys_interval 2", ["1 needless"]],
  ["max_packet_size 200\nmessage_size_limit 300", ["1 differs", "2 differs"]],
  ["no_such_option 1", ["1 lost"]],
  ["connection b\naddress x:1\ntopic # out\nremote_password secret", [
    "1 lost",
    "2 lost",
    "3 lost",
    "4 lost",
  ]],
  ["connection b\ncleansession true\nlistener 1\nmount_point x/", ["1 lost", "2 lost"]],
];

for (const [conf, remarks] of REMARKS) {
  test(`import of "${conf.replaceAll("\n", "; ")}" remarks ${remarks.join(", ")}`, () => {
    assertEquals(remarksOf(conf), remarks);
  });
}

test("import leaves a listener with pre-shared keys closed, and never makes it a plain one", () => {
  const draft = translate(`${ON}psk_hint hint\nlistener 1884`);
  assertEquals(load(draft).listeners.map(({ port }) => port), [1884]);
  assertEquals(tomlOf(`${ON}psk_hint hint`).includes("enable = false"), true);
});

test("import hides passwords of bridges", () => {
  const conf = "connection b\nremote_password geheim\nbridge_psk 1234abcd\npassword geheim";
  const text = translate(conf).text("m.conf");
  assertEquals([text.includes("geheim"), text.includes("1234abcd")], [false, false]);
});

test("import keeps one password file where listeners have several, and names the others", () => {
  const conf = `per_listener_settings true\n${ON}password_file p\nlistener 2\npassword_file q\n` +
    "listener 3\npassword_file p";
  assertEquals(load(translate(conf)).auth.passwordFile, "p");
  assertEquals(remarksOf(conf), ["1 needless", "5 lost", "7 needless"]);
});

test("import writes values as TOML has them, whatever characters they have", () => {
  const name = 'a "b" \\ ü 😀';
  assertEquals(load(translate(`${TLS}cafile ${name}`)).listeners[0]!.tls?.caFile, name);
  const draft = translateConf({ lines: parseLines("a\u0007b", "user x\u0001y"), includes: [] });
  load(draft);
});

test("parseLines() takes # for a comment only where it begins the line", () => {
  const text = "# a\n\n  port   18 83 \r\n #b\ntopic # out\nconnection_messages\n";
  const line = (number: number, name: string, value: string): ConfLine => ({
    file: "f",
    line: number,
    name,
    value,
  });
  assertEquals(parseLines("f", text), [
    line(3, "port", "18 83"),
    line(4, "#b", ""),
    line(5, "topic", "# out"),
    line(6, "connection_messages", ""),
  ]);
});

const FILES: Record<string, string> = {
  "m.conf": "port 1\ninclude_dir d/\nlistener 9",
  "d/b.conf": "listener 3",
  "d/a.conf": "listener 2\ninclude_dir e",
  "e/x.conf": "mount_point m/",
  "d/c.txt": "listener 4",
};

test("readConf() reads the files of include_dir in their place and order", async () => {
  const reader = {
    readTextFile: (path: string) => Promise.resolve(FILES[path]!),
    namesIn: (folder: string) => {
      const prefix = `${folder.replace(/\/$/, "")}/`;
      const names = Object.keys(FILES).filter((name) => name.startsWith(prefix));
      return Promise.resolve(names.map((name) => name.slice(prefix.length)));
    },
  };
  const { lines, includes } = await readConf(reader, "m.conf");
  assertEquals(lines.map(({ file, line }) => `${file}:${line}`), [
    "m.conf:1",
    "d/a.conf:1",
    "e/x.conf:1",
    "d/b.conf:1",
    "m.conf:3",
  ]);
  assertEquals(includes.map(({ fileCount }) => fileCount).sort(), [1, 2]);
  const draft = translateConf({ lines, includes });
  assertEquals(load(draft).listeners.map(({ port, mountpoint }) => [port, mountpoint]), [
    [1, ""],
    [2, "m/"],
    [3, ""],
    [9, ""],
  ]);
});

test("readConf() names a folder that cannot be read, and one that includes itself", async () => {
  const missing = await readConf({
    readTextFile: () => Promise.resolve("include_dir d\nport 1"),
    namesIn: () => Promise.reject(new Error("no such folder")),
  }, "m.conf");
  assertEquals(translateConf(missing).remarks.map(({ kind, text }) => [kind, text]), [
    ["lost", "no such folder"],
  ]);
  const endless = await readConf({
    readTextFile: () => Promise.resolve("include_dir d"),
    namesIn: () => Promise.resolve(["x.conf"]),
  }, "m.conf");
  assert(translateConf(endless).remarks.some(({ kind }) => kind === "lost"));
});

/** All that mosquitto.conf(5) of 2.0 names, and some of later versions. */
const DOCUMENTED =
  `acl_file address allow_anonymous allow_duplicate_messages allow_zero_length_clientid
auth_opt_x auth_plugin auth_plugin_deny_special_chars auto_id_prefix autosave_interval
autosave_on_changes bind_address bind_interface bridge_alpn bridge_attempt_unsubscribe
bridge_bind_address bridge_cafile bridge_capath bridge_certfile bridge_identity bridge_insecure
bridge_keyfile bridge_max_packet_size bridge_outgoing_retain bridge_protocol_version bridge_psk
bridge_require_ocsp bridge_tls_version cafile capath certfile check_retain_source ciphers
ciphers_tls1.3 cleansession clientid_prefixes connection connection_messages crlfile dhparamfile
http_dir idle_timeout keepalive_interval keyfile listener local_cleansession local_clientid
local_password local_username log_dest log_facility log_timestamp log_timestamp_format log_type
max_connections max_inflight_bytes max_inflight_messages max_keepalive max_packet_size max_qos
max_queued_bytes max_queued_messages max_topic_alias memory_limit message_size_limit mount_point
notification_topic notifications notifications_local_only password_file per_listener_settings
persistence persistence_file persistence_location persistent_client_expiration pid_file plugin
plugin_opt_x port protocol psk_file psk_hint queue_qos0_messages remote_clientid remote_password
remote_username require_certificate restart_timeout retain_available round_robin set_tcp_nodelay
socket_domain start_type sys_interval threshold tls_engine tls_engine_kpass_sha1 tls_keyform
tls_version topic try_private upgrade_outgoing_qos use_identity_as_username
use_subject_as_username use_username_as_clientid user websockets_headers_size
websockets_log_level`.split(/\s+/);

/** Every line is named in the output, by its file and number. */
function assertAllTold(text: string): void {
  const draft = translate(text);
  const output = draft.text("m.conf");
  for (const { line, name } of parseLines("m.conf", text)) {
    assert(new RegExp(`m\\.conf:${line}: ${name.replaceAll(".", "\\.")}`).test(output), name);
  }
}

test("import knows every option that is documented, whatever its value, and drops none", () => {
  for (const value of ["true", "1", "x"]) {
    const text = DOCUMENTED.map((name) => `${name} ${value}`).join("\n");
    assertAllTold(text);
    const unknown = translate(text).remarks.filter(({ text }) => text.includes("no such option"));
    assertEquals(unknown.map(({ line }) => line.name), []);
  }
});

const EXAMPLE = "/usr/share/doc/mosquitto/examples/mosquitto.conf";

test("import takes the example of mosquitto, as it is and with every option on", {
  skip: !existsSync(EXAMPLE),
}, () => {
  const text = readFileSync(EXAMPLE, "utf8");
  load(translate(text));
  const options = text.replaceAll(/^#(?=[a-z_]+[a-z0-9_.]*(?: \S+)?$)/gm, "");
  assert(parseLines("m.conf", options).length > 50);
  assertAllTold(options);
  assertStringIncludes(translate(options).text("m.conf"), "[[listener]]");
});
