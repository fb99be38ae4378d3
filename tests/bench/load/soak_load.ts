/**
 * A mixed load without end, as a program: `soak_load.ts PORT SEED`. Prints a line of JSON every ten seconds: what it did
 * and what the broker says of itself in `$SYS`.
 *
 * Everything in it is bounded: clients, sessions, subscriptions, retained messages live for a time and are replaced by
 * others with new names. So the broker's memory has no reason to grow.
 */
import process from "node:process";
import { Prng } from "../../../src/base/mod.ts";
import { LoadClient, type LoadObserver } from "./client.ts";
import {
  type ConnectFields,
  PINGREQ_FRAME,
  publishTemplate,
  type Qos,
  type Version,
} from "./frames.ts";

const REPORT_MS = 10_000;
const TICK_MS = 20;
const READ_BYTES = 16_384;

/** What the load is made of; rates are per second. */
const MIX = {
  publishers: 20,
  subscribers: 20,
  messages: 3000,
  /** Every so often a message is large. */
  largeShare: 0.002,
  largeBytes: 200_000,
  /** Connections of one storm, and seconds between two. */
  stormClients: 300,
  stormEveryS: 5,
  stormStayS: 3,
  subscriptionChanges: 200,
  retainedMessages: 100,
  retainedExpiryS: 20,
  sessionExpiryS: 15,
  /** Subscribers that stop reading, and how long until they are dropped. */
  slowReaders: 5,
  slowReaderS: 8,
  /** Connections of publishers and subscribers dropped without a word. */
  aborts: 2,
} as const;

const [port, seed] = process.argv.slice(2).map(Number) as [number, number];
const prng = new Prng(seed);

function chance(share: number): boolean {
  return prng.nextInt(1_000_000) < share * 1_000_000;
}

function pick<T>(items: readonly T[]): T {
  return items[prng.nextInt(items.length)] as T;
}

