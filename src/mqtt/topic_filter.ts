import { isMqttString } from "./utf8.ts";

const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;
const DOLLAR = 0x24;

const SHARE_PREFIX = "$share/";

export type TopicFilterParse =
  | {
    readonly valid: true;
    /** What topics are matched with: without `$share/{name}/`. */
    readonly filter: string;
    /** The share name of a shared subscription. */
    readonly shareName: string | undefined;
  }
  | { readonly valid: false; readonly problem: string };

/**
 * Checks a topic filter as it stands in SUBSCRIBE or UNSUBSCRIBE and takes a shared one apart.
 * `problem` names what is wrong in words that fit behind "topic filter".
 */
export function parseTopicFilter(filter: string): TopicFilterParse {
  if (!isMqttString(filter)) {
    return { valid: false, problem: "is not a string that MQTT can carry" };
  }
  if (!filter.startsWith(SHARE_PREFIX)) return checkLevels(filter, undefined);
  const nameEnd = filter.indexOf("/", SHARE_PREFIX.length);
  if (nameEnd < 0) {
    return { valid: false, problem: "has no filter after its share name" }; // [MQTT-4.8.2-2]
  }
  const shareName = filter.slice(SHARE_PREFIX.length, nameEnd);
  if (shareName === "") return { valid: false, problem: "has an empty share name" }; // [MQTT-4.8.2-1]
  if (hasWildcard(shareName)) {
    return { valid: false, problem: "has a wildcard in its share name" }; // [MQTT-4.8.2-2]
  }
  return checkLevels(filter.slice(nameEnd + 1), shareName);
}

/** Whether a filter (or a part of one) contains `+` or `#`. */
export function hasWildcard(filter: string): boolean {
  return filter.includes("+") || filter.includes("#");
}

/**
 * Whether a valid filter (without `$share/…`) matches a valid topic name: the standard's section 4.7
 * as plainly as it can be written without taking the strings apart. The trie is tested against it.
 */
export function filterMatches(filter: string, topic: string): boolean {
  const first = filter.charCodeAt(0);
  if (topic.charCodeAt(0) === DOLLAR && (first === PLUS || first === HASH)) {
    return false; // [MQTT-4.7.2-1]
  }
  let t = 0;
  for (let f = 0; f < filter.length; f++) {
    const unit = filter.charCodeAt(f);
    if (unit === HASH) return true; // [MQTT-4.7.1-1]
    if (unit === PLUS) { // one level, which may be empty [MQTT-4.7.1-2]
      while (t < topic.length && topic.charCodeAt(t) !== SLASH) t++;
      continue;
    }
    if (t >= topic.length) {
      // "sport/#" matches its parent level "sport" as well.
      return unit === SLASH && f + 2 === filter.length && filter.charCodeAt(f + 1) === HASH;
    }
    if (unit !== topic.charCodeAt(t)) return false;
    t++;
  }
  return t === topic.length;
}

function checkLevels(filter: string, shareName: string | undefined): TopicFilterParse {
  if (filter === "") return { valid: false, problem: "is empty" }; // [MQTT-4.7.3-1]
  for (let i = 0; i < filter.length; i++) {
    const unit = filter.charCodeAt(i);
    if (unit !== HASH && unit !== PLUS) continue;
    const startsLevel = i === 0 || filter.charCodeAt(i - 1) === SLASH;
    const endsLevel = i === filter.length - 1 || filter.charCodeAt(i + 1) === SLASH;
    if (!startsLevel || !endsLevel) { // [MQTT-4.7.1-1] [MQTT-4.7.1-2]
      return { valid: false, problem: `has "${filter[i]}" that is not a whole level` };
    }
    if (unit === HASH && i !== filter.length - 1) { // [MQTT-4.7.1-1]
      return { valid: false, problem: 'has "#" before its last level' };
    }
  }
  return { valid: true, filter, shareName };
}
