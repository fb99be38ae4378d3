import { sha1Base64 } from "../runtime/mod.ts";
import { type HttpHead, HttpRefusal, type ResponseHead } from "./http_head.ts";

/** Which upgrade requests are served. */
export interface UpgradeTerms {
  readonly path: string;
  /** See `ListenerOptions.origins`. */
  readonly origins: readonly string[];
}

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** In the order of preference: the second is what 3.1 clients used to ask for. */
const SUBPROTOCOLS = ["mqtt", "mqttv3.1"] as const;

const STATUS_TEXTS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  505: "HTTP Version Not Supported",
};

/** The answer that makes a WebSocket of the connection (RFC 6455 4.2.2). Throws `HttpRefusal` where it shall not. */
export function acceptUpgrade(head: HttpHead, terms: UpgradeTerms): string {
  checkRequest(head, terms);
  const key = head.headers.get("sec-websocket-key") ?? "";
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
    `Sec-WebSocket-Accept: ${sha1Base64(key + GUID)}\r\n` +
    `Sec-WebSocket-Protocol: ${chooseSubprotocol(head)}\r\n\r\n`;
}

/** The answer to a request that is refused; the connection ends after it. */
export function refusalText({ status, message, headers }: HttpRefusal): string {
  const body = `${message}\n`;
  return `HTTP/1.1 ${status} ${STATUS_TEXTS[status] ?? "Error"}\r\n` +
    headers.map((header) => `${header}\r\n`).join("") +
    "Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n" +
    `Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** The request that asks for a WebSocket (RFC 6455 4.1). `host`: with the port. */
export function upgradeRequest(host: string, path: string, key: string): string {
  return `GET ${encodeURI(path)} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\n` +
    `Connection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Protocol: ${SUBPROTOCOLS[0]}\r\n\r\n`;
}

/** Throws `HttpRefusal` unless the server has agreed to what was asked with `key`. */
export function checkAcceptance({ status, headers }: ResponseHead, key: string): void {
  if (status !== 101) {
    throw new HttpRefusal(
      status,
      `the server answers with HTTP status ${status}, not with a WebSocket`,
    );
  }
  const isAgreed = hasToken(headers.get("upgrade"), "websocket") &&
    hasToken(headers.get("connection"), "upgrade") &&
    headers.get("sec-websocket-accept") === sha1Base64(key + GUID);
  if (!isAgreed) throw new HttpRefusal(400, "the server's answer is not that of a WebSocket");
  if (headers.get("sec-websocket-protocol") !== SUBPROTOCOLS[0]) { // [MQTT-6.0.0-4]
    throw new HttpRefusal(400, 'the server does not speak the sub-protocol "mqtt"');
  }
}

function checkRequest({ method, target, headers }: HttpHead, terms: UpgradeTerms): void {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  if (path !== terms.path) throw new HttpRefusal(404, "There is nothing at this path");
  if (method !== "GET") throw new HttpRefusal(405, "Only GET upgrades", ["Allow: GET"]);
  const host = headers.get("host");
  if (host === undefined || host === "" || /[\s,]/.test(host)) {
    throw new HttpRefusal(400, "There must be one Host header");
  }
  if (
    !hasToken(headers.get("upgrade"), "websocket") ||
    !hasToken(headers.get("connection"), "upgrade")
  ) {
    throw new HttpRefusal(426, "This is a WebSocket", [
      "Upgrade: websocket",
      "Connection: Upgrade",
    ]);
  }
  if (headers.get("sec-websocket-version") !== "13") {
    throw new HttpRefusal(426, "Only version 13 is spoken", ["Sec-WebSocket-Version: 13"]);
  }
  if (!/^[A-Za-z0-9+/]{21}[AQgw]==$/.test(headers.get("sec-websocket-key") ?? "")) {
    throw new HttpRefusal(400, "There must be a Sec-WebSocket-Key of 16 bytes");
  }
  if (!isAllowedOrigin(headers.get("origin"), host, terms.origins)) {
    throw new HttpRefusal(403, "Pages of this origin may not connect");
  }
}

/** Only browsers say an origin, and always do, so whoever says none is no page that a user happens to look at. */
function isAllowedOrigin(
  origin: string | undefined,
  host: string,
  allowed: readonly string[],
): boolean {
  if (origin === undefined) return true;
  const name = origin.toLowerCase();
  if (allowed.some((each) => each === "*" || each.toLowerCase() === name)) return true;
  return hostName(name.replace(/^https?:\/\//, "")) === hostName(host.toLowerCase());
}

function hostName(host: string): string {
  return host.replace(/:\d*$/, "");
}

/** The client must offer one of ours [MQTT-6.0.0-3], and is told which one it is [MQTT-6.0.0-4]. */
function chooseSubprotocol({ headers }: HttpHead): string {
  const offered = (headers.get("sec-websocket-protocol") ?? "").split(",").map((name) =>
    name.trim()
  );
  const chosen = SUBPROTOCOLS.find((name) => offered.includes(name));
  if (chosen === undefined) throw new HttpRefusal(400, 'The sub-protocol must be "mqtt"');
  return chosen;
}

function hasToken(value: string | undefined, token: string): boolean {
  return value !== undefined &&
    value.split(",").some((each) => each.trim().toLowerCase() === token);
}
