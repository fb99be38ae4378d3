import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { OutboundTopicAliases } from "../../../src/session/mod.ts";

test("OutboundTopicAliases gives each topic the next alias, up to the client's maximum", () => {
  const aliases = new OutboundTopicAliases(2);
  assertEquals([aliases.known("a"), aliases.next], [0, 1]);
  aliases.assign("a");
  assertEquals([aliases.known("a"), aliases.next], [1, 2]);
  aliases.assign("b");
  assertEquals([aliases.known("a"), aliases.known("b"), aliases.next], [1, 2, 0]);
  aliases.assign("c");
  assertEquals([aliases.known("a"), aliases.known("b"), aliases.known("c")], [1, 2, 0]);
});

test("OutboundTopicAliases asks nothing of a client that was not told", () => {
  const aliases = new OutboundTopicAliases(5);
  assertEquals([aliases.next, aliases.known("a"), aliases.next], [1, 0, 1]);
});
