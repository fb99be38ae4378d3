import type { ReadyReport } from "./ready.ts";

/** What the command of `broker exec` may log in with. */
export interface GuestCredentials {
  readonly username: string;
  readonly password: string;
}

/** Every variable that may be set; none of them is handed on from outside. */
export const GUEST_VARIABLES = [
  "MQTT_URL",
  "MQTT_HOST",
  "MQTT_PORT",
  "MQTT_TLS_URL",
  "MQTT_WS_URL",
  "MQTT_WSS_URL",
  "BROKER_HTTP_URL",
] as const;
/** Only with credentials: without them those from outside are the command's own affair. */
export const CREDENTIAL_VARIABLES = ["MQTT_USERNAME", "MQTT_PASSWORD"] as const;

/** Addresses that are listened on and cannot be connected to, with those that can. */
const REACHABLE: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/**
 * The environment of the command that a broker runs for: `outer`, and where the broker is. `MQTT_URL`, `MQTT_HOST` and
 * `MQTT_PORT` are about the first plain listener, or the first one with TLS where there is none.
 */
export function guestEnvironment(
  outer: Readonly<Record<string, string>>,
  { listeners, http }: Pick<ReadyReport, "listeners" | "http">,
  credentials: GuestCredentials | undefined,
): Record<string, string> {
  const environment: Record<string, string> = { ...outer };
  for (const name of GUEST_VARIABLES) delete environment[name];
  const urlOf = (type: string): string | undefined => {
    const found = listeners.find((each) => each.type === type);
    return found === undefined ? undefined : reachableUrl(found.url, credentials);
  };
  const main = urlOf("tcp") ?? urlOf("tls");
  const first = http[0];
  const values: Readonly<Record<string, string | undefined>> = {
    MQTT_URL: main,
    MQTT_HOST: main === undefined ? undefined : hostOf(main),
    MQTT_PORT: main === undefined ? undefined : new URL(main).port,
    MQTT_TLS_URL: urlOf("tls"),
    MQTT_WS_URL: urlOf("ws"),
    MQTT_WSS_URL: urlOf("wss"),
    BROKER_HTTP_URL: first === undefined ? undefined : reachableUrl(first.url, undefined),
    MQTT_USERNAME: credentials?.username,
    MQTT_PASSWORD: credentials?.password,
  };
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) environment[name] = value;
  }
  return environment;
}

/** Without the slash that `URL` puts behind the port. */
function reachableUrl(url: string, credentials: GuestCredentials | undefined): string {
  const [, scheme = "", host = "", rest = ""] = /^(\w+:\/\/)(\[[^\]]*\]|[^:/]*)(.*)$/.exec(url) ??
    [];
  const name = host.replace(/^\[|\]$/g, "");
  const reachable = REACHABLE[name] ?? name;
  const shown = reachable.includes(":") ? `[${reachable}]` : reachable;
  const who = credentials === undefined
    ? ""
    : `${encodeURIComponent(credentials.username)}:${encodeURIComponent(credentials.password)}@`;
  return `${scheme}${who}${shown}${rest}`;
}

/** As programs want it that connect: without brackets. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, "");
}
