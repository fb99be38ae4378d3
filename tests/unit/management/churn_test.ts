/** Lists that are read page by page, and within a page slice by slice, while their rows come and go. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Clock, Prng } from "../../../src/base/mod.ts";
import type { Page, PageRequest } from "../../../src/management/mod.ts";
import { seededPrng } from "../../support/seed.ts";
import { ADMIN, ManagementRig } from "../../support/management_rig.ts";

/** Every look at it takes some time, so that long work gives way again and again. */
class BusyClock implements Clock {
  #nowMs = 0;

  nowMs(): number {
    return 1_700_000_000_000;
  }

  monotonicMs(): number {
    return this.#nowMs += 1;
  }
}

const RUNS = 5;
const ROWS = 800;

/** Rows with a name each; what a churn adds has a name that was never used before. */
interface Rows {
  add(name: string): void;
  remove(name: string): void;
}

/** Adds and removes rows at random; knows which have been there all the time. */
class Churn {
  readonly stable = new Set<string>();
  readonly #present: string[] = [];
  readonly #rows: Rows;
  readonly #prng: Prng;
  #lastNumber = 0;
  isOn = false;

  constructor(rows: Rows, prng: Prng) {
    this.#rows = rows;
    this.#prng = prng;
    for (let count = 0; count < ROWS; count++) this.#add();
    for (const name of this.#present) this.stable.add(name);
  }

  turn(): void {
    if (!this.isOn) return;
    for (let changes = this.#prng.nextInt(8); changes > 0; changes--) {
      if (this.#prng.nextBoolean() || this.#present.length === 0) this.#add();
      else this.#remove();
    }
  }

  #add(): void {
    const name = `n${++this.#lastNumber}`;
    this.#rows.add(name);
    this.#present.push(name);
  }

  #remove(): void {
    const index = this.#prng.nextInt(this.#present.length);
    const [name = ""] = this.#present.splice(index, 1);
    this.#rows.remove(name);
    this.stable.delete(name);
  }
}

interface Subject {
  readonly what: string;
  rows(rig: ManagementRig): Rows;
  /** The names of the rows of a page. */
  page(rig: ManagementRig, request: PageRequest): Promise<Page<string>>;
}

function pageOf<T>(page: Page<T>, nameOf: (row: T) => string): Page<string> {
  return { ...page, items: page.items.map(nameOf) };
}

function connections(rig: ManagementRig, isPersistent: boolean): Rows {
  const peers = new Map<string, { reset(): void }>();
  const { memory } = rig;
  const properties = isPersistent ? { sessionExpiryInterval: 1000 } : {};
  return {
    add: (clientId) => void peers.set(clientId, memory.client({ clientId, properties }).peer),
    remove: (clientId) => peers.get(clientId)?.reset(),
  };
}

/** One client with a filter for each row, and one that shares some of them. */
function filters(rig: ManagementRig): Rows {
  const client = rig.memory.connect({ clientId: "c" });
  rig.memory.connect({ clientId: "d" }).subscribe("other", 0);
  return {
    add: (name) => client.subscribe(name, 0),
    remove: (name) => client.send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: [name] }),
  };
}

/** Each row is one of ten clients' only subscription with its filter. */
function pairs(rig: ManagementRig): Rows {
  const clients = Array.from(
    { length: 10 },
    (_, index) => rig.memory.connect({ clientId: `${index}` }),
  );
  const clientOf = (name: string): (typeof clients)[0] => clients[Number(name.slice(1)) % 10]!;
  return {
    add: (name) => clientOf(name).subscribe(name, 0),
    remove: (name) =>
      clientOf(name).send({ cmd: "unsubscribe", messageId: 1, unsubscriptions: [name] }),
  };
}

function retained(rig: ManagementRig): Rows {
  const { messages } = rig.service;
  const publish = (topic: string, payload: Uint8Array): void =>
    void messages.publish({ topic, payload, qos: 0, retain: true, publisher: ADMIN });
  return {
    add: (name) => publish(name, Uint8Array.of(1)),
    remove: (name) => publish(name, new Uint8Array()),
  };
}

const SUBJECTS: readonly Subject[] = [
  {
    what: "clients",
    rows: (rig) => connections(rig, false),
    page: async (rig, request) =>
      pageOf(await rig.service.clients.list(request), ({ clientId }) => clientId),
  },
  {
    what: "clients that are connected",
    rows: (rig) => connections(rig, true),
    page: async (rig, request) =>
      pageOf(
        await rig.service.clients.list(request, { isConnected: true }),
        ({ clientId }) => clientId,
      ),
  },
  {
    what: "clients, by a filter",
    rows: (rig) => connections(rig, true),
    page: async (rig, request) =>
      pageOf(
        await rig.service.clients.list(request, { isConnected: true, clientIdContains: "n" }),
        ({ clientId }) => clientId,
      ),
  },
  {
    what: "subscriptions of one client",
    rows: filters,
    page: async (rig, request) =>
      pageOf(
        await rig.service.subscriptions.list(request, { clientId: "c" }),
        ({ filter }) => filter,
      ),
  },
  {
    what: "subscriptions",
    rows: pairs,
    page: async (rig, request) =>
      pageOf(await rig.service.subscriptions.list(request), ({ filter }) => filter),
  },
  {
    what: "routes",
    rows: filters,
    page: async (rig, request) =>
      pageOf(await rig.service.routes.list(request), ({ topicFilter }) => topicFilter),
  },
  {
    what: "retained messages",
    rows: retained,
    page: async (rig, request) =>
      pageOf(await rig.service.retained.list(request), ({ topic }) => topic),
  },
  {
    what: "retained messages, by a filter",
    rows: retained,
    page: async (rig, request) =>
      pageOf(await rig.service.retained.list(request, { filter: "+" }), ({ topic }) => topic),
  },
];

async function pageThrough(subject: Subject, prng: Prng): Promise<void> {
  let slices = 0;
  const rig: ManagementRig = new ManagementRig({}, {
    clock: new BusyClock(),
    yieldTurn: (fn) => {
      slices++;
      churn.turn();
      rig.memory.runtime.yieldTurn(fn);
    },
  });
  const churn = new Churn(subject.rows(rig), prng);
  rig.memory.runtime.settle();
  churn.isOn = true;
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const limit = 1 + prng.nextInt(400);
    const page = await rig.settled(subject.page(rig, { limit, cursor }));
    assert(page.items.length <= limit);
    seen.push(...page.items);
    cursor = page.nextCursor;
    churn.turn();
    rig.memory.runtime.settle();
  } while (cursor !== undefined);
  const once = new Set(seen);
  assertEquals(once.size, seen.length, "nothing twice");
  for (const name of churn.stable) assert(once.has(name), `${name} was there all the time`);
  assert(slices > 3, `it gave way ${slices} times`);
  assertEquals(rig.memory.errors, []);
}

for (const subject of SUBJECTS) {
  test(`pages of ${subject.what} show nothing twice, and all that was there all the time`, async () => {
    const prng = seededPrng(`churn of ${subject.what}`);
    for (let run = 0; run < RUNS; run++) await pageThrough(subject, prng);
  });
}
