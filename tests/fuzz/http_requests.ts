/** Requests for an operation of an OpenAPI document: sound ones, and ones that are wrong in some way. */
import type { Prng } from "../../src/base/mod.ts";
import type { OpenApiDocument, OpenApiOperation } from "../../src/http/kit/mod.ts";

/** One operation of one API. */
export interface FuzzOperation {
  readonly method: string;
  /** "/clients/{clientid}". */
  readonly path: string;
  readonly operation: OpenApiOperation;
}

export function operationsOf(document: OpenApiDocument): FuzzOperation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      operation,
    }))
  );
}

/** A part of JSON schema: what zod writes. */
interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly minimum?: number;
  readonly maximum?: number;
}

const STRANGE: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  "",
  "0",
  "x",
  "\u0000",
  "a/#",
  "+",
  "$share/g/a",
  "$SYS/x",
  "\ud800",
  "消息",
  "../../etc/passwd",
  "__proto__",
  "x".repeat(70_000),
  [],
  [[]],
  [null],
  {},
  { a: 1 },
  { toString: 1 },
];

const PATH_VALUES: readonly string[] = [
  "fuzz-client",
  "nobody",
  "",
  "a%2Fb%20c",
  "%2e%2e%2f%2e%2e",
  "..",
  "%00",
  "%",
  "%zz",
  "%2",
  "%FF",
  "%C0%80",
  "%ED%A0%80",
  "a%252Fb",
  "%E6%B6%88",
  "+",
  "a+b",
  "x".repeat(5000),
  "%41".repeat(3000),
  "__proto__",
  "constructor",
  "a/b",
  "a//b",
  ";x=1",
  "1",
  "-1",
];

const QUERY_VALUES: readonly string[] = [
  "1",
  "0",
  "-1",
  "x",
  "",
  "true",
  "99999999999999999999",
  "1e3",
  "%00",
  "%",
  "%FF",
  "%zz",
  "a%2Fb",
  "fuzz-client",
  "2023-09-15T09:36:20.871%2B00:00",
  "x".repeat(3000),
];

const BODIES: readonly string[] = [
  "",
  "null",
  "[]",
  "{}",
  '"x"',
  "1e999",
  "{",
  "[",
  "{'a':1}",
  '{"a":}',
  "\ufeff{}",
  "true",
  "\u0000",
  "req=2&seq=1",
];

const HEADERS: readonly string[] = [
  "Content-Type: application/x-www-form-urlencoded",
  "Content-Type: multipart/form-data",
  "Content-Type: text/plain; charset=utf-16",
  "Content-Encoding: gzip",
  "Accept: image/png",
  "X-Forwarded-For: 1.2.3.4",
  "Origin: http://evil.example",
  "X-HTTP-Method-Override: DELETE",
  "Cookie: a=b",
  "If-None-Match: *",
  "Range: bytes=0-1",
];

const WRONG_AUTHORIZATION: readonly string[] = [
  "Basic",
  "Basic !!!",
  `Basic ${btoa("admin")}`,
  `Basic ${btoa("admin:wrong")}`,
  `Basic ${btoa(":")}`,
  "Bearer x.y.z",
  "Digest a",
  `Basic ${"A".repeat(20_000)}`,
];

const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"] as const;

export interface FuzzRequest {
  readonly method: string;
  readonly bytes: Uint8Array;
  /** For the report of a failure. */
  readonly shown: string;
}

/** The next request for `operation`; about a third of them are wrong in no way. */
export function nextRequest(
  prng: Prng,
  { method, path, operation }: FuzzOperation,
  authorization: string | undefined,
): FuzzRequest {
  const isSound = prng.nextInt(3) === 0;
  const strays = (share: number): boolean => !isSound && prng.nextInt(share) === 0;
  const used = strays(20) ? pick(prng, METHODS) : method;
  const target = pathOf(prng, path, isSound) + queryOf(prng, operation, isSound);
  const body = bodyOf(prng, operation, isSound);
  const lines = [`${used} ${target} HTTP/1.${strays(15) ? 0 : 1}`, "Host: fuzz"];
  if (strays(15)) lines.push(`Authorization: ${pick(prng, WRONG_AUTHORIZATION)}`);
  else if (authorization !== undefined && !strays(30)) {
    lines.push(`Authorization: ${authorization}`);
  }
  if (strays(3)) lines.push(pick(prng, HEADERS));
  const isChunked = strays(8);
  lines.push(isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${body.length}`);
  const head = latin1(`${lines.join("\r\n")}\r\n\r\n`);
  const sent = isChunked
    ? joined([latin1(`${body.length.toString(16)}\r\n`), body, latin1("\r\n0\r\n\r\n")])
    : body;
  const start = new TextDecoder("utf-8").decode(body.subarray(0, 300));
  return {
    method: used,
    // An empty chunk would be the last one.
    bytes: joined([head, isChunked && body.length === 0 ? latin1("0\r\n\r\n") : sent]),
    shown: `${lines.join(" | ").slice(0, 600)} | ${JSON.stringify(start)} (${body.length} bytes)`,
  };
}

function pathOf(prng: Prng, template: string, isSound: boolean): string {
  const path = template.replaceAll(
    /\{\w+\}/g,
    () => isSound ? "fuzz-client" : pick(prng, PATH_VALUES),
  );
  if (isSound || prng.nextInt(10) > 0) return path;
  return pick(prng, [
    `${path}/`,
    `/${path}`,
    `${path}/../x`,
    `${path}%2F`,
    `${path};a`,
    `${path}//`,
  ]);
}

