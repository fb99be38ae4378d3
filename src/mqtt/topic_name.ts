import { shorten } from "../base/mod.ts";
import { ProtocolError } from "./protocol_error.ts";
import { ReasonCode } from "./reason_code.ts";
import { decodeUtf8, isMqttString } from "./utf8.ts";

/**
 * Decodes and checks the topic name of a PUBLISH or will. Bad UTF-8 is a malformed packet; an empty
 * name [MQTT-4.7.3-1] or a wildcard in it [MQTT-3.3.2-2] an invalid topic name.
 */
export function decodeTopicName(bytes: Uint8Array, start: number, end: number): string {
  const topic = decodeUtf8(bytes, start, end);
  checkTopicName(topic);
  return topic;
}

/** The second half of `decodeTopicName`, for a string that has been decoded. */
export function checkTopicName(topic: string): void {
  if (topic.length === 0) throw invalid("is empty", topic);
  if (hasWildcardCharacter(topic)) throw invalid("contains a wildcard", topic);
}

/** Whether a message may be published to `topic`; for names that do not come from the wire. */
export function isValidTopicName(topic: string): boolean {
  return topic.length > 0 && isMqttString(topic) && !hasWildcardCharacter(topic);
}

/** Levels of a topic name or filter: one more than it has slashes. */
export function topicLevelCount(topic: string): number {
  let count = 1;
  for (let at = topic.indexOf("/"); at >= 0; at = topic.indexOf("/", at + 1)) count++;
  return count;
}

function hasWildcardCharacter(topic: string): boolean {
  return topic.includes("+") || topic.includes("#");
}

function invalid(problem: string, topic: string): ProtocolError {
  return new ProtocolError(
    ReasonCode.topicNameInvalid,
    `Cannot use topic name: ${problem}, ${JSON.stringify(shorten(topic, 100))}`,
  );
}

/** Whether a topic is one of the broker's own. Only for `$SYS` and what is below it. */
export function isSysTopic(topic: string): boolean {
  return topic.charCodeAt(0) === 0x24 && (topic.startsWith("$SYS/") || topic === "$SYS");
}
