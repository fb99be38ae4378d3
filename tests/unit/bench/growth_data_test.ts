import { test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  findExcesses,
  findExponents,
  type GrowthData,
  type GrowthPoint,
  type GrowthSeries,
  type GrowthSubject,
  mergeGrowth,
} from "../../bench/growth_data.ts";

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
    "what is too much in all and not in any step",
    "fanout",
    [{ x: 100, brokerUs: 1 }, { x: 1000, brokerUs: 1.6 }, { x: 10_000, brokerUs: 2.5 }],
    [1.199],
  ],
  [
    "no excess in figures that waver",
    "fanout",
    [{ x: 100, brokerUs: 1 }, { x: 1000, brokerUs: 1.6 }, { x: 10_000, brokerUs: 1.2 }],
    [],
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

test("findExcesses() finds nothing in what is there to compare with, findExponents() tells of it", () => {
  const points = [{ x: 10, brokerUs: 9 }, { x: 100, brokerUs: 1 }, { x: 10_000, brokerUs: 100 }];
  const series: GrowthSeries = { subject: "fanout", runtime: "mosquitto", points };
  assertEquals(findExcesses(series), []);
  assertEquals(findExponents(series), [{
    what: "fanout CPU of a message to all on mosquitto",
    from: 100,
    to: 10_000,
    exponent: 2,
  }]);
});

test("mergeGrowth() exchanges what was measured again, and nothing else", () => {
  const series = (
    runtime: string,
    kind: string | undefined,
    ...figures: number[]
  ): GrowthSeries => ({
    subject: kind === undefined ? "fanout" : "subscriptions",
    runtime,
    ...(kind === undefined ? {} : { kind }),
    points: figures.map((brokerUs, index) => ({ x: 10 ** index, brokerUs })).filter((point) =>
      point.brokerUs > 0
    ),
  });
  const remark = (runtime: string, text: string): GrowthData["remarks"][number] => ({
    subject: "fanout",
    runtime,
    text,
  });
  const before: GrowthData = {
    machine: "old",
    runtimes: { bun: "1", deno: "1" },
    remarks: [remark("bun", "gone"), remark("deno", "stays")],
    series: [
      series("bun", undefined, 1, 2, 3),
      series("deno", undefined, 2),
      series("bun", "+", 3),
    ],
  };
  const now: GrowthData = {
    machine: "new",
    runtimes: { bun: "2" },
    remarks: [remark("bun", "new")],
    series: [series("bun", undefined, 0, 7), series("bun", "#", 6)],
  };
  assertEquals(mergeGrowth(before, now), {
    machine: "new",
    runtimes: { bun: "2", deno: "1" },
    remarks: [remark("deno", "stays"), remark("bun", "new")],
    series: [
      series("bun", undefined, 1, 7, 3),
      series("deno", undefined, 2),
      series("bun", "+", 3),
      series("bun", "#", 6),
    ],
  });
});
