import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import {
  type ByteSocket,
  type ByteSocketHandler,
  type CloseCause,
  loadRuntime,
  type SocketListener,
} from "../../../src/runtime/mod.ts";
import { within } from "../../support/deadline.ts";

const LARGE_BYTES = 8_000_000;

/** The owner of a socket: notes what happens, and lets a test wait for it. */
class Owner implements ByteSocketHandler {
  readonly socket: ByteSocket;
  received = 0;
  writable = 0;
  readonly closed: CloseCause[] = [];
  onChunk: (chunk: Uint8Array) => void = () => {};
  #wake: () => void = () => {};

  constructor(socket: ByteSocket) {
    this.socket = socket;
  }

  onBytes(chunk: Uint8Array): void {
    this.received += chunk.length;
    this.onChunk(chunk);
    this.#wake();
  }

  /** How the system cuts a write is its own affair. */
  onProgress(): void {}

  onWritable(): void {
    this.writable++;
    this.#wake();
  }

  onClose(cause: CloseCause): void {
    this.closed.push(cause);
    this.#wake();
  }

  async until(condition: () => boolean, what: string): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!condition()) await new Promise<void>((resolve) => this.#wake = resolve);
    };
    await within(wait(), what);
  }

  /** Writes all of it, one write at a time. */
  async write(bytes: Uint8Array): Promise<void> {
    const before = this.writable;
    if (this.socket.write(bytes, 0, bytes.length)) return;
    await this.until(() => this.writable > before || this.closed.length > 0, "room to write");
  }
}

interface Connection {
  readonly owner: Owner;
  /** The other end. It reads nothing by itself. */
  readonly peer: Socket;
  readonly listener: SocketListener;
}

/** Runs `body` with a connection to a listener of its own, and leaves nothing open. */
async function withConnection(body: (connection: Connection) => Promise<void>): Promise<void> {
  const runtime = await loadRuntime();
  let accepted: (owner: Owner) => void = () => {};
  const owner = new Promise<Owner>((resolve) => accepted = resolve);
  const listener = await runtime.listenTcp(
    { host: "127.0.0.1", port: 0, onError: (error) => assertEquals(error, undefined) },
    (socket) => {
      const handler = new Owner(socket);
      accepted(handler);
      return handler;
    },
  );
  const peer = connect({ port: listener.port, host: "127.0.0.1", allowHalfOpen: true });
  // A reset is what some tests are about.
  peer.on("error", () => peer.destroy());
  try {
    const connected = await within(owner, "a connection");
    await body({ owner: connected, peer, listener });
    if (connected.closed.length === 0) connected.socket.abort();
    await connected.until(() => connected.closed.length > 0, "the end");
    assertEquals(connected.closed.length, 1, "onClose is called once");
  } finally {
    peer.destroy();
    listener.close();
  }
}

/** All that the peer gets until the other end is over. */
function readToEnd(peer: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  peer.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<Buffer>((resolve) => {
    peer.once("end", () => resolve(Buffer.concat(chunks)));
    peer.once("close", () => resolve(Buffer.concat(chunks)));
  });
  return within(ended, "the end of what the peer gets");
}

