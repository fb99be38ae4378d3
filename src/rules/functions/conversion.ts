import { decodeJson } from "../sql/json.ts";
import { isList, isObject, numberIn, strictEquals, valueText } from "../sql/value.ts";
import type { SqlObject, SqlValue } from "../sql/value.ts";
import { refuse } from "./arguments.ts";
import type { FunctionTable, ValueFunction } from "./function.ts";

export const CONVERSION_FUNCTIONS: FunctionTable = {
  str: ofValue(valueText),
  // Texts are UTF-8 wherever they leave the broker.
  "str_utf8": ofValue(valueText),
  bool: ofValue(toBoolean),
  int: ofValue(toInteger),
  float: ofValue(toNumber),
  map: ofValue(toObject),
};

export const TYPE_FUNCTIONS: FunctionTable = {
  "is_null": ofValue((value) => value === undefined),
  "is_not_null": ofValue((value) => value !== undefined),
  eq: { kind: "value", arities: [2], apply: strictEquals },
  "is_str": ofValue((value) => typeof value === "string"),
  "is_bool": ofValue((value) => typeof value === "boolean"),
  "is_int": ofValue((value) => Number.isInteger(value)),
  "is_float": ofValue((value) => typeof value === "number" && !Number.isInteger(value)),
  "is_num": ofValue((value) => typeof value === "number"),
  "is_map": ofValue(isObject),
  "is_array": ofValue(isList),
};

function ofValue(compute: (value: SqlValue) => SqlValue): ValueFunction {
  return { kind: "value", arities: [1], apply: (value) => compute(value) };
}

function toBoolean(value: SqlValue): boolean {
  if (value === true || value === "true" || value === 1) return true;
  if (value === false || value === "false" || value === 0) return false;
  return refuse("true, false, 1 or 0", value);
}

function toInteger(value: SqlValue): number {
  return typeof value === "boolean" ? Number(value) : Math.floor(toNumber(value)) + 0;
}

function toNumber(value: SqlValue): number {
  const number = typeof value === "string" ? numberIn(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : refuse("a number", value);
}

function toObject(value: SqlValue): SqlObject {
  const object = typeof value === "string" ? decodeJson(value) : value;
  return isObject(object) ? object : refuse("an object, or JSON of one", value);
}
