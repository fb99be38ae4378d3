import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import type {
  ByteSocket,
  ByteSocketHandler,
  SocketListener,
  TcpListenOptions,
} from "../../../src/runtime/mod.ts";
import {
  type Listener,
  type ListenerEnvironment,
  type ListenerFigures,
  type ListenerOptions,
  prepareListener,
} from "../../../src/transport/mod.ts";
import { SILENT_LOGGER } from "../../../src/base/mod.ts";
import { LISTENER_OPTIONS } from "../../support/listener_terms.ts";
import { NotingOwner } from "../../support/listener_rig.ts";
import { type MemoryPeer, MemoryRuntime } from "../../support/memory_socket.ts";
import { clientFrame, upgradeRequest } from "../../support/websocket_peer.ts";

/** A listener whose clients a test plays. */
class Rig {
  readonly runtime = new MemoryRuntime();
  readonly owner: NotingOwner;
  listener!: Listener;
  #accept: ((socket: ByteSocket) => ByteSocketHandler) | undefined;
  readonly received: string[] = [];

  constructor() {
    this.owner = new NotingOwner(() => ({
      onBytes: (chunk) => void this.received.push(new TextDecoder().decode(chunk)),
      onProgress: () => {},
      onWritable: () => {},
      onClose: () => {},
    }));
  }

  static async open(options: Partial<ListenerOptions> = {}): Promise<Rig> {
    const rig = new Rig();
    const no = (): never => {
      throw new Error("no test does that");
    };
    const { runtime } = rig;
    const environment: ListenerEnvironment = {
      clock: runtime.clock,
      logger: SILENT_LOGGER,
      runtime: {
        listenTcp: (tcp, accept) => rig.#listen(tcp, accept),
        listenUnix: no,
        listenTls: no,
        removeStaleSocket: no,
        createTlsContext: no,
        fileStamp: no,
        readTextFile: no,
        every: no,
      },
    };
    const prepared = await prepareListener(environment, { ...LISTENER_OPTIONS, ...options });
    rig.listener = await prepared.open(rig.owner);
    return rig;
  }

  get isOpen(): boolean {
    return this.#accept !== undefined;
  }

  get figures(): ListenerFigures {
    const { connections, accepted, refused, failedHandshakes } = this.listener.figures;
    return { connections, accepted, refused, failedHandshakes };
  }

  connect(address = "127.0.0.1"): MemoryPeer {
    const peer = this.runtime.connect(this.#accept!, address);
    this.runtime.settle();
    return peer;
  }

  /** Connects and sends; the peer. */
  say(text: string | Uint8Array, address?: string): MemoryPeer {
    const peer = this.connect(address);
    peer.send(typeof text === "string" ? new TextEncoder().encode(text) : text);
    this.runtime.settle();
    return peer;
  }

  #listen(
    options: TcpListenOptions,
    accept: (socket: ByteSocket) => ByteSocketHandler,
  ): Promise<SocketListener> {
    this.#accept = accept;
    const close = (): void => {
      this.#accept = undefined;
    };
    return Promise.resolve({ host: options.host, port: options.port || 1883, close });
  }
}

test("a listener turns connections away above its limit, until one is released", async () => {
  const rig = await Rig.open({ maxConnections: 2 });
  const peers = [1, 2, 3].map(() => rig.connect());
  assertEquals([rig.owner.accepted.length, rig.owner.refused], [2, 1]);
  assertEquals(peers.map(({ isClosed }) => isClosed), [false, false, true]);
  assertEquals(peers[2]!.take().length, 0);
  rig.owner.accepted[0]!.context.release();
  rig.connect();
  assertEquals(rig.figures, { connections: 2, accepted: 3, refused: 1, failedHandshakes: 0 });
});

test("a listener has a limit for each address, an IPv6 network counting as one", async () => {
  const rig = await Rig.open({ maxConnectionsPerAddress: 2 });
  const addresses = ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"];
  const closed = addresses.map((address) => rig.connect(address)).map(({ isClosed }) => isClosed);
  assertEquals(closed, [false, false, true, false]);
  const six = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:0:9::", "2001:db8:0:1::1"];
  assertEquals(six.map((address) => rig.connect(address).isClosed), [false, false, true, false]);
  assertEquals(rig.figures, { connections: 6, accepted: 6, refused: 2, failedHandshakes: 0 });
  rig.owner.accepted[0]!.context.release();
  assertEquals(rig.connect("10.0.0.1").isClosed, false);
  assertEquals(rig.connect("10.0.0.1").isClosed, true);
});

