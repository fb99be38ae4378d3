import { CONFIG_OPTIONS, readConfigArguments, SOURCES_TEXT } from "./config_options.ts";
import type { CommandTable, ParsedOptions } from "./options.ts";
import { READY_FILE, type RunArguments } from "./run_arguments.ts";

/** What `broker exec` is asked for. */
export interface ExecArguments extends RunArguments {
  readonly command: string;
  readonly commandArguments: readonly string[];
  /** Nobody is let in but with the user name and password that are made for this run. */
  readonly hasCredentials: boolean;
  /** Where messages are written to; undefined: nowhere. */
  readonly recordFile: string | undefined;
  /** Whether those of `$SYS`, too. */
  readonly recordsSys: boolean;
}

export const EXEC_TABLE: CommandTable = {
  name: "exec",
  summary: "Runs a command with a broker of its own, which lives as long as the command",
  usage: ["exec [options] -- COMMAND [argument …]"],
  operandsMax: Infinity,
  areOperandsBehindDashes: true,
  operands: ["command"],
  introduction:
    `The broker is as with "run --ephemeral": nothing is kept, and listeners without a port of their
own take free ones of 127.0.0.1. It has a WebSocket listener, too. Where it is stands in the
environment of the command, which gets standard input, output and error as they are:

  MQTT_URL  MQTT_HOST  MQTT_PORT    the first plain listener, such as mqtt://127.0.0.1:41883
  MQTT_WS_URL                       the WebSocket, such as ws://127.0.0.1:41884/mqtt
  MQTT_TLS_URL  MQTT_WSS_URL        where the configuration has such listeners
  BROKER_HTTP_URL                   the HTTP APIs, such as http://127.0.0.1:41885
  MQTT_USERNAME  MQTT_PASSWORD      with --auth; the URLs have both, too`,
  groups: [{
    title: "Options",
    options: [
      {
        name: "auth",
        help: "lets nobody in but with a user name and a password that are made for this run",
      },
      {
        name: "record",
        value: "FILE",
        completes: "file",
        help:
          "writes every message that is published as a line of JSON, complete when the command " +
          "has ended: time, topic, payload (or payload_base64, where it is not UTF-8), qos, retain, " +
          "client_id, username, properties",
      },
      { name: "record-sys", help: "records those of $SYS, too" },
      ...CONFIG_OPTIONS.filter(({ name }) => name !== "ephemeral"),
      READY_FILE,
    ],
  }],
  closing: `${SOURCES_TEXT}

Of the log there are only warnings and errors, unless --log-level says otherwise.

SIGINT, SIGTERM and SIGHUP are handed on to the command. When the broker is killed, the command
gets SIGTERM, where there is a /bin/sh.

Exit status: that of the command; 128 and the number of the signal that ended it; 127 there is no
such command; 126 it cannot be run; 125 the broker could not start, or not record everything;
2 wrong configuration or command line.

Examples:
  broker exec -- npm test
  broker exec --record messages.jsonl -- sh -c 'mosquitto_pub -L "$MQTT_URL/greeting" -m hello'
  broker exec --auth --set mqtt.max_qos=1 -- python3 -m unittest`,
};

export function readExec(parsed: ParsedOptions): ExecArguments | readonly string[] {
  const [command = "", ...commandArguments] = parsed.operands;
  if (command === "") return ['exec needs a command to run behind "--"'];
  const recordFile = parsed.text("record");
  if (recordFile === "-") {
    return ["option --record needs a file: standard output is the command's"];
  }
  if (recordFile === undefined && parsed.has("record-sys")) {
    return ["option --record-sys is for --record"];
  }
  return {
    ...readConfigArguments(parsed),
    isEphemeral: true,
    readyFile: parsed.text("ready-file"),
    command,
    commandArguments,
    hasCredentials: parsed.has("auth"),
    recordFile,
    recordsSys: parsed.has("record-sys"),
  };
}
