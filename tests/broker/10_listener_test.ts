/** Listeners other than plain TCP, and what all of them turn away. */
import { Buffer } from "node:buffer";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { connectAsync } from "mqtt";
import { generate } from "mqtt-packet";
import { within } from "../support/deadline.ts";
import { hasMosquitto, mosquittoPub, mosquittoSub } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { connectPlain, type StreamPeer } from "../support/peers.ts";
import { startBroker, withBroker } from "../support/start_broker.ts";
import { clientFrame, readServerFrames, upgradeRequest } from "../support/websocket_peer.ts";

const WS = '[[listener]]\ntype = "ws"\nbind = "127.0.0.1:0"\n';
const CONNECT = generate({
  cmd: "connect",
  protocolId: "MQTT",
  protocolVersion: 4,
  clean: true,
  clientId: "",
  keepalive: 0,
});
const SUBSCRIBE = generate({
  cmd: "subscribe",
  messageId: 1,
  subscriptions: [{ topic: "a", qos: 0 }],
});
const PUBLISH = generate({
  cmd: "publish",
  topic: "a",
  payload: "x".repeat(200),
  qos: 0,
  dup: false,
  retain: false,
});

function open(port: number): Promise<StreamPeer> {
  return connectPlain({ host: "127.0.0.1", port });
}

// --- WebSocket ----------------------------------------------------------------------------------------

for (const protocolVersion of [3, 4, 5] as const) {
  test(`MQTT.js over ws, version ${protocolVersion}: small and large messages, every QoS`, () =>
    withBroker({ config: WS }, async ({ url }) => {
      const protocolId = protocolVersion === 3 ? "MQIsdp" : "MQTT";
      const options = { protocolVersion, protocolId, clientId: "js" } as const;
      const client = await within(connectAsync(url, options), "MQTT.js to connect");
      await client.subscribeAsync("a/#", { qos: 2 });
      const lengths: number[] = [];
      const all = new Promise<void>((resolve) => {
        client.on("message", (_topic, payload) => {
          if (lengths.push(payload.length) === 12) resolve();
        });
      });
      const sizes = [0, 100, 125, 126, 70_000, 900_000];
      for (const size of sizes) await client.publishAsync("a/0", "x".repeat(size), { qos: 0 });
      for (const size of sizes) await client.publishAsync("a/2", "x".repeat(size), { qos: 2 });
      await within(all, "12 messages");
      assertEquals(lengths.toSorted((a, b) => a - b), [...sizes, ...sizes].sort((a, b) => a - b));
      await client.endAsync();
    }));
}

const SPLITS: readonly [what: string, frames: (packets: Buffer) => Buffer[]][] = [
  ["all in one frame", (packets) => [clientFrame(packets)]],
  ["a frame for each byte", (packets) => [...packets].map((byte) => clientFrame([byte] as never))],
  ["one message in pieces, with a ping between", (packets) => [
    clientFrame(packets.subarray(0, 7), { isFinal: false }),
    clientFrame("are you there", { opcode: 9 }),
    clientFrame(packets.subarray(7, 20), { opcode: 0, isFinal: false }),
    clientFrame("", { opcode: 0, isFinal: false }),
    clientFrame(packets.subarray(20), { opcode: 0 }),
  ]],
];

for (const [what, frames] of SPLITS) {
  test(`packets over ws are read: ${what}`, () =>
    withBroker({ config: WS }, async ({ port }) => {
      const peer = await open(port);
      peer.write(upgradeRequest());
      const packets = Buffer.concat([CONNECT, SUBSCRIBE, PUBLISH, Buffer.of(0xe0, 0)]);
      peer.write(Buffer.concat(frames(packets)));
      const answer = await peer.readToEnd();
      const end = answer.indexOf("\r\n\r\n") + 4;
      assertStringIncludes(String(answer.subarray(0, end)), "Sec-WebSocket-Protocol: mqtt\r\n");
      const seen = readServerFrames(answer.subarray(end)).frames;
      const data = Buffer.concat(
        seen.filter(({ opcode }) => opcode === 2).map(({ payload }) => payload),
      );
      const connack = Buffer.of(0x20, 2, 0, 0);
      assertEquals(data, Buffer.concat([connack, Buffer.of(0x90, 3, 0, 1, 0), PUBLISH]));
      assertEquals(seen.at(-1), { opcode: 8, payload: Buffer.of(3, 232) });
      const pongs = seen.filter(({ opcode }) => opcode === 10).map(({ payload }) =>
        String(payload)
      );
      assertEquals(pongs, what.includes("ping") ? ["are you there"] : []);
      peer.destroy();
    }));
}

