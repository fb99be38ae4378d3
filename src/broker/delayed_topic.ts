const PREFIX = "$delayed/";
const SLASH = 0x2f;
/** The longest delay, in seconds: some 49 days. */
export const DELAY_MAX_S = 4_294_967;
/** More digits than that are no number that is allowed. */
const DIGITS_MAX = 10;

/** What `$delayed/{seconds}/{topic}` asks for. */
export interface DelayedTopic {
  readonly delayS: number;
  /** Where it is to be published; whatever is in front of `$delayed` stays in front. */
  readonly topic: string;
}

/** Whether `topic` has the form of a delayed one from `at` on, be it valid or not. */
export function isDelayedTopic(topic: string, at: number): boolean {
  return topic.startsWith(PREFIX, at);
}

/** Of a topic name that has the form; undefined: it asks for nothing that could be done. */
export function parseDelayedTopic(topic: string, at: number): DelayedTopic | undefined {
  const start = at + PREFIX.length;
  const end = topic.indexOf("/", start);
  if (end <= start || end - start > DIGITS_MAX || end + 1 === topic.length) return undefined;
  const digits = topic.slice(start, end);
  const delayS = /^\d+$/.test(digits) ? Number(digits) : Infinity;
  // A delay of a delay would get round the longest one.
  if (delayS > DELAY_MAX_S || isDelayedTopic(topic, end + 1)) return undefined;
  return { delayS, topic: topic.slice(0, at) + topic.slice(end + 1) };
}

/** The same topic with what was in front of `$delayed`, a mountpoint of `at` characters, behind the delay. */
export function withDelayFirst(topic: string, at: number): string {
  if (at === 0 || !isDelayedTopic(topic, at)) return topic;
  let end = at + PREFIX.length;
  while (end < topic.length && topic.charCodeAt(end) !== SLASH) end++;
  return `${topic.slice(at, end + 1)}${topic.slice(0, at)}${topic.slice(end + 1)}`;
}
