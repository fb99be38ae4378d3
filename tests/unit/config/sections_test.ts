import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Configuration } from "../../../src/config/mod.ts";
import { type Given, load, problemsOf } from "./sources.ts";

const HASH =
  "$scrypt$ln=15,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

test("loadConfig() reads nested and repeated tables at any level", () => {
  const { auth, acl, limits, http, listeners } = load({
    file: `
      [[listener]]
      type = "wss"
      bind = "0.0.0.0:8084"
      name = "web"
      path = "/ws"
      origins = ["https://a.example"]
      cert = "c.pem"
      key = "k.pem"
      ca = "ca.pem"
      crl = "crl.pem"
      verify_peer = true
      fail_if_no_peer_cert = true
      peer_cert_as = "client_id"
      tls_min_version = "TLSv1.3"
      max_connections_per_address = 7
      connect_rate = 9
      proxy_protocol = true
      trusted_proxies = ["10.0.0.0/8", "::1"]
      mountpoint = "site/"
      [[listener]]
      type = "unix"
      bind = "/run/broker.sock"
      socket_mode = "600"
      [auth]
      password_file = "users"
      session_owner = "fresh"
      [[auth.user]]
      username = "a"
      password_hash = "${HASH}"
      [[auth.user]]
      username = "b"
      password = "pb"
      superuser = true
      [auth.jwt]
      public_key_file = "jwt.pem"
      algorithms = ["RS256", "ES256"]
      verify_claims = { sub = "%u" }
      [auth.http]
      url = "https://auth.example/mqtt"
      headers = { Authorization = "Bearer geheim" }
      [acl]
      file = "acl.conf"
      [[acl.rule]]
      permit = "allow"
      topics = ["site/%c/#"]
      [[acl.rule]]
      permit = "deny"
      action = "publish"
      topics = ["#", "$SYS/#"]
      address = "10.0.0.0/8"
      [limits]
      connect_rate = 3
      bytes_in_rate = "1MB"
      flapping = { enabled = true, window = "2m" }
      [[http]]
      apis = ["health"]
      [[http]]
      bind = "127.0.0.1:8443"
      cert = "c.pem"
      key = "k.pem"
      key_password = "geheim"
      [[app]]
      id = "robot"
      secret = "geheim"
      [api.smqtt]
      publish_reply = "success"
    `,
  });
  const [web, unix] = listeners;
  assertEquals(web, {
    name: "wss:web",
    type: "wss",
    host: "0.0.0.0",
    port: 8084,
    socketPath: undefined,
    socketMode: 0o660,
    wsPath: "/ws",
    origins: ["https://a.example"],
    tls: {
      certFile: "c.pem",
      keyFile: "k.pem",
      keyPassword: undefined,
      caFile: "ca.pem",
      crlFile: "crl.pem",
      verifyPeer: true,
      failIfNoPeerCert: true,
      minVersion: "TLSv1.3",
      ciphers: undefined,
    },
    peerCertAs: "client_id",
    proxyProtocol: true,
    trustedProxies: ["10.0.0.0/8", "::1"],
    maxConnections: 100_000,
    maxConnectionsPerAddress: 7,
    connectRate: 9,
    allowAnonymous: false,
    mountpoint: "site/",
  });
  assertEquals(
    [unix!.name, unix!.socketPath, unix!.socketMode, unix!.connectRate, unix!.tls],
    ["unix:default", "/run/broker.sock", 0o600, 3, undefined],
  );
  assertEquals(auth.passwordFile, "users");
  assertEquals(auth.users, [
    { username: "a", passwordHash: HASH, password: undefined, isSuperuser: false },
    { username: "b", passwordHash: undefined, password: "pb", isSuperuser: true },
  ]);
  assertEquals(auth.jwt!.algorithms, ["RS256", "ES256"]);
  assertEquals(auth.jwt!.verifyClaims, [["sub", "%u"]]);
  assertEquals(auth.http!.headers, [["Authorization", "Bearer geheim"]]);
  assertEquals(auth.http!.timeoutMs, 5000);
  assertEquals(acl.rules.map(({ permit, action, topics }) => [permit, action, ...topics]), [
    ["allow", "all", "site/%c/#"],
    ["deny", "publish", "#", "$SYS/#"],
  ]);
  assertEquals([limits.bytesInRate, limits.sessionOwner], [1_048_576, "fresh"]);
  assertEquals(limits.flapping, {
    isEnabled: true,
    maxCount: 15,
    windowMs: 120_000,
    banMs: 300_000,
  });
  assertEquals(http.listeners.map(({ name, tls }) => [name, tls?.keyPassword]), [
    ["http:1", undefined],
    ["http:2", "geheim"],
  ]);
  assertEquals(http.apps.map(({ id, name, secret }) => [id, name, secret]), [
    ["robot", "robot", "geheim"],
  ]);
  assertEquals(http.apis.smqtt.publishReply, "success");
});

