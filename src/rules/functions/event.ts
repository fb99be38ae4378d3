import { EvaluationFailure } from "../sql/failure.ts";
import { memberAt, memberOf, type SqlValue } from "../sql/value.ts";
import type { Columns } from "../sql/columns.ts";
import { integerOf, textOf } from "./arguments.ts";
import { nth, pathOf } from "./collections.ts";
import type { EventFunction, FunctionTable } from "./function.ts";

/** `nowMs`: for events that have no time of their own. */
export function eventFunctions(nowMs: () => number): FunctionTable {
  return {
    msgid: column("id"),
    qos: column("qos"),
    topic: {
      kind: "event",
      arities: [0, 1],
      columns: ["topic"],
      apply: (columns, level, count) =>
        count === 0 ? columns.get("topic") : topicLevel(columns, integerOf(level)),
    },
    clientid: column("client_id"),
    clientip: column("peername", host),
    peerhost: column("peername", host),
    peername: column("peername"),
    username: column("username"),
    payload: {
      kind: "event",
      arities: [0, 1],
      columns: ["payload"],
      apply: (columns, path, count) =>
        count === 0 ? columns.get("payload") : memberAt(columns.payloadObject(), pathOf(path)),
    },
    timestamp: column("timestamp", (time) => time ?? nowMs()),
    flags: column("flags"),
    flag: member("flags"),
    headers: column("headers"),
    header: member("headers"),
  };
}

function column(
  name: string,
  convert: (value: SqlValue) => SqlValue = (value) => value,
): EventFunction {
  const apply = (columns: Columns): SqlValue => convert(columns.get(name));
  return { kind: "event", arities: [0], columns: [name], apply };
}

function member(name: string): EventFunction {
  return {
    kind: "event",
    arities: [1],
    columns: [name],
    apply: (columns, key) => memberOf(columns.get(name), textOf(key)),
  };
}

function topicLevel(columns: Columns, level: number): SqlValue {
  const topic = columns.get("topic");
  if (typeof topic !== "string") throw new EvaluationFailure("the event has no topic");
  return nth(level, topic.split("/"));
}

/** Without the port, and without the brackets of an IPv6 address. */
function host(peername: SqlValue): SqlValue {
  if (typeof peername !== "string") return undefined;
  const end = peername.lastIndexOf(":");
  const address = end < 0 ? peername : peername.slice(0, end);
  return address.replace(/^\[(.*)\]$/, "$1");
}
