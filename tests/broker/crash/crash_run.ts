/** Publishers at full speed and subscribers of several kinds, while their broker dies again and again. */
import type { Prng } from "../../../src/base/mod.ts";
import { within } from "../../support/deadline.ts";
import { TestClient } from "../../support/mqtt_client.ts";
import {
  type Disk,
  type End,
  type RestartableBroker,
  withRestarts,
} from "../../support/restarts.ts";
import { describe, judge, type Verdict } from "./checker.ts";
import { CrashPublisher, readPayload } from "./crash_publisher.ts";
import { CrashSubscriber } from "./crash_subscriber.ts";

export interface CrashOptions {
  readonly rounds: number;
  readonly end: End;
  readonly prng: Prng;
  /** Added behind `run`. */
  readonly args?: readonly string[];
  /** What the data directory is on: it says what is left after a kill. */
  readonly disk?: Disk;
}

export interface CrashResult {
  readonly verdict: Verdict;
  /** Messages that were acknowledged to the publishers. */
  readonly acknowledged: number;
  /** Messages that were received, by all subscribers together. */
  readonly received: number;
  /** Retained messages that were older than an acknowledged one, or never sent. */
  readonly outdated: readonly string[];
}

/** No message may be dropped for want of room. */
const LIMITS = ["--set", "mqtt.max_queued_messages=0", "--set", "mqtt.max_queued_bytes=1GB"];
/** Acknowledged messages, at most, before the broker dies. */
const ROUND_MAX = 3000;
/** The same for some rounds: enough that the log of the database is carried over meanwhile. */
const LONG_ROUND_MAX = 30_000;
/** Milliseconds more, at most, that it then lives. */
const GRACE_MS = 20;
/** A failing run only: half the machine may be somebody else's. */
const PATIENCE_MS = 120_000;

/** Rejects where the broker forgets a session or breaks the protocol; the rest is for the verdict to say. */
export async function runCrashes(options: CrashOptions): Promise<CrashResult> {
  const args = [...LIMITS, ...options.args ?? []];
  let result: CrashResult | undefined;
  await withRestarts({ args, disk: options.disk }, async (broker) => {
    result = await new CrashRun(broker, options).run();
  });
  return result as CrashResult;
}

class CrashRun {
  readonly #broker: RestartableBroker;
  readonly #options: CrashOptions;
  readonly #publishers: readonly CrashPublisher[];
  readonly #online: readonly CrashSubscriber[];
  readonly #offline: CrashSubscriber;
  readonly #visitor: CrashSubscriber;
  readonly #outdated: string[] = [];

