import * as z from "zod/mini";
import { parseIpNetwork } from "../../base/mod.ts";
import type { ClientQuery } from "../../management/mod.ts";
import {
  type PageNumbers,
  readPageNumbers,
  type RequestProblem,
  RequestRefused,
} from "../kit/mod.ts";

const PAGING = { limitDefault: 100, limitMin: 1, limitMax: 10_000 };
/** A number below is seconds, as the table has it, above milliseconds. */
const SECONDS_BELOW = 1e11;
const PROTOCOLS: readonly string[] = ["MQTT", "CoAP", "MQTT-SN", "LwM2M"];
const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

const text = z.optional(z.string());

/** For the document. The spelling without the first underscore is taken, too; an empty value counts as none. */
export const ClientsQuerySchema = z.object({
  _page: text,
  _limit: text,
  clientid: text,
  username: text,
  zone: text,
  ip_address: text,
  conn_state: z.optional(z.enum(["connected", "idle", "disconnected"])),
  clean_start: z.optional(z.enum(["true", "false"])),
  proto_name: z.optional(z.enum(["MQTT", "CoAP", "MQTT-SN", "LwM2M"])),
  proto_ver: text,
  _like_clientid: text,
  _like_username: text,
  _gte_created_at: text,
  _lte_created_at: text,
  _gte_connected_at: text,
  _lte_connected_at: text,
});

/** What a list of clients is asked for. `query` undefined: nothing that this broker has can match. */
export interface ClientsRequest {
  readonly paging: PageNumbers;
  readonly query: ClientQuery | undefined;
}

/** Throws `RequestRefused` with everything that is wrong. */
export function readClientsRequest(given: Readonly<Record<string, string>>): ClientsRequest {
  const problems: RequestProblem[] = [];
  const read = <T>(name: string, allowed: string, parse: (text: string) => T | undefined) => {
    const found = given[name] || (name.startsWith("_") ? given[name.slice(1)] : undefined);
    if (found === undefined || found === "") return undefined;
    const value = parse(found);
    if (value === undefined) {
      const detail = `found ${JSON.stringify(found.slice(0, 60))}, allowed ${allowed}`;
      problems.push({ field: name, detail, isMissing: false });
    }
    return value;
  };
  const word = (name: string): string | undefined => read(name, "text", (value) => value);
  const oneOf = (name: string, words: readonly string[]): string | undefined =>
    read(name, words.join(", "), (value) => words.includes(value) ? value : undefined);
  const time = (name: string, isEnd: boolean): number | undefined =>
    read(
      name,
      "seconds or milliseconds since 1970, or a time as RFC 3339 has it",
      (value) => parseTime(value, isEnd),
    );
  const paging = readPageNumbers(
    given["_page"] || given["page"],
    given["_limit"] || given["limit"],
    PAGING,
  );
  if (paging === undefined) {
    problems.push({ field: "_page", detail: "a page and a limit", isMissing: false });
  }
  const state = oneOf("conn_state", ["connected", "idle", "disconnected"]);
  const cleanStart = oneOf("clean_start", ["true", "false"]);
  const protocol = oneOf("proto_name", PROTOCOLS);
  const version = read("proto_ver", "a whole number", parseWhole);
  const zone = word("zone");
  const query = {
    clientId: word("clientid"),
    username: word("username"),
    address: read("ip_address", "an IP address", parseAddress),
    isConnected: state === undefined ? undefined : state === "connected",
    cleanStart: cleanStart === undefined ? undefined : cleanStart === "true",
    clientIdContains: word("_like_clientid"),
    usernameContains: word("_like_username"),
    createdFromMs: time("_gte_created_at", false),
    createdToMs: time("_lte_created_at", true),
    connectedFromMs: time("_gte_connected_at", false),
    connectedToMs: time("_lte_connected_at", true),
  };
  if (problems.length > 0 || paging === undefined) {
    throw new RequestRefused({ kind: "invalid", where: "query", problems });
  }
  // Who has not finished CONNECT is no client yet; other protocols and zones there are none.
  const isNothing = state === "idle" || (protocol !== undefined && protocol !== "MQTT") ||
    (zone !== undefined && zone !== "default");
  const protocolVersion = version === 3 || version === 4 || version === 5 ? version : undefined;
  const isUnknownVersion = version !== undefined && protocolVersion === undefined;
  return {
    paging,
    query: isNothing || isUnknownVersion ? undefined : refine({ ...query, protocolVersion }),
  };
}

/** An exact name makes a part of it needless. */
function refine(query: ClientQuery): ClientQuery {
  return {
    ...query,
    clientIdContains: query.clientId === undefined ? query.clientIdContains : undefined,
    usernameContains: query.username === undefined ? query.usernameContains : undefined,
  };
}

function parseWhole(value: string): number | undefined {
  return /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

function parseAddress(value: string): string | undefined {
  return !value.includes("/") && parseIpNetwork(value) !== undefined ? value : undefined;
}

/** In milliseconds. A time that is given in seconds stands for the whole second. */
function parseTime(value: string, isEnd: boolean): number | undefined {
  if (/^\d{1,15}$/.test(value)) {
    const number = Number(value);
    if (number >= SECONDS_BELOW) return number;
    return number * 1000 + (isEnd ? 999 : 0);
  }
  if (!RFC_3339.test(value)) return undefined;
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) return undefined;
  return isEnd && !value.includes(".") ? ms + 999 : ms;
}
