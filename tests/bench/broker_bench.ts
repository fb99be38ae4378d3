/**
 * A chunk of bytes through the whole broker, without a network: `deno run -A tests/bench/broker_bench.ts`, or the same
 * with `bun`. Figures are for one delivery.
 */
import { MemoryStore } from "../../src/storage/mod.ts";
import { AclAuthorizer, ALLOW_ALL, AuthenticatorChain, compileRule } from "../../src/auth/mod.ts";
import { type Logger, SystemClock } from "../../src/base/mod.ts";
import { Broker, type BrokerRuntime } from "../../src/broker/mod.ts";
import type { Authorizer } from "../../src/ports/mod.ts";
import type { ByteSocketHandler } from "../../src/runtime/mod.ts";
import {
  connectFrame,
  publishTemplate,
  type Qos,
  subscribeFrame,
  type Version,
} from "./load/frames.ts";
import { NullSocket } from "./null_socket.ts";
import { LISTENER_TERMS } from "../support/listener_terms.ts";
import { DEFAULT_LIMITS, DEFAULT_OPTIONS } from "../support/memory_broker.ts";
import { Bench } from "./timing.ts";

const SILENT: Logger = {
  isEnabled: () => false,
  error: (message) => {
    throw new Error(message);
  },
  warn: () => {},
  info: () => {},
  debug: () => {},
  trace: () => {},
};

/** What is deferred to the end of the turn runs when the bench says that it ends. */
class BenchRuntime implements BrokerRuntime {
  #deferred: (() => void)[] = [];

  every(): { stop(): void } {
    return { stop: () => {} };
  }

  defer(fn: () => void): void {
    this.#deferred.push(fn);
  }

  yieldTurn(fn: () => void): void {
    this.#deferred.push(fn);
  }

  memory(): { rssBytes: number; heapUsedBytes: number } {
    return { rssBytes: 0, heapUsedBytes: 0 };
  }

  endTurn(): void {
    while (this.#deferred.length > 0) {
      const due = this.#deferred;
      this.#deferred = [];
      for (const fn of due) fn();
    }
  }
}

interface Client {
  readonly handler: ByteSocketHandler;
  readonly socket: NullSocket;
}

class Rig {
  readonly runtime = new BenchRuntime();
  readonly #broker: Broker;

  constructor(authorizer: Authorizer) {
    this.#broker = new Broker({
      options: DEFAULT_OPTIONS,
      limits: DEFAULT_LIMITS,
      version: "0.0.0",
      runtime: this.runtime,
      clock: new SystemClock(),
      logger: SILENT,
      authenticator: new AuthenticatorChain([]),
      authorizer,
      store: new MemoryStore(),
    });
  }

  connect(clientId: string, version: Version): Client {
    const socket = new NullSocket("Bun" in globalThis);
    const handler = this.#broker.accept(socket, { options: LISTENER_TERMS, release: () => {} });
    handler.onBytes(connectFrame({ clientId, version, keepAliveS: 0 }));
    this.runtime.endTurn();
    return { handler, socket };
  }

  subscribe(client: Client, filter: string, qos: Qos, version: Version): void {
    client.handler.onBytes(subscribeFrame(1, [filter], qos, version));
    this.runtime.endTurn();
  }
}

const bench = new Bench("broker");

interface Case {
  readonly subscribers: number;
  readonly qos: Qos;
  readonly from: Version;
  readonly to: Version;
  /** Topics that the messages of a chunk go to in turn. */
  readonly topics: number;
  readonly frames: number;
  readonly payloadBytes?: number;
  /** Access rules; none: everything is allowed. */
  readonly rules?: number;
}

/** Every second one could deny something; the last allows what the bench does. */
function authorizerOf(rules: number): Authorizer {
  if (rules === 0) return ALLOW_ALL;
  const list = Array.from({ length: rules - 1 }, (_, n) =>
    compileRule({
      permit: n % 2 === 0 ? "allow" : "deny",
      action: "all",
      topics: [n % 3 === 0 ? `bench/${n}/%c/#` : `site/${n}/+/secret`],
    }, `acl.rule.${n}`));
  const last = compileRule({ permit: "allow", action: "all", topics: ["bench/#"] }, "last");
  return new AclAuthorizer({ rules: [...list, last], noMatch: "deny", denyAction: "ignore" });
}

