import { decodeMessageProperties, propertyId, propertyIdentifiersOf } from "../mqtt/mod.ts";
import { type PublishView, subscriptionIdentifiersOf } from "../mqtt/mod.ts";
import { isoTimeExactly, type Moment } from "./strftime.ts";

const decoder = new TextDecoder();

/** What of a message goes into its JSON. */
export interface JsonMessage {
  readonly view: PublishView;
  readonly topic: string;
  readonly moment: Moment;
  /** JSON of its own, as text; undefined: the payload is put into quotes. */
  readonly payload: string | undefined;
}

/** A message with all that is known of it, as one object. */
export function messageJson({ view, topic, moment, payload }: JsonMessage): string {
  const { qos, packetId } = view;
  const parts = [
    `"tst":${JSON.stringify(isoTimeExactly(moment))}`,
    `"topic":${JSON.stringify(topic)}`,
    `"qos":${qos}`,
    `"retain":${view.retain ? 1 : 0}`,
    `"payloadlen":${view.frameEnd - view.payloadStart}`,
  ];
  if (qos > 0) parts.push(`"mid":${packetId}`);
  if (view.propertiesEnd > view.propertiesStart) parts.push(`"properties":${propertiesJson(view)}`);
  parts.push(`"payload":${payload ?? JSON.stringify(payloadText(view))}`);
  return `{${parts.join(",")}}`;
}

export function payloadText({ bytes, payloadStart, frameEnd }: PublishView): string {
  return decoder.decode(bytes.subarray(payloadStart, frameEnd));
}

/** In the order in which they stand; those of the user together. */
function propertiesJson(view: PublishView): string {
  const message = decodeMessageProperties(view.bytes, view.propertiesStart, view.propertiesEnd);
  const identifiers = subscriptionIdentifiersOf(view);
  const parts: string[] = [];
  const add = (name: string, value: unknown): void => {
    if (value !== undefined) parts.push(`"${name}":${JSON.stringify(value)}`);
  };
  let hasUserProperties = false;
  for (const identifier of propertyIdentifiersOf(view)) {
    switch (identifier) {
      case propertyId.PAYLOAD_FORMAT_INDICATOR:
        add("payload-format-indicator", message.payloadFormatUtf8 === true ? 1 : 0);
        break;
      case propertyId.MESSAGE_EXPIRY_INTERVAL:
        add("message-expiry-interval", view.messageExpiryS);
        break;
      case propertyId.CONTENT_TYPE:
        add("content-type", message.contentType);
        break;
      case propertyId.RESPONSE_TOPIC:
        add("response-topic", message.responseTopic);
        break;
      case propertyId.CORRELATION_DATA:
        add("correlation-data", decoder.decode(message.correlationData));
        break;
      case propertyId.SUBSCRIPTION_IDENTIFIER:
        add("subscription-identifier", identifiers.shift());
        break;
      case propertyId.TOPIC_ALIAS:
        add("topic-alias", view.topicAlias);
        break;
      case propertyId.USER_PROPERTY: {
        if (hasUserProperties) break;
        hasUserProperties = true;
        const pairs = message.userProperties.map(({ name, value }) =>
          `${JSON.stringify(name)}:${JSON.stringify(value)}`
        );
        parts.push(`"user-properties":{${pairs.join(",")}}`);
        break;
      }
    }
  }
  return `{${parts.join(",")}}`;
}

/** JSON without the blanks between its parts, which are left as they are; undefined: it is none. */
export function compactJson(text: string): string | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return text.replace(/("(?:[^"\\]|\\.)*")|\s+/g, (_, quoted: string | undefined) => quoted ?? "");
}

/** Compact JSON with each member of an object in a line of its own. */
export function prettyJson(json: string): string {
  let pretty = "";
  /** What is open: objects and arrays. */
  const open: string[] = [];
  const newLine = (): string => `\n${"\t".repeat(open.filter((each) => each === "{").length)}`;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^"{}[\]:,]+/g)) {
    switch (token) {
      case "{":
        open.push(token);
        pretty += token + newLine();
        break;
      case "}":
        open.pop();
        pretty += newLine() + token;
        break;
      case "[":
        open.push(token);
        pretty += token;
        break;
      case "]":
        open.pop();
        pretty += token;
        break;
      case ":":
        pretty += ":\t";
        break;
      case ",":
        pretty += open.at(-1) === "{" ? `,${newLine()}` : ", ";
        break;
      default:
        pretty += token;
    }
  }
  return pretty;
}