function sleep(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

const done = {
  connects: 0,
  refused: 0,
  published: 0,
  delivered: 0,
  subscribes: 0,
  retained: 0,
  aborts: 0,
  closedByBroker: 0,
};
/** What the broker says of itself, below `$SYS/broker/`. */
const SYS_NAMES = [
  "heap/current",
  "clients/total",
  "clients/connected",
  "subscriptions/count",
  "retained messages/count",
  "messages/stored",
  "publish/messages/dropped",
] as const;
type SysName = typeof SYS_NAMES[number];
const sys: Partial<Record<SysName, number>> = {};

/** One line of output. */
export type SoakReport = typeof done & { readonly sys: Partial<Record<SysName, number>> };

const ended = new WeakSet<LoadClient>();

const observer: LoadObserver = {
  onDelivery: () => {
    done.delivered++;
  },
  onAcknowledged: () => {},
  onChunkEnd: () => {},
  onClose: (client) => {
    if (!ended.has(client)) done.closedByBroker++;
  },
};

let clients = 0;

/** Undefined: the broker would not have it. */
async function open(fields: Partial<ConnectFields> = {}): Promise<LoadClient | undefined> {
  const version: Version = fields.version ?? pick([3, 4, 5]);
  const client = new LoadClient(clients++, version, observer);
  const clientId = fields.clientId ?? `soak-${client.index}`;
  try {
    const target = { host: "127.0.0.1", port, readBytes: READ_BYTES };
    await client.connect(target, { keepAliveS: 60, ...fields, version, clientId });
    done.connects++;
    return client;
  } catch {
    ended.add(client);
    done.refused++;
    return undefined;
  }
}

function leave(client: LoadClient): void {
  ended.add(client);
  client.disconnect();
}

function drop(client: LoadClient): void {
  ended.add(client);
  done.aborts++;
  client.abort();
}

/** A client that is replaced when it is gone; with a session that is kept it goes on where it was. */
class Member {
  client: LoadClient | undefined;
  readonly #fields: Partial<ConnectFields>;
  readonly #filters: readonly string[];

  constructor(fields: Partial<ConnectFields>, filters: readonly string[]) {
    this.#fields = fields;
    this.#filters = filters;
  }

  async join(): Promise<void> {
    const client = await open(this.#fields);
    if (client === undefined) return;
    if (this.#filters.length > 0) await client.subscribe(this.#filters, pick<Qos>([0, 1, 2]));
    this.client = client;
  }

  get isHere(): boolean {
    return this.client !== undefined && !this.client.isClosed;
  }
}

function createMembers(
  role: string,
  count: number,
  filtersOf: (index: number) => string[],
): Member[] {
  return Array.from({ length: count }, (_, index) => {
    const isKept = index % 2 === 0;
    const fields = {
      clientId: `soak-${role}-${index}`,
      version: pick<Version>([4, 5]),
      sessionExpiryS: isKept ? 60 : undefined,
    };
    return new Member(fields, filtersOf(index));
  });
}

const publishers = createMembers("pub", MIX.publishers, () => []);
const subscribers = createMembers("sub", MIX.subscribers, (index) => [
  `soak/data/${index}/#`,
  index % 4 === 0 ? "soak/data/+/all" : `$share/group${index % 3}/soak/shared/#`,
]);

let names = 0;

/** A topic that many have sent to, or one that nobody will use again. */
function trafficTopic(): string {
  const area = prng.nextInt(MIX.subscribers);
  switch (prng.nextInt(4)) {
    case 0:
      return `soak/data/${area}/${(names++).toString(36)}`;
    case 1:
      return `soak/shared/${prng.nextInt(1000)}`;
    case 2:
      return `soak/data/${area}/all`;
    default:
      return `soak/data/${area}/${prng.nextInt(500)}`;
  }
}

function publish(client: LoadClient, topic: string, payloadBytes: number, fields: {
  readonly qos: Qos;
  readonly retain?: boolean;
  readonly messageExpiryS?: number;
}): void {
  const { version } = client;
  const { messageExpiryS, ...others } = fields;
  const expiry = version === 5 && messageExpiryS !== undefined ? { messageExpiryS } : {};
  const all = { topic, payloadBytes, version, deliveries: 0, ...others, ...expiry };
  client.publish(publishTemplate(all), 0, 0);
  done.published++;
}

/** Some messages, from whoever has room. */
function sendTraffic(count: number): void {
  for (let i = 0; i < count; i++) {
    const { client } = pick(publishers);
    if (client === undefined || client.isClosed || client.unsentBytes > 1 << 20) continue;
    const qos = pick<Qos>([0, 0, 1, 2]);
    if (qos > 0 && client.inflight >= client.inflightMax - 1) continue;
    const size = chance(MIX.largeShare) ? MIX.largeBytes : 16 + prng.nextInt(500);
    publish(client, trafficTopic(), size, { qos, messageExpiryS: 5 });
  }
  for (const { client } of publishers) client?.flush();
}

const retainedTopics: string[] = [];

/** New names all the time. Some are deleted, the rest expires; MQTT 3.1.1 has no expiry, so there all are deleted. */
async function churnRetained(): Promise<void> {
  let client: LoadClient | undefined;
  while (true) {
    await sleep(1);
    if (client === undefined || client.isClosed) client = await open({ version: 5 });
    if (client === undefined) continue;
    for (let i = 0; i < MIX.retainedMessages; i++) {
      const topic = `soak/retained/${prng.nextInt(50)}/${(names++).toString(36)}`;
      const expiry = 1 + prng.nextInt(MIX.retainedExpiryS);
      publish(client, topic, 12 + prng.nextInt(1000), {
        qos: 0,
        retain: true,
        messageExpiryS: expiry,
      });
      done.retained++;
      if (i % 2 === 0) retainedTopics.push(topic);
      if (retainedTopics.length > MIX.retainedMessages) deleteRetained(client);
    }
    client.flush();
  }
}

function deleteRetained(client: LoadClient): void {
  const topic = retainedTopics.shift();
  if (topic === undefined) return;
  const bytes = new TextEncoder().encode(topic);
  client.send(Uint8Array.from([0x31, bytes.length + 3, 0, bytes.length, ...bytes, 0]));
}

/** Filters that come and go. */
async function churnSubscriptions(): Promise<void> {
  let client: LoadClient | undefined;
  const held: string[] = [];
  while (true) {
    await sleep(0.1);
    if (client === undefined || client.isClosed) {
      client = await open();
      held.length = 0;
    }
    if (client === undefined) continue;
    for (let i = 0; i < MIX.subscriptionChanges / 20; i++) {
      const filter = churnFilter();
      held.push(filter);
      await client.subscribe([filter], 1);
      done.subscribes++;
    }
    if (held.length > 200) {
      const gone = held.splice(0, 100);
      await client.unsubscribe(gone);
    }
    if (chance(0.01)) {
      if (chance(0.5)) drop(client);
      else leave(client);
    }
  }
}

function churnFilter(): string {
  const name = (names++).toString(36);
  switch (prng.nextInt(5)) {
    case 0:
      return `churn/${name}/#`;
    case 1:
      return `churn/+/${name}`;
    case 2:
      return `$share/churn${prng.nextInt(20)}/churn/${name}`;
    case 3:
      return `soak/retained/${prng.nextInt(50)}/+`;
    default:
      return `churn/${prng.nextInt(1000)}/${name}`;
  }
}

/** Many at once, for a short time; what some leave behind expires. */
async function storm(): Promise<void> {
  const all: LoadClient[] = [];
  await Promise.all(Array.from({ length: MIX.stormClients }, async (_, index) => {
    const isKept = index % 3 === 0;
    const client = await open({
      clientId: `storm-${(names++).toString(36)}`,
      sessionExpiryS: isKept ? MIX.sessionExpiryS : undefined,
      will: index % 5 === 0
        ? { topic: `soak/data/${index % 20}/will`, qos: 1, delayS: 3 }
        : undefined,
    });
    if (client === undefined) return;
    all.push(client);
    if (index % 2 === 0) {
      await client.subscribe([`soak/data/${index % 20}/all`, `storm/${index}`], 1);
    }
  }));
  await sleep(prng.nextInt(MIX.stormStayS * 1000) / 1000);
  for (const client of all) {
    if (chance(0.5)) drop(client);
    else leave(client);
  }
}

async function storms(): Promise<void> {
  while (true) {
    await storm();
    await sleep(MIX.stormEveryS);
  }
}

/** Asks for everything and stops reading. */
async function readSlowly(): Promise<void> {
  while (true) {
    const client = await open({ sessionExpiryS: chance(0.5) ? MIX.sessionExpiryS : undefined });
    if (client !== undefined) {
      await client.subscribe(["soak/data/#"], pick<Qos>([0, 1]));
      client.freeze();
      await sleep(prng.nextInt(MIX.slowReaderS * 1000) / 1000 + 1);
      drop(client);
    } else await sleep(1);
  }
}

async function keepMembers(): Promise<void> {
  const members = [...publishers, ...subscribers];
  while (true) {
    for (const member of members) {
      if (member.isHere) member.client?.send(PINGREQ_FRAME);
      else await member.join();
      member.client?.flush();
    }
    await sleep(1);
    for (let i = 0; i < MIX.aborts; i++) {
      const { client } = pick(members);
      if (client !== undefined && !client.isClosed) drop(client);
    }
  }
}

/** The broker's own figures; a connection each, so that it is plain which one came. */
async function watchSys(): Promise<void> {
  for (const name of SYS_NAMES) {
    const watcher = new LoadClient(clients++, 4, {
      ...observer,
      onDelivery: (_client, bytes, start, end) => {
        sys[name] = Number(new TextDecoder().decode(bytes.subarray(start, end)));
      },
    });
    const fields = {
      clientId: `soak-watcher-${watcher.index}`,
      version: 4,
      keepAliveS: 0,
    } as const;
    await watcher.connect({ host: "127.0.0.1", port, readBytes: READ_BYTES }, fields);
    await watcher.subscribe([`$SYS/broker/${name}`], 0);
  }
}

/** None of these ends by itself: whatever ends one of them is a fault of this program. */
function begin(work: Promise<void>): void {
  work.catch((error) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  });
}

await watchSys();
begin(keepMembers());
begin(churnRetained());
begin(churnSubscriptions());
begin(storms());
for (let i = 0; i < MIX.slowReaders; i++) begin(readSlowly());

const startMs = performance.now();
let sent = 0;
setInterval(() => {
  const due = (performance.now() - startMs) / 1000 * MIX.messages;
  // After a pause of this program what was missed is not made up for.
  const count = Math.min(due - sent, MIX.messages);
  sent = due;
  sendTraffic(Math.floor(count));
}, TICK_MS);
setInterval(() => {
  const report: SoakReport = { ...done, sys };
  process.stdout.write(`${JSON.stringify(report)}\n`);
}, REPORT_MS);
