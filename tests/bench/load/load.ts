import process from "node:process";
import { LoadClient, type LoadObserver } from "./client.ts";
import { nowUs, sleep } from "./clock.ts";
import { type PublishTemplate, readUint32 } from "./frames.ts";
import { LatencyHistogram } from "../../../src/base/mod.ts";
import type { LoadPhase, LoadPlan, LoadResult, PhaseResult, SetUpResult } from "./plan.ts";
import { cpuSeconds, type CpuTimes, cpuTimes, rssBytes } from "./process_usage.ts";
import { defer } from "./socket.ts";
import { changingFilter, filtersOf, templatesOf } from "./topics.ts";

/** Connections that are being made at the same time. */
const DIALS_MAX = 128;
/** Connections to one address of loopback: there are about 28,000 ports to come from. */
const CONNECTIONS_PER_ADDRESS = 20_000;
const FILTERS_PER_SUBSCRIBE = 200;
/** A publisher with more unsent bytes waits for the system to take them. */
const UNSENT_BYTES_MAX = 65536;
/** Silence after which what is still missing is lost, in milliseconds. */
const DRAIN_QUIET_MS = 3000;
const POLL_MS = 5;
const READ_BYTES = 65536;
/** Where there are many subscribers each gets little at a time. */
const MANY_SUBSCRIBERS = 500;
const FEW_READ_BYTES = 4096;
const IDLE_READ_BYTES = 64;
const KEEP_ALIVE_S = 600;

interface Publisher {
  readonly client: LoadClient;
  templates: readonly PublishTemplate[];
  next: number;
}

/**
 * A closed loop: never more than the plan's window is on its way, so nothing is dropped for want of room and the
 * figure is what the broker sustains.
 */
export class Load implements LoadObserver {
  readonly #plan: LoadPlan;
  readonly #publishers: Publisher[] = [];
  readonly #subscribers: LoadClient[] = [];
  readonly #idle: LoadClient[] = [];
  #changer: LoadClient | undefined;
  readonly #latency = new LatencyHistogram();
  readonly #windowDeliveries: number;
  /** Each subscriber gets every message, so that the slowest of them sets the pace. */
  readonly #isBroadcast: boolean;
  /** Messages that all subscribers are to have before the next are sent, and how many have not. */
  #mark = 0;
  #behindMark = 0;
  #isPublishing = false;
  #isFillDeferred = false;
  #isEnding = false;
  #turn = 0;
  #counter = 0;
  #published = 0;
  /** Deliveries that follow from what was published. */
  #expected = 0;
  #delivered = 0;
  #unacknowledged = 0;
  #orderErrors = 0;
  #closed = 0;
  #clockUs = 0;

  constructor(plan: LoadPlan) {
    this.#plan = plan;
    this.#isBroadcast = plan.shape === "fanout" || plan.shape === "fanin";
    this.#windowDeliveries = plan.window * (this.#isBroadcast ? plan.subscribers : 1);
  }

