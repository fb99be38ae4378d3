import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { readPrometheus } from "./prometheus.ts";

const SOUND = `# HELP a_total A
# TYPE a_total counter
a_total{x="1",y="\\"\\\\"} 1
a_total{x="2"} 2
# HELP b B
# TYPE b gauge
b 1.5e-7
# HELP c C
# TYPE c histogram
c_bucket{le="1"} 1
c_bucket{le="+Inf"} 2
c_sum 3
c_count 2
`;

test("readPrometheus() reads a sound text", () => {
  const { types, samples } = readPrometheus(SOUND);
  assertEquals([...types.keys()], ["a_total", "b", "c"]);
  assertEquals(samples[1], { name: "a_total", labels: { x: "2" }, value: 2 });
  assertEquals(samples.length, 7);
});

const PLANTED: ReadonlyArray<[what: string, from: string, to: string]> = [
  ["a name that is none", "b 1.5e-7", "b-c 1"],
  ["a label without quotes", 'x="2"', "x=2"],
  ["a bare quote in a label", '\\"\\\\', '"'],
  ["the same series twice", 'x="2"', 'y="\\"\\\\",x="1"'],
  ["a sample without TYPE", "# TYPE b gauge\n", ""],
  ["a second HELP", "# HELP b B", "# HELP a_total A"],
  ["a counter that is no _total", "# TYPE b gauge", "# TYPE b counter"],
  ["a value that is no number", "1.5e-7", "much"],
  ["no last bucket", 'c_bucket{le="+Inf"} 2\n', ""],
  ["buckets that shrink", 'c_bucket{le="1"} 1', 'c_bucket{le="1"} 3'],
  ["a count that disagrees", "c_count 2", "c_count 3"],
  ["no line end", "c_count 2\n", "c_count 2"],
  ["an empty line", "# HELP b B", "\n# HELP b B"],
];

for (const [what, from, to] of PLANTED) {
  test(`readPrometheus() refuses ${what}`, () => {
    assertThrows(() => readPrometheus(SOUND.replace(from, to)), Error, "Cannot read metrics");
  });
}
