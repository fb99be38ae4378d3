import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { Inflight, packetIdOfPlace, PlacedIds } from "../../../src/session/mod.ts";

/** Notes what is reserved; commits when the test says so. */
class FakeJournal {
  readonly reserved: number[] = [];
  committedTicket = 0;
  storedUpTo = Infinity;
  #ticket = 0;

  reserve(seq: number): void {
    this.reserved.push(seq);
    this.#ticket++;
  }

  ticket(): number {
    return this.#ticket;
  }

  isStored(seq: number): boolean {
    return seq <= this.storedUpTo;
  }

  commit(): void {
    this.committedTicket = this.#ticket;
  }
}

function withPlaces(use: (placed: PlacedIds, journal: FakeJournal) => void): void {
  const journal = new FakeJournal();
  use(new PlacedIds(journal), journal);
}

test("packetIdOfPlace() uses every identifier, and 0 never", () => {
  assertEquals([1, 2, 65535, 65536, 131070, 131071].map(packetIdOfPlace), [
    1,
    2,
    65535,
    1,
    65535,
    1,
  ]);
});

test("PlacedIds: a message is sure when it and its reservation are stored", () =>
  withPlaces((placed, journal) => {
    assertEquals(placed.covers(1, new Inflight()), true);
    assertEquals(placed.isSure(1), false);
    journal.commit();
    journal.storedUpTo = 1;
    assertEquals([placed.isSure(1), placed.isSure(2)], [true, false]);
    journal.storedUpTo = 10_000;
    assertEquals([placed.isSure(4097), placed.isSure(4098)], [true, false]);
  }));

test("PlacedIds reserves long before it must, and not for every message", () =>
  withPlaces((placed, journal) => {
    const inflight = new Inflight<string>();
    for (let seq = 1; seq <= 20_000; seq++) {
      placed.covers(seq, inflight);
      journal.commit();
      assertEquals(placed.isSure(seq), true, `${seq}`);
    }
    // Each of the next 1000 would be sure without a further commit.
    assertEquals(placed.isSure(21_000), true);
    assertEquals(journal.reserved.length < 15, true, journal.reserved.join(" "));
  }));

test("PlacedIds reserves no place that could have the identifier of a message in flight", () =>
  withPlaces((placed, journal) => {
    const inflight = new Inflight<string>();
    inflight.addAt(5, 2, "old", 5, 0);
    let seq = 5;
    while (placed.covers(seq + 1, inflight)) seq++;
    assertEquals(seq, journal.reserved.at(-1));
    assertEquals(seq > 60_000 && seq < 5 + 65535, true, `${seq}`);
    inflight.remove(5);
    assertEquals(placed.covers(seq + 1, inflight), true);
  }));

test("PlacedIds reserves nothing while a message in flight has another identifier", () =>
  withPlaces((placed) => {
    const inflight = new Inflight<string>();
    placed.addOther();
    assertEquals(placed.covers(1, inflight), false);
    placed.finished(70_000, packetIdOfPlace(70_000));
    assertEquals(placed.covers(2, inflight), false);
    placed.finished(70_000, 1);
    assertEquals(placed.covers(3, inflight), true);
  }));

test("PlacedIds looks for other identifiers outside of what is reserved", () =>
  withPlaces((placed, journal) => {
    placed.covers(1, new Inflight());
    assertEquals(placed.searchAfter, packetIdOfPlace(journal.reserved[0]!));
  }));

test("PlacedIds.rest() takes back what was not used, and what is sent then waits for a reservation", () =>
  withPlaces((placed, journal) => {
    const inflight = new Inflight<string>();
    for (let seq = 1; seq <= 7; seq++) placed.covers(seq, inflight);
    journal.commit();
    placed.rest();
    placed.rest();
    assertEquals(journal.reserved, [4097, 7]);
    assertEquals([placed.isSure(7), placed.isSure(8)], [true, false]);
    assertEquals(placed.covers(8, inflight), true);
    assertEquals(placed.isSure(8), false);
    journal.commit();
    assertEquals(placed.isSure(8), true);
  }));

test("PlacedIds.rest() of a connection on which nothing was sent notes nothing", () =>
  withPlaces((placed, journal) => {
    placed.rest();
    assertEquals(journal.reserved, []);
  }));
