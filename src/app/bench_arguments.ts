import { isValidTopicName, type Qos } from "../mqtt/mod.ts";
import { type ClientArguments, readClient } from "./client_arguments.ts";
import { CLIENT_OPTIONS, SERVER_GROUP, TLS_GROUP } from "./client_options.ts";
import type { CommandTable, ParsedOptions } from "./options.ts";

export const BENCH_MODES = ["pair", "fanout", "fanin", "conn"] as const;
export type BenchMode = (typeof BENCH_MODES)[number];

export interface BenchArguments extends ClientArguments {
  readonly mode: BenchMode;
  readonly publishers: number;
  readonly subscribers: number;
  /** Of mode "conn". */
  readonly connections: number;
  /** Connections that are being made at the same time. */
  readonly concurrency: number;
  readonly qos: Qos;
  readonly sizeBytes: number;
  /** Messages that are published in all; Infinity: until the time is over. */
  readonly messages: number;
  readonly durationMs: number;
  /** Messages that may be on their way in all. */
  readonly window: number;
  /** Messages per second in all; 0: as many as go. */
  readonly rate: number;
  readonly topicPrefix: string;
  readonly isJson: boolean;
}

/** Of what stands in a payload so that its receiver can judge it. */
export const STAMP_BYTES = 12;
const DURATION_S = 10;
const SIZE_BYTES = 64;
const WINDOW = 256;
/** A server need not hold more for one receiver. */
const WINDOW_BYTES = 1_000_000;
const COUNTS: Readonly<Record<BenchMode, readonly [publishers: number, subscribers: number]>> = {
  pair: [1, 1],
  fanout: [1, 100],
  fanin: [100, 1],
  conn: [0, 0],
};
const MANY = 1_000_000;
/** Those of a single client make no sense for many. */
const SHARED_OPTIONS = CLIENT_OPTIONS.filter(({ name }) =>
  ["id-prefix", "username", "pw", "protocol-version", "keepalive"].includes(name)
);

export const BENCH_TABLE: CommandTable = {
  name: "bench",
  summary: "Measures an MQTT server: rate, latency, losses, order",
  usage: [
    "bench pair [options]     each publisher has a topic and a subscriber of its own",
    "bench fanout [options]   few publishers, one topic, many subscribers",
    "bench fanin [options]    many publishers with a topic each, few subscribers to all of them",
    "bench conn [options]     connections and nothing else",
  ],
  operandsMax: 1,
  operands: [BENCH_MODES],
  introduction:
    `No more than a window of messages is on its way at any time, so that nothing has to be dropped and
the figure is what the server sustains. With --rate messages leave by the clock, and latency is what
somebody would see at that load. Every message is checked for loss, order and duplicates.`,
  groups: [
    {
      title: "The load",
      options: [
        {
          name: "count",
          letter: "c",
          value: "N",
          range: [1, MANY],
          help: "pair: pairs, default 1; conn: connections, default 1000",
        },
        {
          name: "publishers",
          value: "N",
          range: [1, MANY],
          help: "of fanout, default 1, and fanin, default 100",
        },
        {
          name: "subscribers",
          value: "N",
          range: [1, MANY],
          help: "of fanout, default 100, and fanin, default 1",
        },
        {
          name: "messages",
          letter: "n",
          value: "N",
          range: [1, 1_000_000_000_000],
          help: "published in all; without it as many as the time allows",
        },
        {
          name: "duration",
          value: "SECONDS",
          range: [1, MANY],
          help: `how long it publishes, default ${DURATION_S} unless --messages is given; ` +
            "conn: how long the connections are held, default 0",
        },
        {
          name: "qos",
          letter: "q",
          value: "N",
          oneOf: ["0", "1", "2"],
          help: "of messages and subscriptions, 0, 1 or 2; default 0",
        },
        {
          name: "size",
          letter: "s",
          value: "BYTES",
          range: [STAMP_BYTES, 100_000_000],
          help: `of a payload, default ${SIZE_BYTES}`,
        },
        {
          name: "window",
          letter: "w",
          value: "N",
          range: [1, 65_535],
          help:
            `messages on their way at the same time, default ${WINDOW}, fewer where they would be ` +
            "over 1 MB together",
        },
        {
          name: "rate",
          letter: "R",
          value: "N",
          range: [1, 100_000_000],
          help: "messages a second, of all publishers together; without it as many as go",
        },
        {
          name: "concurrency",
          value: "N",
          range: [1, 10_000],
          help: "connections that are made at the same time, default 100",
        },
        {
          name: "topic",
          letter: "t",
          value: "TOPIC",
          help: 'what all topics begin with, default "bench"',
        },
      ],
    },
    SERVER_GROUP,
    { title: "Who the clients are", options: SHARED_OPTIONS },
    TLS_GROUP,
    {
      title: "What is told",
      options: [
        { name: "json", help: "the result as one JSON object" },
        { name: "quiet", help: "no line that tells how far it is" },
      ],
    },
  ],
  closing: `Examples:
  broker bench pair -q 1 -n 100000
  broker bench fanout --subscribers 1000 --rate 100 --duration 5
  broker bench conn -L mqtt://127.0.0.1:1883 -c 10000 --json

Exit status: 0 all messages came, each once and in order; 1 not so, or no connection; 2 wrong
command line.`,
};

