import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import * as z from "zod/mini";
import {
  BearerVerifier,
  decodePercent,
  hasNextPage,
  isAccount,
  jsonArray,
  parseAuthorization,
  parseJson,
  parseQuery,
  queryRecord,
  readPageNumbers,
  validate,
} from "../../../../src/http/kit/mod.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const GOOD_JSON: ReadonlyArray<[text: string, value: unknown]> = [
  ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}', { a: 1, b: { a: 1 }, c: [{ a: 1 }, { a: 2 }] }],
  ['["a","a",{"x":"a"},"a"]', ["a", "a", { x: "a" }, "a"]],
  ['{"a":"}{,\\"","b":"a"}', { a: '}{,"', b: "a" }],
  ['{"a":["x","a"],"b":"a"}', { a: ["x", "a"], b: "a" }],
  ['"消息"', "消息"],
  ["[".repeat(32) + "]".repeat(32), JSON.parse("[".repeat(32) + "]".repeat(32))],
];

for (const [text, value] of GOOD_JSON) {
  test(`parseJson() reads ${text.slice(0, 50)}`, () => {
    assertEquals(parseJson(bytes(text)), { ok: true, value, text });
  });
}

const BAD_JSON: ReadonlyArray<[what: string, bytes: Uint8Array, problem: string]> = [
  ["nothing", bytes(""), "the body is empty"],
  ["no JSON", bytes("{'a':1}"), "the body is not JSON"],
  ["bytes that are no UTF-8", Uint8Array.of(0x22, 0xff, 0x22), "the body is not UTF-8"],
  ["half a surrogate pair", Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), "the body is not UTF-8"],
  ["33 levels", bytes("[".repeat(33) + "]".repeat(33)), "it is deeper than 32 levels"],
  ["a million levels", bytes("[".repeat(1_000_000)), "it is deeper than 32 levels"],
  ["a name twice", bytes('{"a":1,"b":2,"a":3}'), '"a" stands twice in one object'],
  ["a name twice, deep", bytes('[{"x":{"a":1,"a":3}}]'), '"a" stands twice in one object'],
  [
    "a name twice behind a list",
    bytes('{"a":[1,{"c":1}],"a":1}'),
    '"a" stands twice in one object',
  ],
  [
    "a name twice, one with an escape",
    bytes('{"a":1,"\\u0061":3}'),
    '"a" stands twice in one object',
  ],
];

for (const [what, text, problem] of BAD_JSON) {
  test(`parseJson() refuses ${what}`, () => {
    assertEquals(parseJson(text), { ok: false, problem: `Cannot read the body: ${problem}` });
  });
}

const PERCENT: ReadonlyArray<[text: string, decoded: string | undefined]> = [
  ["a%2Fb%20c", "a/b c"],
  ["a%252Fb", "a%2Fb"],
  ["a+b", "a+b"],
  ["%E6%B6%88", "消"],
  ["%2", undefined],
  ["%zz", undefined],
  ["%FF", undefined],
  ["%C0%80", undefined],
  ["%ED%A0%80", undefined],
];

for (const [text, decoded] of PERCENT) {
  test(`decodePercent() makes ${decoded} of ${text}`, () =>
    assertEquals(decodePercent(text), decoded));
}

test("parseQuery() decodes as forms do, keeps the order, and the first of a name counts", () => {
  const pairs = parseQuery("a=1&b=x+y%2B&a=2&c&=&__proto__=p");
  assertEquals(pairs, [["a", "1"], ["b", "x y+"], ["a", "2"], ["c", ""], ["", ""], [
    "__proto__",
    "p",
  ]]);
  const record = queryRecord(pairs ?? []);
  assertEquals([record["a"], record["__proto__"], record["toString"]], ["1", "p", undefined]);
  assertEquals(parseQuery("a=%"), undefined);
  assertEquals(parseQuery("a&".repeat(1001)), undefined);
});

const AUTHORIZATION: ReadonlyArray<[header: string | undefined, scheme: string]> = [
  [undefined, "none"],
  ["", "none"],
  ["Basic YWRtaW46cHVibGlj", "basic"],
  ["bAsIc  YWRtaW46cHVibGlj ", "basic"],
  ["Basic !!!", "malformed"],
  ["Basic YWRtaW4=", "malformed"],
  ["Basic /w==", "malformed"],
  ["Bearer abc", "bearer"],
  ["Digest a=b", "other"],
];

for (const [header, scheme] of AUTHORIZATION) {
  test(`parseAuthorization() finds ${scheme} in ${header}`, () => {
    assertEquals(parseAuthorization(header).scheme, scheme);
  });
}

