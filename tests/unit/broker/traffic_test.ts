import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { BrokerCounters } from "../../../src/broker/counters.ts";
import { Traffic } from "../../../src/broker/traffic.ts";

const GIB = 2 ** 30;

test("bytes of a connection are counted beyond what a small integer holds", () => {
  const traffic = new Traffic();
  const amounts = [1, GIB - 2, 1, GIB, 5 * GIB + 7, 0, 3];
  let sum = 0;
  for (const amount of amounts) {
    traffic.countRead(amount);
    traffic.countWritten(2 * amount);
    sum += amount;
    assertEquals([traffic.bytesReceived, traffic.bytesSent], [sum, 2 * sum]);
  }
  assertEquals([traffic.reads, traffic.writes], [amounts.length, amounts.length]);
});

test("messages of a connection are counted by QoS", () => {
  const traffic = new Traffic();
  for (const qos of [0, 1, 1, 2, 2, 2] as const) {
    traffic.countReceived(qos);
    traffic.countSent(qos, 10);
  }
  assertEquals([traffic.receivedQos0, traffic.receivedQos1, traffic.receivedQos2], [1, 2, 3]);
  assertEquals([traffic.sentQos0, traffic.sentQos1, traffic.sentQos2], [10, 20, 30]);
});

test("each sum of the broker has a place of its own", () => {
  const counters = new BrokerCounters();
  counters.countBytesReceived(2 ** 40);
  counters.countBytesReceived(1);
  counters.countBytesSent(2 ** 41);
  for (const qos of [0, 1, 1, 2, 2, 2] as const) {
    counters.countPublishReceived(qos, 100);
    counters.countPublishSent(qos, 10, 1000);
  }
  assertEquals([counters.bytesReceived, counters.bytesSent], [2 ** 40 + 1, 2 ** 41]);
  assertEquals([counters.publishBytesReceived, counters.publishBytesSent], [600, 6000]);
  assertEquals(([0, 1, 2] as const).map((qos) => counters.publishReceivedAt(qos)), [1, 2, 3]);
  assertEquals(([0, 1, 2] as const).map((qos) => counters.publishSentAt(qos)), [10, 20, 30]);
  assertEquals([counters.publishReceived, counters.publishSent], [6, 60]);
});
