import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  ConnectError,
  loadRuntime,
  type SocketListener,
  type Takeover,
} from "../../../src/runtime/mod.ts";
import { connectWebSocket } from "../../../src/transport/mod.ts";
import { byteSocketContract } from "../../support/byte_socket_contract.ts";
import { within } from "../../support/deadline.ts";
import { StreamPeer } from "../../support/peers.ts";
import { WebSocketServerPeer } from "../../support/websocket_peer.ts";

const runtime = await loadRuntime();
const host = "127.0.0.1";
const timeoutMs = 10_000;

interface PeerServer extends SocketListener {
  next(): Promise<StreamPeer>;
}

async function serve(): Promise<PeerServer> {
  const server = createServer({ allowHalfOpen: true });
  const arrived: StreamPeer[] = [];
  let wake: (() => void) | undefined;
  server.on("connection", (socket: Socket) => {
    arrived.push(new StreamPeer(socket));
    wake?.();
  });
  await new Promise<void>((resolve) => server.listen({ host, port: 0 }, () => resolve()));
  const address = server.address();
  return {
    host,
    port: typeof address === "object" ? address!.port : 0,
    close: () => void server.close(),
    next: async () => {
      while (arrived.length === 0) {
        await within(new Promise<void>((resolve) => wake = resolve), "a connection");
      }
      return arrived.shift()!;
    },
  };
}

const after = (ms: number, fn: () => void): () => void => {
  const handle = runtime.every(ms, () => {
    handle.stop();
    fn();
  });
  return () => handle.stop();
};

function connectTo(
  port: number,
  take: Takeover,
  ms = timeoutMs,
): ReturnType<typeof connectWebSocket> {
  return connectWebSocket(
    { host, port, path: "/mqtt", timeoutMs: ms },
    (takeLower) => runtime.connectTcp({ host, port, timeoutMs }, takeLower),
    after,
    take,
  );
}

const owners = new WeakMap<SocketListener, Takeover>();

byteSocketContract({
  name: "ws, begun by us",
  remoteAddress: host,
  listen: async (accept) => {
    const server = await serve();
    owners.set(server, accept);
    return server;
  },
  connect: async (listener) => {
    const peer = async (): Promise<WebSocketServerPeer> =>
      await WebSocketServerPeer.over(await (listener as PeerServer).next());
    const [, upgraded] = await Promise.all([
      connectTo(listener.port, owners.get(listener)!),
      peer(),
    ]);
    return upgraded;
  },
});

const takeNothing: Takeover = () => ({
  onBytes: () => undefined,
  onProgress: () => undefined,
  onWritable: () => undefined,
  onClose: () => undefined,
});

const REFUSALS: readonly [what: string, answer: (right: string) => string, reason: string][] = [
  [
    "another status",
    () => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    "the server answers with HTTP status 404, not with a WebSocket",
  ],
  [
    "the accept of somebody else",
    (right) => right.replace(/Accept: .*\r/, "Accept: AAAA\r"),
    "the server's answer is not that of a WebSocket",
  ],
  [
    "no sub-protocol",
    (right) => right.replace(/Sec-WebSocket-Protocol.*\r\n/, ""),
    'the server does not speak the sub-protocol "mqtt"',
  ],
  ["no HTTP", () => "hello\r\n\r\n", "Cannot read answer: the first line is none of HTTP/1.1"],
];

for (const [what, answer, reason] of REFUSALS) {
  test(`connectWebSocket() refuses ${what}`, async () => {
    const server = await serve();
    const connecting = connectTo(server.port, takeNothing);
    const refused = assertRejects(() => within(connecting, "a refusal"), ConnectError);
    const peer = await WebSocketServerPeer.over(await server.next(), answer);
    const error = await refused;
    assertEquals([error.reason, error.code], [reason, "EWEBSOCKET"]);
    assertEquals(error.message, `Cannot connect to 127.0.0.1:${server.port}/mqtt: ${reason}`);
    peer.destroy();
    server.close();
  });
}

test("connectWebSocket() does not wait for ever for the answer", async () => {
  const server = await serve();
  const connecting = connectTo(server.port, takeNothing, 50);
  const { code } = await assertRejects(() => within(connecting, "a refusal"), ConnectError);
  assertEquals(code, "ETIMEDOUT");
  (await server.next()).destroy();
  server.close();
});

test("connectWebSocket() tells of a connection that ends before the answer", async () => {
  const server = await serve();
  const refused = assertRejects(() => connectTo(server.port, takeNothing), ConnectError);
  (await server.next()).destroy();
  const { reason } = await refused;
  assert(reason.length > 0);
  server.close();
});
