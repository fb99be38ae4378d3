import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { rowsReply } from "../../../../src/http/kit/mod.ts";
import { ManualClock } from "../../../support/manual_clock.ts";

/** Every look at it takes a millisecond. */
class BusyClock extends ManualClock {
  override monotonicMs(): number {
    this.advance(1);
    return super.monotonicMs();
  }
}

for (const length of [0, 1, 64, 65, 1000]) {
  test(`rowsReply() of ${length} rows is the same JSON, in pieces or whole`, async () => {
    let turns = 0;
    const yieldTurn = (fn: () => void): void => {
      turns++;
      fn();
    };
    const rows = Array.from({ length }, (_, index) => index);
    const { body } = rowsReply({ clock: new BusyClock(), yieldTurn }, 200, {
      before: { code: 0 },
      name: "data",
      rows,
      toDto: (row) => ({ id: `"${row}` }),
      after: { meta: { count: length } },
    });
    let text = "";
    if (typeof body === "string") text = body;
    else for await (const piece of body as AsyncIterable<string>) text += piece;
    const data = rows.map((row) => ({ id: `"${row}` }));
    assertEquals(text, JSON.stringify({ code: 0, data, meta: { count: length } }));
    assertEquals(turns > 10, length === 1000, "a long one gives way");
    assertEquals(typeof body === "string", length <= 64);
  });
}

test("rowsReply() without members around the list", async () => {
  const rows = Array.from({ length: 100 }, (_, index) => index);
  const yieldTurn = (fn: () => void): void => fn();
  const { body } = rowsReply({ clock: new ManualClock(), yieldTurn }, 200, {
    name: "data",
    rows,
    toDto: (row) => row,
  });
  let text = "";
  for await (const piece of body as AsyncIterable<string>) text += piece;
  assertEquals(JSON.parse(text), { data: rows });
});
