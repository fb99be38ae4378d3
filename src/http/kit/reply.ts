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

/** The same reply with more headers. */
export function withHeaders(reply: WebReply, headers: ReplyHeaders): WebReply {
  return { ...reply, headers: [...reply.headers, ...headers] };
}