const REFUSED: readonly [
  what: string,
  headers: Record<string, string | undefined>,
  firstLine: string | undefined,
  answer: string,
][] = [
  ["another path", {}, "GET / HTTP/1.1", "404"],
  ["another method", {}, "POST /mqtt HTTP/1.1", "405"],
  ["HTTP/1.0", {}, "GET /mqtt HTTP/1.0", "505"],
  ["no HTTP", {}, "GET /mqtt", "400"],
  ["no host", { Host: undefined }, undefined, "400"],
  ["no upgrade", { Upgrade: undefined }, undefined, "426"],
  ["another upgrade", { Upgrade: "h2c" }, undefined, "426"],
  ["a connection that shall not change", { Connection: "keep-alive" }, undefined, "426"],
  ["another version", { "Sec-WebSocket-Version": "8" }, undefined, "426"],
  ["no key", { "Sec-WebSocket-Key": undefined }, undefined, "400"],
  ["a short key", { "Sec-WebSocket-Key": "AAAA" }, undefined, "400"],
  ["another sub-protocol", { "Sec-WebSocket-Protocol": "chat, xmqtt" }, undefined, "400"],
  ["no sub-protocol", { "Sec-WebSocket-Protocol": undefined }, undefined, "400"],
  ["a foreign page", { Origin: "https://evil.example" }, undefined, "403"],
  ["a page without an address", { Origin: "null" }, undefined, "403"],
  ["too long a head", { "X-Long": "x".repeat(9000) }, undefined, "431"],
];

test("upgrades to WebSocket are refused with a reason", async (context) => {
  await withBroker({ config: WS }, async (broker) => {
    for (const [what, headers, firstLine, status] of REFUSED) {
      await context.test(`${what}: ${status}`, async () => {
        const peer = await open(broker.port);
        peer.write(upgradeRequest(headers, firstLine));
        const answer = String(await peer.readToEnd());
        assertEquals(answer.slice(0, 13), `HTTP/1.1 ${status} `);
        peer.destroy();
      });
    }
    await broker.logged("A handshake has failed");
  });
});

const WELCOME: readonly [
  what: string,
  headers: Record<string, string | undefined>,
  more: string,
][] = [
  ["of the same host, on another port", { Origin: "http://localhost:8000" }, ""],
  ["that is named", { Origin: "https://app.example" }, 'origins = ["https://app.example"]\n'],
  ["of any host, where all may", { Origin: "null" }, 'origins = ["*"]\n'],
  ["that asks for more sub-protocols", { "Sec-WebSocket-Protocol": "x , mqtt" }, ""],
  ["that spells as it likes", { Connection: "keep-alive, UPGRADE", Upgrade: "WebSocket" }, ""],
];

