import * as z from "zod/mini";
import { isValidTopicName, type Qos } from "../../mqtt/mod.ts";
import type { MessagePropertiesView } from "../../management/mod.ts";
import { type RequestProblem, RequestRefused } from "../kit/mod.ts";

const USER_PROPERTIES_MAX = 64;
const EXPIRY_MAX_S = 0xffff_ffff;
const USER_PROPERTY = /^userprop\.(\d{1,15})\.(key|value)$/;

/** What the query of a request says; `undefined` where it says nothing. */
export interface PublishParameters {
  readonly qos: Qos;
  readonly retain: boolean;
  readonly messageExpiryS: number | undefined;
  readonly properties: MessagePropertiesView;
}

/** Who a request says it is from, whatever that is worth. */
export interface ClaimedNames {
  readonly clientId: string | undefined;
  readonly username: string | undefined;
}

/** For the document; names are compared in any case of letters. */
export const QuerySchema = z.object({
  qos: z.optional(z.enum(["0", "1", "2"])),
  retained: z.optional(z.enum(["true", "false"])),
  client_id: z.optional(z.string()),
  username: z.optional(z.string()),
  ResponseTopic: z.optional(z.string()),
  CorrelationData: z.optional(z.string()),
  ContentType: z.optional(z.string()),
  PayloadFormatIndicator: z.optional(z.enum(["0", "1"])),
  MessageExpiryInterval: z.optional(z.string().check(z.regex(/^\d+$/))),
  "UserProp.1.Key": z.optional(z.string()),
  "UserProp.1.Value": z.optional(z.string()),
});

/** The first value of each name, the names in small letters. */
export function foldNames(
  pairs: ReadonlyArray<readonly [name: string, value: string]>,
): ReadonlyMap<string, string> {
  const folded = new Map<string, string>();
  for (const [name, value] of pairs) {
    const key = name.toLowerCase();
    if (!folded.has(key)) folded.set(key, value);
  }
  return folded;
}

export function claimedNames(query: ReadonlyMap<string, string>): ClaimedNames {
  return {
    clientId: query.get("client_id") || undefined,
    username: query.get("username") || undefined,
  };
}

/** Throws `RequestRefused` with everything that is wrong. */
export function readParameters(query: ReadonlyMap<string, string>): PublishParameters {
  const problems: RequestProblem[] = [];
  const read = <T>(name: string, allowed: string, parse: (text: string) => T | undefined) => {
    const text = query.get(name.toLowerCase());
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) problems.push(problem(name, text, allowed));
    return value;
  };
  const qos = read("qos", "0, 1 or 2", (text) => /^[012]$/.test(text) ? Number(text) : undefined);
  const retain = read("retained", "true or false", parseFlag);
  const format = read(
    "PayloadFormatIndicator",
    "0 or 1",
    (text) => text === "0" || text === "1" ? text === "1" : undefined,
  );
  const messageExpiryS = read(
    "MessageExpiryInterval",
    `a whole number from 0 to ${EXPIRY_MAX_S}`,
    parseExpiry,
  );
  const responseTopic = read(
    "ResponseTopic",
    "a topic name without + and #",
    (text) => text === "" || isValidTopicName(text) ? text : undefined,
  );
  const userProperties = readUserProperties(query, problems);
  if (problems.length > 0) throw new RequestRefused({ kind: "invalid", where: "query", problems });
  const correlation = query.get("correlationdata");
  return {
    qos: (qos ?? 1) as Qos,
    retain: retain ?? false,
    messageExpiryS,
    properties: {
      payloadFormatUtf8: format,
      contentType: query.get("contenttype") || undefined,
      responseTopic: responseTopic || undefined,
      correlationData: correlation ? new TextEncoder().encode(correlation) : undefined,
      userProperties,
    },
  };
}

function parseFlag(text: string): boolean | undefined {
  const word = text.toLowerCase();
  return word === "true" ? true : word === "false" ? false : undefined;
}

function parseExpiry(text: string): number | undefined {
  const seconds = /^\d{1,10}$/.test(text) ? Number(text) : EXPIRY_MAX_S + 1;
  return seconds <= EXPIRY_MAX_S ? seconds : undefined;
}

/** In the order of their numbers; a number that is written in two ways is one. */
function readUserProperties(
  query: ReadonlyMap<string, string>,
  problems: RequestProblem[],
): MessagePropertiesView["userProperties"] {
  const byNumber = new Map<number, { key?: string; value?: string }>();
  for (const [name, text] of query) {
    const [, digits, part] = USER_PROPERTY.exec(name) ?? [];
    if (digits === undefined) continue;
    const entry = byNumber.get(Number(digits)) ?? {};
    if (part === "key") entry.key ??= text;
    else entry.value ??= text;
    byNumber.set(Number(digits), entry);
  }
  if (byNumber.size > USER_PROPERTIES_MAX) {
    problems.push(problem("UserProp", `${byNumber.size} properties`, `${USER_PROPERTIES_MAX}`));
    return [];
  }
  const numbers = [...byNumber.keys()].sort((a, b) => a - b);
  return numbers.flatMap((number) => {
    const { key, value = "" } = byNumber.get(number) ?? {};
    if (key !== undefined) return [{ name: key, value }];
    problems.push(problem(`UserProp.${number}.Value`, value, `a UserProp.${number}.Key beside it`));
    return [];
  });
}

function problem(field: string, found: string, allowed: string): RequestProblem {
  const shown = found.length > 60 ? `${found.slice(0, 60)}…` : found;
  return { field, detail: `found ${JSON.stringify(shown)}, allowed ${allowed}`, isMissing: false };
}
