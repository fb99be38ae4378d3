import { encodeUtf8, ProtocolError, ReasonCode, utf8Length } from "../mqtt/mod.ts";

/** The longest string that MQTT can carry, in bytes. */
const STRING_BYTES_MAX = 65_535;
const SHARE_PREFIX = "$share/";

/** What stands in front of all topics of the clients of a listener; they do not know. Ends with "/". */
export class Mountpoint {
  readonly text: string;
  readonly #bytes: Uint8Array;
  /** A mounted topic name, from the beginning; filled again by each `mountBytes`. */
  scratch: Uint8Array;

  /** `text` is not empty. */
  constructor(text: string) {
    this.text = text;
    this.#bytes = encodeUtf8(text);
    this.scratch = new Uint8Array(this.#bytes.length + 256);
    this.scratch.set(this.#bytes);
  }

  /** Of UTF-8. */
  get length(): number {
    return this.#bytes.length;
  }

  /** Puts the topic name in bytes[start..end), not an empty one, behind the mountpoint in `scratch`; returns its end. */
  mountBytes(bytes: Uint8Array, start: number, end: number): number {
    const length = this.#bytes.length + end - start;
    if (length > STRING_BYTES_MAX) {
      throw new ProtocolError(
        ReasonCode.topicNameInvalid,
        `Cannot use topic name: ${length} bytes with its mountpoint, allowed are ${STRING_BYTES_MAX}`,
      );
    }
    if (length > this.scratch.length) {
      this.scratch = new Uint8Array(Math.min(STRING_BYTES_MAX, length * 2));
      this.scratch.set(this.#bytes);
    }
    for (let at = start; at < end; at++) {
      this.scratch[this.#bytes.length + at - start] = bytes[at] as number;
    }
    return length;
  }

  /** A topic name, or a filter, behind the mountpoint; the share name of a shared one stays in front. */
  mount(topic: string, isFilter: boolean): string {
    if (!isFilter || !topic.startsWith(SHARE_PREFIX)) return this.text + topic;
    const filterStart = topic.indexOf("/", SHARE_PREFIX.length) + 1;
    if (filterStart === 0) return topic;
    return topic.slice(0, filterStart) + this.text + topic.slice(filterStart);
  }

  /** Whether a topic name or filter that is valid by itself is too long behind the mountpoint. */
  isTooLong(topic: string): boolean {
    return this.#bytes.length + utf8Length(topic) > STRING_BYTES_MAX;
  }
}

/** Undefined where there is none. */
export function mountpointOf(text: string): Mountpoint | undefined {
  return text === "" ? undefined : new Mountpoint(text);
}