test("loadConfig() has the defaults of the contract where nothing is written", () => {
  const { auth, acl, limits, http } = load({ file: "" });
  assertEquals([auth.passwordFile, auth.users, auth.jwt, auth.http], [
    undefined,
    [],
    undefined,
    undefined,
  ]);
  assertEquals([acl.denyAction, acl.file, acl.rules], ["ignore", "", []]);
  assertEquals([limits.connectRate, limits.messagesInRate, limits.bytesInRate], [0, 0, 0]);
  assertEquals(http.listeners.map(({ host, port, apis }) => [host, port, apis.length]), [
    ["127.0.0.1", 8080, 8],
  ]);
  assertEquals(http.apps.map(({ id, secret }) => [id, secret]), [["admin", "public"]]);
  assertEquals(http.apis.emqxV3.errorHttpStatus, 200);
  assertEquals(http.apis.nanomqV1.username, "admin");
  assertEquals(http.apis.smqtt.publishReply, "empty");
});

const SETS: readonly [set: string, pick: (c: Configuration) => unknown, value: unknown][] = [
  ["auth.user.0={username='u', password='p'}", ({ auth }) => auth.users[0]?.username, "u"],
  ["auth.password_file=users", ({ auth }) => auth.passwordFile, "users"],
  ["auth.password_file=", ({ auth }) => auth.passwordFile, undefined],
  ["limits.flapping.enabled=true", ({ limits }) => limits.flapping.isEnabled, true],
  ["limits.flapping={enabled=true}", ({ limits }) => limits.flapping.isEnabled, true],
  ["limits.bytes_in_rate=64KB", ({ limits }) => limits.bytesInRate, 65_536],
  ["http.0.apis=smqtt, health", ({ http }) => http.listeners[0]?.apis, ["smqtt", "health"]],
  ['http.0.apis=["smqtt"]', ({ http }) => http.listeners[0]?.apis, ["smqtt"]],
  ["http.0.apis=", ({ http }) => http.listeners[0]?.apis, []],
  ["http=[]", ({ http }) => http.listeners.length, 0],
  ["http.1.bind=127.0.0.1:0", ({ http }) => http.listeners.length, 2],
  ["api.emqx_v3.rule_flavor=3.2", ({ http }) => http.apis.emqxV3.ruleFlavor, "3.2"],
  ["api.emqx_v3.error_http_status=500", ({ http }) => http.apis.emqxV3.errorHttpStatus, 500],
  ["auth.http.url=http://x/y", ({ auth }) => auth.http?.url, "http://x/y"],
  ["acl.rule=[{permit='deny',topics=['#']}]", ({ acl }) => acl.rules[0]?.permit, "deny"],
];

for (const [set, pick, value] of SETS) {
  test(`loadConfig() takes --set ${set} and its variable`, () => {
    assertEquals(pick(load({ sets: [set] })), value);
    const [, key = "", text = ""] = /^(.*?)=(.*)$/.exec(set) ?? [];
    const name = `BROKER_${key.toUpperCase().replaceAll(".", "__")}`;
    assertEquals(pick(load({ environment: { [name]: text } })), value);
  });
}

