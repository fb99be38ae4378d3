import type { PublishProperties } from "../client/mod.ts";
import { type DisconnectPacket, isValidTopicName, type Qos } from "../mqtt/mod.ts";
import { type ClientArguments, messageProperties, readClient } from "./client_arguments.ts";
import {
  CLIENT_EXIT_TEXT,
  CLIENT_OPTIONS,
  CLIENT_USAGE_STATUS,
  NO_DELAY_OPTION,
  PROPERTY_OPTION,
  SERVER_GROUP,
  TALK_OPTIONS,
  TLS_GROUP,
  WILL_GROUP,
} from "./client_options.ts";
import type { CommandTable, ParsedOptions } from "./options.ts";

/** Where the payloads come from. */
export type PayloadSource =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stdin" }
  | { readonly kind: "lines" };

export interface PubArguments extends ClientArguments {
  readonly topic: string;
  readonly source: PayloadSource;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly properties: PublishProperties;
  readonly disconnect: Pick<DisconnectPacket, "sessionExpiryS" | "userProperties">;
  readonly inflightMax: number;
  readonly repeat: number;
  readonly repeatDelayMs: number;
}

const INFLIGHT_MAX = 20;

export const PUB_TABLE: CommandTable = {
  name: "pub",
  summary: "Publishes messages",
  usage: [
    "pub [options] -t TOPIC -m TEXT",
    "pub [options] -t TOPIC -f FILE | -l | -s | -n",
    "pub -L mqtt://HOST/TOPIC [options] …",
  ],
  usageStatus: CLIENT_USAGE_STATUS,
  operandsMax: 0,
  introduction: "Options are those of mosquitto_pub, as far as they are here.",
  groups: [
    {
      title: "What to publish",
      options: [
        { name: "topic", letter: "t", value: "TOPIC", help: "where to" },
        {
          name: "message",
          letter: "m",
          value: "TEXT",
          mayBeEmpty: true,
          help: "this text",
        },
        {
          name: "file",
          letter: "f",
          value: "FILE",
          completes: "file",
          help: "what is in the file, as one message",
        },
        {
          name: "stdin-line",
          letter: "l",
          help: "each line of standard input as a message, without its end; a connection that is " +
            "lost is tried again every second",
        },
        { name: "stdin-file", letter: "s", help: "all of standard input as one message" },
        { name: "null-message", letter: "n", help: "a message of no bytes" },
        {
          name: "qos",
          letter: "q",
          value: "N",
          oneOf: ["0", "1", "2"],
          help: "quality of service, 0, 1 or 2; default 0",
        },
        { name: "retain", letter: "r", help: "retained" },
        {
          name: "repeat",
          value: "N",
          range: [1, 1_000_000_000],
          help: "publishes the same so many times; not with -l",
        },
        {
          name: "repeat-delay",
          value: "SECONDS",
          help: "time between them, such as 0.5; default 0",
        },
        {
          name: "max-inflight",
          letter: "M",
          value: "N",
          range: [1, 65_535],
          help:
            `messages of QoS 1 and 2 that may wait for the server's answer; default ${INFLIGHT_MAX}`,
        },
        PROPERTY_OPTION,
      ],
    },
    SERVER_GROUP,
    { title: "Who publishes", options: CLIENT_OPTIONS },
    WILL_GROUP,
    TLS_GROUP,
    { title: "Other", options: [...TALK_OPTIONS, NO_DELAY_OPTION] },
  ],
  closing: `Examples:
  broker pub -t greeting -m "hello world"
  broker pub -L mqtt://127.0.0.1/sensors/1 -V 5 -q 1 -m 21.5 -D publish message-expiry-interval 60
  seq 1 1000 | broker pub -t numbers -l

${CLIENT_EXIT_TEXT}`,
};

export function readPub(parsed: ParsedOptions): PubArguments | readonly string[] {
  const client = readClient(parsed, ["connect", "publish", "disconnect", "will"]);
  const problems = [...client.problems];
  const topic = parsed.text("topic") ?? client.topic;
  const sources = sourcesOf(parsed);
  const [source] = sources;
  const given = client.properties.of("publish");
  if (topic === undefined) problems.push("a topic is needed: -t TOPIC");
  else if (!isValidTopicName(topic)) problems.push(`topic "${topic}" is no topic name`);
  if (source === undefined) {
    problems.push("a message is needed: one of -m TEXT, -f FILE, -l, -s, -n");
  } else if (sources.length > 1) {
    problems.push("options -m, -f, -l, -s and -n are ways to give the same message");
  }
  const repeatDelayMs = readDelay(parsed, problems);
  if (source?.kind === "lines" && parsed.has("repeat")) {
    problems.push("option --repeat is not for lines of standard input");
  }
  if (problems.length > 0 || topic === undefined || source === undefined) return problems;
  const disconnect = client.properties.of("disconnect");
  return {
    ...client.arguments,
    topic,
    source,
    qos: Number(parsed.text("qos") ?? 0) as Qos,
    retain: parsed.has("retain"),
    properties: {
      ...messageProperties(given),
      messageExpiryS: given.numbers.get("message-expiry-interval"),
      topicAlias: given.numbers.get("topic-alias"),
    },
    disconnect: {
      sessionExpiryS: disconnect.numbers.get("session-expiry-interval"),
      userProperties: disconnect.userProperties,
    },
    inflightMax: parsed.number("max-inflight") ?? INFLIGHT_MAX,
    repeat: parsed.number("repeat") ?? 1,
    repeatDelayMs,
  };
}

function sourcesOf(parsed: ParsedOptions): PayloadSource[] {
  const sources: PayloadSource[] = [];
  const [text, path] = [parsed.text("message"), parsed.text("file")];
  if (text !== undefined) sources.push({ kind: "text", text });
  if (path !== undefined) sources.push({ kind: "file", path });
  if (parsed.has("stdin-line")) sources.push({ kind: "lines" });
  if (parsed.has("stdin-file")) sources.push({ kind: "stdin" });
  if (parsed.has("null-message")) sources.push({ kind: "text", text: "" });
  return sources;
}

function readDelay(parsed: ParsedOptions, problems: string[]): number {
  const text = parsed.text("repeat-delay") ?? "0";
  const seconds = Number(text);
  if (/^\d*\.?\d+$/.test(text) && seconds <= 1_000_000) return seconds * 1000;
  problems.push(`option --repeat-delay is "${text}", allowed are seconds, such as 0.5`);
  return 0;
}
