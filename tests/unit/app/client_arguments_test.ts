import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseClientUrl } from "../../../src/app/client_url.ts";
import { parseCommandLine, UsageError } from "../../../src/app/command_line.ts";
import type { PubArguments } from "../../../src/app/pub_arguments.ts";
import type { SubArguments } from "../../../src/app/sub_arguments.ts";
import { decodeMessageProperties } from "../../../src/mqtt/mod.ts";

function pub(...args: string[]): PubArguments {
  const command = parseCommandLine(["pub", "-t", "t", "-m", "x", ...args]);
  if (command.name !== "pub") throw new Error(command.name);
  return command.arguments;
}

function sub(...args: string[]): SubArguments {
  const command = parseCommandLine(["sub", ...args]);
  if (command.name !== "sub") throw new Error(command.name);
  return command.arguments;
}

const URLS: readonly [url: string, parts: (string | number | boolean | undefined)[]][] = [
  ["mqtt://h", [false, undefined, "h", undefined, undefined, undefined, undefined]],
  ["mqtt://h:1884/a/b", [false, undefined, "h", 1884, undefined, undefined, "a/b"]],
  ["mqtts://u:p@h/", [true, undefined, "h", undefined, "u", "p", undefined]],
  ["mqtt://u@h/+/x?y#z", [false, undefined, "h", undefined, "u", undefined, "+/x?y#z"]],
  ["mqtt://u%40x:p%3Aq@[::1]:1/t", [false, undefined, "::1", 1, "u@x", "p:q", "t"]],
  ["ws://h:80", [false, "/mqtt", "h", 80, undefined, undefined, undefined]],
  ["wss://h/a/b", [true, "/a/b", "h", undefined, undefined, undefined, undefined]],
  ["ws://h/", [false, "/", "h", undefined, undefined, undefined, undefined]],
];

for (const [url, parts] of URLS) {
  test(`parseClientUrl() takes "${url}" apart`, () => {
    const found = parseClientUrl(url);
    if (typeof found === "string") throw new Error(found);
    const { isTls, wsPath, host, port, username, password, topic } = found;
    assertEquals([isTls, wsPath, host, port, username, password, topic], parts);
  });
}

for (
  const [url, problem] of [
    ["http://h", "is not understood"],
    ["h:1883", "is not understood"],
    ["mqtt:///topic", "has no host"],
    ["mqtt://h:70000", "has port 70000"],
    ["mqtt://h:0", "has port 0"],
    ["mqtt://%zz@h", 'a "%"'],
    ["constructor://h", "is not understood"],
  ] as const
) {
  test(`parseClientUrl() refuses "${url}"`, () => {
    const found = parseClientUrl(url);
    assert(typeof found === "string" && found.includes(problem), String(found));
  });
}

test("where to, and how: ports and TLS follow from each other", () => {
  const place = (...args: string[]): unknown[] => {
    const { host, port, unixPath, wsPath, tls } = pub(...args);
    return [host, port, unixPath, wsPath, tls !== undefined];
  };
  const nothing = undefined;
  assertEquals(place(), ["localhost", 1883, nothing, nothing, false]);
  assertEquals(place("--cafile", "f"), ["localhost", 8883, nothing, nothing, true]);
  assertEquals(place("-p", "8883"), ["localhost", 8883, nothing, nothing, true]);
  assertEquals(place("--tls-use-os-certs", "-p", "1"), ["localhost", 1, nothing, nothing, true]);
  assertEquals(place("-L", "mqtts://h"), ["h", 8883, nothing, nothing, true]);
  assertEquals(place("-L", "wss://h"), ["h", 443, nothing, "/mqtt", true]);
  assertEquals(place("-L", "ws://h", "-p", "9"), ["h", 9, nothing, "/mqtt", false]);
  assertEquals(place("--unix", "/s"), ["localhost", 1883, "/s", nothing, false]);
});

