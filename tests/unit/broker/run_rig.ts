/** What the tests of messages that come together share. */
import type { IPublishPacket } from "mqtt-packet";
import type { MemoryBroker, MemoryClient } from "../../support/memory_broker.ts";

/** In a chunk: more than one run has. */
export const MESSAGES = 300;

/** Payloads that tell which message it is. */
export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => String(from + index));
}

/** A message on "t", of QoS 0 unless `fields` say otherwise. */
export function frameOf(
  client: MemoryClient,
  payload: string,
  fields: Partial<IPublishPacket> = {},
): Uint8Array {
  const packet = { cmd: "publish", topic: "t", qos: 0, retain: false, dup: false } as const;
  return client.encode({ ...packet, payload, ...fields });
}

/** All in one chunk. */
export function sendTogether(client: MemoryClient, frames: readonly Uint8Array[]): void {
  client.send(Uint8Array.from(frames.flatMap((frame) => [...frame])));
}

export function subscribed(
  memory: MemoryBroker,
  client: MemoryClient,
  filter = "t",
  qos: 0 | 1 | 2 = 1,
): MemoryClient {
  client.subscribe(filter, qos);
  memory.runtime.settle();
  client.expect("suback");
  return client;
}