  constructor(broker: RestartableBroker, options: CrashOptions) {
    this.#broker = broker;
    this.#options = options;
    const version = (): 4 | 5 => options.prng.pick([4, 5] as const);
    this.#publishers = ([1, 2] as const).flatMap((qos) => [
      new CrashPublisher(`qos${qos}-a`, version(), qos),
      new CrashPublisher(`qos${qos}-b`, version(), qos),
    ]);
    this.#online = [new CrashSubscriber("online", 4), new CrashSubscriber("slow", 5)];
    this.#offline = new CrashSubscriber("offline", version());
    this.#visitor = new CrashSubscriber("visitor", version());
  }

  async run(): Promise<CrashResult> {
    await this.#setUp();
    const { rounds, end, prng } = this.#options;
    for (let round = 0; round < rounds; round++) {
      await this.#round();
      await this.#broker.start();
      // Now and then it dies again as soon as it is there.
      if (prng.nextBoolean(0.2)) await this.#broker.restart(end);
      await this.#checkRetained();
    }
    await this.#finish();
    const { publishers, subscribers } = this.#everybody;
    return {
      verdict: judge(publishers, subscribers),
      acknowledged: publishers.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0),
      received: subscribers.reduce((sum, { messages }) => sum + messages.length, 0),
      outdated: this.#outdated,
    };
  }

  get #everybody(): {
    publishers: readonly CrashPublisher[];
    subscribers: readonly CrashSubscriber[];
    clients: readonly (CrashPublisher | CrashSubscriber)[];
  } {
    const publishers = this.#publishers;
    const subscribers = [...this.#online, this.#offline, this.#visitor];
    return { publishers, subscribers, clients: [...publishers, ...subscribers] };
  }

  async #setUp(): Promise<void> {
    const { publishers, subscribers, clients } = this.#everybody;
    for (const publisher of publishers) publisher.limit = 0;
    await Promise.all(clients.map((client) => client.connect(this.#broker.port)));
    const subscribed = subscribers.map((subscriber) => subscriber.subscribe("crash/+"));
    await within(Promise.all(subscribed), "SUBACKs");
    await this.#cutAll();
    for (const publisher of publishers) publisher.limit = Infinity;
    this.#failIfAnyFailed();
    // So that with any durability the sessions are there.
    await this.#broker.restart("stop");
  }

  /** Full speed until the broker dies. */
  async #round(): Promise<void> {
    const { prng, end } = this.#options;
    const { promise: isTime, resolve: now } = Promise.withResolvers<void>();
    let left = 1 + prng.nextInt(prng.nextBoolean(0.1) ? LONG_ROUND_MAX : ROUND_MAX);
    for (const publisher of this.#publishers) {
      publisher.onAcknowledged = () => --left === 0 && now();
    }
    const graceMs = prng.nextBoolean() ? 0 : prng.nextInt(GRACE_MS);
    const clients = [...this.#publishers, ...this.#online];
    for (const subscriber of this.#online.slice(1)) {
      subscriber.acknowledgeEvery = 1 + prng.nextInt(16);
    }
    if (prng.nextBoolean(0.3)) {
      clients.push(this.#visitor);
      this.#visitFor(1 + prng.nextInt(ROUND_MAX));
    }
    for (const client of clients) void client.connect(this.#broker.port);
    const anyFailure = Promise.race(clients.map((client) => client.closed));
    await within(Promise.race([isTime, anyFailure]), "acknowledgements", PATIENCE_MS);
    this.#failIfAnyFailed();
    if (graceMs > 0) await new Promise((resolve) => setTimeout(resolve, graceMs));
    await this.#broker.end(end);
    await within(Promise.all(clients.map((client) => client.closed)), "closed connections");
    this.#failIfAnyFailed();
  }

  /** The visitor takes some of what waits for it and is gone. */
  #visitFor(messages: number): void {
    let left = messages;
    this.#visitor.onMessage = () => --left === 0 && this.#visitor.cut();
  }

  /** The newest retained message of each publisher is one that was acknowledged, or newer. */
  async #checkRetained(): Promise<void> {
    const client = await TestClient.connect(this.#broker.port);
    await client.subscribe("crash/+");
    client.send({ cmd: "pingreq" });
    const found = new Map<string, number>();
    for (let packet = await client.next(); packet.cmd === "publish"; packet = await client.next()) {
      const { publisher, number } = readPayload(packet.payload);
      found.set(publisher, number);
    }
    await client.disconnect();
    for (const { name, lastRetained, lastNumber } of this.#publishers) {
      const number = found.get(name) ?? 0;
      if (number < lastRetained || number > lastNumber) {
        this.#outdated.push(`${name}: ${number}, not ${lastRetained} to ${lastNumber}`);
      }
    }
  }

  /** Everything that is on its way arrives. */
  async #finish(): Promise<void> {
    const { publishers, subscribers, clients } = this.#everybody;
    for (const publisher of publishers) publisher.limit = publisher.lastNumber + 1;
    for (const subscriber of subscribers) {
      subscriber.acknowledgeEvery = 1;
      subscriber.onMessage = () => undefined;
    }
    for (const client of clients) void client.connect(this.#broker.port);
    const finished = (async () => {
      for (const publisher of publishers) await publisher.done();
      for (const subscriber of subscribers) {
        for (const { name, lastNumber } of publishers) await subscriber.reached(name, lastNumber);
      }
    })();
    const anyFailure = Promise.race(clients.map((client) => client.closed));
    const end = Promise.race([finished, anyFailure]);
    await within(end, "the last messages", PATIENCE_MS).catch((error) => {
      throw new Error(`${error}: ${describe(judge(publishers, subscribers))}`, { cause: error });
    });
    await this.#cutAll();
  }

  async #cutAll(): Promise<void> {
    this.#failIfAnyFailed();
    const { clients } = this.#everybody;
    for (const client of clients) client.cut();
    await Promise.all(clients.map((client) => client.closed));
  }

  #failIfAnyFailed(): void {
    const failures = this.#everybody.clients.flatMap(({ failure }) => failure ?? []);
    if (failures.length > 0) throw new Error(`The broker was wrong: ${failures.join("; ")}`);
  }
}
