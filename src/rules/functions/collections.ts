import { filterMatches, parseTopicFilter } from "../../mqtt/mod.ts";
import { EvaluationFailure } from "../sql/failure.ts";
import { JSON_DEPTH_MAX } from "../sql/limits.ts";
import {
  boundedTree,
  isObject,
  memberAt,
  memberOf,
  type SqlValue,
  strictEquals,
  withMemberAt,
} from "../sql/value.ts";
import { integerOf, listOf, objectOf, refuse, textOf } from "./arguments.ts";
import type { FunctionTable, ValueFunction } from "./function.ts";

export const LIST_FUNCTIONS: FunctionTable = {
  nth: { kind: "value", arities: [2], apply: (n, list) => nth(integerOf(n), listOf(list)) },
  length: { kind: "value", arities: [1], apply: (list) => listOf(list).length },
  sublist: {
    kind: "value",
    arities: [2, 3],
    apply: (first, second, third, count) =>
      count === 2
        ? sublist(1, integerOf(first), listOf(second))
        : sublist(integerOf(first), integerOf(second), listOf(third)),
  },
  first: { kind: "value", arities: [1], apply: (list) => nth(1, listOf(list)) },
  last: {
    kind: "value",
    arities: [1],
    apply: (list) => nth(listOf(list).length, listOf(list)),
  },
  contains: {
    kind: "value",
    arities: [2],
    apply: (value, list) => listOf(list).some((each) => strictEquals(each, value)),
  },
};

export const MAP_FUNCTIONS: FunctionTable = {
  "map_get": {
    kind: "value",
    arities: [2, 3],
    apply: (key, map, otherwise) => {
      const value = memberAt(objectOf(map), pathOf(key));
      return value === undefined ? otherwise : value;
    },
  },
  "map_put": {
    kind: "value",
    arities: [3],
    apply: (key, value, map) =>
      value === undefined
        ? objectOf(map)
        : boundedTree(withMemberAt(objectOf(map), pathOf(key), value)),
  },
};

export const FILTER_FUNCTIONS: FunctionTable = {
  "contains_topic": ofFilters((filter, topic) => filter === topic),
  "contains_topic_match": ofFilters((filter, topic) => {
    const parsed = parseTopicFilter(filter);
    return parsed.valid && filterMatches(parsed.filter, topic);
  }),
};

/** `n` counts from 1. */
export function nth(n: number, list: readonly SqlValue[]): SqlValue {
  if (n < 1 || n > list.length) {
    throw new EvaluationFailure(`there is no element ${n} in a list of ${list.length}`);
  }
  return list[n - 1];
}

/** `start` counts from 1; fewer than `length` where the list ends. */
function sublist(start: number, length: number, list: readonly SqlValue[]): SqlValue {
  if (start < 1) return refuse("a start from 1", start);
  if (length < 0) return refuse("a length of 0 or more", length);
  return list.slice(start - 1, start - 1 + length);
}

/** Names with dots between them. */
export function pathOf(key: SqlValue): string[] {
  const path = textOf(key).split(".");
  if (path.length > JSON_DEPTH_MAX) {
    throw new EvaluationFailure(`a path has more than ${JSON_DEPTH_MAX} names`);
  }
  return path;
}

/** Over the `topic_filters` of an event: objects with `topic` and `qos`, or topics alone. */
function ofFilters(matches: (filter: string, topic: string) => boolean): ValueFunction {
  return {
    kind: "value",
    arities: [2, 3],
    apply: (filters, topic, qos, count) => {
      const wanted = textOf(topic);
      const wantedQos = count === 3 ? integerOf(qos) : undefined;
      return listOf(filters).some((each) => {
        const filter = isObject(each) ? memberOf(each, "topic") : each;
        return typeof filter === "string" && matches(filter, wanted) &&
          (wantedQos === undefined || memberOf(each, "qos") === wantedQos);
      });
    },
  };
}
