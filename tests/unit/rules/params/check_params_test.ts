import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import type { JsonValue } from "../../../../src/ports/mod.ts";
import { checkParams, type ParamSpec, RuleError } from "../../../../src/rules/mod.ts";

const ROWS: readonly [spec: ParamSpec, value: JsonValue | undefined, detail: string | undefined][] =
  [
    [{ type: "string" }, "a", undefined],
    [{ type: "string" }, 1, "wrong_type p"],
    [{ type: "string" }, null, "wrong_type p"],
    [{ type: "string" }, undefined, undefined],
    [{ type: "string", required: true }, undefined, "required_field_missing p"],
    [{ type: "string", required: true, default: "a" }, undefined, "required_field_missing p"],
    [{ type: "number" }, 1.5, undefined],
    [{ type: "number" }, "1", "wrong_type p"],
    [{ type: "float" }, 1.5, undefined],
    [{ type: "boolean" }, false, undefined],
    [{ type: "boolean" }, "true", "wrong_type p"],
    [{ type: "object" }, {}, undefined],
    [{ type: "object" }, [], "wrong_type p"],
    [
      { type: "object", schema: { a: { type: "string", required: true } } },
      {},
      "required_field_missing p.a",
    ],
    [{ type: "object", schema: { a: { type: "number" } } }, { a: "x", b: 1 }, "wrong_type p.a"],
    [{ type: "array" }, [], undefined],
    [{ type: "array" }, {}, "wrong_type p"],
    [{ type: "array", items: { type: "number" } }, [1, "2"], "wrong_type p.1"],
    [{ type: "number", enum: [-1, 0, 1] }, -1, undefined],
    [{ type: "number", enum: [-1, 0, 1] }, 2, "not_in_enum p"],
    [{ type: "number", range: [1, 5] }, 5, undefined],
    [{ type: "number", range: [1, 5] }, 6, "out_of_range p"],
    [{ type: "number", range: [1, 5] }, 0, "out_of_range p"],
    [{ type: "string", format: "url" }, "http://host", undefined],
    [{ type: "string", format: "url" }, "https://host:8080/a?b=c", undefined],
    [{ type: "string", format: "url" }, "http://[::1]:80", undefined],
    [{ type: "string", format: "url" }, "ftp://host", "wrong_format p"],
    [{ type: "string", format: "url" }, "http://", "wrong_format p"],
    [{ type: "string", format: "url" }, "http:///path", "wrong_format p"],
    [{ type: "string", format: "url" }, "http://host:99999", "wrong_format p"],
    [{ type: "string", format: "topic" }, "a/b c/é", undefined],
    [{ type: "string", format: "topic" }, "a/+", "wrong_format p"],
    [{ type: "string", format: "topic" }, "", "wrong_format p"],
    [{ type: "string", format: "[a-z]+" }, "abc", undefined],
    [{ type: "string", format: "[a-z]+" }, "abc1", "wrong_format p"],
  ];

for (const [spec, value, detail] of ROWS) {
  const what = `${JSON.stringify(value)} as ${JSON.stringify(spec)}`;
  test(`checkParams() ${detail === undefined ? "takes" : "refuses"} ${what}`, () => {
    const params = value === undefined ? {} : { p: value };
    if (detail === undefined) assertEquals(checkParams({ p: spec }, params, "it"), params);
    else {
      const error = assertThrows(() => checkParams({ p: spec }, params, "it"), RuleError);
      assertEquals([error.code, error.detail], ["invalid", detail]);
    }
  });
}

test("checkParams() adds defaults, and keeps what nobody has specified", () => {
  const specs = {
    a: { type: "number", default: 5 },
    o: { type: "object", schema: { b: { type: "string", default: "x" } } },
  } as const;
  assertEquals(checkParams(specs, { other: [1], o: {} }, "it"), {
    other: [1],
    a: 5,
    o: { b: "x" },
  });
  assertEquals(checkParams({ a: specs.a }, { toString: "own" }, "it"), { toString: "own", a: 5 });
});
