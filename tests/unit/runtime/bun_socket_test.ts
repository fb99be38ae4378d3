import { Buffer } from "node:buffer";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { BunByteSocket } from "../../../src/runtime/bun_socket.ts";
import type { BunSocket } from "../../../src/runtime/bun_types.ts";
import type { ByteSocketHandler, CloseCause } from "../../../src/runtime/mod.ts";

const LARGE_CHUNK = 65_536;

/** What Bun would be asked. What is read from it comes from a file. */
class FakeSocket implements BunSocket<BunByteSocket> {
  readonly remoteAddress = "";
  readonly remotePort = 0;
  fd: number;
  isPaused = false;
  readonly calls: string[] = [];
  #data: BunByteSocket | undefined;

  constructor(fd: number) {
    this.fd = fd;
  }

  get data(): BunByteSocket {
    return this.#data as BunByteSocket;
  }

  set data(data: BunByteSocket) {
    this.#data = data;
  }

  write(_bytes: Uint8Array, _byteOffset: number, byteLength: number): number {
    return byteLength;
  }

  shutdown(): void {
    this.calls.push("shutdown");
  }

  end(): void {
    this.calls.push("end");
  }

  terminate(): void {
    this.calls.push("terminate");
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  setNoDelay(): boolean {
    return true;
  }

  setKeepAlive(): boolean {
    return true;
  }
}

class Owner implements ByteSocketHandler {
  readonly socket: BunByteSocket;
  /** Of each chunk its length, and whether it was stable. */
  readonly chunks: [number, boolean][] = [];
  readonly bytes: number[] = [];
  readonly closed: [CloseCause, string | undefined][] = [];
  onChunk: () => void = () => {};

  constructor(socket: BunByteSocket) {
    this.socket = socket;
    socket.attach(this);
  }

  onBytes(chunk: Uint8Array): void {
    this.chunks.push([chunk.length, this.socket.chunksAreStable]);
    for (const byte of chunk) this.bytes.push(byte);
    this.onChunk();
  }

  onProgress(): void {}
  onWritable(): void {}

  onClose(cause: CloseCause, detail: string | undefined): void {
    this.closed.push([cause, detail]);
  }
}

interface Parts {
  readonly native: FakeSocket;
  readonly socket: BunByteSocket;
  readonly owner: Owner;
}

/** `waiting`: what the system has for the socket. */
async function withSocket(
  waiting: Uint8Array,
  body: (parts: Parts) => Promise<void> | void,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "broker-bun-socket-"));
  const path = join(folder, "bytes");
  writeFileSync(path, waiting);
  const fd = openSync(path, "r");
  const native = new FakeSocket(fd);
  const socket = new BunByteSocket(native);
  native.data = socket;
  try {
    await body({ native, socket, owner: new Owner(socket) });
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >>> 8)) & 0xff);
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

test("a socket with little to say is left to Bun", () =>
  withSocket(pattern(100), async ({ native, socket, owner }) => {
    socket.onData(new Uint8Array(LARGE_CHUNK - 1));
    await turns(2);
    assertEquals([native.isPaused, owner.chunks], [false, [[LARGE_CHUNK - 1, true]]]);
  }));

test("a busy socket is read into one buffer, a chunk in a turn and ever more, until it has little to say", () => {
  const lengths = [1, 2, 4, 8, 8].map((chunks) => chunks * LARGE_CHUNK);
  const waiting = pattern(23 * LARGE_CHUNK + 100);
  return withSocket(waiting, async ({ native, socket, owner }) => {
    socket.onData(new Uint8Array(LARGE_CHUNK));
    assert(native.isPaused, "Bun does not read beside us");
    for (let chunk = 1; chunk <= lengths.length; chunk++) {
      await turns(1);
      assertEquals(owner.chunks.length, 1 + chunk);
      assert(native.isPaused);
    }
    await turns(1);
    const ours = [...lengths, 100].map((length): [number, boolean] => [length, false]);
    assertEquals(owner.chunks, [[LARGE_CHUNK, true], ...ours]);
    assert(Buffer.from(waiting).equals(Uint8Array.from(owner.bytes.slice(LARGE_CHUNK))));
    assert(!native.isPaused, "Bun reads again");
    assert(socket.chunksAreStable);
    await turns(2);
    assertEquals(owner.chunks.length, 2 + lengths.length);
  });
});

test("whoever pauses in the midst of a busy socket's chunk is given the smallest from then on", () =>
  withSocket(pattern(20 * LARGE_CHUNK), async ({ socket, owner }) => {
    owner.onChunk = () => {
      if (owner.chunks.length === 4) socket.pause();
    };
    socket.onData(new Uint8Array(LARGE_CHUNK));
    await turns(5);
    socket.resume();
    await turns(2);
    assertEquals(
      owner.chunks.map(([length]) => length / LARGE_CHUNK),
      [1, 1, 2, 4, 1, 2],
    );
    socket.abort();
  }));

test("a busy socket is not read while it is paused", () =>
  withSocket(pattern(2 * LARGE_CHUNK), async ({ native, socket, owner }) => {
    owner.onChunk = () => socket.pause();
    socket.onData(new Uint8Array(LARGE_CHUNK));
    for (let chunk = 1; chunk <= 3; chunk++) {
      await turns(3);
      assertEquals(owner.chunks.length, chunk);
      assert(native.isPaused);
      socket.resume();
      socket.pause();
      await turns(3);
      assertEquals(owner.chunks.length, chunk);
      socket.resume();
    }
    // There was nothing, and the owner has not paused it since.
    await turns(3);
    assertEquals([owner.chunks.length, native.isPaused], [3, false]);
  }));

test("a busy socket that becomes quiet while it is paused stays so", () =>
  withSocket(pattern(10), async ({ native, socket, owner }) => {
    owner.onChunk = () => socket.pause();
    socket.onData(new Uint8Array(LARGE_CHUNK));
    socket.resume();
    await turns(2);
    assertEquals([owner.chunks.length, native.isPaused], [2, true]);
    socket.resume();
    assert(!native.isPaused);
  }));

test("a busy socket that is closed or aborted is not read any more", async () => {
  for (const how of ["close", "abort"] as const) {
    await withSocket(pattern(LARGE_CHUNK), async ({ native, socket, owner }) => {
      socket.onData(new Uint8Array(LARGE_CHUNK));
      socket[how]();
      await turns(3);
      assertEquals(owner.chunks.length, 1, how);
      assertEquals(native.calls, [how === "close" ? "shutdown" : "terminate"]);
      socket.onClosed(undefined);
      assertEquals(owner.closed, [["local", undefined]]);
    });
  }
});

test("a busy socket that breaks is left to Bun, and what the system said is told", () =>
  withSocket(pattern(LARGE_CHUNK), async ({ native, socket, owner }) => {
    socket.onData(new Uint8Array(LARGE_CHUNK));
    native.fd = 0x7fff_ffff;
    await turns(1);
    assertEquals([owner.chunks.length, native.isPaused], [1, false]);
    socket.onEnd();
    socket.onClosed(undefined);
    const [[cause, detail] = []] = owner.closed;
    assertEquals(cause, "error");
    assert(detail?.includes("EBADF"), detail);
  }));
