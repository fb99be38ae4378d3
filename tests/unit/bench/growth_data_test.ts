import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { findExcesses, type GrowthPoint, type GrowthSubject } from "../../bench/growth_data.ts";

const CASES: ReadonlyArray<
  [what: string, subject: GrowthSubject, points: GrowthPoint[], exponents: number[]]
> = [
  [
    "no excess in deliveries that cost the same whatever the fan-out",
    "fanout",
    [{ x: 100, brokerUs: 1 }, { x: 1000, brokerUs: 1 }],
    [],
  ],
  [
    "deliveries that cost ten times as much at ten times the fan-out",
    "fanout",
    [{ x: 100, brokerUs: 1 }, { x: 1000, brokerUs: 10 }],
    [2],
  ],
  [
    "no excess in a message that costs as much more as its payload is longer",
    "payload",
    [{ x: 1024, brokerUs: 1 }, { x: 4096, brokerUs: 4 }],
    [],
  ],
  [
    "a message whose cost grows with the square of its payload",
    "payload",
    [{ x: 1024, brokerUs: 1 }, { x: 4096, brokerUs: 16 }],
    [2],
  ],
  [
    "no excess where there are too few to tell",
    "fanout",
    [{ x: 1, brokerUs: 1 }, { x: 10, brokerUs: 100 }],
    [],
  ],
  [
    "memory and time of subscriptions that grow with the square of their number",
    "subscriptions",
    [
      { x: 1000, brokerUs: 1, kibEach: 1, setUpBrokerUs: 1 },
      { x: 10_000, brokerUs: 1, kibEach: 10, setUpBrokerUs: 10 },
    ],
    [2, 2],
  ],
  [
    "what is on both sides of a point that was not measured",
    "connections",
    [{ x: 100, setUpBrokerUs: 1 }, { x: 1000 }, { x: 10_000, setUpBrokerUs: 100 }],
    [2],
  ],
];

for (const [what, subject, points, exponents] of CASES) {
  test(`findExcesses() finds ${what}`, () => {
    const found = findExcesses({ subject, runtime: "bun", points });
    assertEquals(found.map(({ exponent }) => Number(exponent.toFixed(3))), exponents);
  });
}
