import type { DisconnectPacket, Qos, UserProperty } from "../mqtt/mod.ts";
import { parseTopicFilter } from "../mqtt/mod.ts";
import { type ClientArguments, readClient } from "./client_arguments.ts";
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
import { MessageFormat } from "./message_format.ts";
import type { CommandTable, ParsedOptions } from "./options.ts";

export interface SubArguments extends ClientArguments {
  readonly filters: readonly string[];
  readonly unsubscribeFilters: readonly string[];
  /** Topics that are not printed. */
  readonly filterOuts: readonly string[];
  readonly qos: Qos;
  readonly retainAsPublished: boolean;
  readonly subscriptionIdentifier: number;
  readonly subscribeProperties: readonly UserProperty[];
  readonly unsubscribeProperties: readonly UserProperty[];
  readonly disconnect: Pick<DisconnectPacket, "sessionExpiryS" | "userProperties">;
  /** Undefined: payloads, or topics and payloads. */
  readonly format: MessageFormat | undefined;
  readonly isVerbose: boolean;
  readonly hasLineEnds: boolean;
  readonly isPretty: boolean;
  /** 0: any number. */
  readonly countMax: number;
  /** 0: none. */
  readonly timeoutMs: number;
  readonly endsWhenSubscribed: boolean;
  readonly printsRetained: boolean;
  readonly isRetainedOnly: boolean;
  readonly removesRetained: boolean;
  /** Of messages that are printed, from 0 to 1. */
  readonly share: number;
}

export const SUB_TABLE: CommandTable = {
  name: "sub",
  summary: "Subscribes, and prints what comes",
  usage: ["sub [options] -t FILTER …", "sub -L mqtt://HOST/FILTER [options]"],
  usageStatus: CLIENT_USAGE_STATUS,
  operandsMax: 0,
  introduction:
    "Options are those of mosquitto_sub, as far as they are here. A connection that is lost is\ntried again every second.",
  groups: [
    {
      title: "What to subscribe to",
      options: [
        { name: "topic", letter: "t", value: "FILTER", help: "topic filter; repeatable" },
        {
          name: "qos",
          letter: "q",
          value: "N",
          oneOf: ["0", "1", "2"],
          help: "quality of service of all of them, 0, 1 or 2; default 0",
        },
        {
          name: "unsubscribe",
          letter: "U",
          value: "FILTER",
          help: "ends a subscription of this session; repeatable",
        },
        {
          name: "retain-as-published",
          help: "messages tell whether they were published as retained ones (MQTT 5)",
        },
        PROPERTY_OPTION,
      ],
    },
    {
      title: "What is printed, and how",
      options: [
        {
          name: "verbose",
          letter: "v",
          help: "topic and payload; without it the payload alone",
        },
        {
          name: "format",
          letter: "F",
          value: "FORMAT",
          mayBeEmpty: true,
          help: "what is printed of a message: see below",
        },
        { name: "no-eol", letter: "N", help: "no line end behind a message" },
        { name: "pretty", help: "JSON of %j and %J in lines" },
        {
          name: "filter-out",
          letter: "T",
          value: "FILTER",
          help: "not what matches this; repeatable",
        },
        { name: "no-retained", letter: "R", help: "no retained messages that were there before" },
        {
          name: "retained-only",
          help: "retained messages only; the first that is none is the end",
        },
        {
          name: "remove-retained",
          help: "removes each retained message that comes from the server",
        },
        {
          name: "random-filter",
          value: "PERCENT",
          help: "prints this share of the messages, 0.1 to 100",
        },
      ],
    },
    {
      title: "When it ends",
      options: [
        {
          name: "count",
          letter: "C",
          value: "N",
          range: [1, 1_000_000_000_000],
          help: "after so many messages",
        },
        {
          name: "timeout",
          letter: "W",
          value: "SECONDS",
          range: [1, 1_000_000_000],
          help: "after this time, with status 27",
        },
        { name: "subscribed", letter: "E", help: "as soon as the subscriptions are acknowledged" },
      ],
    },
    SERVER_GROUP,
    { title: "Who subscribes", options: CLIENT_OPTIONS },
    WILL_GROUP,
    TLS_GROUP,
    { title: "Other", options: [...TALK_OPTIONS, NO_DELAY_OPTION] },
  ],
  closing: `In FORMAT, % and a letter stand for something of the message:
  %t topic                  %p payload               %x %X payload, hexadecimal
  %l length of the payload  %q QoS                   %r 1 if retained, else 0
  %m packet identifier      %j %J JSON, with the payload as a string or as JSON that it is
  %I %U time, as ISO 8601 or in seconds since 1970   %% a percent sign
of MQTT 5:
  %A topic alias            %C content type          %D correlation data
  %E message expiry         %F payload format        %P user properties
  %R response topic         %S subscription identifier
Between the two may stand - for the left, 0 for zeros, a width, and behind a point the most
characters: %-20.20t. @ and a letter stand for what strftime makes of % and this letter, @N for
nanoseconds, @@ for an at sign. \\\\ \\0 \\a \\e \\n \\r \\t \\v are characters.

Examples:
  broker sub -t 'sensors/#' -v
  broker sub -t 'sensors/#' -F '%I %-20t %p'
  broker sub -L mqtts://example.org/answers/1 -C 1 -W 5

${CLIENT_EXIT_TEXT}`,
};

