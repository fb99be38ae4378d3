import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { deliveryOf, messageOf, sessionRecord } from "../../support/storage_rig.ts";
import { storeContract } from "./store_contract.ts";

storeContract("MemoryStore", async (use) => {
  const store = new MemoryStore();
  await use(store);
  await store.close();
});

test("MemoryStore commits at once", () => {
  const store = new MemoryStore();
  const key = store.createSession(sessionRecord("c"));
  store.pushQueued(key, deliveryOf(messageOf("t", "1")));
  assertEquals(store.ticket() <= store.committedTicket, true);
});

test("MemoryStore.backup() says that there is nothing on disk", async () => {
  await assertRejects(() => new MemoryStore().backup("file"), Error, "persistence is off");
});
