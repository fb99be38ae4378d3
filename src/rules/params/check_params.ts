import { isValidTopicName } from "../../mqtt/mod.ts";
import type { JsonValue } from "../../ports/mod.ts";
import { RuleError } from "../rule_error.ts";
import type { JsonObject } from "../rule.ts";
import type { ParamSpec, ParamSpecs } from "./param_spec.ts";

/**
 * What `params` say, with the default of each one that is not there. Members without a specification are kept. Throws a
 * `RuleError` "invalid" for the first that does not fit; `where` says whose parameters they are.
 */
export function checkParams(specs: ParamSpecs, params: JsonObject, where: string): JsonObject {
  return checkObject(specs, params, "", where);
}

function checkObject(
  specs: ParamSpecs,
  values: JsonObject,
  prefix: string,
  where: string,
): JsonObject {
  const checked: Record<string, JsonValue> = { ...values };
  for (const [name, spec] of Object.entries(specs)) {
    const path = prefix + name;
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) {
      if (spec.required === true) throw wrong("required_field_missing", path, where, "is missing");
      if (spec.default !== undefined) checked[name] = spec.default;
      continue;
    }
    checked[name] = checkValue(spec, value, path, where);
  }
  return checked;
}

function checkValue(spec: ParamSpec, value: JsonValue, path: string, where: string): JsonValue {
  if (!hasType(spec, value)) {
    throw wrong("wrong_type", path, where, `is ${shown(value)}; allowed: ${spec.type}`);
  }
  if (spec.enum !== undefined && !spec.enum.includes(value)) {
    const allowed = spec.enum.map((each) => JSON.stringify(each)).join(", ");
    throw wrong("not_in_enum", path, where, `is ${shown(value)}; allowed: ${allowed}`);
  }
  checkRange(spec, value, path, where);
  if (typeof value === "string" && spec.format !== undefined && !hasFormat(spec.format, value)) {
    const allowed = FORMAT_TEXTS[spec.format] ?? `text like ${spec.format}`;
    throw wrong("wrong_format", path, where, `is ${shown(value)}; allowed: ${allowed}`);
  }
  if (spec.type === "object" && spec.schema !== undefined) {
    return checkObject(spec.schema, value as JsonObject, `${path}.`, where);
  }
  const { items } = spec;
  if (items !== undefined && Array.isArray(value)) {
    return value.map((each: JsonValue, index) =>
      checkValue(items, each, `${path}.${index}`, where)
    );
  }
  return value;
}

function checkRange({ range }: ParamSpec, value: JsonValue, path: string, where: string): void {
  if (range === undefined || typeof value !== "number") return;
  const [min, max] = range;
  if (value >= min && value <= max) return;
  throw wrong("out_of_range", path, where, `is ${value}; allowed: ${min} to ${max}`);
}

function hasType({ type }: ParamSpec, value: JsonValue): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "number":
    case "float":
      return typeof value === "number" && Number.isFinite(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
  }
}

const FORMAT_TEXTS: Readonly<Record<string, string>> = {
  url: 'an address such as "http://host:8080/path"',
  topic: "a topic name without + and #",
};

function hasFormat(format: string, value: string): boolean {
  if (format === "topic") return isValidTopicName(value);
  if (format === "url") return isHttpUrl(value);
  // Only from catalogues of this program, never from a request.
  return new RegExp(`^(?:${format})$`, "u").test(value);
}

function isHttpUrl(value: string): boolean {
  if (!/^https?:\/\/[^/?#\s]/i.test(value) || !URL.canParse(value)) return false;
  return new URL(value).hostname !== "";
}

/** Short, on one line; who wrote it sees what was found. */
function shown(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function wrong(what: string, path: string, where: string, finding: string): RuleError {
  return new RuleError("invalid", `Cannot use ${where}: parameter "${path}" ${finding}`, {
    detail: `${what} ${path}`,
  });
}
