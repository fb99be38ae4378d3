import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { guestEnvironment } from "../../../src/app/guest_environment.ts";
import type { ReadyListener } from "../../../src/app/ready.ts";

const TCP: ReadyListener = { type: "tcp", url: "mqtt://127.0.0.1:41883", port: 41_883 };
const TLS: ReadyListener = { type: "tls", url: "mqtts://127.0.0.1:48883", port: 48_883 };
const WS: ReadyListener = { type: "ws", url: "ws://127.0.0.1:41884/mqtt", port: 41_884 };
const WSS: ReadyListener = { type: "wss", url: "wss://127.0.0.1:48884/mqtt", port: 48_884 };
const UNIX: ReadyListener = { type: "unix", url: "unix:/run/b.sock", port: 0 };
const HTTP = { url: "http://127.0.0.1:48080", port: 48_080, apis: [] };

function of(listeners: readonly ReadyListener[], http = [HTTP]): Record<string, string> {
  return guestEnvironment({}, { listeners, http }, undefined);
}

test("guestEnvironment() tells where every kind of listener is", () => {
  assertEquals(of([WSS, TLS, TCP, WS]), {
    MQTT_URL: TCP.url,
    MQTT_HOST: "127.0.0.1",
    MQTT_PORT: "41883",
    MQTT_TLS_URL: TLS.url,
    MQTT_WS_URL: WS.url,
    MQTT_WSS_URL: WSS.url,
    BROKER_HTTP_URL: HTTP.url,
  });
});

test("guestEnvironment() takes TLS where nothing is plain, and nothing that has no port", () => {
  assertEquals(of([UNIX, TLS], []), {
    MQTT_URL: TLS.url,
    MQTT_HOST: "127.0.0.1",
    MQTT_PORT: "48883",
    MQTT_TLS_URL: TLS.url,
  });
  assertEquals(of([UNIX], []), {});
});

const ANYWHERE: readonly [url: string, shown: string, host: string][] = [
  ["mqtt://0.0.0.0:1", "mqtt://127.0.0.1:1", "127.0.0.1"],
  ["mqtt://[::]:1", "mqtt://[::1]:1", "::1"],
  ["mqtt://[2001:db8::7]:1", "mqtt://[2001:db8::7]:1", "2001:db8::7"],
];

for (const [url, shown, host] of ANYWHERE) {
  test(`guestEnvironment() names an address to connect to for ${url}`, () => {
    const { MQTT_URL, MQTT_HOST, MQTT_PORT } = of([{ type: "tcp", url, port: 1 }]);
    assertEquals([MQTT_URL, MQTT_HOST, MQTT_PORT], [shown, host, "1"]);
  });
}

test("guestEnvironment() puts credentials into variables and URLs of MQTT, not of HTTP", () => {
  const credentials = { username: "exec", password: "a/b:c@d" };
  const environment = guestEnvironment({}, { listeners: [TCP, WS], http: [HTTP] }, credentials);
  assertEquals(environment, {
    MQTT_URL: "mqtt://exec:a%2Fb%3Ac%40d@127.0.0.1:41883",
    MQTT_HOST: "127.0.0.1",
    MQTT_PORT: "41883",
    MQTT_WS_URL: "ws://exec:a%2Fb%3Ac%40d@127.0.0.1:41884/mqtt",
    BROKER_HTTP_URL: HTTP.url,
    MQTT_USERNAME: "exec",
    MQTT_PASSWORD: "a/b:c@d",
  });
});

test("guestEnvironment() hands everything on but the places of another broker", () => {
  const outer = {
    PATH: "/bin",
    MQTT_WS_URL: "ws://example.org",
    BROKER_HTTP_URL: "http://example.org",
    MQTT_USERNAME: "me",
  };
  assertEquals(guestEnvironment(outer, { listeners: [UNIX], http: [] }, undefined), {
    PATH: "/bin",
    MQTT_USERNAME: "me",
  });
});