for (const [what, headers, more] of WELCOME) {
  test(`a page ${what} may connect`, () =>
    withBroker({ config: WS + more }, async ({ port }) => {
      const peer = await open(port);
      peer.write(upgradeRequest(headers));
      peer.write(clientFrame("", { opcode: 8 }));
      const answer = String(await peer.readToEnd());
      assertStringIncludes(answer, "HTTP/1.1 101 Switching Protocols\r\n");
      assertStringIncludes(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
      peer.destroy();
    }));
}

const BROKEN: readonly [what: string, frame: Buffer, code: number][] = [
  ["a text frame [MQTT-6.0.0-1]", clientFrame("x", { opcode: 1 }), 1003],
  ["a frame without a mask", clientFrame("x", { mask: undefined }), 1002],
  ["reserved bits", clientFrame("x", { reservedBits: 4 }), 1002],
  ["an unknown opcode", clientFrame("x", { opcode: 3 }), 1002],
  ["an unknown control opcode", clientFrame("x", { opcode: 11 }), 1002],
  ["a ping in pieces", clientFrame("x", { opcode: 9, isFinal: false }), 1002],
  ["a long ping", clientFrame("x".repeat(126), { opcode: 9 }), 1002],
  ["a continuation of nothing", clientFrame("x", { opcode: 0 }), 1002],
  ["a length in too many bytes", clientFrame("x", { lengthBytes: 8 }), 1002],
  ["a frame of 2^62 bytes", Buffer.of(0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4), 1009],
  ["a close frame of one byte", clientFrame("x", { opcode: 8 }), 1002],
  ["a close code that there is not", clientFrame(Buffer.of(3, 237), { opcode: 8 }), 1002],
];

test("frames that break the rules end the connection with a code", async (context) => {
  await withBroker({ config: WS }, async ({ port }) => {
    for (const [what, frame, code] of BROKEN) {
      await context.test(`${what}: ${code}`, async () => {
        const peer = await open(port);
        peer.write(upgradeRequest());
        peer.write(Buffer.concat([clientFrame(CONNECT), frame, clientFrame(PUBLISH)]));
        const answer = await peer.readToEnd();
        const { frames } = readServerFrames(answer.subarray(answer.indexOf("\r\n\r\n") + 4));
        assertEquals(frames.at(-1), { opcode: 8, payload: Buffer.of(code >> 8, code & 255) });
        peer.destroy();
      });
    }
  });
});

test("whoever does not finish the upgrade has the time of connect_timeout", () =>
  withBroker({ config: WS, args: ["--set", "mqtt.connect_timeout=300ms"] }, async (broker) => {
    const peer = await open(broker.port);
    peer.write("GET /mqtt HTTP/1.1\r\nHost: x\r\n");
    await peer.readToEnd();
    await broker.logged("A handshake has failed");
    peer.destroy();
  }));

// --- Unix sockets ---------------------------------------------------------------------------------------

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "broker-unix-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const unix = (path: string): string => `[[listener]]\ntype = "unix"\nbind = "${path}"\n`;

test("a Unix socket is there for its group, and gone at the end", () =>
  withFolder(async (folder) => {
    const path = join(folder, "broker.sock");
    const config = `${unix(path)}${unix(`${path}2`)}socket_mode = "0600"\n`;
    await withBroker({ config }, async ({ ready }) => {
      assertEquals(ready.listeners[0], { type: "unix", url: `unix:${path}`, port: 0 });
      assertEquals([path, `${path}2`].map((each) => statSync(each).mode & 0o777), [0o660, 0o600]);
      const peer = await connectPlain({ path });
      await TestClient.over(peer.stream).connected();
    });
    assertEquals([existsSync(path), existsSync(`${path}2`)], [false, false]);
  }));

test(
  "mosquitto publishes and subscribes by a Unix socket",
  { skip: !hasMosquitto() },
  () =>
    withFolder(async (folder) => {
      const path = join(folder, "broker.sock");
      await withBroker({ config: unix(path) }, async () => {
        const subscriber = await mosquittoSub(0, ["--unix", path, "-t", "a", "-C", "1"]);
        await mosquittoPub(0, ["--unix", path, "-t", "a", "-m", "locally"]);
        assertEquals(await subscriber.lines(), ["locally"]);
      });
    }),
);

test("a Unix socket that a broker left when it was killed is no hindrance", () =>
  withFolder(async (folder) => {
    const path = join(folder, "broker.sock");
    await (await startBroker({ config: unix(path) })).kill();
    assertEquals(existsSync(path), true);
    await withBroker({ config: unix(path) }, async () => {
      await TestClient.over((await connectPlain({ path })).stream).connected();
    });
  }));

test("a Unix socket is not taken from another program, nor is a file removed", () =>
  withFolder(async (folder) => {
    const path = join(folder, "other.sock");
    const other = createServer().listen(path);
    await new Promise((resolve) => other.once("listening", resolve));
    const taken = await assertRejects(() => startBroker({ config: unix(path) }), Error);
    assertStringIncludes(taken.message, "another program listens there");
    other.close();
    const file = join(folder, "file");
    writeFileSync(file, "precious");
    const refused = await assertRejects(() => startBroker({ config: unix(file) }), Error);
    assertStringIncludes(refused.message, "is no socket");
    assertEquals(statSync(file).size, 8);
  }));

// --- proxies ----------------------------------------------------------------------------------------------

const PROXIED = '[[listener]]\nbind = "127.0.0.1:0"\nproxy_protocol = true\n';
const V1 = "PROXY TCP4 192.0.2.7 192.0.2.1 50000 1883\r\n";
const V2 = Buffer.concat([
  Buffer.from("\r\n\r\n\0\r\nQUIT\n"),
  Buffer.of(0x21, 0x11, 0, 12, 192, 0, 2, 8, 192, 0, 2, 1, 0xc3, 0x50, 7, 0x5b),
]);
const V6 = "PROXY TCP6 2001:db8::7 2001:db8::1 50000 1883\r\n";

test("behind a proxy a client is known by its own address", () => {
  const args = ["--log-level", "debug"];
  return withBroker({ config: PROXIED, args }, async (broker) => {
    for (const header of [V1, V2, V6]) {
      const peer = await open(broker.port);
      peer.write(header);
      await TestClient.over(peer.stream).connected();
      peer.destroy();
    }
    for (const address of ["192.0.2.7", "192.0.2.8", "2001:db8::7"]) {
      await broker.logged(`address=${address} `);
    }
  });
});

test("where headers of proxies are read, nobody comes in without one", () =>
  withBroker({ config: PROXIED }, async (broker) => {
    const client = await TestClient.open(broker.port);
    client.sendConnect();
    await client.expectClosed();
    await broker.logged("these bytes are none");
  }));

test("nobody but trusted proxies may send a header", () => {
  const config = `${PROXIED}trusted_proxies = ["10.0.0.0/8"]\n`;
  return withBroker({ config }, async (broker) => {
    const peer = await open(broker.port).catch((error: Error) => error);
    if (peer instanceof Error) {
      // It may be reset before we have heard that it is there.
      assertMatch(peer.message, /ECONNRESET/);
    } else {
      peer.write(V1);
      const client = TestClient.over(peer.stream);
      client.sendConnect();
      await client.expectClosed();
    }
    await broker.logged("only trusted proxies may connect here");
  });
});

test("a header where none is read is a broken packet", () =>
  withBroker({}, async (broker) => {
    const peer = await open(broker.port);
    peer.write(V1);
    const client = TestClient.over(peer.stream);
    client.sendConnect();
    await client.expectClosed();
    assert(!broker.stderr().includes("192.0.2.7"), broker.stderr());
  }));

// --- numbers of connections ---------------------------------------------------------------------------------

test("connections of one address have a limit of their own", () => {
  const config = `${PROXIED}max_connections_per_address = 1\n`;
  return withBroker({ config }, async ({ port }) => {
    const [first, second, other] = [await open(port), await open(port), await open(port)];
    first.write(V1);
    await TestClient.over(first.stream).connected();
    second.write(V1);
    await TestClient.over(second.stream).expectClosed();
    other.write(V2);
    await TestClient.over(other.stream).connected();
  });
});

test("connections that come too fast are turned away, and others are not disturbed", () => {
  const config = '[[listener]]\nbind = "127.0.0.1:0"\nconnect_rate = 5\n';
  return withBroker({ config }, async ({ port }) => {
    const bystander = await TestClient.connect(port);
    // A connection may be reset before we have heard that it is there.
    const burst = await Promise.all(Array.from({ length: 30 }, async () => {
      const first = async (): Promise<string> => {
        const client = await TestClient.open(port);
        client.sendConnect();
        return (await client.next()).cmd;
      };
      return await first().catch(() => "turned away");
    }));
    const accepted = burst.filter((cmd) => cmd === "connack").length;
    assert(accepted >= 4 && accepted <= 10, `${accepted} of 30 were accepted`);
    await bystander.subscribe("a");
    await bystander.publish("a", "x");
    assertEquals(String((await bystander.receive()).payload), "x");
  });
});
