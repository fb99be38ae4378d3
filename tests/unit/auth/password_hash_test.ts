import { test } from "node:test";
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import {
  createPasswordHash,
  formatPasswordHash,
  matchesPassword,
  parsePasswordHash,
  PasswordHashError,
} from "../../../src/auth/mod.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Made by others from the password "secret": mosquitto_passwd 2.0.11, argon2id of Bun, scrypt of Python. */
const FOREIGN: Readonly<Record<string, string>> = {
  "mosquitto sha512":
    "$6$HSDD/f6mxoAyErlt$w1DVYjs5Yfrh9ejPjhZaJTH6OoOQDe2KzF3pZSLQ1H6Zb5ldkcxHFlFExDurvTLOXLMyYoY/20KYTZq3whBL4w==",
  "mosquitto sha512-pbkdf2":
    "$7$101$IcmH6tqSUN1ntHpU$G3uUhXs0pXRz5ygBhsP2ioUOJWxn0tonWhpNLwp1TmYgCK5nlRNrTPrUsDZz9lIfyfo4D7J8I8QVSv/lCUiY5A==",
  "argon2id":
    "$argon2id$v=19$m=1024,t=2,p=1$0y0FUVI0as4r9UqewG0Ixe3f+kKw2LJ9zdQ+6i7SaqQ$QgVbciSzFSY1T9bULRYTT4NqbkNxg5493w+h3r4JHUs",
  "scrypt":
    "$scrypt$ln=14,r=8,p=2$AAECAwQFBgcICQoLDA0ODw$4f0gfOhNaauW5+WB6WOGXVOLRQImRN6g7Qw73Qphdhw",
};

for (const [name, text] of Object.entries(FOREIGN)) {
  test(`a hash that somebody else made is understood: ${name}`, async () => {
    const hash = parsePasswordHash(text);
    assertEquals(formatPasswordHash(hash), text);
    assert(await matchesPassword(hash, bytes("secret")));
    assert(!await matchesPassword(hash, bytes("Secret")));
    assert(!await matchesPassword(hash, bytes("")));
  });
}

test("a new hash is scrypt with its parameters in it, and a salt of its own each time", async () => {
  const first = await createPasswordHash(bytes("größe"), 10);
  const second = await createPasswordHash(bytes("größe"), 10);
  const text = formatPasswordHash(first);
  assert(/^\$scrypt\$ln=10,r=8,p=1\$[\w+/]{22}\$[\w+/]{43}$/.test(text), text);
  assertNotEquals(text, formatPasswordHash(second));
  assert(await matchesPassword(parsePasswordHash(text), bytes("größe")));
  assert(!await matchesPassword(parsePasswordHash(text), bytes("grosse")));
});

test("the default costs 32 MiB", async () => {
  const hash = await createPasswordHash(bytes("x"));
  assert(formatPasswordHash(hash).startsWith("$scrypt$ln=15,r=8,p=1$"));
  assert(await matchesPassword(hash, bytes("x")));
});

const SALT = "c2FsdHNhbHRzYWx0";
const KEY = "a".repeat(43);

const WRONG: ReadonlyArray<[text: string, detail: string]> = [
  ["secret", "it is no hash but plain text"],
  ["", "it is no hash but plain text"],
  ["x$6$y", "it is no hash but plain text"],
  ["$5$abc$def", "its kind is not known; allowed: scrypt, argon2id, 7 and 6"],
  [`$6$${SALT}`, "it has 2 fields, not 3"],
  [`$6$${SALT}$${KEY}`, "its key is no base64 of 16 to 512 bytes"],
  [`$6$${SALT}$${"AAAA".repeat(8)}`, "its key has 24 bytes, not 64"],
  [`$6$$${KEY}`, "its salt is no base64"],
  [`$7$0$${SALT}$${KEY}`, "its parameter iterations is 0, allowed are 1 to 10000000"],
  [`$7$x$${SALT}$${KEY}`, "its parameters cannot be read"],
  [`$7$101$${SALT}$AAAA`, "its key is no base64 of 16 to 512 bytes"],
  [`$7$101$!$${KEY}`, "its salt is no base64"],
  [`$scrypt$ln=31,r=8,p=1$${SALT}$${KEY}`, "its parameter ln is 31, allowed are 1 to 20"],
  [
    `$scrypt$ln=20,r=512,p=1$${SALT}$${KEY}`,
    "its parameter memory is 68719476736, allowed are 0 to 1073741824",
  ],
  [`$scrypt$ln=15,r=8$${SALT}$${KEY}`, "its parameters cannot be read"],
  [`$argon2id$v=16$m=65536,t=3,p=4$${SALT}$${KEY}`, "argon2id is read in version 19 only"],
  [
    `$argon2id$v=19$m=7,t=3,p=1$${SALT}$${KEY}`,
    "its parameter m is 7, allowed are 8 to 1048576",
  ],
  [
    `$argon2id$v=19$m=65536,t=1000,p=1$${SALT}$${KEY}`,
    "its parameter t is 1000, allowed are 1 to 100",
  ],
];

for (const [text, detail] of WRONG) {
  test(`what is no password hash is refused and never quoted: ${text.slice(0, 30)}`, () => {
    const error = assertThrows(() => parsePasswordHash(text), PasswordHashError);
    assertEquals(error.message, `Cannot read password hash: ${detail}`);
  });
}
