import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { matchesPassword } from "../../../src/auth/mod.ts";
import {
  changePasswordFile,
  PasswordFileError,
  readPasswordFile,
} from "../../../src/auth/password_file.ts";
import { utf8 } from "./auth_rig.ts";

/** Made by mosquitto_passwd 2.0.11; the passwords are "secret" and "größe". */
const FILE = `# users of the site

alice:$6$HSDD/f6mxoAyErlt$w1DVYjs5Yfrh9ejPjhZaJTH6OoOQDe2KzF3pZSLQ1H6Zb5ldkcxHFlFExDurvTLOXLMyYoY/20KYTZq3whBL4w==
  bob : $7$101$IcmH6tqSUN1ntHpU$G3uUhXs0pXRz5ygBhsP2ioUOJWxn0tonWhpNLwp1TmYgCK5nlRNrTPrUsDZz9lIfyfo4D7J8I8QVSv/lCUiY5A==\r
`;

test("readPasswordFile() reads what mosquitto_passwd writes", async () => {
  const users = readPasswordFile(FILE, "pw");
  assertEquals([...users.keys()], ["alice", "bob"]);
  for (const hash of users.values()) {
    assert(await matchesPassword(hash, utf8("secret")));
    assert(!await matchesPassword(hash, utf8("größe")));
  }
});

test("readPasswordFile() of an empty file has no users", () => {
  for (const text of ["", "\n", "# nobody yet\n"]) {
    assertEquals(readPasswordFile(text, "pw").size, 0);
  }
});

test("readPasswordFile() tells every problem with its line, and never what may be a password", () => {
  const text = [
    "alice:hunter2",
    "no colon here hunter2",
    ":$6$abc$def",
    "bob:",
    FILE.split("\n")[2],
    FILE.split("\n")[2],
    "ev\u0007il:$6$a$b",
    "carol:$7$101$!$!",
    `${"n".repeat(65_536)}:$6$a$b`,
  ].join("\n");
  const error = assertThrows(() => readPasswordFile(text, "/etc/pw"), PasswordFileError);
  assertEquals(error.message.split("\n"), [
    '/etc/pw:1: user "alice": Cannot read password hash: it is no hash but plain text; ' +
    '"broker passwd add NAME --file FILE" writes one',
    "/etc/pw:2: a user name, a colon and a hash are expected, there is no colon",
    "/etc/pw:3: the user name is empty",
    '/etc/pw:4: user "bob" has no hash',
    '/etc/pw:6: user "alice" is in line 5 already',
    '/etc/pw:7: the user name "ev\\u0007il" has control characters',
    '/etc/pw:8: user "carol": Cannot read password hash: its salt is no base64',
    "/etc/pw:9: the user name has more than 65535 bytes",
  ]);
  assert(!error.message.includes("hunter2"));
});

test("readPasswordFile() does not list problems without end", () => {
  const error = assertThrows(() => readPasswordFile("x\n".repeat(1000), "pw"), PasswordFileError);
  const lines = error.message.split("\n");
  assertEquals(lines.length, 21);
  assertEquals(lines.at(-1), "and 980 more");
});

test("a user called __proto__ is a user like any other", () => {
  const users = readPasswordFile(FILE.replace("alice", "__proto__"), "pw");
  assertEquals([...users.keys()], ["__proto__", "bob"]);
  assertEquals(users.get("constructor"), undefined);
});

test("changePasswordFile() adds, replaces and removes one user and leaves all else as it is", () => {
  const text = "# staff\nalice:$1\n\n  bob : $2\n# bob:x\nalice:$9\n";
  assertEquals(changePasswordFile(text, "carol", "$3"), {
    text: `${text}carol:$3\n`,
    isKnown: false,
  });
  assertEquals(changePasswordFile(text, "bob", "$3"), {
    text: "# staff\nalice:$1\n\nbob:$3\n# bob:x\nalice:$9\n",
    isKnown: true,
  });
  assertEquals(changePasswordFile(text, "alice", undefined), {
    text: "# staff\n\n  bob : $2\n# bob:x\n",
    isKnown: true,
  });
  assertEquals(changePasswordFile(text, "alice", "$4").text.match(/^alice/gm)?.length, 1);
  assertEquals(changePasswordFile(text, "nobody", undefined), { text, isKnown: false });
  assertEquals(changePasswordFile("", "a", "$1").text, "a:$1\n");
  assertEquals(changePasswordFile("b:$2", "a", "$1").text, "b:$2\na:$1\n");
});