function queryOf(prng: Prng, { parameters = [] }: OpenApiOperation, isSound: boolean): string {
  const named = parameters.filter((parameter) => parameter.in === "query");
  const pairs: string[] = [];
  for (const { name, required, schema } of named) {
    if (!required && prng.nextInt(3) > 0) continue;
    const value = isSound
      ? encodeURIComponent(String(sample(prng, schema as JsonSchema, name)))
      : pick(prng, QUERY_VALUES);
    pairs.push(`${name}=${value}`);
    if (!isSound && prng.nextInt(8) === 0) pairs.push(`${name}=${pick(prng, QUERY_VALUES)}`);
  }
  if (!isSound && prng.nextInt(8) === 0) {
    pairs.push(pick(prng, ["a", "=", "&&", "%=1", "x=%", "__proto__=1", "a=1&".repeat(1500)]));
  }
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

function bodyOf(prng: Prng, { requestBody }: OpenApiOperation, isSound: boolean): Uint8Array {
  const [schema] = Object.values(requestBody?.content ?? {}).map((one) => one.schema as JsonSchema);
  if (schema === undefined) return isSound ? new Uint8Array(0) : utf8(pick(prng, BODIES));
  const value = sample(prng, schema, "");
  if (isSound) return utf8(JSON.stringify(value) ?? "");
  switch (prng.nextInt(12)) {
    case 0:
      return utf8(pick(prng, BODIES));
    case 1:
      return broken(prng, utf8(JSON.stringify(value) ?? ""));
    case 2:
      return utf8(`${"[".repeat(1 + prng.nextInt(5000))}`);
    case 3:
      return utf8(twice(JSON.stringify(value) ?? ""));
    case 4:
      return prng.nextInt(20) === 0 ? new Uint8Array(10_000_000).fill(0x20) : utf8("[[[[]]]]");
    default:
      return utf8(JSON.stringify(changed(prng, value)) ?? "");
  }
}

/** Values of members that no schema can tell all of. */
const GOOD_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  rawsql: ['SELECT * FROM "fuzz/#"', 'SELECT payload.a AS a FROM "message.publish"', "SELECT 1"],
  actions: [
    [],
    [{ name: "do_nothing", params: {} }],
    [{ name: "built_in:republish_action", params: { target_topic: "fuzz/again" } }],
  ],
  ctx: [{}, { topic: "fuzz/1" }],
};

/** Something that the schema allows. */
function sample(prng: Prng, schema: JsonSchema, name: string): unknown {
  const good = GOOD_VALUES[name];
  if (good !== undefined) return pick(prng, good);
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return pick(prng, schema.enum);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return sample(prng, pick(prng, choices), name);
  const type = Array.isArray(schema.type) ? pick(prng, schema.type as string[]) : schema.type;
  switch (type) {
    case "string":
      return /client/i.test(name) ? "fuzz-client" : `fuzz/${prng.nextInt(5)}`;
    case "integer":
    case "number": {
      const low = Math.max(schema.minimum ?? 0, -1000);
      return low + prng.nextInt(Math.max(1, Math.min(1000, (schema.maximum ?? 1000) - low + 1)));
    }
    case "boolean":
      return prng.nextInt(2) === 0;
    case "null":
      return null;
    case "array":
      return Array.from({ length: prng.nextInt(3) }, () => sample(prng, schema.items ?? {}, name));
    case "object":
      return Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([key, one]) => [key, sample(prng, one, key)]),
      );
    default:
      return pick(prng, STRANGE);
  }
}

/** The value with one thing wrong somewhere in it. */
function changed(prng: Prng, value: unknown): unknown {
  if (typeof value !== "object" || value === null || prng.nextInt(10) === 0) {
    return pick(prng, STRANGE);
  }
  if (Array.isArray(value)) {
    if (value.length === 0 || prng.nextInt(4) === 0) return [...value, pick(prng, STRANGE)];
    const at = prng.nextInt(value.length);
    return value.map((one, index) => index === at ? changed(prng, one) : one);
  }
  const copy: Record<string, unknown> = { ...value };
  const keys = Object.keys(copy);
  if (keys.length === 0 || prng.nextInt(6) === 0) copy[pick(prng, ["x", "constructor", ""])] = 1;
  const key = keys.length === 0 ? "x" : pick(prng, keys);
  if (prng.nextInt(4) === 0) delete copy[key];
  else copy[key] = changed(prng, copy[key]);
  return copy;
}

/** Cut off, or with a byte that does not belong. */
function broken(prng: Prng, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0 || prng.nextInt(2) === 0) {
    return bytes.subarray(0, prng.nextInt(bytes.length + 1));
  }
  const copy = bytes.slice();
  copy[prng.nextInt(copy.length)] = pick(prng, [0, 0xff, 0xc0, 0xed, 0x80, 0x22, 0x5c, 0x7b]);
  return copy;
}

/** With its first member once more. */
function twice(text: string): string {
  const first = /^\{("[^"]*":(?:"[^"]*"|[^,{}[\]"]+)),/.exec(text)?.[1];
  return first === undefined ? text : `{${first},${text.slice(1)}`;
}

function pick<T>(prng: Prng, choices: readonly T[]): T {
  return choices[prng.nextInt(choices.length)] as T;
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
