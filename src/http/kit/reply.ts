import { Slices, type Turns } from "../../management/mod.ts";
import type { WebReply } from "../../runtime/mod.ts";

export type ReplyHeaders = ReadonlyArray<readonly [name: string, value: string]>;

const JSON_TYPE: ReplyHeaders = [["content-type", "application/json"]];

/** `value` as compact JSON; undefined members are left out, as `JSON.stringify` does. */
export function jsonReply(status: number, value: unknown, headers: ReplyHeaders = []): WebReply {
  return { status, headers: [...JSON_TYPE, ...headers], body: JSON.stringify(value) };
}

export function textReply(
  status: number,
  text: string,
  type = "text/plain; charset=utf-8",
  headers: ReplyHeaders = [],
): WebReply {
  return { status, headers: [["content-type", type], ...headers], body: text };
}

export function emptyReply(status: number, headers: ReplyHeaders = []): WebReply {
  return { status, headers, body: undefined };
}

/** A list as long as it may be: made while the client takes it. */
export function streamReply(
  status: number,
  type: string,
  body: AsyncIterable<string | Uint8Array>,
): WebReply {
  return { status, headers: [["content-type", type]], body };
}

/** A JSON array of all items, in pieces of one batch each. */
export async function* jsonArray<T>(
  batches: AsyncIterable<readonly T[]>,
  toDto: (item: T) => unknown,
): AsyncGenerator<string> {
  let separator = "[";
  for await (const batch of batches) {
    if (batch.length === 0) continue;
    yield separator + batch.map((item) => JSON.stringify(toDto(item))).join(",");
    separator = ",";
  }
  yield separator === "[" ? "[]" : "]";
}

/** A long list with what stands around it in an object. */
export interface Rows<T> {
  /** Members in front of the list. */
  readonly before?: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly rows: readonly T[];
  readonly toDto: (row: T) => unknown;
  /** Members behind it. */
  readonly after?: Readonly<Record<string, unknown>>;
}

/** Rows that are put into a reply at once. */
const STEP_ROWS = 16;
/** A reply with no more is made whole. */
const WHOLE_ROWS_MAX = 64;

/** An object with a list in it; a long list is made piece by piece while the traffic goes on. */
export function rowsReply<T>(turns: Turns, status: number, list: Rows<T>): WebReply {
  const { before = {}, name, rows, toDto, after = {} } = list;
  if (rows.length <= WHOLE_ROWS_MAX) {
    return jsonReply(status, { ...before, [name]: rows.map(toDto), ...after });
  }
  return streamReply(status, "application/json", rowsInPieces(turns, list));
}

async function* rowsInPieces<T>(
  turns: Turns,
  { before = {}, name, rows, toDto, after = {} }: Rows<T>,
): AsyncGenerator<string> {
  const slices = new Slices(turns);
  const opening = JSON.stringify({ ...before, [name]: [] });
  yield opening.slice(0, -"]}".length);
  for (let start = 0; start < rows.length; start += STEP_ROWS) {
    const some = rows.slice(start, start + STEP_ROWS).map((row) => JSON.stringify(toDto(row)));
    await slices.giveWay();
    yield (start === 0 ? "" : ",") + some.join(",");
  }
  const closing = JSON.stringify(after);
  yield closing === "{}" ? "]}" : `],${closing.slice(1)}`;
}

/** The same reply with more headers. */
export function withHeaders(reply: WebReply, headers: ReplyHeaders): WebReply {
  return { ...reply, headers: [...reply.headers, ...headers] };
}
