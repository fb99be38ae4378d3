import type { ManagementErrorCode, Turns } from "../../management/mod.ts";
import type { WebReply } from "../../runtime/mod.ts";
import { jsonReply, rowsReply } from "../kit/mod.ts";

/** Codes of the product, those that this API answers with. */
export const Code = Object.freeze(
  {
    ok: 0,
    unknown: 102,
    wrongNameOrPassword: 103,
    emptyNameOrPassword: 104,
    noUser: 105,
    administratorStays: 106,
    missing: 107,
    wrongType: 108,
    notOnline: 112,
    userExists: 113,
    oldPasswordWrong: 114,
    badTopic: 115,
    badRequest: 400,
    notFound: 404,
    failed: 500,
  } as const,
);
export type Code = (typeof Code)[keyof typeof Code];

/** A failure as the product has it: by code and text, with status 200 unless the configuration says otherwise. */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: Code;

  constructor(code: Code, message: string) {
    super(message);
    this.code = code;
  }
}

/** The node or other name of the path is none that is known. */
export class NotFound extends Error {
  override readonly name = "NotFound";
}

export function success(data?: unknown): WebReply {
  return jsonReply(200, data === undefined ? { code: Code.ok } : { code: Code.ok, data });
}

/** Rows of a page, and what the product's object for each is. */
export interface PageRows<T> {
  readonly items: readonly T[];
  readonly toDto: (item: T) => unknown;
}

/** A list that is always whole, however long it is. */
export function listReply<T>(turns: Turns, { items, toDto }: PageRows<T>): WebReply {
  return rowsReply(turns, 200, { before: { code: Code.ok }, name: "data", rows: items, toDto });
}

export function pageReply<T>(
  turns: Turns,
  { items, toDto }: PageRows<T>,
  meta: { readonly page: number; readonly limit: number; readonly count: number },
): WebReply {
  const before = { code: Code.ok };
  return rowsReply(turns, 200, { before, name: "data", rows: items, toDto, after: { meta } });
}

/** What a refusal of the broker is, where an operation has no word of its own for it. */
export function codeOf(code: ManagementErrorCode): Code {
  switch (code) {
    case "not-found":
      return Code.notOnline;
    case "invalid":
      return Code.wrongType;
    case "conflict":
    case "forbidden":
    case "unavailable":
    case "too-large":
      return Code.unknown;
  }
}