test("parseAuthorization() splits at the first colon and reads UTF-8", () => {
  const header = `Basic ${btoa(String.fromCharCode(...bytes("ä:b:c")))}`;
  assertEquals(parseAuthorization(header), { scheme: "basic", username: "ä", password: "b:c" });
});

test("isAccount() wants both, exactly", () => {
  const account = { username: "admin", password: "public" };
  assert(isAccount({ username: "admin", password: "public" }, account));
  assert(!isAccount({ username: "admin", password: "publi" }, account));
  assert(!isAccount({ username: "Admin", password: "public" }, account));
  assert(!isAccount({ username: "", password: "" }, account));
});

test("readPageNumbers() takes digits in range, hasNextPage() compares with the count", () => {
  const bounds = { limitDefault: 100, limitMin: 1, limitMax: 1000 };
  assertEquals(readPageNumbers(undefined, "", bounds), { page: 1, limit: 100 });
  assertEquals(readPageNumbers("3", "7", bounds), { page: 3, limit: 7 });
  for (
    const [page, limit] of [["0", "1"], ["x", "1"], ["1", "0"], ["1", "1001"], ["1", "-1"], [
      "1.5",
      "1",
    ], ["1", "1e3"]]
  ) {
    assertEquals(readPageNumbers(page, limit, bounds), undefined, `${page} ${limit}`);
  }
  assert(hasNextPage({ page: 1, limit: 2 }, 3));
  assert(!hasNextPage({ page: 2, limit: 2 }, 4));
});

test("validate() says field, what was found and what is allowed, and never shows a secret", () => {
  const schema = z.object({
    qos: z.literal([0, 1, 2]),
    list: z.array(z.object({ name: z.string() })),
    password: z.string(),
    gone: z.int(),
  });
  const result = validate(schema, { qos: 3, list: [{ name: [] }], password: 1234 });
  assertEquals(result, {
    ok: false,
    problems: [
      { field: "qos", detail: "found 3, allowed 0, 1, 2", isMissing: false },
      { field: "list.0.name", detail: "found an array, allowed a string", isMissing: false },
      { field: "password", detail: "found a value, allowed a string", isMissing: false },
      { field: "gone", detail: "found nothing, allowed a number", isMissing: true },
    ],
  });
});

test("jsonArray() joins batches, empty ones too", async () => {
  async function* batches(): AsyncGenerator<number[]> {
    for (const batch of [[], [1, 2], [], [3]]) yield await Promise.resolve(batch);
  }
  assertEquals((await Array.fromAsync(jsonArray(batches(), (n) => n * 2))).join(""), "[2,4,6]");
  async function* none(): AsyncGenerator<number[]> {}
  assertEquals((await Array.fromAsync(jsonArray(none(), (n) => n))).join(""), "[]");
});

const { publicKey, privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

function token(
  claims: Record<string, unknown>,
  header: Record<string, unknown> = { alg: "RS256" },
): string {
  const encode = (value: unknown): string => btoa(JSON.stringify(value)).replaceAll("=", "");
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = sign("sha256", bytes(signed), privateKey).toString("base64url");
  return `${signed}.${signature}`;
}

const nowS = Math.floor(Date.now() / 1000);
const TOKENS: ReadonlyArray<[what: string, token: string, verdict: string]> = [
  ["a good one", token({ exp: nowS + 60, iss: "me" }), "valid"],
  ["one that has just run out", token({ exp: nowS - 100, iss: "me" }), "valid"],
  ["one that has run out", token({ exp: nowS - 300, iss: "me" }), "expired"],
  ["one without a time", token({ iss: "me" }), "expired"],
  ["one of somebody else", token({ exp: nowS + 60, iss: "you" }), "invalid"],
  [
    "one whose time has not come",
    token({ exp: nowS + 900, nbf: nowS + 600, iss: "me" }),
    "invalid",
  ],
  ["one with another algorithm", token({ exp: nowS + 60, iss: "me" }, { alg: "HS256" }), "invalid"],
  ["one without an algorithm", token({ exp: nowS + 60, iss: "me" }, { alg: "none" }), "invalid"],
  ["one that was changed", token({ exp: nowS + 60, iss: "me" }).replace(".", ".e"), "invalid"],
  ["no token", "abc", "invalid"],
  ["a very long one", "a".repeat(100_000), "invalid"],
];

for (const [what, text, verdict] of TOKENS) {
  test(`BearerVerifier finds ${what} ${verdict}`, async () => {
    const verifier = await BearerVerifier.create({ publicKey, issuer: "me", leewayS: 200 });
    assertEquals((await verifier.verify(text)).verdict, verdict);
  });
}
