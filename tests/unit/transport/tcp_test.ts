import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import type {
  ByteSocket,
  ByteSocketHandler,
  SocketListener,
  TcpListenOptions,
} from "../../../src/runtime/mod.ts";
import {
  type ListenerContext,
  type ListenerOptions,
  type ListenerOwner,
  openListener,
} from "../../../src/transport/mod.ts";
import { LISTENER_OPTIONS } from "../../support/listener_terms.ts";
import { MemoryRuntime } from "../../support/memory_socket.ts";

const OPTIONS: ListenerOptions = { ...LISTENER_OPTIONS, maxConnections: 2 };

/** Lets a test play the clients of a listener. */
class ListeningRuntime extends MemoryRuntime {
  accept: ((socket: ByteSocket) => ByteSocketHandler) | undefined;

  listenTcp(
    options: TcpListenOptions,
    accept: (socket: ByteSocket) => ByteSocketHandler,
  ): Promise<SocketListener> {
    this.accept = accept;
    const close = (): void => {
      this.accept = undefined;
    };
    return Promise.resolve({ host: options.host, port: options.port || 1883, close });
  }
}

/** Notes what it is told. */
class Owner implements ListenerOwner {
  readonly seen: string[] = [];
  readonly releases: (() => void)[] = [];

  accept(_socket: ByteSocket, listener: ListenerContext): ByteSocketHandler {
    this.seen.push(`accepted by ${listener.options.name}`);
    this.releases.push(() => listener.release());
    const nothing = (): void => {};
    return { onBytes: nothing, onProgress: nothing, onWritable: nothing, onClose: nothing };
  }

  noteRefusedConnection(): void {
    this.seen.push("refused");
  }

  noteAcceptError(error: unknown): void {
    this.seen.push(`cannot accept: ${error}`);
  }
}

test("openListener() turns connections away above its limit, until one is released", async () => {
  const [runtime, owner] = [new ListeningRuntime(), new Owner()];
  const { figures } = await openListener(runtime, OPTIONS, owner);
  const peers = [1, 2, 3].map(() => runtime.connect(runtime.accept!));
  runtime.settle();
  assertEquals(owner.seen, ["accepted by tcp:default", "accepted by tcp:default", "refused"]);
  assertEquals(peers.map(({ isClosed }) => isClosed), [false, false, true]);
  assertEquals(peers[2]!.take().length, 0);
  owner.releases[0]!();
  runtime.connect(runtime.accept!);
  runtime.settle();
  assertEquals(owner.seen.at(-1), "accepted by tcp:default");
  assertEquals(figures, { connections: 2, accepted: 3, refused: 1, failedHandshakes: 0 });
});

test("openListener() tells its address as a client would write it", async () => {
  const runtime = new ListeningRuntime();
  for (
    const [host, url] of [
      ["127.0.0.1", "mqtt://127.0.0.1:1883"],
      ["::1", "mqtt://[::1]:1883"],
      ["localhost", "mqtt://localhost:1883"],
    ] as const
  ) {
    const listener = await openListener(runtime, { ...OPTIONS, host }, new Owner());
    assertEquals([listener.options.type, listener.url, listener.port], ["tcp", url, 1883]);
    listener.close();
    assertEquals(runtime.accept, undefined);
  }
});

test("openListener() rejects with the system's error", async () => {
  const runtime = { listenTcp: () => Promise.reject(new Error("address in use")) };
  await assertRejects(
    () => openListener(runtime, OPTIONS, new Owner()),
    Error,
    "address in use",
  );
});

test("a listener that is changed has new terms for new connections, and no other", async () => {
  const [runtime, owner] = [new ListeningRuntime(), new Owner()];
  const contexts: ListenerContext[] = [];
  const accept = owner.accept.bind(owner);
  owner.accept = (socket, context) => {
    contexts.push(context);
    return accept(socket, context);
  };
  const listener = await openListener(runtime, OPTIONS, owner);
  runtime.connect(runtime.accept!);
  const next = { ...OPTIONS, allowAnonymous: false, maxConnections: 3, mountpoint: "m/" };
  listener.change(next);
  assertEquals(listener.options, { ...OPTIONS, allowAnonymous: false, maxConnections: 3 });
  for (let count = 0; count < 3; count++) runtime.connect(runtime.accept!);
  runtime.settle();
  assertEquals(contexts.map(({ options }) => options.allowAnonymous), [true, false, false]);
  assertEquals(owner.seen.at(-1), "refused");
  contexts[0]!.release();
  assertEquals(listener.figures.connections, 2);
});