export function readSub(parsed: ParsedOptions): SubArguments | readonly string[] {
  const client = readClient(parsed, ["connect", "subscribe", "unsubscribe", "disconnect", "will"]);
  const problems = [...client.problems];
  const filters = [...client.topic === undefined ? [] : [client.topic], ...parsed.texts("topic")];
  const unsubscribeFilters = parsed.texts("unsubscribe");
  const filterOuts = parsed.texts("filter-out");
  if (filters.length + unsubscribeFilters.length === 0) {
    problems.push("a topic filter is needed: -t FILTER");
  }
  for (const filter of [...filters, ...unsubscribeFilters, ...filterOuts]) {
    const parse = parseTopicFilter(filter);
    if (!parse.valid) problems.push(`topic filter "${filter}" ${parse.problem}`);
  }
  const { version } = client.arguments.connect;
  if (version !== 5 && parsed.has("retain-as-published")) {
    problems.push("option --retain-as-published is for MQTT 5");
  }
  const format = readFormat(parsed, problems);
  const share = readShare(parsed, problems);
  if (parsed.has("no-retained") && parsed.has("retained-only")) {
    problems.push("with --no-retained and --retained-only nothing is left");
  }
  if (problems.length > 0) return problems;
  const subscribe = client.properties.of("subscribe");
  const disconnect = client.properties.of("disconnect");
  return {
    ...client.arguments,
    filters,
    unsubscribeFilters,
    filterOuts,
    qos: Number(parsed.text("qos") ?? 0) as Qos,
    retainAsPublished: parsed.has("retain-as-published"),
    subscriptionIdentifier: subscribe.numbers.get("subscription-identifier") ?? 0,
    subscribeProperties: subscribe.userProperties,
    unsubscribeProperties: client.properties.of("unsubscribe").userProperties,
    disconnect: {
      sessionExpiryS: disconnect.numbers.get("session-expiry-interval"),
      userProperties: disconnect.userProperties,
    },
    format,
    isVerbose: parsed.has("verbose"),
    hasLineEnds: !parsed.has("no-eol"),
    isPretty: parsed.has("pretty"),
    countMax: parsed.number("count") ?? 0,
    timeoutMs: (parsed.number("timeout") ?? 0) * 1000,
    endsWhenSubscribed: parsed.has("subscribed"),
    printsRetained: !parsed.has("no-retained"),
    isRetainedOnly: parsed.has("retained-only"),
    removesRetained: parsed.has("remove-retained"),
    share,
  };
}

function readFormat(parsed: ParsedOptions, problems: string[]): MessageFormat | undefined {
  const text = parsed.text("format");
  if (text === undefined) return undefined;
  const format = MessageFormat.parse(text);
  if (typeof format !== "string") return format;
  problems.push(`format "${text}": ${format}`);
  return undefined;
}

function readShare(parsed: ParsedOptions, problems: string[]): number {
  const text = parsed.text("random-filter") ?? "100";
  const percent = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && percent >= 0.1 && percent <= 100) return percent / 100;
  problems.push(`option --random-filter is "${text}", allowed are 0.1 to 100`);
  return 1;
}
