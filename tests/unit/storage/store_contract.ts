import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { SessionKey, Store } from "../../../src/ports/mod.ts";
import { InflightState, type Message } from "../../../src/session/mod.ts";
import { NO_EVENTS } from "../../../src/storage/mod.ts";
import {
  contentOf,
  deliveryOf,
  framedMessage,
  lend,
  messageOf,
  sessionRecord,
} from "../../support/storage_rig.ts";

/** Runs `use` with an empty store, and closes it. */
export type WithStore = (use: (store: Store) => Promise<void>) => Promise<void>;

function push(store: Store, key: SessionKey, text: string): number {
  return store.pushQueued(key, deliveryOf(messageOf("t", text)));
}

function payloads(store: Store, key: SessionKey, afterSeq = 0, limit = 100): string[] {
  return store.readQueued(key, afterSeq, limit, Infinity).map(({ delivery }) =>
    new TextDecoder().decode(delivery.message.payload)
  );
}

/** Every store must pass these: called for each kind. */
export function storeContract(name: string, withStore: WithStore): void {
  test(`${name}: an empty store has nothing and has not failed`, () =>
    withStore((store) => {
      assertEquals(store.load(), { sessions: [], retained: [], delayed: [] });
      assertEquals(store.failure, undefined);
      assertEquals([store.waitingChanges, store.waitingBytes, store.unreadable], [0, 0, 0]);
      return Promise.resolve();
    }));

  test(`${name}: queued messages are read in their order, committed or not`, () =>
    withStore(async (store) => {
      store.load();
      const key = store.createSession(sessionRecord("c"));
      assertEquals([push(store, key, "1"), push(store, key, "2")], [1, 2]);
      assertEquals(payloads(store, key), ["1", "2"]);
      await store.flush();
      assertEquals(payloads(store, key), ["1", "2"]);
      assertEquals(push(store, key, "3"), 3);
      assertEquals(payloads(store, key), ["1", "2", "3"]);
      assertEquals(payloads(store, key, 1), ["2", "3"]);
      assertEquals(payloads(store, key, 0, 1), ["1"]);
      assertEquals(payloads(store, key, 3), []);
      const flushed = store.flush();
      // While it is being written.
      assertEquals(payloads(store, key, 1), ["2", "3"]);
      assertEquals(push(store, key, "4"), 4);
      store.removeQueued(key, 2);
      assertEquals(payloads(store, key), ["1", "3", "4"]);
      await flushed;
      assertEquals(payloads(store, key), ["1", "3", "4"]);
      assertEquals(payloads(store, key, 1, 2), ["3", "4"]);
    }));

  test(`${name}: a message that was lent is read as it was, whatever becomes of its frame`, () =>
    withStore(async (store) => {
      store.load();
      const key = store.createSession(sessionRecord("c"));
      const other = store.createSession(sessionRecord("d"));
      const pushLent = (to: SessionKey, text: string): number => {
        const message = framedMessage("größe/ß", new TextEncoder().encode(text), 1, "ß");
        const grant = { identifiers: [7], group: { shareName: "g", filter: "größe/#" } };
        return lend(deliveryOf(message, grant), (lent) => store.pushQueued(to, lent));
      };
      assertEquals(["1", "2", "3", "4"].map((text) => pushLent(key, text)), [1, 2, 3, 4]);
      assertEquals(push(store, key, "5"), 5);
      pushLent(other, "x");
      store.removeQueued(key, 2);
      store.setInflight(key, 3, 3, InflightState.awaitsPubcomp);
      const [first] = store.readQueued(key, 0, 1, Infinity);
      assertEquals(
        contentOf(first!.delivery.message),
        contentOf(framedMessage("größe/ß", new TextEncoder().encode("1"), 1, "ß")),
      );
      const { qos, retain, identifiers, group } = first!.delivery;
      assertEquals([qos, retain, identifiers], [1, false, [7]]);
      assertEquals(group, { shareName: "g", filter: "größe/#" });
      assertEquals([payloads(store, key), payloads(store, other)], [["1", "4", "5"], ["x"]]);
      const flushed = store.flush();
      // While it is being written; what comes meanwhile is somewhere else.
      assertEquals(pushLent(key, "6"), 6);
      assertEquals(payloads(store, key), ["1", "4", "5", "6"]);
      await flushed;
      assertEquals([payloads(store, key), payloads(store, other)], [["1", "4", "5", "6"], ["x"]]);
      await store.flush();
      store.removeQueued(key, 4);
      pushLent(key, "7");
      store.removeSession(other);
      assertEquals(payloads(store, key), ["1", "5", "6", "7"]);
      await store.flush();
      assertEquals(payloads(store, key), ["1", "5", "6", "7"]);
      assertEquals([store.waitingChanges, store.waitingBytes], [0, 0]);
    }));

  test(`${name}: readQueued() stops when it comes to the bytes that were asked for`, () =>
    withStore(async (store) => {
      store.load();
      const key = store.createSession(sessionRecord("c"));
      for (let i = 0; i < 100; i++) push(store, key, "x".repeat(999));
      // A message counts its topic, too.
      const count = (bytesMax: number): number => store.readQueued(key, 0, 1000, bytesMax).length;
      const counts = [1, 1000, 1001, 50_000, Infinity];
      const expected = [1, 1, 2, 50, 100];
      assertEquals(counts.map(count), expected);
      await store.flush();
      assertEquals(counts.map(count), expected);
    }));

  test(`${name}: what is removed or released is not read again`, () =>
    withStore(async (store) => {
      store.load();
      const key = store.createSession(sessionRecord("c"));
      for (let i = 1; i <= 6; i++) push(store, key, String(i));
      store.setInflight(key, 1, 11, InflightState.awaitsPuback);
      store.setInflight(key, 2, 12, InflightState.awaitsPubcomp);
      store.removeQueued(key, 3);
      assertEquals(payloads(store, key), ["1", "4", "5", "6"]);
      await store.flush();
      assertEquals(payloads(store, key), ["1", "4", "5", "6"]);
      store.setInflight(key, 4, 14, InflightState.awaitsPubrec);
      store.setInflight(key, 5, 15, InflightState.awaitsPubcomp);
      store.removeQueued(key, 1);
      store.removeQueued(key, 2);
      assertEquals(payloads(store, key), ["4", "6"]);
      await store.flush();
      assertEquals(payloads(store, key), ["4", "6"]);
      store.removeQueued(key, 4);
      store.removeQueued(key, 6);
      store.removeQueued(key, 5);
      assertEquals(payloads(store, key), []);
      await store.flush();
      assertEquals(push(store, key, "7"), 7);
      assertEquals(payloads(store, key), ["7"]);
    }));

  test(`${name}: what is reserved is read until it is removed or released`, () =>
    withStore(async (store) => {
      store.load();
      const key = store.createSession(sessionRecord("c"));
      for (let i = 1; i <= 5; i++) push(store, key, String(i));
      store.reserve(key, 4);
      await store.flush();
      assertEquals([1, 5].map((seq) => store.isStored(key, seq)), [true, true]);
      store.setInflight(key, 1, 1, InflightState.awaitsPubrec);
      assertEquals(payloads(store, key), ["1", "2", "3", "4", "5"]);
      store.setInflight(key, 1, 1, InflightState.awaitsPubcomp);
      store.setInflight(key, 3, 3, InflightState.awaitsPubcomp);
      assertEquals(payloads(store, key), ["2", "4", "5"]);
      await store.flush();
      store.removeQueued(key, 1);
      store.removeQueued(key, 2);
      assertEquals(payloads(store, key), ["4", "5"]);
      await store.flush();
      assertEquals(payloads(store, key), ["4", "5"]);
    }));

  test(`${name}: a delivery is read with all that was granted, whatever its message is kept in`, () =>
    withStore(async (store) => {
      store.load();
      const key = store.createSession(sessionRecord("c"));
      const messages: Message[] = [
        framedMessage("größe/温度", Uint8Array.of(0, 1, 255), 2),
        framedMessage("t", new Uint8Array(5000), 0),
        messageOf("t", "", { retain: true, properties: Uint8Array.of(1, 1), expiresAtMs: 123.5 }),
      ];
      const deliveries = messages.map((message, index) =>
        deliveryOf(message, {
          retain: index === 1,
          identifiers: [index + 1, 268_435_455],
          group: index === 2 ? undefined : { shareName: "g", filter: "a/+" },
        })
      );
      for (const delivery of deliveries) store.pushQueued(key, delivery);
      const expected = deliveries.map((one) => ({ ...one, message: contentOf(one.message) }));
      for (let round = 0; round < 2; round++) {
        const read = store.readQueued(key, 0, 10, Infinity).map(({ delivery }) => ({
          ...delivery,
          message: contentOf(delivery.message),
        }));
        assertEquals(read, expected);
        await store.flush();
      }
    }));

  test(`${name}: sessions have queues of their own, also one that follows another`, () =>
    withStore(async (store) => {
      store.load();
      const shared = messageOf("t", "shared");
      const keys = ["a", "b", "c"].map((clientId) => store.createSession(sessionRecord(clientId)));
      assertEquals(new Set(keys).size, 3);
      for (const key of keys) store.pushQueued(key, deliveryOf(shared));
      push(store, keys[0]!, "own");
      for (let round = 0; round < 2; round++) {
        assertEquals(keys.map((key) => payloads(store, key)), [
          ["shared", "own"],
          ["shared"],
          ["shared"],
        ]);
        await store.flush();
      }
      store.removeSession(keys[0]!);
      const again = store.createSession(sessionRecord("a"));
      assertEquals(payloads(store, again), []);
      await store.flush();
      assertEquals(payloads(store, again), []);
      assertEquals(push(store, again, "new"), 1);
      assertEquals(payloads(store, keys[1]!), ["shared"]);
    }));

  test(`${name}: delayed messages get keys that grow, and are removed committed or not`, () =>
    withStore(async (store) => {
      store.load();
      const put = (): number =>
        store.putDelayed({ dueAtMs: 1, username: undefined, message: messageOf("t", "x") });
      const keys = [put(), put()];
      store.removeDelayed(keys[0] as number);
      await store.flush();
      const flushed = store.flush();
      keys.push(put());
      store.removeDelayed(keys[1] as number);
      store.removeDelayed(keys[2] as number);
      await flushed;
      await store.flush();
      assertEquals(keys, [...new Set(keys)].sort((a, b) => a - b));
      assertEquals([store.waitingChanges, store.waitingBytes], [0, 0]);
    }));

  test(`${name}: a ticket is committed when all before it is flushed`, () =>
    withStore(async (store) => {
      store.load();
      const committed: number[] = [];
      store.events = {
        ...NO_EVENTS,
        onCommitted: (ticket) => void committed.push(ticket),
      };
      assert(store.ticket() <= store.committedTicket, "of nothing");
      const key = store.createSession(sessionRecord("c"));
      const first = store.ticket();
      await store.flush();
      assert(first <= store.committedTicket);
      const same = store.ticket();
      assert(same <= store.committedTicket, "nothing was noted since");
      push(store, key, "1");
      const second = store.ticket();
      store.removeQueued(key, 1);
      assertEquals(store.ticket(), second);
      await store.flush();
      assert(second <= store.committedTicket);
      assertEquals(committed, [...committed].sort((a, b) => a - b));
    }));

  test(`${name}: what a session has beside its queue can be noted, and removed again`, () =>
    withStore(async (store) => {
      store.load();
      const key = store.createSession(sessionRecord("c"));
      const subscription = {
        filter: "a/#",
        shareName: "",
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
        identifier: 0,
      } as const;
      for (let round = 0; round < 2; round++) {
        store.putSession(key, { ...sessionRecord("c"), expiryS: round });
        store.putSubscription(key, "a/#", subscription);
        store.addReceived(key, 65535);
        store.putRetained(messageOf("r", "1"));
        await store.flush();
        store.removeSubscription(key, "a/#");
        store.removeReceived(key, 65535);
        store.removeRetained("r");
        store.removeRetained("never there");
        await store.flush();
      }
      assertEquals(store.failure, undefined);
    }));
}