  /** Connects, subscribes, runs the phases, and says good-bye. */
  async run(): Promise<LoadResult> {
    const setUp = await this.#setUp();
    const phases: PhaseResult[] = [];
    for (const phase of this.#plan.phases) phases.push(await this.#runPhase(phase));
    const lost = this.#expected - this.#delivered;
    this.#isEnding = true;
    const clients = [...this.#publishers.map(({ client }) => client), ...this.#subscribers];
    for (const client of [...clients, ...this.#idle]) client.disconnect();
    this.#changer?.disconnect();
    return { setUp, phases, lost, orderErrors: this.#orderErrors, closed: this.#closed };
  }

  // --- LoadObserver -----------------------------------------------------------------------------

  onDelivery(client: LoadClient, bytes: Uint8Array, payloadStart: number): void {
    this.#delivered++;
    if (++client.received === this.#mark) this.#behindMark--;
    const sentUs = readUint32(bytes, payloadStart);
    const publisher = readUint32(bytes, payloadStart + 4);
    const sequence = readUint32(bytes, payloadStart + 8);
    if (this.#clockUs === 0) this.#clockUs = nowUs();
    this.#latency.record((this.#clockUs - sentUs) >>> 0);
    const last = client.lastSequences;
    if (last === undefined) return;
    // Of a table each subscriber hears a part only, so there numbers grow but have gaps.
    const expected = (last[publisher] as number) + 1;
    if (this.#plan.shape === "table" ? sequence < expected : sequence !== expected) {
      this.#orderErrors++;
    }
    last[publisher] = sequence;
  }

  onAcknowledged(): void {
    this.#unacknowledged--;
  }

  onChunkEnd(): void {
    this.#clockUs = 0;
    if (!this.#isPublishing || this.#isFillDeferred) return;
    this.#isFillDeferred = true;
    defer(this.#fill);
  }

  onClose(): void {
    if (!this.#isEnding) this.#closed++;
  }

  // --- set-up -----------------------------------------------------------------------------------

  async #setUp(): Promise<SetUpResult> {
    const plan = this.#plan;
    const rssStartBytes = this.#brokerRss();
    let [startMs, startCpuS] = [performance.now(), this.#brokerCpu()];
    await this.#connectAll(this.#idle, plan.idleConnections, "idle", IDLE_READ_BYTES);
    const readBytes = plan.subscribers > MANY_SUBSCRIBERS ? FEW_READ_BYTES : READ_BYTES;
    await this.#connectAll(this.#subscribers, plan.subscribers, "sub", readBytes);
    const publishers: LoadClient[] = [];
    await this.#connectAll(publishers, plan.publishers, "pub", READ_BYTES);
    for (const client of publishers) this.#publishers.push({ client, templates: [], next: 0 });
    const connectSeconds = (performance.now() - startMs) / 1000;
    const connectBrokerCpuS = since(this.#brokerCpu(), startCpuS);
    await sleep(plan.settleMs);
    const rssConnectedBytes = this.#brokerRss();

    [startMs, startCpuS] = [performance.now(), this.#brokerCpu()];
    await Promise.all(this.#subscribers.map((client, index) => this.#subscribe(client, index)));
    const subscribeSeconds = (performance.now() - startMs) / 1000;
    const subscribeBrokerCpuS = since(this.#brokerCpu(), startCpuS);
    await sleep(plan.settleMs);
    return {
      connections: plan.idleConnections + plan.subscribers + plan.publishers,
      connectSeconds,
      subscribeSeconds,
      ...defined({ connectBrokerCpuS, subscribeBrokerCpuS, rssStartBytes, rssConnectedBytes }),
      ...defined({ rssSubscribedBytes: this.#brokerRss() }),
    };
  }

  async #connectAll(
    clients: LoadClient[],
    count: number,
    role: string,
    readBytes: number,
  ): Promise<void> {
    const worker = async (): Promise<void> => {
      while (clients.length < count && this.#closed === 0) {
        const client = new LoadClient(clients.length, this.#plan.version, this);
        clients.push(client);
        await this.#connect(client, role, readBytes);
      }
    };
    await Promise.all(Array.from({ length: Math.min(DIALS_MAX, count) }, worker));
  }

  async #connect(client: LoadClient, role: string, readBytes: number): Promise<void> {
    const { host, port, version, username, password } = this.#plan;
    const address = Math.floor(client.index / CONNECTIONS_PER_ADDRESS);
    const dialled = host === "127.0.0.1" && address > 0 ? `127.0.0.${1 + address}` : host;
    await client.connect({ host: dialled, port, readBytes }, {
      clientId: `load-${process.pid}-${role}-${client.index}`,
      version,
      keepAliveS: KEEP_ALIVE_S,
      username,
      password,
    });
  }

  async #subscribe(client: LoadClient, index: number): Promise<void> {
    client.lastSequences = new Uint32Array(this.#plan.publishers);
    const filters = filtersOf(this.#plan, index);
    for (let at = 0; at < filters.length; at += FILTERS_PER_SUBSCRIBE) {
      await client.subscribe(filters.slice(at, at + FILTERS_PER_SUBSCRIBE), this.#plan.qos);
    }
  }

  // --- load -------------------------------------------------------------------------------------

  async #runPhase(phase: LoadPhase): Promise<PhaseResult> {
    for (const publisher of this.#publishers) {
      publisher.templates = templatesOf(this.#plan, publisher.client.index, phase.topics);
      publisher.next = 0;
    }
    const stopChanges = await this.#beginChanges(phase.changesPerSecond);
    this.#isPublishing = true;
    this.#fill();
    await sleep(phase.warmUpMs);
    this.#latency.reset();
    const [published, delivered] = [this.#published, this.#delivered];
    const [broker, generatorCpuS] = [this.#brokerTimes(), cpuSeconds(process.pid)];
    const startMs = performance.now();
    await sleep(phase.measureMs);
    const seconds = (performance.now() - startMs) / 1000;
    const brokerNow = this.#brokerTimes();
    const result: PhaseResult = {
      name: phase.name,
      seconds,
      published: this.#published - published,
      deliveries: this.#delivered - delivered,
      ...defined({
        brokerCpuS: since(totalOf(brokerNow), totalOf(broker)),
        brokerSystemS: since(brokerNow?.systemS, broker?.systemS),
        generatorCpuS: since(cpuSeconds(process.pid), generatorCpuS),
        rssBytes: this.#brokerRss(),
      }),
      p50Us: this.#latency.quantileUs(0.5),
      p99Us: this.#latency.quantileUs(0.99),
      maxUs: this.#latency.maxUs,
    };
    this.#isPublishing = false;
    stopChanges();
    await this.#drain();
    return result;
  }

  /** Waits for what is still on its way. */
  async #drain(): Promise<void> {
    let [seen, quietMs] = [-1, 0];
    while (this.#expected > this.#delivered || this.#unacknowledged > 0) {
      const now = this.#delivered - this.#unacknowledged;
      quietMs = now === seen ? quietMs + POLL_MS : 0;
      if (quietMs > DRAIN_QUIET_MS) return;
      seen = now;
      await sleep(POLL_MS);
    }
  }

  readonly #fill = (): void => {
    this.#isFillDeferred = false;
    const publishers = this.#publishers;
    let idle = 0;
    while (this.#isPublishing && idle < publishers.length) {
      if (!this.#hasRoom()) return;
      const publisher = publishers[this.#turn] as Publisher;
      this.#turn = this.#turn + 1 === publishers.length ? 0 : this.#turn + 1;
      idle = this.#publishBurst(publisher) > 0 ? 0 : idle + 1;
    }
  };

  /**
   * Whether more may be on its way. In a total over many subscribers one that is slow would hide behind those that
   * are not, until its queue in the broker is full.
   */
  #hasRoom(): boolean {
    if (this.#expected - this.#delivered >= this.#windowDeliveries) return false;
    if (!this.#isBroadcast) return true;
    const { window } = this.#plan;
    const step = Math.max(1, window >> 2);
    while (this.#behindMark === 0) {
      this.#mark += step;
      for (const { received } of this.#subscribers) {
        if (received < this.#mark) this.#behindMark++;
      }
    }
    return this.#published < this.#mark - step + window;
  }

  #publishBurst(publisher: Publisher): number {
    const { client, templates } = publisher;
    if (client.isClosed || client.unsentBytes >= UNSENT_BYTES_MAX) return 0;
    const isAcknowledged = this.#plan.qos > 0;
    const room = isAcknowledged ? client.inflightMax - client.inflight : Infinity;
    const count = Math.min(this.#plan.burst, room);
    const stampUs = nowUs();
    for (let i = 0; i < count; i++) {
      const template = templates[publisher.next] as PublishTemplate;
      publisher.next = publisher.next + 1 === templates.length ? 0 : publisher.next + 1;
      client.publish(template, stampUs, this.#counter++);
      this.#expected += template.deliveries;
    }
    this.#published += count;
    if (isAcknowledged) this.#unacknowledged += count;
    client.flush();
    return count;
  }

  /** Subscriptions come and go; returns what ends that. */
  async #beginChanges(perSecond: number): Promise<() => void> {
    if (perSecond === 0) return () => {};
    if (this.#changer === undefined) {
      this.#changer = new LoadClient(0, this.#plan.version, this);
      await this.#connect(this.#changer, "changer", READ_BYTES);
    }
    const changer = this.#changer;
    let [changes, startMs] = [0, performance.now()];
    const timer = setInterval(() => {
      const due = Math.floor((performance.now() - startMs) / 1000 * perSecond);
      for (; changes < due; changes++) {
        const filters = [changingFilter(this.#plan, changes >> 1)];
        const done = changes % 2 === 0
          ? changer.subscribe(filters, this.#plan.qos)
          : changer.unsubscribe(filters);
        done.catch(() => this.#closed++);
      }
    }, POLL_MS);
    return () => {
      clearInterval(timer);
      startMs = Infinity;
    };
  }

  #brokerTimes(): CpuTimes | undefined {
    return this.#plan.brokerPid === undefined ? undefined : cpuTimes(this.#plan.brokerPid);
  }

  #brokerCpu(): number | undefined {
    return this.#plan.brokerPid === undefined ? undefined : cpuSeconds(this.#plan.brokerPid);
  }

  #brokerRss(): number | undefined {
    return this.#plan.brokerPid === undefined ? undefined : rssBytes(this.#plan.brokerPid);
  }
}

function since(now: number | undefined, then: number | undefined): number | undefined {
  return now === undefined || then === undefined ? undefined : now - then;
}

function totalOf(times: CpuTimes | undefined): number | undefined {
  return times === undefined ? undefined : times.userS + times.systemS;
}

/** Without the fields that nobody knows. */
function defined<T extends Record<string, number | undefined>>(
  fields: T,
): { [K in keyof T]?: number } {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as { [K in keyof T]?: number };
}
