import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { formatIpNetwork, ipNetworkContains, parseIpNetwork } from "../../../src/base/mod.ts";

const FORMS: ReadonlyArray<[text: string, canonical: string | undefined]> = [
  ["10.0.0.1", "10.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["10.1.2.3/8", "10.0.0.0/8"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["10.1.2.3/32", "10.1.2.3"],
  ["::1", "::1"],
  ["::", "::"],
  ["::/0", "::/0"],
  ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:db8::ff00/120", "2001:db8::ff00/120"],
  ["2001:db8:ffff::/33", "2001:db8:8000::/33"],
  ["1:0:2:0:3:0:4:0", "1:0:2:0:3:0:4:0"],
  ["fe80::1%eth0", "fe80::1"],
  ["::ffff:10.0.0.1", "10.0.0.1"],
  ["::ffff:a00:1", "10.0.0.1"],
  ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
  ["::ffff:0:0/95", "::fffe:0:0/95"],
  ["", undefined],
  ["10.0.0", undefined],
  ["10.0.0.256", undefined],
  ["010.0.0.1", undefined],
  ["10.0.0.1/33", undefined],
  ["10.0.0.1/", undefined],
  ["10.0.0.1/-1", undefined],
  ["::1/129", undefined],
  ["1::2::3", undefined],
  ["1:2:3:4:5:6:7", undefined],
  ["1:2:3:4:5:6:7:8:9", undefined],
  ["1:2:3:4:5:6:7::8:9", undefined],
  ["12345::", undefined],
  ["1.2.3.4::", undefined],
  ["localhost", undefined],
  ["memory", undefined],
];

for (const [text, canonical] of FORMS) {
  test(`parseIpNetwork() reads "${text}" as ${canonical ?? "nothing"}`, () => {
    const network = parseIpNetwork(text);
    assertEquals(network === undefined ? undefined : formatIpNetwork(network), canonical);
  });
}

const CONTAINS: ReadonlyArray<[network: string, inner: string, contains: boolean]> = [
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.0", false],
  ["10.0.0.0/8", "::ffff:10.0.0.1", true],
  ["10.0.0.0/8", "10.0.0.0/8", true],
  ["10.0.0.0/9", "10.0.0.0/8", false],
  ["0.0.0.0/0", "192.168.1.1", true],
  ["0.0.0.0/0", "::1", false],
  ["192.168.1.128/25", "192.168.1.127", false],
  ["192.168.1.128/25", "192.168.1.128", true],
  ["2001:db8::/33", "2001:db8:7fff::1", true],
  ["2001:db8::/33", "2001:db8:8000::1", false],
  ["::/0", "2001:db8::1", true],
];

for (const [network, inner, contains] of CONTAINS) {
  test(`ipNetworkContains(): ${network} ${contains ? "has" : "has not"} ${inner}`, () => {
    assertEquals(ipNetworkContains(parseIpNetwork(network)!, parseIpNetwork(inner)!), contains);
  });
}
