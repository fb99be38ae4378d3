/**
 * Connections without a network: the broker's end is a `ByteSocket`, the other end belongs to a test.
 *
 * Nothing happens by itself. What one end does reaches the other in a later turn, and a turn takes place
 * when the test says so; so a run depends on nothing but the test and its seed. The broker's end watches
 * over the contract of `ByteSocket`: bytes of a chunk are destroyed when `onBytes` returns, bytes of a
 * pending write must not change, and no second write may come before `onWritable`.
 */
import { Deque, type Prng } from "../../src/base/mod.ts";
import type {
  ByteSocket,
  ByteSocketHandler,
  CloseCause,
  IntervalHandle,
  PeerCertificate,
  ProcessMemory,
} from "../../src/runtime/mod.ts";
import { ManualClock } from "./manual_clock.ts";

/** Turns after which a broker that does not come to rest is taken to run for ever. */
const TURNS_MAX = 1_000_000;

interface Interval {
  readonly everyMs: number;
  readonly fn: () => void;
  dueMs: number;
}

/** The part of a runtime that a broker needs, with turns and time in the hands of a test. */
export class MemoryRuntime {
  readonly clock: ManualClock = new ManualClock();
  readonly #prng: Prng | undefined;
  readonly #sockets = new Set<MemorySocket>();
  readonly #intervals = new Set<Interval>();
  #ready: MemorySocket[] = [];
  #deferred: (() => void)[] = [];
  #yielded: (() => void)[] = [];
  #lastPort = 1023;

  /** With `prng` the sockets that are ready in a turn come in any order. */
  constructor(prng?: Prng) {
    this.#prng = prng;
  }

  /** Connections of which the broker has not yet seen the end. */
  get openSockets(): number {
    return this.#sockets.size;
  }

  get intervalCount(): number {
    return this.#intervals.size;
  }

  defer(fn: () => void): void {
    this.#deferred.push(fn);
  }

  yieldTurn(fn: () => void): void {
    this.#yielded.push(fn);
  }

