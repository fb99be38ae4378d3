import { test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  durationText,
  parseDuration,
  parseFlag,
  parseSize,
  sizeText,
} from "../../../../src/http/emqx_v3/setting_text.ts";
import { MAPPED } from "../../../../src/http/emqx_v3/settings_table.ts";

test("sizes go by the 1024, with the largest unit that leaves no fraction", () => {
  const texts = [0, 1, 1023, 1024, 1536, 1_048_576, 5 * 1024 ** 3].map(sizeText);
  assertEquals(texts, ["0", "1", "1023", "1KB", "1536", "1MB", "5GB"]);
  const sizes = ["1MB", "512kb", "100", "100B", "1.5KB"].map(parseSize);
  assertEquals(sizes, [1_048_576, 524_288, 100, 100, 1536]);
  for (const text of ["", "MB", "-1", "1 MB", "1TB", "1.5", "0x10"]) {
    assertEquals(parseSize(text), undefined, text);
  }
});

test("durations have units, several of them where one does not do", () => {
  const texts = [0, 300, 15_000, 60_000, 90_000, 7_200_000, 86_400_000].map(durationText);
  assertEquals(texts, ["0s", "300ms", "15s", "1m", "1m30s", "2h", "1d"]);
  const times = ["15s", "2h", "300ms", "1d", "1w", "1m30s", "0.5s"].map(parseDuration);
  assertEquals(times, [15_000, 7_200_000, 300, 86_400_000, 604_800_000, 90_000, 500]);
  for (const text of ["", "15", "s", "1y", "-1s", "0.1ms", "15 s"]) {
    assertEquals(parseDuration(text), undefined, text);
  }
});

test("flags are on, off, true and false, and nothing else", () => {
  assertEquals(["on", "off", "true", "false", "yes", "1", "ON"].map(parseFlag), [
    true,
    false,
    true,
    false,
    undefined,
    undefined,
    undefined,
  ]);
});

test("what a form writes it reads back, and where the product says 0, nothing is the limit", () => {
  const form = (key: string) => MAPPED.find((each) => each.key === key)?.form;
  assertEquals(form("mqtt.max_topic_levels")?.format(65_536), "0");
  assertEquals(form("mqtt.max_topic_levels")?.parse("0"), 65_536);
  assertEquals(form("mqtt.max_topic_levels")?.format(128), "128");
  assertEquals(form("zone.external.keepalive_backoff")?.format(1.5), "0.75");
  assertEquals(form("zone.external.keepalive_backoff")?.parse("0.75"), 1.5);
  // One is read in milliseconds, the other in seconds; both are written in seconds.
  assertEquals(form("broker.sys_interval")?.format(60_000), "1m");
  assertEquals(form("broker.sys_interval")?.parse("1m"), 60);
  assertEquals(form("zone.external.session_expiry_interval")?.format(7200), "2h");
  assertEquals(form("zone.external.session_expiry_interval")?.parse("2h"), 7200);
});