test("loadConfig() takes the keys of one element one by one, and entries of a map", () => {
  const { auth } = load({
    sets: [
      "auth.user.0.username=123",
      "auth.user.0.password=p=q",
      "auth.http.url=http://x",
      "auth.http.headers.X-Token=456",
    ],
  });
  assertEquals([auth.users[0]?.username, auth.users[0]?.password], ["123", "p=q"]);
  assertEquals(auth.http?.headers, [["X-Token", "456"]]);
});

const PUBLIC = '[[http]]\nbind = "0.0.0.0:8080"\n';
const DEFAULTS = "http.allow_default_credentials=true";

test("http.allow_default_credentials stands for every [[http]], in whatever order", () => {
  const file = `${PUBLIC}[[http]]\nbind = "0.0.0.0:8081"\n`;
  assertEquals(load({ file, sets: [DEFAULTS] }).http.listeners.length, 2);
  const environment = { BROKER_HTTP__ALLOW_DEFAULT_CREDENTIALS: "true" };
  assertEquals(load({ file, environment }).http.listeners.length, 2);
  const sets = [DEFAULTS, "http.2.bind=0.0.0.0:8082"];
  assertEquals(load({ file, sets }).http.listeners.length, 3);
  const own = problemsOf({ file, sets: [DEFAULTS, "http.1.allow_default_credentials=false"] });
  assert(own.length > 0 && own.every((problem) => problem.includes("http.1.bind")), own.join("\n"));
  assertEquals(
    load({ file: PUBLIC + "allow_default_credentials = true" }).http.listeners.length,
    1,
  );
});

const SAFE: readonly [what: string, file: string][] = [
  ["loopback", '[[http]]\nbind = "[::1]:1"\n[[http]]\nbind = "localhost:2"'],
  ["an API without passwords", `${PUBLIC}apis = ["metrics", "health", "tdmq"]`],
  [
    "passwords of its own",
    `${PUBLIC}[[app]]\nid = "a"\nsecret = "s"\n[api.nanomq_v1]\npassword = "x"\n` +
    '[api.smqtt]\nusername = "u"\npassword = "p"',
  ],
  [
    "tokens instead of a password",
    `${PUBLIC}apis = ["nanomq-v1"]\n[api.nanomq_v1]\nauth_type = "jwt"\njwt_public_key_file = "k"`,
  ],
];

for (const [what, file] of SAFE) {
  test(`loadConfig() lets the HTTP APIs start with ${what}`, () => {
    assert(load({ file }).http.listeners.length > 0);
  });
}

