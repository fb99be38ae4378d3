// deno-lint-ignore-file camelcase -- the spelling of the product
import { test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { CertificateFolder, hasOpenssl } from "../../../support/certificates.ts";
import { MEMBERS } from "./member_values.ts";
import { memberOf, nested, type SettingsRig, withSettings } from "./settings_rig.ts";

const DONE = { status: 200, code: 0 };
const REFUSED = { status: 400, code: 108, needsRestart: null };
const NOTHING = { settings: {}, files: [] };

/** As the document has it, with a listener on loopback and this broker's length of queues. */
const DEFAULTS = {
  url: "nmq-tcp://127.0.0.1:1883",
  num_taskq_thread: 4,
  max_taskq_thread: 4,
  parallel: 32,
  property_size: 32,
  msq_len: 1000,
  qos_duration: 60,
  allow_anonymous: true,
  daemon: false,
  tls: {
    enable: false,
    url: "tls+nmq-tcp://127.0.0.1:8883",
    key_password: null,
    key: null,
    cert: null,
    cacert: null,
    verify_peer: false,
    fail_if_no_peer_cert: false,
  },
  websocket: {
    enable: false,
    url: "nmq-ws://127.0.0.1:8083/mqtt",
    tls_url: "nmq-wss://127.0.0.1:8084/mqtt",
  },
  http_server: {
    enable: true,
    port: 8080,
    username: "admin",
    password: "public",
    auth_type: "basic",
  },
  bridge: {
    bridge_mode: false,
    address: null,
    proto_ver: 4,
    clientid: null,
    clean_start: true,
    username: null,
    password: null,
    keepalive: 60,
    parallel: 2,
    forwards: [],
    subscription: [],
  },
};

/** The configuration of the document's own example. */
const EXAMPLE = {
  url: "nmq-tcp://0.0.0.0:1883",
  num_taskq_thread: 10,
  max_taskq_thread: 10,
  parallel: 10,
  property_size: 32,
  msq_len: 64,
  allow_anonymous: true,
  daemon: false,
  tls: {
    enable: false,
    url: "tls+nmq-tcp://0.0.0.0:8883",
    key_password: null,
    key: null,
    cert: null,
    cacert: null,
    verify_peer: false,
    fail_if_no_peer_cert: false,
  },
  websocket: {
    enable: true,
    url: "nmq-ws://0.0.0.0:8083/mqtt",
    tls_url: "nmq-wss://0.0.0.0:8084/mqtt",
  },
  http_server: { enable: true, port: 8081, username: "admin", password: "public" },
  bridge: {
    bridge_mode: true,
    address: "mqtt-tcp://broker.emqx.io:1883",
    proto_ver: 4,
    clientid: "bridge_client",
    clean_start: true,
    username: "username",
    password: "passwd",
    keepalive: 60,
    parallel: 2,
    forwards: ["topic1/#", "topic2/#"],
    subscription: [{ topic: "cmd/topic1", qos: 1 }, { topic: "cmd/topic2", qos: 2 }],
  },
};

test("NanoMQ req 11 has every member of the document in its order, with its type", async () => {
  await withSettings({}, async ({ ask }) => {
    const [status, body] = await ask('{"req":11,"seq":9999}');
    assertEquals(status, 200);
    assertEquals(body, JSON.stringify({ code: 0, seq: 9999, rep: 11, data: DEFAULTS }));
  });
});

test("NanoMQ req 11 says what is configured, in its own words", async () => {
  const file = `[mqtt]\nmax_queued_messages = 7\n[auth]\nallow_anonymous = true
[[listener]]\nallow_anonymous = false\nbind = "[::1]:77"
[[listener]]\ntype = "ws"\nbind = "127.0.0.1:78"\npath = "/x"
[[listener]]\ntype = "tls"\nbind = "localhost:79"\nenable = false\nkey_password = "geheim"\nverify_peer = true\ncert = "gone.pem"
[[http]]\nbind = "127.0.0.1:80"\napis = ["smqtt"]
[[http]]\nbind = "[::1]:81"\nenable = false
[[http]]\nbind = "[::1]:82"
[api.nanomq_v1]\nusername = "admin"
[[bridge]]\nname = "a"\naddress = "mqtt://x:1"\nkeep_alive = "2m"\npassword = "p"\nclient_id = "c"\nproto_ver = 5
[[bridge.subscription]]\ntopic = "a/#"\n[[bridge]]\nname = "b"\naddress = "mqtt://y:1"\n`;
  await withSettings({ file }, async ({ read, log }) => {
    const found = await read();
    assertEquals(found, {
      ...DEFAULTS,
      url: "nmq-tcp://[::1]:77",
      msq_len: 7,
      allow_anonymous: false,
      tls: {
        ...DEFAULTS.tls,
        url: "tls+nmq-tcp://localhost:79",
        key_password: "geheim",
        verify_peer: true,
      },
      websocket: { ...DEFAULTS.websocket, enable: true, url: "nmq-ws://127.0.0.1:78/x" },
      http_server: { ...DEFAULTS.http_server, port: 82 },
      bridge: {
        ...DEFAULTS.bridge,
        bridge_mode: true,
        address: "mqtt://x:1",
        proto_ver: 5,
        clientid: "c",
        password: "p",
        keepalive: 120,
        subscription: [{ topic: "a/#", qos: 0 }],
      },
    });
    assertStringIncludes(log.join(""), "listener.2.cert");
  });
});

test("NanoMQ req 11 hides secrets on listeners that others reach, or as configured", async () => {
  const file = '[[bridge]]\nname = "a"\naddress = "mqtt://x:1"\npassword = "geheim"\n';
  const hidden = { http_server: "******", bridge: "******" };
  const shown = { http_server: "public", bridge: "geheim" };
  const cases: [isLoopback: boolean, set: string, expected: typeof hidden][] = [
    [true, "", shown],
    [false, "", hidden],
    [true, "[api.nanomq_v1]\nexpose_secrets = false\n", hidden],
    [false, "[api.nanomq_v1]\nexpose_secrets = true\n", shown],
  ];
  for (const [isLoopback, set, expected] of cases) {
    await withSettings(
      { file: set + file, http: { isLoopback } },
      async ({ read, set, stored }) => {
        const found = await read();
        const passwords = {
          http_server: found.http_server.password,
          bridge: found.bridge.password,
        };
        assertEquals(passwords, expected as unknown as typeof passwords);
        // What is not there is not hidden.
        assertEquals(found.tls.key_password, null);
        // And what was read may be sent back.
        assertEquals(await set(found), { ...DONE, needsRestart: "false" });
        assertEquals(await stored(), NOTHING);
      },
    );
  }
});

const NULLABLE = new Set([
  "tls.key_password",
  "tls.key",
  "tls.cert",
  "tls.cacert",
  "bridge.clientid",
  "bridge.username",
  "bridge.password",
]);
/** What does not wait for a restart. */
const AT_ONCE = new Set([
  "property_size",
  "msq_len",
  "qos_duration",
  "allow_anonymous",
  "http_server.username",
  "http_server.password",
  "bridge.address",
  "bridge.proto_ver",
  "bridge.clientid",
  "bridge.clean_start",
  "bridge.username",
  "bridge.password",
  "bridge.keepalive",
  "bridge.parallel",
  "bridge.forwards",
  "bridge.subscription",
]);

for (const [path, good, bad] of MEMBERS) {
  test(`NanoMQ req 12 sets ${path}, or refuses it and all beside it`, async () => {
    for (const value of good) {
      await withSettings({}, async ({ read, set, restarted }) => {
        const needsRestart = String(!AT_ONCE.has(path));
        assertEquals(await set(nested(path, value)), { ...DONE, needsRestart }, String(value));
        const shown = typeof value === "string"
          ? value.replace("mqtt-tcp://l", "nmq-tcp://l").replace("nmq-tls", "tls+nmq-tcp")
          : value;
        const expected = structuredClone(DEFAULTS) as unknown as Record<string, unknown>;
        const [part = "", name] = path.split(".");
        if (name === undefined) expected[part] = shown;
        else (expected[part] as Record<string, unknown>)[name] = shown;
        assertEquals(await read() as unknown, expected);
        await restarted();
      });
    }
    await withSettings({}, async ({ read, set, stored }) => {
      for (const value of bad) {
        const [part = "", name] = path.split(".");
        const around = name === undefined ? {} : { [part]: { [name]: value } };
        const data = { ...nested(path, value), ...around, unknown: 1, bridge: { keepalive: 30 } };
        if (part === "bridge") data.bridge = { keepalive: 30, [name!]: value };
        assertEquals(await set({ daemon: true, ...data }), REFUSED, JSON.stringify(value));
      }
      assertEquals(await read() as unknown, DEFAULTS);
      assertEquals(await stored(), NOTHING);
    });
  });
}

test("NanoMQ req 12 passes null over, but where it clears", async () => {
  const data: Record<string, unknown> = { tls: {}, websocket: {}, http_server: {}, bridge: {} };
  for (const [path] of MEMBERS) {
    const [part = "", name] = path.split(".");
    if (name === undefined) data[part] = null;
    else (data[part] as Record<string, unknown>)[name] = null;
  }
  await withSettings({}, async ({ set, read, stored }) => {
    assertEquals(await set(data), { ...DONE, needsRestart: "false" });
    assertEquals(await set({ tls: null, bridge: null }), { ...DONE, needsRestart: "false" });
    assertEquals(await stored(), NOTHING);
    assertEquals(await read() as unknown, DEFAULTS);
  });
  // Also what the file says, which a change that is taken back would bring again.
  const file = '[[bridge]]\nname = "a"\naddress = "mqtt://x:1"\npassword = "p"\nusername = "u"\n' +
    'client_id = "c"\n[[listener]]\n[[listener]]\ntype = "tls"\nbind = "127.0.0.1:8883"\n' +
    'enable = false\nkey_password = "k"\ncert = "c.pem"\nkey = "k.pem"\nca = "a.pem"\n';
  await withSettings({ file }, async ({ set, read, restarted }) => {
    assertEquals(await set(data), { ...DONE, needsRestart: "true" });
    const found = await read();
    for (const path of NULLABLE) assertEquals(memberOf(found, path), null, path);
    await restarted();
  });
});

test("NanoMQ req 12 without data, or with none that is an object", async () => {
  await withSettings({}, async ({ ask, set, stored }) => {
    const [status, body] = await ask('{"req":12,"seq":3}');
    assertEquals([status, body], [400, '{"code":107,"seq":3,"rep":12}']);
    for (const data of [null, [], "x", 1]) assertEquals(await set(data), REFUSED);
    for (const part of ["tls", "websocket", "http_server", "bridge"]) {
      for (const value of [[], "x", 1, true]) assertEquals(await set({ [part]: value }), REFUSED);
    }
    assertEquals(await set({}), { ...DONE, needsRestart: "false" });
    assertEquals(await stored(), NOTHING);
  });
});

test("NanoMQ req 12 takes the document's example, and what was read comes back as it is", async () => {
  await withSettings({}, async ({ set, read, stored, restarted, inForce }) => {
    assertEquals(await set(EXAMPLE), { ...DONE, needsRestart: "true" });
    const found = await read();
    assertEquals(found as unknown, {
      ...EXAMPLE,
      qos_duration: 60,
      http_server: { ...EXAMPLE.http_server, auth_type: "basic" },
    });
    const before = await stored();
    assertEquals(await set(found), { ...DONE, needsRestart: "true" });
    assertEquals(await stored(), before);
    // At once what can be, the rest after a restart.
    assertEquals(inForce().mqtt.maxQueuedMessages, 64);
    assertEquals(inForce().listeners.map(({ host }) => host), ["127.0.0.1"]);
    const { listeners, http } = await restarted();
    assertEquals(listeners.map(({ type, host, port, wsPath }) => [type, host, port, wsPath]), [
      ["tcp", "0.0.0.0", 1883, "/mqtt"],
      ["ws", "0.0.0.0", 8083, "/mqtt"],
    ]);
    assertEquals(listeners.map(({ allowAnonymous }) => allowAnonymous), [true, true]);
    assertEquals(http.listeners.map(({ host, port }) => [host, port]), [["127.0.0.1", 8081]]);
  });
});

test("NanoMQ req 12: allow_anonymous counts for all listeners, and comes into force at once", async () => {
  const file = "[[listener]]\nallow_anonymous = true\n[[listener]]\nbind = '127.0.0.1:1'\n" +
    "[[listener]]\nbind = '127.0.0.1:2'\nallow_anonymous = false\n";
  await withSettings({ file }, async ({ set, read, inForce }) => {
    const allowed = (): boolean[] => inForce().listeners.map((each) => each.allowAnonymous);
    assertEquals([allowed(), (await read()).allow_anonymous], [[true, true, false], false]);
    // As it is shown: nothing to do.
    assertEquals(await set({ allow_anonymous: false }), { ...DONE, needsRestart: "false" });
    assertEquals(allowed(), [true, true, false]);
    assertEquals(await set({ allow_anonymous: true }), { ...DONE, needsRestart: "false" });
    assertEquals([allowed(), (await read()).allow_anonymous], [[true, true, true], true]);
    assertEquals(await set({ allow_anonymous: false }), { ...DONE, needsRestart: "false" });
    assertEquals([allowed(), (await read()).allow_anonymous], [[false, false, false], false]);
  });
});

test("NanoMQ req 12: a new account counts from the next request on", async () => {
  await withSettings({}, async ({ set, ask }) => {
    const account = { username: "root", password: "gehe:im" };
    assertEquals(await set({ http_server: account }), { ...DONE, needsRestart: "false" });
    const request = '{"req":11,"seq":1}';
    assertEquals((await ask(request))[0], 401);
    assertEquals((await ask(request, "root:gehe:im"))[0], 200);
  });
});

test("NanoMQ req 12: what a flag fixes, what does not fit together, and a disk that is full change nothing", async () => {
  await withSettings({ sets: ["mqtt.max_queued_messages=5"] }, async (rig) => {
    const { set, read, stored, inForce, log } = rig;
    assertEquals(await set({ msq_len: 6, daemon: true }), REFUSED);
    assertStringIncludes(log.join(""), "--set mqtt.max_queued_messages");
    assertEquals(await set({ http_server: { auth_type: "jwt" }, daemon: true }), REFUSED);
    assertEquals(await set({ bridge: { bridge_mode: true }, daemon: true }), REFUSED);
    assertEquals(await set({ url: "nmq-tcp://127.0.0.1:8080", daemon: true }), REFUSED);
    rig.isDiskFull = true;
    const failed = { status: 500, code: 102, needsRestart: null };
    assertEquals(await set({ allow_anonymous: false, daemon: true }), failed);
    assertEquals(inForce().listeners[0]!.allowAnonymous, true);
    rig.isDiskFull = false;
    assertEquals(await stored(), NOTHING);
    assertEquals(await read() as unknown, { ...DEFAULTS, msq_len: 5 });
    // What is as it is may be said, flag or not.
    assertEquals(await set({ msq_len: 5, daemon: true }), { ...DONE, needsRestart: "true" });
  });
});

test("NanoMQ req 12: requests at the same time are served one after the other", async () => {
  await withSettings({}, async ({ set, read, restarted }) => {
    const answers = await Promise.all([
      set({ tls: { url: "tls+nmq-tcp://127.0.0.1:7" } }),
      set({ websocket: { enable: true, url: "nmq-ws://127.0.0.1:8/x" } }),
      set({ bridge: { clientid: "c" } }),
      set({ bridge: { username: "u" } }),
    ]);
    assertEquals(answers.map(({ code }) => code), [0, 0, 0, 0]);
    const { tls, websocket, bridge } = await read();
    assertEquals([tls.url, websocket.url], ["tls+nmq-tcp://127.0.0.1:7", "nmq-ws://127.0.0.1:8/x"]);
    assertEquals([bridge.clientid, bridge.username], ["c", "u"]);
    assertEquals((await restarted()).listeners.map(({ type }) => type), ["tcp", "ws"]);
  });
});

const skip = hasOpenssl() ? false : "openssl is not installed";

test(
  "NanoMQ req 12: certificates and keys become files, and go when nothing names them",
  { skip },
  async () => {
    const folder = new CertificateFolder();
    try {
      const authority = folder.authority();
      const first = authority.issue({ subject: "/CN=one" });
      const second = authority.issue({ subject: "/CN=two" });
      await withSettings({
        file: "[[listener]]\n[[listener]]\ntype = 'ws'\nbind = '127.0.0.1:1'\n",
      }, (rig) => exerciseTls(rig, first, second));
    } finally {
      folder.remove();
    }
  },
);

interface Pair {
  readonly cert: string;
  readonly key: string;
}

async function exerciseTls(rig: SettingsRig, first: Pair, second: Pair): Promise<void> {
  const { set, read, stored, restarted } = rig;
  const on = { enable: true, url: "tls+nmq-tcp://127.0.0.1:8883" };
  // Not the key of this certificate, and neither without the other.
  const misfits = [
    { ...on, cert: first.cert, key: second.key },
    { ...on, cert: first.cert },
    { ...on, key: first.key },
    { ...on, ...first, verify_peer: true },
    { ...on, cert: first.cert.replace(/\n[A-Za-z0-9+/]{8}/, "\nAAAAAAAA"), key: first.key },
    { ...on, cert: first.cert, key: first.key.replace(/\n[A-Za-z0-9+/]{8}/, "\nAAAAAAAA") },
    { ...on, ...first, cacert: first.cert.replace(/\n[A-Za-z0-9+/]{8}/, "\nAAAAAAAA") },
  ];
  for (const tls of misfits) {
    assertEquals(await set({ tls }), REFUSED, JSON.stringify(Object.keys(tls)));
  }
  rig.isDiskFull = true;
  assertEquals((await set({ tls: { ...on, ...first } })).code, 102);
  rig.isDiskFull = false;
  assertEquals(await stored(), NOTHING);
  assertEquals(await set({ tls: { ...on, cert: first.cert, key: first.key } }), {
    ...DONE,
    needsRestart: "true",
  });
  assertEquals((await stored()).files, [first.cert, first.key].sort());
  const { tls } = await read();
  assertEquals([tls.enable, tls.cert, tls.key, tls.cacert], [true, first.cert, first.key, null]);
  // TLS and WebSocket together are both.
  const { listeners } = await restarted();
  assertEquals(listeners.map(({ type, port }) => [type, port]), [
    ["tcp", 1883],
    ["ws", 1],
    ["tls", 8883],
    ["wss", 8084],
  ]);
  assertEquals(listeners[3]!.tls, listeners[2]!.tls);
  assertEquals((await set({ tls: { key: second.key } })).code, 108);
  assertEquals((await set({ tls: { key: "******" } })).code, 0);
  assertEquals((await set({ tls: { cert: second.cert, key: second.key } })).code, 0);
  assertEquals((await stored()).files, [second.cert, second.key].sort());
  assertEquals((await set({ tls: { enable: false, cert: null, key: null } })).code, 0);
  assertEquals((await stored()).files, []);
  assertEquals((await restarted()).listeners.map(({ type }) => type), ["tcp", "ws"]);
}

test(
  "NanoMQ req 12: an encrypted key needs its password, under either name",
  { skip },
  async () => {
    const folder = new CertificateFolder();
    try {
      const { cert, key } = folder.authority().issue({ subject: "/CN=one", password: "abc" });
      const off = { sets: ["api.nanomq_v1.expose_secrets=false"] };
      await withSettings(off, async ({ set, read, restarted }) => {
        const on = { enable: true, cert, key };
        for (const more of [{}, { keypass: "no" }, { keypass: "abc", key_password: "x" }]) {
          assertEquals(await set({ tls: { ...on, ...more } }), REFUSED);
        }
        assertEquals((await set({ tls: { ...on, keypass: "abc" } })).code, 0);
        assertEquals((await restarted()).listeners[1]!.tls?.keyPassword, "abc");
        const { tls } = await read();
        assertEquals([tls.key_password, tls.key, tls.cert], ["******", "******", cert]);
        assertEquals((await set({ tls })).code, 0);
        assertEquals((await restarted()).listeners[1]!.tls?.keyPassword, "abc");
        // A listener for WebSocket that comes later has all of it.
        assertEquals((await set({ websocket: { enable: true } })).code, 0);
        const { listeners } = await restarted();
        assertEquals(listeners.map(({ type }) => type), ["tcp", "tls", "ws", "wss"]);
        assertEquals(listeners[3]!.tls, listeners[1]!.tls);
      });
    } finally {
      folder.remove();
    }
  },
);