/** Bytes by which every place can be told from its neighbours. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >>> 8)) & 0xff);
}

test("ByteSocket hands on what the peer sends, and nothing else", () =>
  withConnection(async ({ owner, peer }) => {
    const sent = pattern(300_000);
    const chunks: Uint8Array[] = [];
    owner.onChunk = (chunk) => chunks.push(new Uint8Array(chunk));
    peer.write(sent);
    await owner.until(() => owner.received >= sent.length, "all bytes");
    assert(Buffer.concat(chunks).equals(sent));
    assertEquals(owner.socket.remoteAddress, "127.0.0.1");
    assertEquals(owner.socket.remotePort, peer.localPort);
  }));

test("ByteSocket keeps its word about chunks that are stable", () =>
  withConnection(async ({ owner, peer }) => {
    if (!owner.socket.chunksAreStable) return;
    const sent = pattern(2_000_000);
    const kept: Uint8Array[] = [];
    owner.onChunk = (chunk) => kept.push(chunk);
    peer.write(sent);
    await owner.until(() => owner.received >= sent.length, "all bytes");
    assert(Buffer.concat(kept).equals(sent));
  }));

test("ByteSocket.write() says when the bytes are free, and all of them arrive in order", () =>
  withConnection(async ({ owner, peer }) => {
    const bytes = pattern(LARGE_BYTES);
    const all = readToEnd(peer);
    await owner.write(bytes);
    const page = new Uint8Array(1000);
    for (let round = 0; round < 20; round++) {
      page.fill(round);
      await owner.write(page);
    }
    owner.socket.close();
    const received = await all;
    assertEquals(received.length, bytes.length + 20_000);
    assert(received.subarray(0, bytes.length).equals(bytes));
    for (let round = 0; round < 20; round++) {
      assertEquals(received[bytes.length + round * 1000 + 999], round);
    }
  }));

test("ByteSocket.close() lets the last bytes reach the peer, then ends", () =>
  withConnection(async ({ owner, peer }) => {
    const bytes = pattern(LARGE_BYTES);
    // Also while the write is pending; the peer has not begun to read.
    owner.socket.write(bytes, 0, bytes.length);
    owner.socket.close();
    peer.write("of this nothing is read any more");
    assert((await readToEnd(peer)).equals(bytes));
    peer.end();
    await owner.until(() => owner.closed.length > 0, "the end");
    assertEquals([owner.closed, owner.received], [["local"], 0]);
  }));

test("ByteSocket.abort() ends at once, and says so in a later turn", () =>
  withConnection(async ({ owner, peer }) => {
    const ended = readToEnd(peer);
    owner.socket.write(pattern(LARGE_BYTES), 0, LARGE_BYTES);
    owner.socket.abort();
    assertEquals(owner.closed, []);
    await owner.until(() => owner.closed.length > 0, "the end");
    assertEquals(owner.closed, ["local"]);
    assert((await ended).length < LARGE_BYTES);
  }));

test("ByteSocket tells when the peer ends", () =>
  withConnection(async ({ owner, peer }) => {
    peer.end("last words");
    await owner.until(() => owner.closed.length > 0, "the end");
    assertEquals([owner.closed, owner.received], [["peer"], 10]);
  }));

test("ByteSocket tells when the connection breaks", () =>
  withConnection(async ({ owner, peer }) => {
    peer.resetAndDestroy();
    await owner.until(() => owner.closed.length > 0, "the end");
    assert(owner.closed[0] === "error" || owner.closed[0] === "peer", owner.closed[0]);
  }));

test("ByteSocket.pause() stops what comes, resume() loses nothing of it", () =>
  withConnection(async ({ owner, peer }) => {
    const sent = pattern(1_000_000);
    const chunks: Uint8Array[] = [];
    let isPaused = false;
    let strayChunks = 0;
    owner.onChunk = (chunk) => {
      chunks.push(new Uint8Array(chunk));
      if (isPaused) strayChunks++;
      owner.socket.pause();
      isPaused = true;
    };
    peer.write(sent);
    while (owner.received < sent.length) {
      const before = owner.received;
      await owner.until(() => owner.received > before, "a chunk");
      // Other connections have their turn meanwhile.
      await new Promise<void>((resolve) => setImmediate(resolve));
      assert(strayChunks <= chunks.length / 2 + 1, `${strayChunks} of ${chunks.length} chunks`);
      isPaused = false;
      owner.socket.resume();
    }
    assert(Buffer.concat(chunks).equals(sent));
  }));

test("ByteSocket that is paused finds out that the peer is gone, at the latest when it writes", () =>
  withConnection(async ({ owner, peer }) => {
    peer.write("x");
    owner.onChunk = () => owner.socket.pause();
    await owner.until(() => owner.received > 0, "a chunk");
    peer.resetAndDestroy();
    const page = new Uint8Array(100_000);
    for (let round = 0; round < 200 && owner.closed.length === 0; round++) {
      await owner.write(page);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    await owner.until(() => owner.closed.length > 0, "the end");
  }));

test("ByteSocket that is paused can be closed and aborted", async () => {
  for (const how of ["close", "abort"] as const) {
    await withConnection(async ({ owner, peer }) => {
      peer.write("x");
      owner.onChunk = () => owner.socket.pause();
      await owner.until(() => owner.received > 0, "a chunk");
      peer.write(pattern(100_000));
      const ended = readToEnd(peer);
      owner.socket[how]();
      await ended;
      peer.end();
      await owner.until(() => owner.closed.length > 0, "the end");
      assertEquals([owner.closed, owner.received], [["local"], 1]);
    });
  }
});

test("SocketListener.close() accepts no more and lets connections live", () =>
  withConnection(async ({ owner, peer, listener }) => {
    listener.close();
    const refused = new Promise<string>((resolve) => {
      const late = connect({ port: listener.port, host: "127.0.0.1" });
      late.once("connect", () => resolve("accepted"));
      late.once("error", () => resolve("refused"));
    });
    assertEquals(await within(refused, "an answer"), "refused");
    peer.write("still here");
    await owner.until(() => owner.received === 10, "bytes of an old connection");
  }));
