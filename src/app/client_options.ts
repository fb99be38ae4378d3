import type { Option, OptionGroup } from "./options.ts";

/** Where the server is and how to get there: of every command that is a client. */
export const SERVER_GROUP: OptionGroup = {
  title: "Where the server is",
  options: [
    { name: "host", letter: "h", value: "HOST", help: "name or address; default localhost" },
    {
      name: "port",
      letter: "p",
      value: "PORT",
      range: [1, 65535],
      help: "default 1883, with TLS 8883",
    },
    {
      name: "url",
      letter: "L",
      value: "URL",
      help:
        "all at once: mqtt://, mqtts://, ws:// or wss://, [USER[:PASSWORD]@]HOST[:PORT], then " +
        "/TOPIC, for ws and wss the path of the server instead",
    },
    {
      name: "unix",
      value: "PATH",
      completes: "file",
      help: "a Unix socket instead of host and port",
    },
  ],
};

export const TLS_GROUP: OptionGroup = {
  title: "TLS",
  options: [
    {
      name: "cafile",
      value: "FILE",
      completes: "file",
      help: "certificates of the authorities that are trusted, in PEM; turns TLS on",
    },
    {
      name: "capath",
      value: "DIR",
      completes: "folder",
      help: "a folder with such files; turns TLS on",
    },
    {
      name: "tls-use-os-certs",
      help: "trusts the authorities that come with the program; turns TLS on",
    },
    {
      name: "cert",
      value: "FILE",
      completes: "file",
      help: "certificate of this client, in PEM",
    },
    { name: "key", value: "FILE", completes: "file", help: "the key that belongs to it" },
    {
      name: "insecure",
      help: "takes a trusted certificate also when it is for another name",
    },
    {
      name: "tls-version",
      value: "VERSION",
      oneOf: ["tlsv1.2", "tlsv1.3"],
      help: "this version and no other; tlsv1.2 or tlsv1.3",
    },
    { name: "tls-alpn", value: "NAME", help: "protocol to ask for (ALPN), such as mqtt" },
    {
      name: "ciphers",
      value: "LIST",
      help: "ciphers in the words of OpenSSL; not where the program runs on Deno",
    },
  ],
};

const VERSIONS = ["5", "311", "31", "mqttv5", "mqttv311", "mqttv31"];

/** Who the client is. */
export const CLIENT_OPTIONS: readonly Option[] = [
  {
    name: "id",
    letter: "i",
    value: "ID",
    mayBeEmpty: true,
    help: "client identifier; without it one is made up, with MQTT 5 by the server",
  },
  {
    name: "id-prefix",
    letter: "I",
    value: "PREFIX",
    help: "client identifier that begins so, and goes on with the number of the process",
  },
  { name: "username", letter: "u", value: "NAME", mayBeEmpty: true, help: "user name" },
  {
    name: "pw",
    letter: "P",
    value: "PASSWORD",
    mayBeEmpty: true,
    help: "password, which others on this machine may see here",
  },
  {
    name: "protocol-version",
    letter: "V",
    value: "VERSION",
    oneOf: VERSIONS,
    help: "5, 311 or 31; default 311, with --property 5",
  },
  {
    name: "keepalive",
    letter: "k",
    value: "SECONDS",
    range: [0, 65535],
    help: "longest silence; default 60, 0 for any",
  },
  {
    name: "disable-clean-session",
    letter: "c",
    help: "the session outlives the connection; needs --id",
  },
  {
    name: "session-expiry-interval",
    letter: "x",
    value: "SECONDS",
    help: "how long the session outlives the connection, -1 for ever (MQTT 5)",
  },
];

export const PROPERTY_OPTION: Option = {
  name: "property",
  letter: "D",
  value: "PACKET NAME VALUE",
  wordCount: ([, name]) => name === "user-property" ? 4 : 3,
  help: "property of MQTT 5, such as -D connect receive-maximum 10 or " +
    "-D publish user-property NAME VALUE; repeatable",
};

export const WILL_GROUP: OptionGroup = {
  title: "What the server publishes when the client is lost",
  options: [
    { name: "will-topic", value: "TOPIC", help: "where to; without it there is no will" },
    {
      name: "will-payload",
      value: "TEXT",
      mayBeEmpty: true,
      help: "what; without it nothing but a topic",
    },
    { name: "will-qos", value: "N", oneOf: ["0", "1", "2"], help: "0, 1 or 2; default 0" },
    { name: "will-retain", help: "retained" },
  ],
};

/** What is told while it works. */
export const TALK_OPTIONS: readonly Option[] = [
  { name: "debug", letter: "d", help: "tells of every packet" },
  { name: "quiet", help: "tells of no errors" },
];

/** Understood, for scripts that have it, and without any effect: all connections are so. */
export const NO_DELAY_OPTION: Option = {
  name: "nodelay",
  help: "no effect: small packets never wait here",
};

/** Of a command line that makes no sense. */
export const CLIENT_USAGE_STATUS: number = 1;

export const CLIENT_EXIT_TEXT =
  `Exit status: 0 done, 1 wrong command line or no connection, 7 connection lost, 10, 25, 28 the server
takes no such message (retained, too large, of this QoS), 12 subscriptions denied, 27 time is over;
the code of CONNACK where the server refuses the connection, such as 5, with MQTT 5 135; from 128 on
also the reason code for which the server does not take a message.`;
