import { isValidTopicName } from "../../mqtt/mod.ts";
import { decodePercent } from "../kit/mod.ts";

const PREFIX = "/topics";

export function isTopicPath(rawPath: string): boolean {
  return rawPath === PREFIX || rawPath.startsWith(`${PREFIX}/`);
}

/**
 * The encoded topic of a path as sent; undefined: there is none. `isStrict`: it is one segment, otherwise a raw `/`
 * separates levels like an encoded one.
 */
export function encodedTopicOf(rawPath: string, isStrict: boolean): string | undefined {
  if (!rawPath.startsWith(`${PREFIX}/`)) return undefined;
  const encoded = rawPath.slice(PREFIX.length + 1);
  if (encoded === "" || (isStrict && encoded.includes("/"))) return undefined;
  return encoded;
}

/** The topic name, decoded exactly once; undefined: it is none [MQTT-3.3.2-2] [MQTT-4.7.3-1]. */
export function decodeTopic(encoded: string): string | undefined {
  const topic = decodePercent(encoded);
  return topic !== undefined && isValidTopicName(topic) ? topic : undefined;
}
