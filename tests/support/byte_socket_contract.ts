/** Every kind of `ByteSocket` must pass these, over a real network. */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type {
  ByteSocket,
  ByteSocketHandler,
  CloseCause,
  SocketListener,
} from "../../src/runtime/mod.ts";
import { within } from "./deadline.ts";

const LARGE_BYTES = 8_000_000;
/** Who has sent nothing for so long is held up. */
const QUIET_MS = 300;

/** The other end of a connection. It reads nothing by itself. */
export interface Peer {
  write(bytes: Uint8Array | string): void;
  /** Ends its side. */
  end(bytes?: Uint8Array | string): void;
  /** Breaks the connection. */
  reset(): void;
  destroy(): void;
  /** All that it gets until the other end is over. */
  readToEnd(): Promise<Buffer>;
  /** For good; of no use to whoever wants to read later. */
  stopReading(): void;
  readonly localPort: number | undefined;
  /** Written and still here. */
  readonly unsentBytes: number;
}

/** A kind of connection. */
export interface ByteSocketKind {
  readonly name: string;
  /** What the other end of this machine is called. */
  readonly remoteAddress: string;
  /** Default: the port of the peer. */
  readonly remotePort?: number;
  readonly skip?: string | false;
  listen(accept: (socket: ByteSocket) => ByteSocketHandler): Promise<SocketListener>;
  /** Resolves when bytes can be written. */
  connect(listener: SocketListener): Promise<Peer>;
}

/** The owner of a socket: notes what happens, and lets a test wait for it. */
class Owner implements ByteSocketHandler {
  readonly socket: ByteSocket;
  received = 0;
  progress = 0;
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
  onProgress(): void {
    this.progress++;
    this.#wake();
  }

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
  readonly peer: Peer;
  readonly listener: SocketListener;
}

/** Bytes by which every place can be told from its neighbours. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >>> 8)) & 0xff);
}

function nextTurn(): Promise<void> {
  return new Promise<void>((resolve) => setImmediate(resolve));
}

/** Runs `body` with a connection to a listener of its own, and leaves nothing open. */
async function withConnection(
  kind: ByteSocketKind,
  body: (connection: Connection) => Promise<void>,
): Promise<void> {
  let accepted: (owner: Owner) => void = () => {};
  const owner = new Promise<Owner>((resolve) => accepted = resolve);
  const listener = await kind.listen((socket) => {
    const handler = new Owner(socket);
    accepted(handler);
    return handler;
  });
  const peer = await within(kind.connect(listener), "the peer to connect");
  try {
    const connected = await within(owner, "a connection");
    // Nobody writes before something has come: a handshake may be over at one end only.
    peer.write("!");
    await connected.until(() => connected.received === 1, "the first byte");
    connected.received = 0;
    await body({ owner: connected, peer, listener });
    if (connected.closed.length === 0) connected.socket.abort();
    await connected.until(() => connected.closed.length > 0, "the end");
    await nextTurn();
    assertEquals(connected.closed.length, 1, "onClose is called once");
  } finally {
    peer.destroy();
    listener.close();
  }
}