const PROBLEMS: readonly [what: string, given: Given, problems: readonly string[]][] = [
  ["an HTTP API that everybody can use", { file: PUBLIC }, [
    'b.toml:2:8: http.0.bind: found "0.0.0.0:8080", where anybody could use the default ' +
    "application admin/public; allowed: an address of loopback, an [[app]] with a secret, or " +
    "http.allow_default_credentials = true",
    'b.toml:2:8: http.0.bind: found "0.0.0.0:8080", where anybody could use nanomq-v1 as ' +
    "admin/public; allowed: an address of loopback, another api.nanomq_v1.password, or " +
    "http.allow_default_credentials = true",
    'b.toml:2:8: http.0.bind: found "0.0.0.0:8080", where smqtt is open to anybody; allowed: an ' +
    "address of loopback, api.smqtt.username and api.smqtt.password, or " +
    "http.allow_default_credentials = true",
  ]],
  [
    "a default password among others",
    {
      file: `${PUBLIC}apis = ["emqx-cloud"]\n[[app]]\nid = "a"\nsecret = "b"\n` +
        '[[app]]\nid = "admin"\nsecret = "public"',
    },
    [
      'b.toml:2:8: http.0.bind: found "0.0.0.0:8080", where anybody could use app.1 with its default ' +
      "secret; allowed: an address of loopback, another app.1.secret, or " +
      "http.allow_default_credentials = true",
    ],
  ],
  ["TLS without its files", { file: '[[listener]]\ntype = "tls"\ncert = "c"' }, [
    'b.toml:1:1: listener.0.key: found nothing; allowed: the file of a private key, which type "tls" needs',
  ]],
  ["HTTPS without its key", { file: "[[http]]\ncert = 'c.pem'" }, [
    "b.toml:1:1: http.0.key: found nothing; allowed: the file of a private key, which https needs",
  ]],
  [
    "TLS keys where there is no TLS",
    {
      file: '[[listener]]\ntype = "ws"\ncert = "c"\nverify_peer = true\n[[http]]\nca = "x"',
    },
    [
      'b.toml:3:8: listener.0.cert: found a key that type "ws" has no use for; allowed: this key where there is TLS',
      'b.toml:4:15: listener.0.verify_peer: found a key that type "ws" has no use for; ' +
      "allowed: this key where there is TLS",
      "b.toml:6:6: http.0.ca: found a key that http without cert has no use for; allowed: this key where there is TLS",
    ],
  ],
  [
    "certificates of clients that nobody checks",
    {
      file: '[[listener]]\ntype = "tls"\ncert = "c"\nkey = "k"\nfail_if_no_peer_cert = true\n' +
        'peer_cert_as = "username"\n[[listener]]\nbind = "127.0.0.1:2"\ntype = "tls"\ncert = "c"\n' +
        'key = "k"\nverify_peer = true',
    },
    [
      "b.toml:5:24: listener.0.fail_if_no_peer_cert: found true; allowed: true only with verify_peer = true",
      'b.toml:6:16: listener.0.peer_cert_as: found "username" without verify_peer; allowed: "none", ' +
      "or verify_peer = true, or proxy_protocol = true",
      "b.toml:12:15: listener.1.verify_peer: found true without ca; allowed: ca, the file of the " +
      "authorities whose certificates are good, or verify_peer = false",
    ],
  ],
  [
    "addresses that do not fit the type",
    {
      file:
        '[[listener]]\ntype = "unix"\n[[listener]]\nbind = "/x.sock"\n[[http]]\nbind = "/h.sock"',
    },
    [
      'b.toml:6:8: http.0.bind: found "/h.sock"; allowed: "host:port" with a port up to 65535, ' +
      'such as "127.0.0.1:1883" or "[::1]:1883"',
    ],
  ],
  [
    "a Unix socket without a path, and a path without one",
    { file: '[[listener]]\ntype = "unix"\n[[listener]]\nbind = "/x.sock"' },
    [
      'b.toml:1:1: listener.0.bind: found "127.0.0.1:1883" with type "unix"; allowed: the path of a ' +
      'socket, such as "/run/broker.sock", or another type',
      'b.toml:4:8: listener.1.bind: found "unix:/x.sock" with type "tcp"; allowed: "host:port", or ' +
      'type = "unix"',
    ],
  ],
  [
    "one address for MQTT and HTTP, and names twice",
    {
      file:
        '[[listener]]\nname = "a"\nbind = "127.0.0.1:8080"\n[[listener]]\nname = "tcp:a"\nbind = "127.0.0.1:1"',
    },
    [
      'b.toml: http.0.bind: found "127.0.0.1:8080", which listener.0.bind has already; allowed: an ' +
      "address and port for each listener, or port 0",
      'b.toml:5:8: listener.1.name: found "tcp:a", which listener.0.name has already; allowed: a ' +
      "name of its own for each",
    ],
  ],
  [
    "proxies that anybody could be",
    {
      file: '[[listener]]\nbind = "0.0.0.0:1"\nproxy_protocol = true\n[[listener]]\n' +
        'bind = "127.0.0.1:2"\ntrusted_proxies = ["10.0.0.0/33"]',
    },
    [
      'b.toml:6:19: listener.1.trusted_proxies: found an array (entry 0 is "10.0.0.0/33"); allowed: ' +
      'array of address or network, such as "192.0.2.7", "10.0.0.0/8" or "2001:db8::/32"',
    ],
  ],
  [
    "an open listener that believes any PROXY header",
    { file: '[[listener]]\nbind = "0.0.0.0:1"\nproxy_protocol = true' },
    [
      "b.toml:3:18: listener.0.proxy_protocol: found true without trusted_proxies; allowed: " +
      'trusted_proxies, the addresses of the proxies, such as ["10.0.0.0/8"]',
    ],
  ],
  [
    "users that cannot log in or are there twice",
    {
      file:
        '[[auth.user]]\nusername = "a"\n[[auth.user]]\nusername = "a"\npassword = "p"\n[[auth.user]]\n' +
        `username = "b"\npassword = "p"\npassword_hash = "${HASH}"`,
    },
    [
      'b.toml:1:1: auth.user.0.password_hash: found nothing; allowed: password_hash, which "broker ' +
      'passwd" prints, or password',
      'b.toml:4:12: auth.user.1.username: found "a", which auth.user.0.username has already; ' +
      "allowed: a name of its own for each",
      "b.toml:8:12: auth.user.2.password: found password beside password_hash; allowed: one of the two",
    ],
  ],
  [
    "tokens that nothing can check",
    { file: '[auth.jwt]\nsecret = "s"\nalgorithms = ["HS256", "RS256"]' },
    [
      'b.toml:3:14: auth.jwt.algorithms: found "RS256" without public_key_file; allowed: ' +
      "public_key_file beside it",
    ],
  ],
  ["tokens without a key", { file: "[auth.jwt]" }, [
    "b.toml:1:1: auth.jwt: found neither secret nor public_key_file; allowed: one of the two, or both",
  ]],
  [
    "what does not fit together beside what cannot be read, where the one has nothing to do with the other",
    {
      file: "[mqtt]\nmax_qos = 3\n[[listener]]\ntype = 'tls'\ncert = 'c'\n[auth]\nnothing = 1\n" +
        "[auth.jwt]\n[[http]]\nbind = '0.0.0.0:1'\napis = ['smqtt']\n[api.smqtt]\nusername = 7\n",
    },
    [
      "b.toml:2:11: mqtt.max_qos: found 3; allowed: 0, 1, 2",
      'b.toml:3:1: listener.0.key: found nothing; allowed: the file of a private key, which type "tls" needs',
      "b.toml:7:1: auth.nothing: found an unknown key; allowed: allow_anonymous, password_file, " +
      "accounts, switched_off, session_owner, max_hashing, max_hashing_waiting, user, jwt, http",
      "b.toml:13:12: api.smqtt.username: found 7; allowed: text of 1 to 256 characters, none of " +
      'them a control character; or ""',
    ],
  ],
  ["an alarm that is over as soon as it is raised", {
    file: "[alarms]\nlag_low = '2s'\ncpu_low = 81\n",
  }, [
    "b.toml:2:11: alarms.lag_low: found 2000, which is above alarms.lag_high; allowed: no more than " +
    "alarms.lag_high, 500",
    "b.toml:3:11: alarms.cpu_low: found 81, which is above alarms.cpu_high; allowed: no more than " +
    "alarms.cpu_high, 80",
  ]],
  ["a rule about nothing", { sets: ["acl.rule.0={permit='deny',topics=[]}"] }, [
    "--set acl.rule.0: acl.rule.0.topics: found an array; allowed: array of 1 or more of text of 1 " +
    "to 65535 characters, none of them a control character",
  ]],
  [
    "what must be there and is not",
    { file: "[auth.http]\n[[acl.rule]]\n[[app]]\nid = 'a'\n[[bridge]]\n" },
    [
      "b.toml:1:1: auth.http.url: found nothing, but it is needed; allowed: URL with http or https",
      'b.toml:2:1: acl.rule.0.permit: found nothing, but it is needed; allowed: "allow", "deny"',
      "b.toml:2:1: acl.rule.0.topics: found nothing, but it is needed; allowed: array of 1 or more " +
      "of text of 1 to 65535 characters, none of them a control character",
      "b.toml:3:1: app.0.secret: found nothing, but it is needed; allowed: secret text of 1 to 4096 characters",
      "b.toml:5:1: bridge.0.name: found nothing, but it is needed; allowed: text of 1 to 256 " +
      "characters, none of them a control character",
    ],
  ],
  [
    "slips in nested tables",
    {
      file: "[api.emqx-v3]\n[api.smqtt]\nusrname = 'x'\n[[acl.rules]]\n[limits]\nflaping = {}\n" +
        "[auth.http]\nurl = 'http://x'\nmethod = 'PUT'\n",
      environment: { BROKER_API__SMQTT__PUBLISH_REPLAY: "empty" },
      sets: ["acl.rule.0.permt=allow"],
    },
    [
      'b.toml:1:1: api.emqx-v3: found an unknown key; did you mean "emqx_v3"? allowed: emqx_v3, ' +
      "emqx_cloud, nanomq_v1, smqtt, tdmq",
      'b.toml:3:1: api.smqtt.usrname: found an unknown key; did you mean "username"? allowed: ' +
      "username, password, publish_reply, cors, extended",
      'b.toml:4:1: acl.rules: found an unknown key; did you mean "rule"? allowed: no_match, ' +
      "deny_action, file, rule",
      'b.toml:6:1: limits.flaping: found an unknown key; did you mean "flapping"? allowed: ' +
      "connect_rate, messages_in_rate, bytes_in_rate, client_log_rate, max_bans, max_sessions, max_connect_size, " +
      "max_idle, max_user_properties, max_user_property_bytes, max_retained_bytes, flapping",
      'b.toml:9:10: auth.http.method: found "PUT"; allowed: "GET", "POST"',
      "environment BROKER_API__SMQTT__PUBLISH_REPLAY: api.smqtt.publish_replay: found an unknown " +
      'key; did you mean "BROKER_API__SMQTT__PUBLISH_REPLY"? allowed: username, password, ' +
      "publish_reply, cors, extended",
      '--set acl.rule.0.permt: acl.rule.0.permt: found an unknown key; did you mean "acl.rule.0.permit"? ' +
      "allowed: permit, action, topics, username, client_id, address",
      '--set acl.rule.0.permt: acl.rule.0.permit: found nothing, but it is needed; allowed: "allow", "deny"',
      "--set acl.rule.0.permt: acl.rule.0.topics: found nothing, but it is needed; allowed: array of 1 " +
      "or more of text of 1 to 65535 characters, none of them a control character",
    ],
  ],
];