test("a listener takes so many connections in a second, and no debts", async () => {
  const rig = await Rig.open({ connectRate: 3 });
  const round = (): boolean[] => [1, 2, 3, 4, 5].map(() => rig.connect().isClosed);
  assertEquals(round(), [false, false, false, true, true]);
  rig.runtime.advance(1000);
  assertEquals(round(), [false, false, false, true, true]);
  assertEquals(rig.figures.refused, 4);
});

test("a listener tells its address as a client would write it", async () => {
  for (
    const [options, url] of [
      [{ host: "127.0.0.1" }, "mqtt://127.0.0.1:1883"],
      [{ host: "::1" }, "mqtt://[::1]:1883"],
      [{ host: "localhost", type: "ws", wsPath: "/x" }, "ws://localhost:1883/x"],
    ] as const
  ) {
    const rig = await Rig.open(options);
    assertEquals([rig.listener.url, rig.listener.port], [url, 1883]);
    rig.listener.close();
    assertEquals(rig.isOpen, false);
  }
});

test("a listener that cannot be bound says so in the system's words", async () => {
  const environment = {
    clock: new MemoryRuntime().clock,
    logger: SILENT_LOGGER,
    runtime: { listenTcp: () => Promise.reject(new Error("address in use")) },
  } as unknown as ListenerEnvironment;
  const prepared = await prepareListener(environment, LISTENER_OPTIONS);
  await assertRejects(() => prepared.open(new NotingOwner()), Error, "address in use");
});

// --- proxies --------------------------------------------------------------------------------------

const PROXIED = { proxyProtocol: true, trustedProxies: ["10.0.0.0/8"] } as const;
const V1 = "PROXY TCP4 192.0.2.7 192.0.2.1 50000 1883\r\n";

test("a header of a proxy gives a connection the address of the client", async () => {
  const rig = await Rig.open(PROXIED);
  rig.say(`${V1}hello`, "10.1.2.3");
  const { socket } = rig.owner.accepted[0]!;
  assertEquals([socket.remoteAddress, socket.remotePort], ["192.0.2.7", 50_000]);
  assertEquals(rig.received, ["hello"]);
});

test("a header in pieces of one byte is read as well, and nothing of it goes on", async () => {
  const rig = await Rig.open(PROXIED);
  const peer = rig.connect("10.1.2.3");
  for (const byte of new TextEncoder().encode(`${V1}hello`)) peer.send(Uint8Array.of(byte));
  rig.runtime.settle();
  assertEquals(rig.received.join(""), "hello");
  assertEquals(rig.owner.accepted[0]!.socket.remoteAddress, "192.0.2.7");
});

test("nobody but a trusted proxy may connect where headers are read", async () => {
  const rig = await Rig.open(PROXIED);
  const spoofer = rig.say(`${V1}hello`, "192.0.2.66");
  assertEquals([spoofer.isClosed, rig.received, rig.owner.accepted.length], [true, [], 0]);
  assertEquals(rig.owner.failures, ["192.0.2.66: only trusted proxies may connect here"]);
  assertEquals(rig.figures, { connections: 0, accepted: 1, refused: 0, failedHandshakes: 1 });
});

test("without proxy_protocol a header is no header", async () => {
  const rig = await Rig.open();
  rig.say(`${V1}hello`, "10.1.2.3");
  assertEquals(rig.owner.accepted[0]!.socket.remoteAddress, "10.1.2.3");
  assertEquals(rig.received, [`${V1}hello`]);
});

test("a second header is no header", async () => {
  const rig = await Rig.open(PROXIED);
  rig.say(`${V1}${V1.replace("192.0.2.7", "192.0.2.8")}`, "10.1.2.3");
  assertEquals(rig.owner.accepted[0]!.socket.remoteAddress, "192.0.2.7");
  assertEquals(rig.received.length, 1);
});

test("a trusted proxy that sends no header is dropped, and counted", async () => {
  const rig = await Rig.open(PROXIED);
  const peer = rig.say("\x10\x0c\x00\x04MQTT", "10.1.2.3");
  assertEquals([peer.isClosed, rig.received], [true, []]);
  assertEquals(rig.figures.failedHandshakes, 1);
});

test("without any trusted_proxies those of this machine are", async () => {
  const rig = await Rig.open({ proxyProtocol: true });
  assertEquals(rig.say(V1, "127.0.0.5").isClosed, false);
  assertEquals(rig.say(V1, "::1").isClosed, false);
  assertEquals(rig.say(V1, "10.1.2.3").isClosed, true);
});

