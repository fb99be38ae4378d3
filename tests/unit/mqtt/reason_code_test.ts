import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import {
  fromConnectReturnCode,
  isReasonCodeAllowed,
  ReasonCode,
  reasonCodeText,
  ReasonUse,
  toConnectReturnCode,
} from "../../../src/mqtt/mod.ts";

/** The tables of sections 3.2.2.2, 3.4.2.1, 3.6.2.1, 3.9.3, 3.11.3, 3.14.2.1 and 3.15.2.1. */
const ALLOWED: Readonly<Record<keyof typeof ReasonUse, string>> = {
  connack: "00 80 81 82 83 84 85 86 87 88 89 8a 8c 90 95 97 99 9a 9b 9c 9d 9f",
  puback: "00 10 80 83 87 90 91 97 99",
  pubrec: "00 10 80 83 87 90 91 97 99",
  pubrel: "00 92",
  pubcomp: "00 92",
  suback: "00 01 02 80 83 87 8f 91 97 9e a1 a2",
  unsuback: "00 11 80 83 87 8f 91",
  disconnectFromClient: "00 04 80 81 82 83 90 93 94 95 96 97 98 99",
  disconnectFromServer: "00 80 81 82 83 87 89 8b 8d 8e 8f 90 93 94 95 96 97 98 99 9a 9b 9c 9d 9e" +
    " 9f a0 a1 a2",
  auth: "00 18 19",
};

for (const [name, codes] of Object.entries(ALLOWED)) {
  test(`isReasonCodeAllowed() ${name}`, () => {
    const use = ReasonUse[name as keyof typeof ReasonUse];
    const allowed = Array.from({ length: 300 }, (_, code) => code)
      .filter((code) => isReasonCodeAllowed(code, use))
      .map((code) => code.toString(16).padStart(2, "0"));
    assertEquals(allowed.join(" "), codes);
  });
}

test("reasonCodeText() has words for every reason code", () => {
  for (const code of Object.values(ReasonCode)) {
    assert(!reasonCodeText(code).startsWith("reason code"), `${code}`);
  }
  assertEquals(reasonCodeText(0x8e), "session taken over");
  assertEquals(reasonCodeText(5), "reason code 0x05");
});

test("toConnectReturnCode() and fromConnectReturnCode() agree on what 3.1.1 has", () => {
  for (let returnCode = 0; returnCode <= 5; returnCode++) {
    const reasonCode = fromConnectReturnCode(returnCode);
    assertEquals(toConnectReturnCode(reasonCode!), returnCode);
  }
  assertEquals([fromConnectReturnCode(6), fromConnectReturnCode(-1)], [undefined, undefined]);
  assertEquals(toConnectReturnCode(ReasonCode.packetTooLarge), undefined);
  assertEquals(toConnectReturnCode(ReasonCode.serverBusy), 3);
  assertEquals(toConnectReturnCode(ReasonCode.banned), 5);
});
