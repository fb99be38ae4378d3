/**
 * What the store takes, alone: `deno run -A tests/bench/storage_bench.ts`, or the same with `bun`.
 *
 * A closed loop as publishers make one: no more than a window of messages waits for its commit. Stalls are the times that the main
 * thread did not come round to others.
 */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { SessionKey, Store } from "../../src/ports/mod.ts";
import { FramedMessage, type Message } from "../../src/session/mod.ts";
import { type Durability, openSqliteStore } from "../../src/storage/mod.ts";
import { InlineWriter } from "../support/inline_writer.ts";
import {
  deliveryOf,
  framedMessage,
  REAL_TIMERS,
  sessionRecord,
  STORAGE_THREAD,
  temporaryFolder,
} from "../support/storage_rig.ts";

const MESSAGES = Number(process.env["MESSAGES"] ?? 200_000);
const WINDOW = Number(process.env["WINDOW"] ?? 10_000);
const PAYLOAD_BYTES = Number(process.env["PAYLOAD"] ?? 64);
/** What comes in one chunk of one publisher. */
const CHUNK = 50;

const runtime = process.versions["bun"] === undefined ? "deno" : "bun ";

async function open(dataDir: string, durability: Durability): Promise<Store> {
  const { store } = await openSqliteStore({
    dataDir,
    durability,
    groupCommitMs: 2,
    timers: REAL_TIMERS,
    threadEntry: STORAGE_THREAD,
    ...(process.env["WRITER"] === "main"
      ? { createWriter: () => new InlineWriter(REAL_TIMERS.defer) }
      : {}),
  });
  return store;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function percentiles(values: number[]): string {
  values.sort((a, b) => a - b);
  const at = (part: number): string =>
    (values[Math.floor((values.length - 1) * part)] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} p99 ${at(0.99)} max ${at(1)} ms`;
}

/** Time, processor time, and how long the thread did not come round to others. */
class Stopwatch {
  readonly #begin = performance.now();
  readonly #cpu = process.cpuUsage();
  readonly #gaps: number[] = [];
  readonly #ticker: ReturnType<typeof setInterval>;

  constructor() {
    let last = performance.now();
    this.#ticker = setInterval(() => {
      const now = performance.now();
      this.#gaps.push(Math.max(0, now - last - 1));
      last = now;
    }, 1);
  }

  report(name: string, count: number, more: string): void {
    clearInterval(this.#ticker);
    const ms = performance.now() - this.#begin;
    const { user, system } = process.cpuUsage(this.#cpu);
    process.stdout.write(
      `${runtime} ${name.padEnd(20)} ${
        Math.round(count / ms * 1000).toLocaleString("en").padStart(9)
      }/s` +
        `  cpu ${((user + system) / count).toFixed(2)} us each  stalls ${
          percentiles(this.#gaps)
        }  ${more}\n`,
    );
  }
}

/** What a message is made of, to make many like it. */
function partsOf(message: Message): FramedMessage {
  if (!(message instanceof FramedMessage)) throw new Error("Cannot go on: not kept as a frame");
  return message;
}

async function push(store: Store, keys: readonly SessionKey[]): Promise<void> {
  const payload = new Uint8Array(PAYLOAD_BYTES).fill(7);
  const waiting: { ticket: number; count: number; atMs: number }[] = [];
  const latencies: number[] = [];
  let unacknowledged = 0;
  let wake = (): void => {};
  const watch = new Stopwatch();
  store.events = {
    onRepaired: () => undefined,
    onCommitted(ticket: number): void {
      while (waiting.length > 0 && (waiting[0]?.ticket ?? Infinity) <= ticket) {
        const { count, atMs } = waiting.shift() ?? { count: 0, atMs: 0 };
        unacknowledged -= count;
        latencies.push(performance.now() - atMs);
      }
      wake();
    },
    onStateChange: (failure) => process.stderr.write(`${JSON.stringify(failure)}\n`),
    onProblem: (problem) => process.stderr.write(`${problem}\n`),
  };
  const base = partsOf(framedMessage("site/17/device/4711/temperature", payload, 1));
  for (let sent = 0; sent < MESSAGES;) {
    if (unacknowledged + CHUNK > WINDOW) await new Promise<void>((resolve) => wake = resolve);
    for (let i = 0; i < CHUNK; i++, sent++) {
      const message = new FramedMessage({ ...base });
      store.pushQueued(keys[sent % keys.length] as SessionKey, deliveryOf(message));
    }
    const ticket = store.ticket();
    if (ticket > store.committedTicket) {
      waiting.push({ ticket, count: CHUNK, atMs: performance.now() });
      unacknowledged += CHUNK;
    }
    await turn();
  }
  await store.flush();
  const { counters } = store;
  watch.report(
    `push, ${keys.length} sessions`,
    MESSAGES,
    `acknowledged after ${percentiles(latencies)}, commits of ${
      Math.round(MESSAGES / counters.commits)
    }, longest ${counters.longestCommitMs.toFixed(0)} ms, written ${
      (counters.bytesWritten / MESSAGES).toFixed(0)
    } B each`,
  );
}

async function drain(store: Store, keys: readonly SessionKey[]): Promise<void> {
  const watch = new Stopwatch();
  let count = 0;
  const afters = keys.map(() => 0);
  let isMore = true;
  while (isMore) {
    isMore = false;
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as SessionKey;
      const found = store.readQueued(key, afters[index] as number, 256, Infinity);
      for (const { seq } of found) store.removeQueued(key, seq);
      afters[index] = found.at(-1)?.seq ?? afters[index] as number;
      count += found.length;
      if (found.length > 0) isMore = true;
      await turn();
    }
  }
  await store.flush();
  watch.report(`drain, ${keys.length} sessions`, count, "");
  // The writer gives space back when nothing happens.
  await new Promise((resolve) => setTimeout(resolve, 5000));
}

async function run(durability: Durability, sessions: number): Promise<void> {
  const folder = temporaryFolder();
  process.stdout.write(`-- ${durability}\n`);
  try {
    let store = await open(folder, durability);
    const names = Array.from({ length: sessions }, (_, index) => `client-${index}`);
    await push(store, names.map((name) => store.createSession(sessionRecord(name))));
    await store.close();
    const begin = performance.now();
    store = await open(folder, durability);
    const { sessions: loaded } = store.load();
    process.stdout.write(
      `${runtime} opened in ${(performance.now() - begin).toFixed(0)} ms, ${
        loaded.reduce((sum, { queue }) => sum + queue.count, 0)
      } messages, file ${statSync(join(folder, "broker.db")).size >> 20} MB\n`,
    );
    await drain(store, loaded.map(({ key }) => key));
    const size = statSync(join(folder, "broker.db")).size;
    process.stdout.write(`${runtime} drained, file ${size >> 20} MB\n`);
    await store.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

for (const durability of (process.env["DURABILITY"] ?? "fsync,os").split(",")) {
  for (const sessions of (process.env["SESSIONS"] ?? "1,100").split(",")) {
    await run(durability as Durability, Number(sessions));
  }
}
