// deno-lint-ignore-file camelcase -- the spelling of the product
/** NanoMQ's HTTP API: the document's commands as they stand there, and the specification's checks. */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { CertificateFolder } from "../support/certificates.ts";
import { tlsSkip } from "../support/tls_target.ts";
import { curl, type CurlReply, hasCurl } from "../support/curl.ts";
import { hasMosquitto, mosquittoPub } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { readProjectFile } from "../support/project_files.ts";
import { type RunningBroker, runToEnd, startBroker, withBroker } from "../support/start_broker.ts";
import { withFolder } from "../support/storage_rig.ts";

const skip = hasCurl() ? false : "curl is not installed";

/** The commands of the document. */
const STATISTICS =
  `curl -i --basic -u admin:public -X POST "http://localhost:8081/api/v1" -d '{"req": 2,"seq": 1111111}'`;
const SUBSCRIPTIONS =
  `curl -i --basic -u admin:public -X POST "http://localhost:8081/api/v1" -d '{"req": 4,"seq": 1111111}'`;
const CLIENTS =
  `curl -i --basic -u admin:public -X POST "http://localhost:8081/api/v1" -d '{"req": 5,"seq": 1111111}'`;
const READ = `curl --location --request GET 'http://localhost:8081/api/v1' \\
--header 'Authorization: Basic YWRtaW46cHVibGlj' \\
--header 'Content-Type: application/json' \\
--data-raw '{
"req": 11,
"seq": 9999
}'`;
const WRITE = `curl --location --request POST 'http://localhost:8081/api/v1' \\
--header 'Authorization: Basic YWRtaW46cHVibGlj' \\
--header 'Content-Type: application/json' \\
--data-raw '{
"req": 12,
"seq": 111,
"data": {
"url": "nmq-tcp://0.0.0.0:1883",
"num_taskq_thread": 10,
"max_taskq_thread": 10,
"parallel": 10,
"property_size": 32,
"msq_len": 64,
"allow_anonymous": true,
"daemon": false,
"tls": {
"enable": false,
"url": "tls+nmq-tcp://0.0.0.0:8883",
"key_password": null,
"key": null,
"cert": null,
"cacert": null,
"verify_peer": false,
"fail_if_no_peer_cert": false
},
"websocket": {
"enable": true,
"url": "nmq-ws://0.0.0.0:8083/mqtt",
"tls_url": "nmq-wss://0.0.0.0:8084/mqtt"
},
"http_server": {
"enable": true,
"port": 8081,
"username": "admin",
"password": "public"
},
"bridge": {
"bridge_mode": true,
"address": "mqtt-tcp://broker.emqx.io:1883",
"proto_ver": 4,
"clientid": "bridge_client",
"clean_start": true,
"username": "username",
"password": "passwd",
"keepalive": 60,
"parallel": 2,
"forwards": [
"topic1/#",
"topic2/#"
],
"subscription": [
{
"topic": "cmd/topic1",
"qos": 1
},
{
"topic": "cmd/topic2",
"qos": 2
}
]
}
}
}'`;