for (const [what, given, expected] of PROBLEMS) {
  test(`loadConfig() reports ${what}`, () => assertEquals(problemsOf(given), expected));
}

const SECRETS: readonly Given[] = [
  { file: '[[auth.user]]\nusername = "u"\npassword = ["geheim"]' },
  { file: '[[auth.user]]\nusername = "u"\npassword_hash = "geheim"' },
  { file: '[auth]\njwt = "geheim"' },
  { file: '[auth]\nuser = "geheim"' },
  { file: '[auth.jwt]\nsecret = "geheim\\n"' },
  { file: '[auth.jwt]\nsecret = "geheim?"\nsecret_base64 = true' },
  { file: '[auth.http]\nurl = "http://x"\nheaders = "geheim"' },
  { file: '[auth.http]\nurl = "http://x"\nheaders = { a = ["geheim"] }' },
  { file: '[[app]]\nid = "a"\nsecret = { a = "geheim" }' },
  { file: '[[listener]]\nkey_password = "geheim"' },
  { sets: ["api.nanomq_v1.password=geheim\n"] },
  { environment: { BROKER_API__SMQTT__PASSWORD: '"geheim' } },
  { sets: ['auth.user=["geheim"]'] },
  { stored: { "api.smqtt.password": "geheim" } },
];

