import { formatBind } from "../config/mod.ts";
import type { HttpListenerOptions } from "../http/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { readConfiguration } from "./configuration.ts";
import type { HealthcheckArguments } from "./healthcheck_arguments.ts";
import { type HttpAnswer, httpGet, type HttpGetOptions } from "./http_get.ts";

const EXIT_READY = 0;
const EXIT_NOT_READY = 1;
const OK = 200;
const REASON_LENGTH_MAX = 500;
/** Addresses that are listened on and cannot be asked, with those that can. */
const REACHABLE: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** Asks a broker whether it is ready; resolves with the exit status, and says why where it is not. */
export async function checkHealth(runtime: Runtime, args: HealthcheckArguments): Promise<number> {
  try {
    const { url, options } = await targetOf(runtime, args);
    const answer = await httpGet(runtime, url, options);
    if (answer.status === OK) return EXIT_READY;
    throw new Error(`${url.href} answered ${answer.status}: ${reasonOf(answer)}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    for (const line of reason.split("\n")) runtime.writeStderr(`broker: ${line}\n`);
    return EXIT_NOT_READY;
  }
}

async function targetOf(
  runtime: Runtime,
  args: HealthcheckArguments,
): Promise<{ readonly url: URL; readonly options: HttpGetOptions }> {
  const timeoutMs = args.timeoutS * 1000;
  if (args.url !== undefined) {
    const ca = args.caFile === undefined ? undefined : await runtime.readTextFile(args.caFile);
    const verification = args.isInsecure ? "none" : "full";
    return { url: args.url, options: { timeoutMs, verification, ca } };
  }
  const { configuration, problems } = await readConfiguration(runtime, args);
  if (configuration === undefined) throw new Error(problems.join("\n"));
  // Its certificate is for the name that others know it by, and we ask nothing that needs secrecy.
  return {
    url: urlOf(configuration.http.listeners),
    options: { timeoutMs, verification: "none", ca: undefined },
  };
}

function urlOf(servers: readonly HttpListenerOptions[]): URL {
  const server = servers.find(({ apis }) => apis.includes("health"));
  if (server === undefined) {
    throw new Error(
      'Cannot ask the broker: no [[http]] of the configuration has "health" in its apis; --url names another place',
    );
  }
  const { host, port, tls } = server;
  if (port === 0) {
    throw new Error("Cannot ask the broker: its [[http]] takes a free port; --url names the place");
  }
  const bind = formatBind({ host: REACHABLE[host] ?? host, port, socketPath: undefined });
  return new URL(`${tls === undefined ? "http" : "https"}://${bind}/readyz`);
}

/** What the broker says, else the beginning of whatever was answered. */
function reasonOf({ body }: HttpAnswer): string {
  try {
    const { status, problems } = JSON.parse(body) as {
      readonly status?: unknown;
      readonly problems?: unknown;
    };
    if (Array.isArray(problems) && problems.length > 0) return problems.join("; ");
    if (typeof status === "string") return status;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return body.slice(0, REASON_LENGTH_MAX).replaceAll(/\s+/g, " ").trim() || "nothing else";
}