test("behind a proxy the limit for each address is that of the clients", async () => {
  const rig = await Rig.open({ ...PROXIED, maxConnectionsPerAddress: 1 });
  const other = V1.replace("192.0.2.7", "192.0.2.8");
  const closed = [V1, V1, other].map((header) => rig.say(header, "10.1.2.3").isClosed);
  assertEquals(closed, [false, true, false]);
  assertEquals([rig.owner.refused, rig.figures.refused], [1, 1]);
});

for (
  const [what, options, from, text] of [
    ["as it is", {}, "192.0.2.7", "hello"],
    ["as a proxy says it", PROXIED, "10.1.2.3", `${V1}hello`],
    ["as it is, of a WebSocket", { type: "ws" }, "192.0.2.7", upgradeRequest()],
    [
      "as X-Forwarded-For says it",
      { type: "ws", trustedProxies: ["10.0.0.0/8"] },
      "10.1.2.3",
      upgradeRequest({ "X-Forwarded-For": "192.0.2.7" }),
    ],
  ] as const
) {
  test(`an address from which nobody may come in is judged ${what}, and no other`, async () => {
    const rig = await Rig.open(options);
    rig.owner.banned.add("10.1.2.3");
    assertEquals(rig.say(text, from).isClosed, false);
    rig.owner.banned.add("192.0.2.7");
    const received = rig.received.length;
    assertEquals(rig.say(text, from).isClosed, true);
    assertEquals(rig.received.length, received);
  });
}

// --- WebSocket ------------------------------------------------------------------------------------

test("X-Forwarded-For counts from trusted proxies, back to the first that is none", async () => {
  const CASES: readonly [from: string, header: string | undefined, address: string][] = [
    ["10.0.0.1", "192.0.2.7", "192.0.2.7"],
    ["10.0.0.1", "192.0.2.66, 192.0.2.7", "192.0.2.7"],
    ["10.0.0.1", "192.0.2.66, 192.0.2.7, 10.0.0.9", "192.0.2.7"],
    ["10.0.0.1", "evil, 10.0.0.9", "10.0.0.9"],
    ["10.0.0.1", "192.0.2.0/24", "10.0.0.1"],
    ["10.0.0.1", undefined, "10.0.0.1"],
    ["192.0.2.66", "127.0.0.1", "192.0.2.66"],
  ];
  for (const [from, header, address] of CASES) {
    const rig = await Rig.open({ type: "ws", trustedProxies: ["10.0.0.0/8"] });
    rig.say(upgradeRequest({ "X-Forwarded-For": header }), from);
    assertEquals(rig.owner.accepted[0]!.socket.remoteAddress, address, `${from} ${header}`);
  }
  const rig = await Rig.open({ type: "ws" });
  rig.say(upgradeRequest({ "X-Forwarded-For": "192.0.2.7" }), "10.0.0.1");
  assertEquals(rig.owner.accepted[0]!.socket.remoteAddress, "10.0.0.1");
});

test("frames that follow the upgrade at once are read", async () => {
  const rig = await Rig.open({ type: "ws" });
  const peer = rig.connect();
  peer.send(
    new Uint8Array([
      ...new TextEncoder().encode(upgradeRequest()),
      ...clientFrame("he"),
      ...clientFrame("llo"),
    ]),
  );
  rig.runtime.settle();
  assertEquals(rig.received, ["hello"]);
});

test("a listener that is changed has new terms for new connections, and no other", async () => {
  const rig = await Rig.open({ maxConnections: 2 });
  const { listener, owner } = rig;
  rig.connect();
  const next = { ...listener.options, allowAnonymous: false, maxConnections: 4, mountpoint: "m/" };
  listener.change({ ...next, maxConnectionsPerAddress: 2 });
  assertEquals(listener.options, {
    ...LISTENER_OPTIONS,
    allowAnonymous: false,
    maxConnections: 4,
    maxConnectionsPerAddress: 2,
  });
  const closed = [1, 2, 3].map(() => rig.connect().isClosed);
  // Of the first one nobody noted where it came from.
  assertEquals(closed, [false, false, true]);
  const anonymous = owner.accepted.map(({ context }) => context.options.allowAnonymous);
  assertEquals(anonymous, [true, false, false]);
  owner.accepted[0]!.context.release();
  assertEquals(rig.figures.connections, 2);
});