for (const given of SECRETS) {
  test(`loadConfig() reports a problem of ${JSON.stringify(given)} without its secret`, () => {
    const problems = problemsOf(given);
    assert(problems.length > 0);
    for (const problem of problems) assert(!problem.includes("geheim"), problem);
  });
}

test("loadConfig() warns of bridges, which it checks and which nothing uses", () => {
  const file = '[[bridge]]\nname = "b"\naddress = "mqtt://x:1883"\nforwards = ["a/#"]\n' +
    '[[bridge.subscription]]\ntopic = "c/#"\nqos = 1\n[bridge.tls]\nca = "ca.pem"\n';
  assertEquals(load({ file }).warnings, [
    'Bridge "b" is not used: bridges are not in this version',
  ]);
});

test("loadConfig() passes over what is not enabled, and what does not fit in it", () => {
  const off = "[[listener]]\ntype = 'tls'\nenable = false\n";
  const file = `${off}[[listener]]\n[[listener]]\nbind = "0.0.0.0:1883"\nenable = false\n` +
    '[[listener]]\ntype = "ws"\n[[http]]\nenable = false\nbind = "0.0.0.0:1"\n[[http]]\n' +
    '[[bridge]]\nname = "b"\nenable = false\n';
  const { listeners, http, warnings } = load({ file, sets: ["listener.3.bind=127.0.0.1:8083"] });
  assertEquals(listeners.map(({ name, allowAnonymous }) => [name, allowAnonymous]), [
    ["tcp:default", true],
    ["ws:default", true],
  ]);
  assertEquals(http.listeners.map(({ name }) => name), ["http:2"]);
  assertEquals(warnings, []);
  assertEquals(problemsOf({ file: `${off}[[bridge]]\nname = "b"\n` }), [
    "b.toml:3:10: listener.0.enable: found false, as in every other listener; allowed: one listener at " +
    "least that is enabled",
    "b.toml:4:1: bridge.0.address: found nothing; allowed: URL of a broker, or enable = false",
  ]);
});