/** `config/drop-in/nanomq.toml`, with free ports in the place of the product's. */
const DROP_IN = readProjectFile("config/drop-in/nanomq.toml")
  .replaceAll(/^(bind = "127\.0\.0\.1:)\d+"$/gm, '$10"');

function asWritten(command: string, { httpPort }: RunningBroker): Promise<CurlReply> {
  return curl(command, "localhost:8081", `localhost:${httpPort}`);
}

interface Asked {
  readonly status: number;
  readonly body: string;
  readonly needsRestart: string | null;
}

async function ask(
  { httpUrl }: RunningBroker,
  body: string,
  authorization = `Basic ${btoa("admin:public")}`,
): Promise<Asked> {
  const headers: HeadersInit = authorization === "" ? {} : { authorization };
  const reply = await fetch(`${httpUrl}/api/v1`, { method: "POST", headers, body });
  return {
    status: reply.status,
    body: await reply.text(),
    needsRestart: reply.headers.get("x-restart-required"),
  };
}

async function set(
  broker: RunningBroker,
  data: unknown,
): Promise<[code: number, needsRestart: string | null]> {
  const { body, needsRestart } = await ask(broker, JSON.stringify({ req: 12, seq: 1, data }));
  return [JSON.parse(body).code, needsRestart];
}

// deno-lint-ignore no-explicit-any -- what the product sends
async function read(broker: RunningBroker): Promise<any> {
  return JSON.parse((await ask(broker, '{"req":11,"seq":1}')).body).data;
}

async function isAnonymousRefused(port: number): Promise<boolean> {
  const client = await TestClient.open(port, 4);
  client.sendConnect();
  const { returnCode } = await client.expect("connack");
  client.cut();
  return returnCode === 5;
}

test(
  "NanoMQ check 1: the document's statistics, without a JSON content type",
  { skip },
  () =>
    withBroker({ config: DROP_IN }, async (broker) => {
      const client = await TestClient.connect(broker.port);
      await client.subscribe("a/b/c");
      const other = await TestClient.connect(broker.port);
      for (const topic of ["a/b/c", "x", "y"]) await other.publish(topic, "z", { qos: 1 });
      const reply = await asWritten(STATISTICS, broker);
      assertEquals([reply.status, reply.headers["content-type"]], [200, "application/json"]);
      assertEquals(
        reply.body,
        '{"code":0,"seq":1111111,"rep":2,"data":{"client_size":1,"message_in":3,"message_out":1,"message_drop":2}}',
      );
    }),
);

test(
  "NanoMQ check 2: the document's GET with a body is answered as POST",
  { skip },
  () =>
    withBroker({ config: DROP_IN }, async (broker) => {
      const reply = await asWritten(READ, broker);
      const posted = await asWritten(READ.replace("request GET", "request POST"), broker);
      assertEquals([reply.status, reply.body], [200, posted.body]);
      const { code, seq, rep, data } = JSON.parse(reply.body);
      assertEquals([code, seq, rep], [0, 9999, 11]);
      const documented = JSON.parse(/--data-raw '(.*)'$/s.exec(WRITE)![1]!).data;
      // Every member of the document's, those of this version beside them, each with the document's type.
      const compare = (found: Record<string, unknown>, sample: Record<string, unknown>): void => {
        for (const [name, value] of Object.entries(sample)) {
          assert(name in found, name);
          if (found[name] === null || value === null) continue;
          assertEquals(typeof found[name], typeof value, name);
          if (!Array.isArray(value) && typeof value === "object") {
            compare(found[name] as Record<string, unknown>, value as Record<string, unknown>);
          }
        }
      };
      compare(data, documented);
      assertEquals(data.http_server.auth_type, "basic");
      assertEquals(data.qos_duration, 60);
    }),
);

test("NanoMQ check 3: strangers are told why", () =>
  withBroker({ config: DROP_IN }, async (broker) => {
    const cases: [authorization: string, code: number][] = [
      [`Basic ${btoa("admin:wrong")}`, 103],
      ["", 104],
      ["Bearer abc", 104],
    ];
    for (const [authorization, code] of cases) {
      const { status, body } = await ask(broker, '{"req":2,"seq":1}', authorization);
      assertEquals([status, body], [401, `{"code":${code},"seq":1,"rep":2}`]);
    }
  }));

test("NanoMQ check 4: what is no request has its code", () =>
  withBroker({ config: DROP_IN }, async (broker) => {
    const cases: [body: string, status: number, reply: string][] = [
      ["not json", 400, '{"code":109,"seq":0}'],
      ['{"req":99,"seq":1}', 404, '{"code":108,"seq":1,"rep":99}'],
      ['{"req":2}', 400, '{"code":107,"seq":0,"rep":2}'],
    ];
    for (const [given, status, reply] of cases) {
      const answer = await ask(broker, given);
      assertEquals([answer.status, answer.body], [status, reply]);
    }
  }));

test("NanoMQ check 5: tokens of the key that is configured", () =>
  withFolder(async (folder) => {
    const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
    const pem = await exportSPKI(publicKey);
    const file = join(folder, "jwt.pem");
    await writeFile(file, pem);
    const now = Math.floor(Date.now() / 1000);
    const sign = (claims: JWTPayload): Promise<string> =>
      new SignJWT(claims).setProtectedHeader({ alg: "RS256" }).sign(privateKey);
    const sets = ["auth_type=jwt", `jwt_public_key_file=${file}`];
    const args = sets.flatMap((each) => ["--set", `api.nanomq_v1.${each}`]);
    await withBroker({ config: DROP_IN, args }, async (broker) => {
      const verdict = async (token: string): Promise<[number, number]> => {
        const { status, body } = await ask(broker, '{"req":2,"seq":1}', `Bearer ${token}`);
        return [status, JSON.parse(body).code];
      };
      assertEquals(await verdict(await sign({ exp: now + 60 })), [200, 0]);
      assertEquals(await verdict(await sign({ exp: now - 300 })), [401, 116]);
      const confused = await new SignJWT({ exp: now + 60 }).setProtectedHeader({ alg: "HS256" })
        .sign(new TextEncoder().encode(pem));
      assertEquals(await verdict(confused), [401, 103]);
    });
  }));

test(
  "NanoMQ check 6: no anonymous client from the answer on, nor after kill -9; a wrong member changes nothing",
  {
    skip: hasMosquitto() ? false : "mosquitto's clients are not installed",
  },
  () =>
    withFolder(async (dataDir) => {
      const broker = await startBroker({ config: DROP_IN, dataDir });
      const publish = (port: number): Promise<void> => mosquittoPub(port, ["-t", "t", "-m", "x"]);
      let isKilled = false;
      try {
        const old = await TestClient.connect(broker.port);
        await publish(broker.port);
        const wrong = { allow_anonymous: false, qos_duration: "x", msq_len: 3 };
        assertEquals(await set(broker, wrong), [108, null]);
        await publish(broker.port);
        assertEquals((await read(broker)).msq_len, 1000);
        assertEquals(await set(broker, { allow_anonymous: false, msq_len: 3 }), [0, "false"]);
        isKilled = true;
        await broker.kill();
        await old.expectClosed();
      } finally {
        if (!isKilled) await broker.kill();
      }
      await withBroker({ config: DROP_IN, dataDir }, async (again) => {
        const { allow_anonymous, msq_len, qos_duration } = await read(again);
        assertEquals([allow_anonymous, msq_len, qos_duration], [false, 3, 60]);
        await assertRejects(() => publish(again.port), Error, "not authori");
        assertEquals(await set(again, { allow_anonymous: true }), [0, "false"]);
        await publish(again.port);
        assertEquals(await set(again, { allow_anonymous: false }), [0, "false"]);
        await assertRejects(() => publish(again.port), Error, "not authori");
      });
    }),
);

test(
  "NanoMQ check 7: each client once with all its filters, and the document's lists",
  { skip },
  () =>
    withBroker({ config: DROP_IN }, async (broker) => {
      const two = await TestClient.connect(broker.port, { clientId: "nanomq-b", version: 4 });
      await two.subscribe("a/b/c");
      await two.subscribe("$share/g/d", { qos: 2 });
      const one = await TestClient.connect(broker.port, {
        clientId: "nanomq-a",
        version: 4,
        username: "nanmq",
        keepalive: 60,
      });
      await one.subscribe("x", { qos: 1 });
      await one.publish("y", "z", { qos: 1 });
      await TestClient.connect(broker.port, { clientId: "silent", keepalive: 0 });
      const subscriptions = await asWritten(SUBSCRIPTIONS, broker);
      assertEquals(
        subscriptions.body,
        '{"code":0,"seq":1111111,"rep":4,"data":[{"client_id":"nanomq-a","subscriptions":[{"topic":"x","qos":1}]},' +
          '{"client_id":"nanomq-b","subscriptions":[{"topic":"a/b/c","qos":0},{"topic":"$share/g/d","qos":2}]}]}',
      );
      const clients = JSON.parse((await asWritten(CLIENTS, broker)).body);
      assertEquals([clients.code, clients.data.length], [0, 3]);
      // deno-lint-ignore no-explicit-any -- what the product sends
      assertEquals(clients.data.find((row: any) => row.client_id === "nanomq-a"), {
        client_id: "nanomq-a",
        username: "nanmq",
        keepalive: 60,
        protocol: 4,
        connect_status: 1,
        message_receive: 1,
      });
    }),
);

test("NanoMQ: the document's change of the configuration, and what the document reads then", {
  skip,
}, () =>
  withBroker({ config: DROP_IN }, async (broker) => {
    const reply = await asWritten(WRITE, broker);
    assertEquals([reply.status, reply.body], [200, '{"code":0,"seq":111,"rep":12}']);
    assertEquals(reply.headers["x-restart-required"], "true");
    const { data } = JSON.parse((await asWritten(READ, broker)).body);
    const written = JSON.parse(/--data-raw '(.*)'$/s.exec(WRITE)![1]!).data;
    written.http_server.auth_type = "basic";
    written.qos_duration = 60;
    assertEquals(data, written);
    // The same again is no change.
    const before = broker.stderr().length;
    assertEquals(await set(broker, data), [0, "true"]);
    assert(broker.stderr().slice(before).includes("changed=nothing"));
  }));

test("NanoMQ: a new account counts at once, and its password is in no log", () =>
  withFolder(async (dataDir) => {
    const account = { username: "root", password: "not for the log" };
    const started = await startBroker({ config: DROP_IN, dataDir });
    assertEquals(await set(started, { http_server: account }), [0, "false"]);
    assertEquals((await ask(started, '{"req":2,"seq":1}')).status, 401);
    await started.kill();
    await withBroker(
      { config: DROP_IN, dataDir, args: ["--log-level", "trace"] },
      async (broker) => {
        assertEquals((await ask(broker, '{"req":2,"seq":1}')).status, 401);
        const basic = `Basic ${btoa("root:not for the log")}`;
        assertEquals((await ask(broker, '{"req":11,"seq":1}', basic)).status, 200);
        assert(!(started.stderr() + broker.stderr()).includes("not for the log"));
      },
    );
  }));

const skipTls = hasMosquitto() ? await tlsSkip() : "mosquitto's clients are not installed";

for (const way of ["after a restart", "in a backup"] as const) {
  test(`NanoMQ: a listener with TLS that is set through the API is there ${way}`, {
    skip: skipTls,
  }, () => withFolder((dataDir) => setTls(dataDir, way === "in a backup")));
}

async function setTls(dataDir: string, isFromBackup: boolean): Promise<void> {
  const folder = new CertificateFolder();
  try {
    const authority = folder.authority();
    const { cert, key } = authority.issue({ subject: "/CN=localhost" });
    const [tlsPort, wssPort] = [await freePort(), await freePort()];
    const broker = await startBroker({ config: DROP_IN, dataDir });
    const tls = { enable: true, url: `tls+nmq-tcp://127.0.0.1:${tlsPort}`, cert, key };
    const websocket = { tls_url: `nmq-wss://127.0.0.1:${wssPort}/mqtt` };
    assertEquals(await set(broker, { tls: { ...tls, key: "no key" }, websocket }), [108, null]);
    assertEquals(await set(broker, { tls, websocket }), [0, "true"]);
    const kept = join(dataDir, "files");
    for (const name of await readdir(kept)) {
      assertEquals((await stat(join(kept, name))).mode & 0o777, 0o600);
    }
    const texts = (await readdir(kept)).map((name) => readFile(join(kept, name), "utf8"));
    assertEquals((await Promise.all(texts)).sort(), [cert, key].sort());
    if (isFromBackup) await backUpAndRestore(broker, dataDir);
    else await broker.kill();
    await withBroker({ config: DROP_IN, dataDir }, async (again) => {
      assertEquals(again.ready.listeners.map(({ type }) => type), ["tcp", "ws", "tls", "wss"]);
      await mosquittoPub(tlsPort, ["-t", "t", "-m", "x", "--cafile", authority.certFile]);
      const found = await read(again);
      assertEquals([found.tls.cert, found.tls.key, found.tls.enable], [cert, key, true]);
    });
  } finally {
    folder.remove();
  }
}

/** Nothing is left of the data directory but what the backup has. */
async function backUpAndRestore(broker: RunningBroker, dataDir: string): Promise<void> {
  const file = `${dataDir}.backup`;
  const { code, stderr } = await runToEnd(["backup", file, "--set", `node.data_dir=${dataDir}`]);
  assertEquals([code, stderr], [0, ""]);
  await broker.kill();
  await rm(dataDir, { recursive: true });
  await mkdir(dataDir, { mode: 0o700 });
  await rename(file, join(dataDir, "broker.db"));
}

for (const [action, status] of [["stop", 0], ["restart", 75]] as const) {
  test(`NanoMQ req 10: ${action} ends the broker with status ${status}, after the answer`, async () => {
    const args = ["--set", "api.nanomq_v1.control=true"];
    const broker = await startBroker({ config: DROP_IN, args });
    const client = await TestClient.connect(broker.port);
    const { body } = await ask(broker, `{"req":10,"seq":1,"data":{"action":"${action}"}}`);
    assertEquals(body, '{"code":0,"seq":1,"rep":10}');
    assertEquals((await client.expect("disconnect")).reasonCode, 0x8b);
    assertEquals(await broker.exited, { code: status, signal: undefined });
  });
}

test("NanoMQ: everything else is refused on its path", () =>
  withBroker({ config: DROP_IN }, async (broker) => {
    assertEquals(await isAnonymousRefused(broker.port), false);
    for (const path of ["/api/v1/anything", "/api/v11", "/API/V1", "/api/v1%2f", "/"]) {
      const reply = await fetch(`${broker.httpUrl}${path}`);
      assertEquals(reply.status, 404, path);
      await reply.text();
    }
  }));

/** Nobody listens there now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("Cannot find a free port");
  return address.port;
}