export function readBench(parsed: ParsedOptions): BenchArguments | readonly string[] {
  const client = readClient(parsed, []);
  const problems = [...client.problems];
  const [word = ""] = parsed.operands;
  const mode = BENCH_MODES.find((each) => each === word);
  if (mode === undefined) return [...problems, `bench needs one of ${BENCH_MODES.join(", ")}`];
  const prefix = parsed.text("topic") ?? client.topic ?? "bench";
  if (!isValidTopicName(prefix)) problems.push(`topic "${prefix}" is no topic name`);
  problems.push(...misplaced(parsed, mode));
  if (problems.length > 0) return problems;
  const [publishers, subscribers] = COUNTS[mode];
  const pairs = mode === "pair" ? parsed.number("count") : undefined;
  const durationS = parsed.number("duration") ??
    (mode === "conn" || parsed.has("messages") ? undefined : DURATION_S);
  return {
    ...client.arguments,
    mode,
    publishers: pairs ?? parsed.number("publishers") ?? publishers,
    subscribers: pairs ?? parsed.number("subscribers") ?? subscribers,
    connections: parsed.number("count") ?? 1000,
    concurrency: parsed.number("concurrency") ?? 100,
    qos: Number(parsed.text("qos") ?? 0) as Qos,
    sizeBytes: parsed.number("size") ?? SIZE_BYTES,
    messages: parsed.number("messages") ?? Infinity,
    durationMs: (durationS ?? (mode === "conn" ? 0 : Infinity)) * 1000,
    window: parsed.number("window") ?? windowFor(parsed.number("size") ?? SIZE_BYTES),
    rate: parsed.number("rate") ?? 0,
    topicPrefix: prefix,
    isJson: parsed.has("json"),
  };
}

function windowFor(sizeBytes: number): number {
  return Math.min(WINDOW, Math.max(1, Math.floor(WINDOW_BYTES / sizeBytes)));
}

const NOT_FOR: Readonly<Record<BenchMode, readonly string[]>> = {
  pair: ["publishers", "subscribers"],
  fanout: ["count"],
  fanin: ["count"],
  conn: ["publishers", "subscribers", "messages", "qos", "size", "window", "rate", "topic"],
};

function misplaced(parsed: ParsedOptions, mode: BenchMode): string[] {
  return NOT_FOR[mode].filter((option) => parsed.has(option))
    .map((option) => `option --${option} is not for "bench ${mode}"`);
}
