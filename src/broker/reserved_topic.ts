/** `$SYS` is the broker's own: nobody else publishes there, in whatever way. */
export function isReservedTopic(topic: string): boolean {
  return topic.charCodeAt(0) === 0x24 && (topic === "$SYS" || topic.startsWith("$SYS/"));
}