test("loadConfig() of an ephemeral broker gives HTTP a free port, too", () => {
  const ports = (given: Given): unknown =>
    load({ ...given, isEphemeral: true }).http.listeners.map(({ port }) => port);
  assertEquals(ports({}), [0]);
  assertEquals(ports({ file: "[[http]]\n[[http]]\n" }), [0, 0]);
  assertEquals(ports({ sets: ["http.0.bind=127.0.0.1:7"] }), [7]);
});

for (
  const topics of [
    "[]}",
    "[ ]}",
    '["a",]}',
    '["a" , # x\n ]}',
    '["[]}"]}',
    '[]}, {permit="deny",topics=["b"]}',
  ]
) {
  test(`loadConfig() reads an inline table that ends with an array: topics=${topics}`, () => {
    const file = `[auth]\nhttp={url="http://x",headers={a="[]}"}}\n[[http]]\napis=[]\n` +
      `[[bridge]]\nname="b"\naddress="mqtt://x"\nsubscription=[]\n` +
      `[limits]\nflapping={enabled=true}\n[acl]\nrule=[{permit="allow",topics=${topics}]\n`;
    const written = topics.includes("a") || topics.includes('"[]}"');
    if (written) {
      const { acl, auth } = load({ file });
      assertEquals(acl.rules[0]!.topics, topics.includes("a") ? ["a"] : ["[]}"]);
      assertEquals(auth.http!.headers, [["a", "[]}"]]);
    } else {
      const problems = problemsOf({ file });
      assert(
        problems[0]!.includes("acl.rule.0.topics: found an array; allowed: array of 1"),
        problems[0],
      );
    }
  });
}
