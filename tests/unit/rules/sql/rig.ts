/** What the tests of the SQL of rules share: an event, and the shortest way from a statement to its result. */
import {
  type Columns,
  type CompiledStatement,
  type CompileOptions,
  compileStatement,
  decodePayload,
  type EventName,
  parseStatement,
  type SelectedData,
  type SqlObject,
  type SqlValue,
} from "../../../../src/rules/sql/mod.ts";

/** The rule is skipped, because something could not be evaluated. */
export const SKIPPED = "(skipped)";
export const NO_MATCH = "(no match)";

export const NOW_MS = 1_700_000_000_000;

/** The columns of a published message, as `*` selects them. */
export const MESSAGE: Readonly<Record<string, SqlValue>> = {
  "client_id": "c_emqx",
  username: "u_emqx",
  event: "message.publish",
  id: "0005E1A7F24C3A00F443000001D90000",
  payload: '{"msg": "hello"}',
  peername: "127.0.0.1:50891",
  qos: 1,
  timestamp: 1_600_000_000_123,
  topic: "t/a",
  node: "broker@host",
};

/** What functions read and `*` does not select. */
const HIDDEN: Readonly<Record<string, SqlValue>> = {
  flags: { dup: false, retain: true },
  headers: { protocol: "mqtt", zone: null },
};

/** Columns of the other events that statements of the tests name. */
const OTHER_COLUMNS = ["topic_filters", "reason_code", "keepalive", "retain"];
const KNOWN: ReadonlySet<string> = new Set([...Object.keys(MESSAGE), ...OTHER_COLUMNS]);

export const OPTIONS: CompileOptions = {
  flavor: "3.2",
  knownColumns: () => KNOWN,
  nowMs: () => NOW_MS,
};

/** Columns that lie ready. */
class RecordColumns implements Columns {
  readonly event: EventName;
  readonly names: readonly string[];
  readonly #values: ReadonlyMap<string, SqlValue>;
  #payload: SqlObject | undefined;

  constructor(event: EventName, values: Readonly<Record<string, SqlValue>>) {
    this.event = event;
    this.names = Object.keys(values);
    this.#values = new Map(Object.entries({ ...values, ...HIDDEN }));
  }

  get(name: string): SqlValue {
    return this.#values.get(name);
  }

  payloadObject(): SqlObject {
    const text = this.get("payload");
    return this.#payload ??= decodePayload(typeof text === "string" ? text : "");
  }
}

/** Values of columns that differ from those of `MESSAGE`; undefined takes one away. An object as payload is its JSON. */
export type Changes = Readonly<Record<string, unknown>>;

export function columnsOf(changes: Changes = {}, event: EventName = "message.publish"): Columns {
  const { payload } = changes;
  const isText = payload === undefined || typeof payload === "string";
  const values = { ...MESSAGE, event, ...changes } as Record<string, SqlValue>;
  if (!isText) values["payload"] = JSON.stringify(payload);
  return new RecordColumns(event, values);
}

export function compiled(sql: string, options: Partial<CompileOptions> = {}): CompiledStatement {
  return compileStatement(parseStatement(sql), { ...OPTIONS, ...options });
}

/** What a statement selects, or `SKIPPED`, or `NO_MATCH`. */
export function resultOf(
  statement: CompiledStatement,
  columns: Columns,
): readonly SelectedData[] | string {
  const result = statement.run(columns);
  if (result !== "no-match") return result;
  return statement.lastFailure === undefined ? NO_MATCH : SKIPPED;
}
