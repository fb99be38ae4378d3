import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { HostRules, isHostPattern } from "../../../src/sinks/mod.ts";

const CASES: ReadonlyArray<
  readonly [allow: string, deny: string, host: string, address: string, isAllowed: boolean]
> = [
  ["", "", "example.org", "192.0.2.1", true],
  ["example.org", "", "example.org", "192.0.2.1", true],
  ["example.org", "", "EXAMPLE.org.", "192.0.2.1", true],
  ["example.org", "", "www.example.org", "192.0.2.1", false],
  ["*.example.org", "", "www.example.org", "192.0.2.1", true],
  ["*.example.org", "", "example.org", "192.0.2.1", false],
  ["*.example.org", "", "notexample.org", "192.0.2.1", false],
  ["10.0.0.0/8", "", "internal", "10.1.2.3", true],
  ["10.0.0.0/8", "", "internal", "11.1.2.3", false],
  ["", "169.254.0.0/16", "metadata", "169.254.169.254", false],
  ["", "169.254.0.0/16", "::ffff:169.254.169.254", "::ffff:169.254.169.254", false],
  ["", "::1", "localhost", "::1", false],
  ["", "::1", "localhost", "127.0.0.1", true],
  ["example.org", "10.0.0.0/8", "example.org", "10.0.0.1", false],
];

for (const [allow, deny, host, address, isAllowed] of CASES) {
  test(`HostRules: allow "${allow}", deny "${deny}": ${host} at ${address}`, () => {
    const rules = new HostRules({
      allowHosts: allow === "" ? [] : [allow],
      denyHosts: deny === "" ? [] : [deny],
    });
    assertEquals(rules.mayConnect(host, address), isAllowed);
  });
}

test("isHostPattern() knows names, addresses and networks", () => {
  for (const text of ["a", "a.b", "*.a.b", "10.0.0.0/8", "::1"]) {
    assertEquals(isHostPattern(text), true, text);
  }
  for (const text of ["", "*", "a..b", "http://a", "a/b", "a b"]) {
    assertEquals(isHostPattern(text), false, text);
  }
});