test("who: versions, sessions, wills", () => {
  const connect = (...args: string[]): PubArguments["connect"] => pub(...args).connect;
  assertEquals([connect().version, connect("-V", "31").version, connect("-V", "mqttv5").version], [
    4,
    3,
    5,
  ]);
  assertEquals(connect("-D", "publish", "content-type", "c").version, 5);
  const kept = connect("-c", "-i", "me", "-V", "5");
  assertEquals([kept.cleanStart, kept.sessionExpiryS], [false, 4_294_967_295]);
  assertEquals(connect("-V", "5").sessionExpiryS, undefined);
  for (const forever of ["-1", "∞", "4294967295"]) {
    assertEquals(connect("-V", "5", "-i", "me", "-x", forever).sessionExpiryS, 4_294_967_295);
  }
  assertEquals(connect("-V", "5", "-x", "7").sessionExpiryS, 7);
  const named = connect("-L", "mqtt://u:p@h", "-u", "v");
  assertEquals([named.username, new TextDecoder().decode(named.password)], ["v", "p"]);
  const { will } = connect(
    ..."-V 5 --will-topic w --will-payload gone --will-qos 1 --will-retain".split(" "),
    ..."-D will will-delay-interval 5 -D will content-type c -D will user-property a b".split(" "),
  );
  assertEquals([will?.topic, will?.qos, will?.retain, will?.delayS], ["w", 1, true, 5]);
  const properties = decodeMessageProperties(will!.properties);
  assertEquals([properties.contentType, properties.userProperties], ["c", [{
    name: "a",
    value: "b",
  }]]);
  const many = connect(
    ..."-D connect receive-maximum 9 -D connect topic-alias-maximum 3 -D CONNECT user-property a b"
      .split(" "),
    ..."-D connect maximum-packet-size 100 -D connect request-problem-information 0".split(" "),
  );
  assertEquals([many.receiveMaximum, many.topicAliasMaximum, many.maximumPacketSize], [9, 3, 100]);
  assertEquals([many.requestProblemInformation, many.userProperties.length], [false, 1]);
});

test("what: sources, filters, the topic of a URL", () => {
  assertEquals(pub().source, { kind: "text", text: "x" });
  assertEquals(pub("-M", "5").inflightMax, 5);
  assertEquals(sub("-L", "mqtt://h/a/#", "-t", "b").filters, ["a/#", "b"]);
  const { countMax, timeoutMs, share, printsRetained } = sub(
    ..."-t a -C 3 -W 2 --random-filter 12.5 -R".split(" "),
  );
  assertEquals([countMax, timeoutMs, share, printsRetained], [3, 2000, 0.125, false]);
  assertEquals(sub("-U", "a").unsubscribeFilters, ["a"]);
});

const PROBLEMS: readonly [args: string, problem: string][] = [
  ["-u u --pw p -V 5 --id-prefix a -i b", "options --id and --id-prefix are two ways"],
  ["--pw p", "a password needs a user name before MQTT 5"],
  ["-c", "option --disable-clean-session needs --id"],
  ["-V 5 -x -1", "a session that lives for ever needs --id"],
  ["-V 5 -x 1h", 'option --session-expiry-interval is "1h", allowed are -1, ∞ and 0 to 4294967295'],
  ["-x 5", "option --session-expiry-interval is for MQTT 5"],
  ["-V 311 -D publish content-type c", "option --property is for MQTT 5"],
  ["-D publish topic-alias 0", 'property topic-alias is "0", allowed are 1 to 65535'],
  [
    "-D publish topic-alias 1 -D publish topic-alias 2",
    "property topic-alias of publish is given twice",
  ],
  ["-D publish receive-maximum 1", "property receive-maximum is not for publish"],
  ["-D publish colour red", 'there is no property "colour"'],
  [
    "-D puback user-property a b",
    '--property is for "puback", allowed are connect, publish, disconnect, will',
  ],
  ["--cert f", "options --cert and --key go together"],
  ["--will-qos 1", "option --will-qos needs --will-topic"],
  ["--will-topic a/#", 'will topic "a/#" is no topic name'],
  ["--unix s -h h", "option --unix goes without --host and --url"],
  ["--repeat-delay x", 'option --repeat-delay is "x", allowed are seconds, such as 0.5'],
  ["-V 31 -i ", "MQTT 3.1 needs a client identifier"],
];

for (const [args, problem] of PROBLEMS) {
  test(`pub ${args} is refused`, () => {
    assertEquals(assertThrows(() => pub(...args.split(" ")), UsageError).problems, [problem]);
  });
}

test("a will that MQTT cannot carry is a problem of the command line", () => {
  const args = ["-V", "5", "--will-topic", "w", "-D", "will", "content-type", "c".repeat(70_000)];
  const { problems, exitStatus } = assertThrows(() => pub(...args), UsageError);
  assertEquals(problems.length, 1);
  assert(problems[0]!.startsWith("will properties: Cannot encode content type"), problems[0]);
  assertEquals(exitStatus, 1);
});
