import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { formatBind, isLoopback, parseBind } from "../../../src/config/address.ts";

const BINDS: readonly [text: string, host: string, port: number][] = [
  ["127.0.0.1:1883", "127.0.0.1", 1883],
  ["0.0.0.0:0", "0.0.0.0", 0],
  ["localhost:1883", "localhost", 1883],
  ["broker-1.example.org:65535", "broker-1.example.org", 65_535],
  ["[::1]:1883", "::1", 1883],
  ["[::]:1883", "::", 1883],
  ["[2001:db8::8:800:200c:417a]:1", "2001:db8::8:800:200c:417a", 1],
  ["[::ffff:192.0.2.1]:1883", "::ffff:192.0.2.1", 1883],
  ["[fe80::1%eth0]:1883", "fe80::1%eth0", 1883],
  ["[1:2:3:4:5:6:7:8]:1883", "1:2:3:4:5:6:7:8", 1883],
];

for (const [text, host, port] of BINDS) {
  test(`parseBind("${text}") has host ${host} and port ${port}, and formatBind() goes back`, () => {
    assertEquals(parseBind(text), { host, port, socketPath: undefined });
    assertEquals(formatBind({ host, port }), text);
  });
}

const NO_BINDS = [
  "",
  "1883",
  ":1883",
  "127.0.0.1",
  "127.0.0.1:",
  "127.0.0.1:65536",
  "127.0.0.1:-1",
  "127.0.0.1:1883 ",
  "127.0.0:1883",
  "127.0.0.256:1883",
  "127.0.0.01:1883",
  "::1:1883",
  "[::1]",
  "[::1:1883",
  "[]:1883",
  "[127.0.0.1]:1883",
  "[1:2:3:4:5:6:7]:1883",
  "[1:2:3:4:5:6:7:8:9]:1883",
  "[1::2::3]:1883",
  "[1:2:3:4:5:6:7::8]:1883",
  "[12345::]:1883",
  "[::1.2.3.4:5]:1883",
  "a b:1883",
  "-a.org:1883",
  "a..org:1883",
  "mqtt://127.0.0.1:1883",
];

for (const text of NO_BINDS) {
  test(`parseBind("${text}") is refused`, () => assertEquals(parseBind(text), undefined));
}

const LOOPBACK: readonly [host: string, isLoopback: boolean][] = [
  ["127.0.0.1", true],
  ["127.255.0.3", true],
  ["localhost", true],
  ["LOCALHOST", true],
  ["::1", true],
  ["0:0:0:0:0:0:0:1", true],
  ["::ffff:127.0.0.1", true],
  ["::ffff:7f00:1", true],
  ["0.0.0.0", false],
  ["::", false],
  ["::2", false],
  ["1::1", false],
  ["::1:0:1", false],
  ["::ffff:128.0.0.1", false],
  ["::127.0.0.1", false],
  ["128.0.0.1", false],
  ["192.168.1.127", false],
  ["127.example.org", false],
  ["localhost.example.org", false],
  ["127.0.0.1.example.org", false],
];

for (const [host, expected] of LOOPBACK) {
  test(`isLoopback("${host}") is ${expected}`, () => assertEquals(isLoopback(host), expected));
}