export function byteSocketContract(kind: ByteSocketKind): void {
  const contract = (what: string, body: (connection: Connection) => Promise<void>): void => {
    test(
      `ByteSocket over ${kind.name} ${what}`,
      { skip: kind.skip || false },
      () => withConnection(kind, body),
    );
  };

  contract("hands on what the peer sends, and nothing else", async ({ owner, peer }) => {
    const sent = pattern(300_000);
    const chunks: Uint8Array[] = [];
    owner.onChunk = (chunk) => chunks.push(new Uint8Array(chunk));
    peer.write(sent);
    await owner.until(() => owner.received >= sent.length, "all bytes");
    assert(Buffer.concat(chunks).equals(sent));
    assertEquals(owner.socket.remoteAddress, kind.remoteAddress);
    const remotePort = kind.remotePort ?? peer.localPort;
    if (remotePort !== undefined) assertEquals(owner.socket.remotePort, remotePort);
  });

  contract("keeps its word about chunks that are stable", async ({ owner, peer }) => {
    const sent = pattern(LARGE_BYTES);
    const kept: Uint8Array[] = [];
    owner.onChunk = (chunk) => {
      kept.push(owner.socket.chunksAreStable ? chunk : new Uint8Array(chunk));
    };
    peer.write(sent);
    await owner.until(() => owner.received >= sent.length, "all bytes");
    assert(Buffer.concat(kept).equals(sent));
  });

  contract("hears the last words of a peer that sends very much", async ({ owner, peer }) => {
    const sent = pattern(LARGE_BYTES);
    const chunks: Uint8Array[] = [];
    owner.onChunk = (chunk) => {
      chunks.push(new Uint8Array(chunk));
      owner.socket.pause();
      setImmediate(() => owner.socket.resume());
    };
    peer.write(sent);
    await owner.until(() => owner.received >= sent.length, "all bytes");
    // It has little to say now, and is heard all the same.
    for (let round = 1; round <= 3; round++) {
      peer.write("x");
      await owner.until(() => owner.received >= sent.length + round, `byte ${round}`);
    }
    peer.end(sent);
    await owner.until(() => owner.closed.length > 0, "the end");
    assertEquals(owner.closed, ["peer"]);
    assert(Buffer.concat(chunks).equals(Buffer.concat([sent, Buffer.from("xxx"), sent])));
  });

  for (const how of ["close", "abort"] as const) {
    contract(`ends a peer that sends very much by ${how}()`, async ({ owner, peer }) => {
      let after = -1;
      owner.onChunk = (chunk) => {
        if (after >= 0) after += chunk.length;
        else if (owner.received > LARGE_BYTES / 2) {
          owner.socket[how]();
          after = 0;
        }
      };
      const ended = peer.readToEnd();
      peer.write(pattern(LARGE_BYTES));
      await ended;
      peer.end();
      await owner.until(() => owner.closed.length > 0, "the end");
      assertEquals([owner.closed, after], [["local"], 0]);
    });
  }

  contract("does not hold on to much more than a chunk", async ({ owner, peer }) => {
    const kept: Uint8Array[] = [];
    owner.onChunk = (chunk) => {
      if (owner.socket.chunksAreStable) kept.push(chunk);
    };
    for (let round = 1; round <= 20; round++) {
      peer.write("x".repeat(100));
      await owner.until(() => owner.received >= round * 100, "bytes");
    }
    const held = new Set(kept.map((chunk) => chunk.buffer));
    const heldBytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0);
    assert(heldBytes <= 2000 + 16_384, `${heldBytes} bytes are held for 2000`);
  });

  contract("says when written bytes are free, and all arrive in order", async ({ owner, peer }) => {
    const bytes = pattern(LARGE_BYTES);
    const all = peer.readToEnd();
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
  });

  contract("gives no end of bytes to a peer that does not read", async ({ owner, peer }) => {
    peer.stopReading();
    const page = new Uint8Array(64_000);
    let taken = 0;
    while (taken < 64_000_000) {
      const before = owner.writable;
      if (!owner.socket.write(page, 0, page.length)) {
        for (let turn = 0; turn < 2000 && owner.writable === before; turn++) await nextTurn();
        if (owner.writable === before) break;
      }
      taken += page.length;
    }
    assert(taken < 32_000_000, `${taken} bytes were taken`);
  });

  contract("closes when the last bytes have reached the peer", async ({ owner, peer }) => {
    const bytes = pattern(LARGE_BYTES);
    // Also while the write is pending; the peer has not begun to read.
    owner.socket.write(bytes, 0, bytes.length);
    owner.socket.close();
    peer.write("of this nothing is read any more");
    assert((await peer.readToEnd()).equals(bytes));
    peer.end();
    await owner.until(() => owner.closed.length > 0, "the end");
    assertEquals([owner.closed, owner.received], [["local"], 0]);
  });

  contract("ends at once by abort(), and says so in a later turn", async ({ owner, peer }) => {
    const ended = peer.readToEnd();
    owner.socket.write(pattern(LARGE_BYTES), 0, LARGE_BYTES);
    owner.socket.abort();
    assertEquals(owner.closed, []);
    await owner.until(() => owner.closed.length > 0, "the end");
    assertEquals(owner.closed, ["local"]);
    assert((await ended).length < LARGE_BYTES);
  });

  contract("tells when the peer ends", async ({ owner, peer }) => {
    peer.end("last words");
    await owner.until(() => owner.closed.length > 0, "the end");
    assertEquals([owner.closed, owner.received], [["peer"], 10]);
  });

  contract("tells when the connection breaks", async ({ owner, peer }) => {
    peer.reset();
    await owner.until(() => owner.closed.length > 0, "the end");
    assert(owner.closed[0] === "error" || owner.closed[0] === "peer", owner.closed[0]);
  });

  contract("stops what comes by pause(), and loses nothing of it", async ({ owner, peer }) => {
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
      await nextTurn();
      assert(strayChunks <= chunks.length / 2 + 1, `${strayChunks} of ${chunks.length} chunks`);
      isPaused = false;
      owner.socket.resume();
    }
    assert(Buffer.concat(chunks).equals(sent));
  });

  contract("goes on after a pause of no time", async ({ owner, peer }) => {
    owner.onChunk = () => {
      owner.socket.pause();
      owner.socket.resume();
    };
    for (let round = 1; round <= 20; round++) {
      if (round % 2 === 0) {
        owner.socket.pause();
        owner.socket.resume();
      }
      peer.write("x");
      await owner.until(() => owner.received === round, `byte ${round}`);
    }
  });

  contract("holds the peer up while it is paused", async ({ owner, peer }) => {
    owner.onChunk = () => owner.socket.pause();
    peer.write("x");
    await owner.until(() => owner.received > 0, "a chunk");
    for (let round = 0; round < 1000; round++) peer.write(new Uint8Array(64_000));
    let [unsent, changedMs] = [Infinity, performance.now()];
    while (unsent > 0 && performance.now() - changedMs < QUIET_MS) {
      if (peer.unsentBytes < unsent) [unsent, changedMs] = [peer.unsentBytes, performance.now()];
      await nextTurn();
    }
    assert(owner.received < 1_000_000, `${owner.received} bytes came`);
    assert(unsent > 0, "the peer has sent everything");
  });

  contract("hands on the last words also after a pause", async ({ owner, peer }) => {
    owner.onChunk = () => owner.socket.pause();
    peer.write("first");
    await owner.until(() => owner.received > 0, "a chunk");
    owner.onChunk = () => {};
    peer.end(pattern(100_000));
    for (let turn = 0; turn < 100; turn++) await nextTurn();
    owner.socket.resume();
    await owner.until(() => owner.closed.length > 0, "the end");
    assertEquals([owner.closed, owner.received], [["peer"], 100_005]);
  });

  contract("that is paused finds out that the peer is gone", async ({ owner, peer }) => {
    peer.write("x");
    owner.onChunk = () => owner.socket.pause();
    await owner.until(() => owner.received > 0, "a chunk");
    peer.reset();
    // At the latest when it writes.
    const page = new Uint8Array(100_000);
    for (let round = 0; round < 200 && owner.closed.length === 0; round++) {
      await owner.write(page);
      await nextTurn();
    }
    await owner.until(() => owner.closed.length > 0, "the end");
  });

  for (const how of ["close", "abort"] as const) {
    contract(`that is paused can be ended by ${how}()`, async ({ owner, peer }) => {
      peer.write("x");
      owner.onChunk = () => owner.socket.pause();
      await owner.until(() => owner.received > 0, "a chunk");
      peer.write(pattern(100_000));
      const ended = peer.readToEnd();
      owner.socket[how]();
      await ended;
      peer.end();
      await owner.until(() => owner.closed.length > 0, "the end");
      assertEquals([owner.closed, owner.received], [["local"], 1]);
    });
  }

  contract("lives on when its listener closes", async ({ owner, peer, listener }) => {
    listener.close();
    const refused = kind.connect(listener).then(
      (late) => {
        late.destroy();
        return "accepted";
      },
      () => "refused",
    );
    assertEquals(await within(refused, "an answer"), "refused");
    peer.write("still here");
    await owner.until(() => owner.received === 10, "bytes of an old connection");
  });
}