function topicOf(index: number): string {
  return `bench/${index}/telemetry/temp`;
}

/** The messages of a chunk, the PUBACKs that its receivers answer with, one behind the other. */
function chunkOf({ frames, topics, qos, from, payloadBytes }: Case): Uint8Array {
  const parts: number[] = [];
  for (let i = 0; i < frames; i++) {
    const { bytes, packetIdAt } = publishTemplate({
      topic: topicOf(i % topics),
      payloadBytes: payloadBytes ?? 64,
      qos,
      version: from,
      deliveries: 1,
    });
    if (packetIdAt >= 0) bytes[packetIdAt + 1] = i + 1;
    for (const byte of bytes) parts.push(byte);
  }
  return Uint8Array.from(parts);
}

function measure(name: string, one: Case): void {
  if (!bench.wants(name)) return;
  const rig = new Rig(authorizerOf(one.rules ?? 0));
  const publisher = rig.connect("publisher", one.from);
  const subscribers: Client[] = [];
  for (let i = 0; i < one.subscribers; i++) {
    const subscriber = rig.connect(`subscriber-${i}`, one.to);
    rig.subscribe(subscriber, "bench/+/telemetry/temp", one.qos, one.to);
    subscribers.push(subscriber);
  }
  const chunk = chunkOf(one);
  const acks = new Uint8Array(4 * one.frames);
  let packetId = 0;
  const nextAcks = (): Uint8Array => {
    for (let i = 0; i < one.frames; i++) {
      packetId = packetId === 65535 ? 1 : packetId + 1;
      acks.set([0x40, 2, packetId >>> 8, packetId & 0xff], 4 * i);
    }
    return acks;
  };
  bench.measure(name, one.frames * Math.max(1, one.subscribers), () => {
    publisher.handler.onBytes(chunk);
    rig.runtime.endTurn();
    if (one.qos === 1) {
      const bytes = nextAcks();
      for (const { handler } of subscribers) handler.onBytes(bytes);
      rig.runtime.endTurn();
    }
    let sum = publisher.socket.writtenBytes;
    for (const { socket } of subscribers) sum += socket.writtenBytes;
    return sum;
  });
}

const PAIR: Case = { subscribers: 1, qos: 0, from: 4, to: 4, topics: 1, frames: 16 };
measure("1 to 1, QoS 0, chunk of 16", PAIR);
measure("1 to 1, QoS 0, chunk of 700", { ...PAIR, frames: 700 });
measure("1 to 1, QoS 0, chunk of 1", { ...PAIR, frames: 1 });
measure("1 to 1, QoS 0, 5.0, chunk of 16", { ...PAIR, from: 5, to: 5 });
measure("1 to 1, QoS 0, 3.1.1 to 5.0, chunk of 16", { ...PAIR, to: 5 });
measure("1 to 1, QoS 1, chunk of 16", { ...PAIR, qos: 1 });
measure("1 to 1, QoS 0, 100 topics in turn, chunk of 100", { ...PAIR, topics: 100, frames: 100 });
measure("1 to 1, QoS 0, chunk of 16, 1,000 rules", { ...PAIR, rules: 1000 });
measure("1 to 1, QoS 0, 100 topics in turn, 1,000 rules", {
  ...PAIR,
  topics: 100,
  frames: 100,
  rules: 1000,
});
measure("1 to 1, QoS 1, chunk of 16, 1,000 rules", { ...PAIR, qos: 1, rules: 1000 });
measure("1 to 100, QoS 0, chunk of 16, 1,000 rules", { ...PAIR, subscribers: 100, rules: 1000 });
measure("1 to 100, QoS 0, chunk of 16", { ...PAIR, subscribers: 100 });
measure("1 to 100, QoS 1, chunk of 16", { ...PAIR, subscribers: 100, qos: 1 });
measure("1 to 10,000, QoS 0, chunk of 1", { ...PAIR, subscribers: 10_000, frames: 1 });
measure("1 to 1, QoS 0, 64 KiB payload", { ...PAIR, frames: 1, payloadBytes: 65536 });
measure("1 to nobody, QoS 0, chunk of 16", { ...PAIR, subscribers: 0 });
bench.finish();
