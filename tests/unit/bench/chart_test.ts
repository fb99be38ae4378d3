import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Chart, drawChart, formatBytes, formatShort } from "../../bench/chart.ts";

const CHART: Chart = {
  title: "Cost < work & more",
  subtitle: "a machine",
  columns: 2,
  styles: { a: { label: "first", color: "#123456", isDashed: true } },
  panels: [
    {
      title: "rate",
      xTitle: "items",
      lines: [{ style: "a", points: [[10, 1000], [100, 10_000], [1000, 100_000]] }],
    },
    { title: "nothing here", xTitle: "items", lines: [] },
  ],
};

test("drawChart() puts the points of a power law on a straight line", () => {
  const svg = drawChart(CHART);
  const path = /<path d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" fill="none"/;
  const found = [...svg.matchAll(new RegExp(path, "g"))].at(-1)?.slice(1).map(Number) ?? [];
  const [x1, y1, x2, y2, x3, y3] = found as [number, number, number, number, number, number];
  assert(x1 < x2 && x2 < x3 && y1 > y2 && y2 > y3, svg);
  assert(Math.abs((x3 - x2) - (x2 - x1)) < 0.3 && Math.abs((y3 - y2) - (y2 - y1)) < 0.3, svg);
});

test("drawChart() makes one well-formed document", () => {
  const svg = drawChart(CHART);
  assert(svg.startsWith("<svg ") && svg.endsWith("</svg>\n"));
  assert(svg.includes("Cost &lt; work &amp; more"));
  assert(svg.includes("not measured"), "an empty panel says so");
  assert(!/NaN|Infinity|undefined/.test(svg), svg);
  const open: string[] = [];
  for (const [, closing, name, self] of svg.matchAll(/<(\/?)(\w+)[^>]*?(\/?)>/g)) {
    if (closing === "/") assertEquals(open.pop(), name);
    else if (self !== "/") open.push(name as string);
  }
  assertEquals(open, []);
});

test("drawChart() keeps every point inside its panel, also where all are the same", () => {
  const panels = [{
    title: "flat",
    xTitle: "items",
    lines: [{ style: "a", points: [[0.2, 0.3], [0.2, 0.3]] as const }],
  }];
  const svg = drawChart({ ...CHART, columns: 1, panels });
  const [, width] = /width="(\d+)"/.exec(svg) ?? [];
  const [, height] = /height="(\d+)"/.exec(svg) ?? [];
  for (const [, x, y] of svg.matchAll(/cx="([^"]+)" cy="([^"]+)"/g)) {
    assert(Number(x) > 0 && Number(x) < Number(width), svg);
    assert(Number(y) > 0 && Number(y) < Number(height), svg);
  }
});

test("drawChart() refuses a line without a style", () => {
  assertThrows(() => drawChart({ ...CHART, styles: {} }), Error, 'Cannot draw "a"');
});

const NUMBERS: ReadonlyArray<[value: number, short: string, bytes: string]> = [
  [16, "16", "16"],
  [1024, "1.02k", "1Ki"],
  [65_536, "65.5k", "64Ki"],
  [1_048_576, "1.05M", "1Mi"],
];

for (const [value, short, bytes] of NUMBERS) {
  test(`${value} is written "${short}", as bytes "${bytes}"`, () => {
    assertEquals([formatShort(value), formatBytes(value)], [short, bytes]);
  });
}
