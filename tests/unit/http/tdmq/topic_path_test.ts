import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { decodeTopic, encodedTopicOf } from "../../../../src/http/tdmq/topic_path.ts";

test("decodeTopic() takes names of up to 65535 bytes of UTF-8", () => {
  assertEquals(decodeTopic("a".repeat(65_535))?.length, 65_535);
  assertEquals(decodeTopic("a".repeat(65_536)), undefined);
  assertEquals(decodeTopic("%C3%A4".repeat(32_768)), undefined);
  for (const bad of ["", "a+", "a%23", "a%00", "%ED%A0%80", "%F", "\ud800"]) {
    assertEquals(decodeTopic(bad), undefined, JSON.stringify(bad));
  }
});

test("encodedTopicOf() takes raw slashes unless it is strict", () => {
  assertEquals(encodedTopicOf("/topics/a%2Fb", true), "a%2Fb");
  assertEquals(encodedTopicOf("/topics/a/b", true), undefined);
  assertEquals(encodedTopicOf("/topics//", false), "/");
  for (const path of ["/topics", "/topics/", "/topic/a", "/topicsa"]) {
    assertEquals(encodedTopicOf(path, false), undefined, path);
  }
});