  every(intervalMs: number, fn: () => void): IntervalHandle {
    const interval = { everyMs: intervalMs, fn, dueMs: this.clock.monotonicMs() + intervalMs };
    this.#intervals.add(interval);
    return { stop: () => void this.#intervals.delete(interval) };
  }

  memory(): ProcessMemory {
    return { rssBytes: 1, heapUsedBytes: 1 };
  }

  /** A new connection, as a listener would report it. */
  connect(
    accept: (socket: ByteSocket) => ByteSocketHandler,
    remoteAddress = "memory",
  ): MemoryPeer {
    const remote = { address: remoteAddress, port: ++this.#lastPort };
    const socket = new MemorySocket(this, remote, this.#prng);
    this.#sockets.add(socket);
    socket.attach(accept(socket));
    return socket.peer;
  }

  /** One turn of the event loop: an event of each socket that has one, then what was put off. False: idle. */
  turn(): boolean {
    const ready = this.#ready;
    this.#ready = [];
    this.#prng?.shuffle(ready);
    for (const socket of ready) socket.dispatch();
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const fn of deferred) fn();
    const yielded = this.#yielded;
    this.#yielded = [];
    for (const fn of yielded) fn();
    return ready.length > 0 || deferred.length > 0 || yielded.length > 0;
  }

  /** Turns until nothing is left to do. */
  settle(): void {
    for (let turns = 0; this.turn(); turns++) {
      if (turns > TURNS_MAX) throw new Error(`Cannot settle: still busy after ${TURNS_MAX} turns`);
    }
  }

  /** Like `settle`, for brokers with promises on their way. */
  async settled(): Promise<void> {
    let idleRounds = 0;
    while (idleRounds < 10) {
      idleRounds = this.turn() ? 0 : idleRounds + 1;
      await Promise.resolve();
    }
  }

  /** Lets time pass; every interval that falls due on the way is called, and its turn comes to rest. */
  advance(ms: number): void {
    const endMs = this.clock.monotonicMs() + ms;
    this.settle();
    for (let next = this.#nextDue(endMs); next !== undefined; next = this.#nextDue(endMs)) {
      this.clock.advance(next.dueMs - this.clock.monotonicMs());
      next.dueMs += next.everyMs;
      next.fn();
      this.settle();
    }
    this.clock.advance(endMs - this.clock.monotonicMs());
  }

  /** Time jumps, as when the machine slept: intervals find out at once, and once. */
  jump(ms: number): void {
    this.settle();
    this.clock.advance(ms);
    const nowMs = this.clock.monotonicMs();
    for (const interval of [...this.#intervals]) {
      if (interval.dueMs > nowMs) continue;
      interval.dueMs = nowMs + interval.everyMs;
      interval.fn();
      this.settle();
    }
  }

  /** Belongs to the sockets. */
  wake(socket: MemorySocket): void {
    this.#ready.push(socket);
  }

  /** Belongs to the sockets. */
  forget(socket: MemorySocket): void {
    this.#sockets.delete(socket);
  }

  #nextDue(endMs: number): Interval | undefined {
    let next: Interval | undefined;
    for (const interval of this.#intervals) {
      if (interval.dueMs <= endMs && (next === undefined || interval.dueMs < next.dueMs)) {
        next = interval;
      }
    }
    return next;
  }
}

/** A write that was not taken whole. */
interface PendingWrite {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** As they were when `write` was called. */
  readonly original: Uint8Array;
  taken: number;
}

/** The broker's end. */
export class MemorySocket implements ByteSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  peerCertificate: PeerCertificate | undefined;
  serverName: string | undefined;
  chunksAreStable = false;
  readonly peer: MemoryPeer;
  readonly #runtime: MemoryRuntime;
  readonly #prng: Prng | undefined;
  readonly #inbox = new Deque<Uint8Array>();
  #handler: ByteSocketHandler | undefined;
  #pending: PendingWrite | undefined;
  #isReady = false;
  #isPaused = false;
  #strayChunks = 0;
  #isClosing = false;
  #isClosed = false;
  #peerHasEnded = false;
  #cause: CloseCause | undefined;

  constructor(
    runtime: MemoryRuntime,
    remote: { readonly address: string; readonly port: number },
    prng: Prng | undefined,
  ) {
    this.#runtime = runtime;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.#prng = prng;
    this.peer = new MemoryPeer(this);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  attach(handler: ByteSocketHandler): void {
    this.#handler = handler;
  }

  // --- what the broker does ---------------------------------------------------------------------

  write(bytes: Uint8Array, start: number, end: number): boolean {
    if (start >= end) throw new Error(`Cannot write: nothing between ${start} and ${end}`);
    if (end > bytes.length) throw new Error(`Cannot write: ${end} is behind the bytes`);
    if (this.#pending !== undefined) throw new Error("Cannot write: a write is pending");
    if (this.#isClosing) throw new Error("Cannot write: the socket was closed by its owner");
    // The end is on its way to the owner, who cannot know yet.
    if (this.#isClosed || this.#cause !== undefined) return true;
    const original = copyOf(bytes.subarray(start, end));
    if (this.peer.takesAtOnce(original)) return true;
    this.#pending = { bytes, start, end, original, taken: 0 };
    this.takeMore();
    return false;
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#inbox.length > 0 && this.#prng?.nextBoolean(0.3) === true) this.#strayChunks = 1;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#inbox.length > 0 || this.#peerHasEnded) this.#wake();
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#cause ??= "local";
    if (this.#pending === undefined) this.#hangUp();
  }

  abort(): void {
    this.#isClosing = true;
    this.#cause ??= "local";
    this.#pending = undefined;
    this.#hangUp();
  }

  // --- what the peer does -----------------------------------------------------------------------

  receive(chunk: Uint8Array): void {
    if (this.#isClosing || this.#isClosed || this.#cause !== undefined) return;
    this.#inbox.push(chunk);
    if (!this.#isPaused) this.#wake();
  }

  /** The peer has ended its side; found out when all it sent is read. */
  receiveEnd(): void {
    this.#peerHasEnded = true;
    if (!this.#isPaused) this.#wake();
  }

  /** The connection broke: what is under way is lost. */
  receiveReset(): void {
    if (this.#isClosed) return;
    this.#cause ??= "error";
    this.#pending = undefined;
    this.#inbox.clear();
    this.#wake();
  }

  /** The peer has room again. */
  takeMore(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const { original } = pending;
    const taken = this.peer.takes(original.subarray(pending.taken));
    pending.taken += taken;
    if (pending.taken === original.length) this.#wake();
    else if (taken > 0) this.#handler?.onProgress();
  }

  /** One event. */
  dispatch(): void {
    this.#isReady = false;
    if (this.#isClosed) return;
    const pending = this.#pending;
    if (pending !== undefined && pending.taken === pending.original.length) {
      this.#finishWrite(pending);
    } else if (this.#cause !== undefined) {
      this.#end(this.#cause);
      return;
    } else if (this.#canRead) {
      this.#read();
    } else if (this.#peerHasEnded && this.#inbox.length === 0 && !this.#isPaused) {
      this.#cause = "peer";
      this.#pending = undefined;
    } else return;
    if (this.#hasMore) this.#wake();
  }

  get #canRead(): boolean {
    if (this.#inbox.length === 0 || this.#isClosing) return false;
    return !this.#isPaused || this.#strayChunks > 0;
  }

  get #hasMore(): boolean {
    return this.#canRead || (this.#cause !== undefined && this.#pending === undefined) ||
      (this.#peerHasEnded && !this.#isPaused && !this.#isClosing);
  }

  #read(): void {
    if (this.#isPaused) this.#strayChunks--;
    const chunk = copyOf(this.#inbox.shift() as Uint8Array);
    this.chunksAreStable = this.#prng?.nextBoolean() ?? false;
    try {
      this.#handler?.onBytes(chunk);
    } finally {
      // The buffer of a chunk is the runtime's again, unless it was made for this call.
      if (!this.chunksAreStable) chunk.fill(0xee);
    }
  }

  #finishWrite({ bytes, start, end, original }: PendingWrite): void {
    for (let index = start; index < end; index++) {
      if (bytes[index] !== original[index - start]) {
        throw new Error(`Bytes of a pending write were changed at ${index - start}`);
      }
    }
    this.#pending = undefined;
    if (this.#isClosing) this.#hangUp();
    else this.#handler?.onWritable();
  }

  #hangUp(): void {
    this.#inbox.clear();
    this.peer.isHungUp = true;
    this.#wake();
  }

  #end(cause: CloseCause): void {
    this.#isClosed = true;
    this.peer.isHungUp = true;
    this.#runtime.forget(this);
    this.#handler?.onClose(cause, cause === "error" ? "connection reset" : undefined);
    this.#handler = undefined;
  }

  #wake(): void {
    if (this.#isReady || this.#isClosed) return;
    this.#isReady = true;
    this.#runtime.wake(this);
  }
}

/** The test's end. */
export class MemoryPeer {
  /** The broker has ended the connection, or seen its end. */
  isHungUp = false;
  /** Every write is pending at first and done in a later turn, as on Deno. Else only what has no room pends. */
  takesLate = false;
  /** Bytes that this end still takes; `read` makes room. */
  room = Infinity;
  readonly #socket: MemorySocket;
  #received: Uint8Array[] = [];
  #receivedBytes = 0;

  constructor(socket: MemorySocket) {
    this.#socket = socket;
  }

  /** Whether the broker asks for no more bytes. */
  get isPaused(): boolean {
    return this.#socket.isPaused;
  }

  /** The broker knows that the connection is over. */
  get isClosed(): boolean {
    return this.#socket.isClosed;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** One chunk on its way to the broker. */
  send(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#socket.receive(copyOf(bytes));
  }

  /** All that has come since the last call. */
  take(): Uint8Array {
    const whole = new Uint8Array(this.#receivedBytes);
    let at = 0;
    for (const part of this.#received) {
      whole.set(part, at);
      at += part.length;
    }
    this.#received = [];
    this.#receivedBytes = 0;
    return whole;
  }

  /** Makes room for `bytes` more. */
  giveRoom(bytes: number): void {
    this.room += bytes;
    this.#socket.takeMore();
  }

  /** Ends the connection in good order. */
  end(): void {
    this.#socket.receiveEnd();
  }

  /** Breaks the connection. */
  reset(): void {
    this.#socket.receiveReset();
  }

  /** Belongs to the socket: the write is taken whole and at once. */
  takesAtOnce(bytes: Uint8Array): boolean {
    if (this.takesLate || bytes.length > this.room) return false;
    this.takes(bytes);
    return true;
  }

  /** Belongs to the socket: takes what there is room for. */
  takes(bytes: Uint8Array): number {
    const count = Math.min(bytes.length, this.room);
    if (count === 0) return 0;
    this.room -= count;
    this.#received.push(copyOf(bytes.subarray(0, count)));
    this.#receivedBytes += count;
    return count;
  }
}

/** `slice()` would do, were it not that a `Buffer` shares its memory with what it slices. */
function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
